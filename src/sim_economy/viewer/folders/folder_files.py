"""Files of a folder as the viewer lists them: reports and tables; what a report says first."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from sim_economy.core.errors import InputError
from sim_economy.viewer.answer_rows import ListedDocument, ListedTable

MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
"""Files that a browser is given, by the end of their names."""
_ROWS_MOST: Final = 500
_ANSWER_BYTES: Final = 16 * 2**10


def listed_documents(folder: Path) -> tuple[ListedDocument, ...]:
    """The files of a folder that a browser can show, its reports first."""
    found = [
        ListedDocument(name=path.name, title=path.name, size=path.stat().st_size)
        for path in sorted(folder.iterdir())
        if path.suffix in MEDIA_TYPES and path.is_file() and not path.is_symlink()
    ]
    return tuple(sorted(found, key=lambda own: (not own.name.endswith(".html"), own.name)))


def document_path(folder: Path, name: str) -> Path:
    """One of the files that are listed.

    Raises:
        InputError: It is none of them.
    """
    if name not in {own.name for own in listed_documents(folder)}:
        raise InputError("name", "must be the name of a document that /view/catalogue lists")
    return folder / name


def report_answer(report: Path) -> str:
    """The sentence that a Markdown report begins with, as text; empty where there is none."""
    from sim_economy.reports.page.document import plain  # noqa: PLC0415 - not for an engine

    with suppress(OSError, UnicodeDecodeError), report.open("rb") as file:
        for line in file.read(_ANSWER_BYTES).decode(errors="replace").splitlines():
            if line.startswith("**"):
                return plain(line)
    return ""


def csv_rows(path: Path) -> Iterator[list[str]]:
    """The rows of a table, the columns first; none where it cannot be read."""
    with (
        suppress(OSError, UnicodeDecodeError, csv.Error),
        path.open(newline="", encoding="utf-8") as file,
    ):
        yield from csv.reader(file)


def csv_table(path: Path, title: str) -> tuple[ListedTable, ...]:
    """A table of a folder, its first rows; nothing where there is none."""
    rows: Sequence[list[str]] = list(islice(csv_rows(path), _ROWS_MOST + 1))
    if not rows:
        return ()
    columns, *cells = rows
    whole = tuple(tuple(row) for row in cells if len(row) == len(columns))
    return (ListedTable(title=title, columns=tuple(columns), rows=whole),)
