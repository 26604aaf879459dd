"""What the form of a usage log names: where its records are, and which field is what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from msgspec import Struct

Field: TypeAlias = tuple[str | tuple[str, ...], ...]
"""Names of a value in a record: the first that is there counts; names in a tuple are added up.

A name is a column or a path such as `message/usage/input_tokens`. One that ends in `*` stands for
all that begin so and are not named otherwise.
"""

Values: TypeAlias = Mapping[str, tuple[str, ...]]
"""Values of fields by the field's name."""

KINDS: Final = ("input", "cache_read", "cache_write", "thinking", "output")
"""The counts of a usage row; they never overlap."""

_FIELDS: Final = (
    *("time", "end", "turn", "agent", "team", "key", "model", "provider", "id", "trace", "cost"),
    *("calls", *KINDS, "cache_write_1h", "length"),
)


class LongForm(Struct, frozen=True):
    """A form with a record for each kind of tokens.

    Attributes:
        quantity: The field of the count.
        fields: The fields that say which kind it is.
        kinds: The kind by their values, an absent one empty.
    """

    quantity: str
    fields: tuple[str, ...]
    kinds: Mapping[tuple[str, ...], str]


class Carried(Struct, frozen=True):
    """A value that records of one type state for the records after them, in the same file.

    Attributes:
        record_type: Value of the field `type` of the records that state it.
        name: Where it is in them.
    """

    record_type: str
    name: str


class UsageForm(Struct, frozen=True, kw_only=True):
    """The form of a usage log.

    Attributes:
        signs: Sets of names; a log with a record that has all of one is of this form.
        levels: Names of the lists, outermost first, that lead to a document's records; a record
            has the values of what it lies in.
        end: The end of the span that a record sums up.
        key: What stands for the team where there is none.
        cache_write_1h: The part of `cache_write` that is kept for an hour and costs more.
        length: Seconds of the span that a record sums up.
        tiers: Fields that change the price, with the values that do not.
        only: Records of calls have one of these values; others are left out.
        sums: Records with these values repeat what their children report.
        failed: Values that mark a failed call.
        running_total: A sum so far; a record in which it did not grow is a repeat.
        carried: By `model` or `key`: what earlier records state.
        timezone: Of times without a zone; None where the form does not say.
        cache_apart: Whether `input` is without cached tokens.
        thinking_apart: Whether `output` is without reasoning.
        seconds: The same, where records do not say it.
        vendor_prefix: Whether models are written `vendor/model`.
        turn_offset: What to add to a turn, so that the first is 1.
        escaped: Whether texts of its CSV have an apostrophe before them where a spreadsheet would
            calculate them.
        refused: Why a log with these signs cannot be read; empty where it can.
    """

    name: str
    signs: tuple[tuple[str, ...], ...] = ()
    levels: tuple[str, ...] = ()
    time: Field = ()
    end: Field = ()
    turn: Field = ()
    agent: Field = ()
    team: Field = ()
    key: Field = ()
    model: Field = ()
    provider: Field = ()
    id: Field = ()
    trace: Field = ()
    cost: Field = ()
    calls: Field = ()
    input: Field = ()
    cache_read: Field = ()
    cache_write: Field = ()
    cache_write_1h: Field = ()
    thinking: Field = ()
    output: Field = ()
    length: Field = ()
    long: LongForm | None = None
    tiers: Values = {}
    only: Values = {}
    sums: Values = {}
    failed: Values = {}
    running_total: str = ""
    carried: Mapping[str, Carried] = {}
    timezone: str | None = None
    cache_apart: bool = False
    thinking_apart: bool = False
    seconds: int | None = None
    vendor_prefix: bool = False
    turn_offset: int = 0
    escaped: bool = False
    refused: str = ""

    def field(self, name: str) -> Field:
        """The names of one of the values, such as `input`."""
        found: Field = getattr(self, name)
        return found

    def names(self) -> list[str]:
        """Every name that is looked up in a record, once each."""
        long = self.long
        further = [
            *(
                name
                for values in (self.tiers, self.only, self.sums, self.failed)
                for name in values
            ),
            *((long.quantity, *long.fields) if long is not None else ()),
            *((self.running_total,) if self.running_total else ()),
        ]
        return list(dict.fromkeys([*self._named(), *further]))

    def _named(self) -> Iterator[str]:
        for name in _FIELDS:
            for choice in self.field(name):
                yield from (choice,) if isinstance(choice, str) else choice
