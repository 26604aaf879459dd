"""The account of an import: every record that was read is kept or dropped for a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from sim_economy.ledger.readers.html_table import html_table
from sim_economy.ledger.readers.plain_text import html_text

REASONS: Final[Mapping[str, str]] = {
    "repeated": "repeated",
    "without_usage": "without usage",
    "failed": "failed",
    "sum_of_children": "sums of children",
    "not_a_call": "not of a call",
    "bad": "bad",
}
"""Why records are dropped, in words."""


class FileReckoning(Struct, frozen=True, kw_only=True):
    """What became of the records of one file.

    Attributes:
        form: Empty where the file has no records.
        dropped: Records by reason; reasons without a record are left out.
    """

    path: str
    form: str
    read: int
    kept: int
    dropped: Mapping[str, int]


class ModelSums(Struct, frozen=True, kw_only=True):
    """The use of one model; None stands for records that name none."""

    model: str | None
    calls: int
    input: int
    cache_read: int
    cache_write: int
    thinking: int
    output: int


class Reckoning(Struct, frozen=True, kw_only=True):
    """What an import read, kept and dropped.

    Attributes:
        dropped: Records by reason.
        first: The earliest time, RFC 3339, or turn; None where nothing was kept.
        sums: Of all kept records, by column.
        cost: The sum of what the logs say was paid, an exact decimal; None where they do not.
        notes: What is not known, or not as it seems; sentences.
        bad: The first bad records, by file and line.
    """

    read: int
    kept: int
    dropped: Mapping[str, int]
    first: str | int | None
    last: str | int | None
    agents: int
    teams: int
    sums: Mapping[str, int]
    cost: str | None
    models: Sequence[ModelSums]
    files: Sequence[FileReckoning]
    notes: Sequence[str]
    bad: Sequence[str]

    def sentence(self) -> str:
        """The account in one sentence."""
        files = counted(len(self.files), "file")
        reasons = [f"{count:,} {REASONS[reason]}" for reason, count in self.dropped.items()]
        dropped = f"{sum(self.dropped.values()):,} dropped"
        reported = f" ({', '.join(reasons)})" if reasons else ""
        use = sum(self.sums.values()) - self.sums["calls"]
        return (
            f"{counted(self.read, 'record')} in {files}: {self.kept:,} kept, {dropped}{reported}; "
            f"{counted(use, 'token')} of {counted(self.agents, 'agent')}, "
            f"{self._span()}."
        )

    def _span(self) -> str:
        if self.first is None:
            return "at no time"
        if isinstance(self.first, int):
            return f"turns {self.first} to {self.last}"
        return f"{self.first[:10]} to {str(self.last)[:10]}"

    def tables(self) -> Iterator[tuple[str, Sequence[str], Sequence[Sequence[Any]]]]:
        """The account as tables: title, columns, rows."""
        reasons = list(self.dropped)
        yield (
            "Records",
            ("file", "form", "read", "kept", *(REASONS[reason] for reason in reasons)),
            [
                (one.path, one.form, one.read, one.kept, *(one.dropped.get(r, 0) for r in reasons))
                for one in self.files
            ],
        )
        columns = ModelSums.__struct_fields__
        yield (
            "Use by model",
            columns,
            [tuple(getattr(one, name) for name in columns) for one in self.models],
        )
        yield "All", ("", "value"), [*self._facts()]

    def _facts(self) -> Iterator[tuple[str, Any]]:
        yield from (("first", self.first), ("last", self.last))
        yield from (("agents", self.agents), ("teams", self.teams))
        yield from self.sums.items()
        if self.cost is not None:
            yield "cost in the logs", self.cost

    def _repr_html_(self) -> str:
        """The account as a sentence, tables and notes, for a notebook."""
        lines = [self.sentence(), *self.notes, *self.bad]
        first, *notes = (f"<p>{html_text(line)}</p>" for line in lines)
        return "".join([first, *(html_table(*table) for table in self.tables()), *notes])


def counted(number: int, word: str) -> str:
    """A number of things in words, such as `1 record`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def rfc3339(time: datetime) -> str:
    """An instant in UTC as text, with fractions of a second only where there are any."""
    return time.isoformat().replace("+00:00", "Z")
