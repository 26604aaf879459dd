"""Tables as wide as a terminal: wrapped between words, or turned on their side; no word is cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from msgspec import Struct
from rich.cells import cell_len

_GAP: Final = 3
"""Columns of a terminal between two of a table."""
_EDGES: Final = 2
_HEAD: Final = 4
"""Lines around the rows of a table."""


class TableLayout(Struct, frozen=True):
    """A table that fits, with the width of each column.

    Attributes:
        rights: Whether each column stands to the right.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    widths: Sequence[int]
    rights: Sequence[bool]


def layouts(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[TableLayout]:
    """A table as one or more that fit: parts of its columns, or of its rows on their side.

    A word that is wider than a line stays whole.

    Args:
        width: Of the terminal, in columns.
    """
    rights = [*map(_is_numeric, _across(columns, rows))]
    needed = _widths(columns, rows, _longest_word)
    if len(columns) < 3 or not rows or _total(needed) <= width:
        return [TableLayout(columns, rows, _shared(columns, rows, needed, width), rights)]
    if len({row[0] for row in rows}) < len(rows):
        # Else nobody could tell which rows of two parts are one.
        columns = ["row", *columns]
        rows = [[str(number), *row] for number, row in enumerate(rows, 1)]
    ways = [*_parts(columns, rows, width)], [*_turned(columns, rows, width)]
    return min(ways, key=lambda way: sum(len(part.rows) + _HEAD for part in way))


def is_number(cell: Any) -> bool:
    """Test whether a cell is shown as a number."""
    return isinstance(cell, int | float) or str(cell).replace(".", "", 1).lstrip("-").isdigit()


def _is_numeric(cells: Sequence[str]) -> bool:
    """Test whether those that are not empty are numbers, if any is."""
    return any(cells) and all(map(is_number, filter(None, cells)))


def _across(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The cells of each column."""
    return [[row[index] for row in rows] for index in range(len(columns))]


def _widths(
    columns: Sequence[str], rows: Sequence[Sequence[str]], length: Callable[[str], int]
) -> list[int]:
    return [
        max(map(length, [column, *cells]))
        for column, cells in zip(columns, _across(columns, rows), strict=True)
    ]


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def _longest_line(text: str) -> int:
    return max(map(cell_len, text.splitlines()), default=0)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1) + _EDGES


def _shared(
    columns: Sequence[str], rows: Sequence[Sequence[str]], needed: Sequence[int], width: int
) -> list[int]:
    """Widths that fit: the widest column wraps first, none below its longest word.

    Where the words alone do not fit, nothing wraps: the terminal does what it can.
    """
    widths = _widths(columns, rows, _longest_line)
    if _total(needed) > width:
        return widths
    while (beyond := _total(widths) - width) > 0:
        spare = [own - least for own, least in zip(widths, needed, strict=True)]
        wide = max((index for index in range(len(widths)) if spare[index]), key=widths.__getitem__)
        rivals = [own for index, own in enumerate(widths) if spare[index] and own < widths[wide]]
        step = widths[wide] - max(rivals, default=0)
        widths[wide] -= min(beyond, spare[wide], step)
    return widths


def _parts(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int
) -> Iterator[TableLayout]:
    """The first column with as many of the others as fit beside it, and so on."""
    needed = _widths(columns, rows, _longest_word)
    for start, end in _fitting(needed[0], needed[1:], width):
        own = [columns[0], *columns[start + 1 : end + 1]]
        cells = [[row[0], *row[start + 1 : end + 1]] for row in rows]
        rights = [*map(_is_numeric, _across(own, cells))]
        least = _widths(own, cells, _longest_word)
        yield TableLayout(own, cells, _shared(own, cells, least, width), rights)


def _turned(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int
) -> Iterator[TableLayout]:
    """As many rows as fit as columns, the names of the columns on their left, and so on."""
    first, *names = columns
    wide = [max(map(_longest_line, row)) for row in rows]
    for start, end in _fitting(max(map(_longest_line, columns)), wide, width):
        some = rows[start:end]
        own = [first, *(row[0] for row in some)]
        cells = [[name, *(row[index] for row in some)] for index, name in enumerate(names, 1)]
        rights = [False, *(_is_numeric(row[1:]) for row in some)]
        least = _widths(own, cells, _longest_word)
        yield TableLayout(own, cells, _shared(own, cells, least, width), rights)


def _fitting(first: int, widths: Sequence[int], width: int) -> Iterator[tuple[int, int]]:
    """The spans of widths that fit beside the first, at least one each."""
    start = 0
    while start < len(widths):
        end = start + 1
        while end < len(widths) and _total([first, *widths[start : end + 1]]) <= width:
            end += 1
        yield start, end
        start = end
