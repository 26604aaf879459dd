"""`sim-engine` with its durability switched off, for the controls; started by its path.

The argument says what is no longer synced: `ledger`, or `all` for the head beside it too.
"""

from __future__ import annotations

import os
import sys

from sim_economy.api import server
from sim_economy.ledger.stores.sqlite import SQLiteStore

_log_ahead = SQLiteStore._log_ahead


def _undurable(store: SQLiteStore) -> None:
    _log_ahead(store)
    store._connection.execute("PRAGMA synchronous = OFF")


def _unsynced(fd: object) -> None:
    """What `os.fdatasync` does on a disk that does not care."""


if __name__ == "__main__":
    SQLiteStore._log_ahead = _undurable  # type: ignore[method-assign, assignment]
    if sys.argv.pop() == "all":
        os.fdatasync = _unsynced
    server.main()
