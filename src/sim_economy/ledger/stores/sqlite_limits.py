"""Limits on reading an SQLite file: whoever wrote it may have meant to hang or swell its reader."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Final

_STEPS_LEAST: Final = 200_000
_STEPS_PER_BYTE: Final = 2
"""The longest statement on a sound ledger takes a tenth of a step of SQLite for each byte of it."""
_STEPS_COUNTED: Final = 10_000
"""Steps between two looks at the count."""

_LENGTH_LEAST: Final = 1 << 26
_LENGTH_MOST: Final = 10**9
"""What SQLite allows where nothing is said."""
_LENGTHS_OF_FILE: Final = 8
"""A value lies in its file; composed from rows and quoted, it may be some times longer."""


class WorkLimit:
    """Stops a statement that works on for longer than the size of its file can call for."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Watch a connection from now on."""
        self._path = path.absolute()
        self._bytes = 0
        self._steps = 0
        connection.set_progress_handler(self._is_passed, _STEPS_COUNTED)

    def restart(self) -> None:
        """Count from the next statement on."""
        self._steps = 0

    def _is_passed(self) -> bool:
        self._steps += _STEPS_COUNTED
        if self._steps <= _STEPS_LEAST:
            return False
        self._bytes = max(self._bytes, _bytes_of(self._path))
        return self._steps > _STEPS_LEAST + _STEPS_PER_BYTE * self._bytes


def distrust(connection: sqlite3.Connection, path: Path, *, read_only: bool) -> None:
    """Run nothing that the file itself brings, and bound what a statement on it may take."""
    if _serves_distrusted():
        connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
    if read_only:
        longest = max(_LENGTH_LEAST, _LENGTHS_OF_FILE * _bytes_of(path))
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, min(longest, _LENGTH_MOST))
    WorkLimit(connection, path)


@cache
def _serves_distrusted() -> bool:
    """Test whether a distrusted schema may call JSON functions; some SQLites forbid it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA trusted_schema = OFF")
        try:
            connection.execute("CREATE TABLE lines (line, part AS (json_extract(line, '$.part')))")
        except sqlite3.OperationalError:
            return False
    return True


def _bytes_of(path: Path) -> int:
    return sum(file.stat().st_size for file in (path, Path(f"{path}-wal")) if file.exists())
