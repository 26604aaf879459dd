"""`sim-engine` with its durability switched off, for the controls; started by its path.

The argument says what is no longer synced: `ledger`, or `all` for the head beside it too.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

from sim_economy.api import server
from sim_economy.ledger.stores import sqlite as ledger

_durable = ledger._durable


def _undurable(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    _durable(connection, path)
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def _unsynced(fd: object) -> None:
    """What `os.fdatasync` does on a disk that does not care."""


if __name__ == "__main__":
    ledger._durable = _undurable
    if sys.argv[1] == "all":
        os.fdatasync = _unsynced
    server.main()
