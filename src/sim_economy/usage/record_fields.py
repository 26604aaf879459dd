"""The named fields of a record, each as text; nothing else of it is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct

from sim_economy.usage.usage_form import UsageForm

Record: TypeAlias = tuple[Mapping[str, Any], ...]
"""A record and what it lies in, from the inside out."""

UNUSABLE: Final = "\x00"
"""The text of a value that is neither a text nor a number; no field takes it."""

DECODER: Final = msgspec.json.Decoder(float_hook=str)
"""Decimals stay as they are written."""


def records_in(value: Any, levels: Sequence[str]) -> Iterator[Record]:
    """The records of a document, each after what it lies in.

    Args:
        levels: Names of the lists that lead to the records; a document may begin at any of them.
    """
    yield from _records(value, levels, ())


def _records(value: Any, levels: Sequence[str], around: Record) -> Iterator[Record]:
    if isinstance(value, list):
        for part in value:
            yield from _records(part, levels, around)
    elif isinstance(value, dict):
        here = (value, *around)
        level = next((name for name in levels if isinstance(value.get(name), list)), None)
        if level is None:
            yield here
        else:
            for part in value[level]:
                yield from _records(part, levels[levels.index(level) + 1 :], here)
    else:
        yield ({}, *around)


def has_all(record: Record, names: Sequence[str]) -> bool:
    """Test whether a record has a value under each name."""
    return all(value_in(record, name) is not None for name in names)


def value_in(record: Record, name: str) -> Any:
    """The value under a name, in the record or in what it lies in; None where there is none."""
    return next((found for part in record if (found := _under(part, name)) is not None), None)


def _under(value: Any, name: str) -> Any:
    """The value under a column's name or a path; lists of keys and values count as objects."""
    value = _opened(value)
    if not isinstance(value, dict):
        return None
    if (found := value.get(name)) is not None:
        return found
    for mark in ("/", "."):
        head, split, rest = name.partition(mark)
        if split and head in value:
            return _under(value[head], rest)
    return value.get(name.replace("/", ".")) if "/" in name else None


def _opened(value: Any) -> Any:
    """An object that is written as text, or as a list of keys and values, as an object."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            return DECODER.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return None
    if isinstance(value, list):
        pairs = [part for part in value if isinstance(part, dict) and "key" in part]
        return {part["key"]: _plain(part.get("value")) for part in pairs}
    return value


def _object(cell: Any) -> Any:
    """The object that a cell holds as text, or the cell."""
    opened = _opened(cell)
    return opened if isinstance(opened, dict) else cell


def _plain(value: Any) -> Any:
    """The value of an OTLP attribute, which is wrapped in an object of its type."""
    return next(iter(value.values()), None) if isinstance(value, dict) else value


class FieldReader(Struct):
    """Reads the fields of a form, record by record; knows what earlier records of a file stated.

    Attributes:
        carried: The newest values that earlier records state, by name.
        total: The running total so far.
    """

    form: UsageForm
    names: list[str]
    carried: dict[str, str | None] = {}
    total: int = -1

    def read(self, record: Record) -> tuple[list[str | None], bool]:
        """The texts of all names, and whether the record repeats the one before."""
        if self.form.carried:
            self._carry(record)
        return [self._text(record, name) for name in self.names], self._repeats(record)

    @staticmethod
    def opened(row: Mapping[str, Any]) -> Record:
        """A row of a table as a record, its objects decoded once."""
        return ({name: _object(cell) for name, cell in row.items()},)

    def _text(self, record: Record, name: str) -> str | None:
        if name.startswith("carried "):
            return self.carried.get(name.removeprefix("carried "))
        if name.endswith("*"):
            return self._sum(record, name.removesuffix("*"))
        return text_of(value_in(record, name))

    def _sum(self, record: Record, beginning: str) -> str | None:
        """The sum of all values whose names begin so and are not named otherwise."""
        holder, _, start = beginning.rpartition("/")
        values = _opened(value_in(record, holder))
        if not isinstance(values, dict):
            return None
        texts = [
            text_of(value)
            for key, value in values.items()
            if key.startswith(start) and f"{holder}/{key}" not in self.names and value is not None
        ]
        if not texts:
            return None
        wholes = [whole(text) for text in texts]
        return str(sum(filter(None, wholes))) if None not in wholes else UNUSABLE

    def _carry(self, record: Record) -> None:
        for name, carried in self.form.carried.items():
            if record[0].get("type") == carried.record_type:
                self.carried[name] = text_of(value_in(record, carried.name))
                if name == "key":
                    self.total = -1

    def _repeats(self, record: Record) -> bool:
        if not self.form.running_total:
            return False
        total = whole(text_of(value_in(record, self.form.running_total)))
        if total is None:
            return False
        repeats = total <= self.total
        self.total = max(total, self.total)
        return repeats


def text_of(value: Any) -> str | None:
    """A value as text; None for nothing."""
    match value:
        case None | "":
            return None
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int() | float():
            return str(value)
        case _:
            return UNUSABLE


def whole(text: str | None) -> int | None:
    """A whole number that is not negative, from its text; None for anything else."""
    text = (text or "").strip().removesuffix(".0")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None
