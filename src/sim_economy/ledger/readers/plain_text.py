"""What others wrote, shown as text and nothing else: one function for each kind of output."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import chain
from typing import Any, Final, TextIO


def visible(text: str) -> str:
    """A text without what could move a terminal's cursor, colour it, or turn its lines round."""
    return "\n".join(
        line if line.isprintable() else "".join(map(_visible_letter, line))
        for line in text.split("\n")
    )


def _visible_letter(letter: str) -> str:
    shown = letter.isprintable() or letter == "\N{NO-BREAK SPACE}"
    return letter if shown else "\N{REPLACEMENT CHARACTER}"


def html_text(text: str) -> str:
    """A text in HTML, in an element or in a quoted attribute."""
    return escape(visible(text))


def markdown_text(text: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    return _MARKUP.sub(r"\\\g<0>", visible(_SPACES.sub(" ", text)).strip())


def markdown_code(text: str) -> str:
    """A text as Markdown's code, on one line."""
    return f"`{visible(_SPACES.sub(' ', text)).replace('`', _QUOTE)}`"


_QUOTE: Final = "\N{MODIFIER LETTER GRAVE ACCENT}"
_SPACES: Final = re.compile(r"[^\S\u00a0]+")
_MARKUP: Final = re.compile(r"[\\`*\[\]<>|#~&!$]|(?<![^\W_])_|_(?![^\W_])")


def csv_cell(value: Any) -> Any:
    """A cell of CSV that a spreadsheet shows and neither calculates nor takes for another value.

    A text that it would is preceded by an apostrophe, and so is one that begins with one: whoever
    takes one apostrophe off the front has the text again. Numbers stay numbers.
    """
    if not isinstance(value, str) or not value:
        return value
    number = _NUMERAL.fullmatch(value) and not _PLAIN_NUMERAL.fullmatch(value)
    return f"'{value}" if number or _FORMULA.match(value) else value


_FORMULA: Final = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n']")
_NUMERAL: Final = re.compile(r"\d[\d.,:]*(?:[eE][+-]?\d+)?")
_PLAIN_NUMERAL: Final = re.compile(r"(?:0|[1-9]\d{0,14})(?:\.\d{1,14})?")
"""A number that comes out of a spreadsheet as the value it went in."""


def write_csv_rows(
    file: TextIO,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    *,
    raw: bool = False,
) -> None:
    """Write a table as CSV with LF line ends; columns without a value are empty.

    Args:
        raw: Write texts as they are, whatever a spreadsheet makes of them.
    """
    writer = csv.writer(file, lineterminator="\n")
    for cells in chain([columns], ([row[column] for column in columns] for row in rows)):
        writer.writerow(cells if raw else map(csv_cell, cells))
