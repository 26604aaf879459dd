"""A world in one SQLite file that other programs may read while it grows.

Source: the table and column names of `blocks` and `transactions` are those of the original engine.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

from filelock import FileLock

from sim_economy.core.errors import StoreError
from sim_economy.ledger.records import FORMAT, Genesis, Receipt, StoredTurn, Submission
from sim_economy.ledger.sidecars.ledger_files import locked, remove_ledger
from sim_economy.ledger.stores.sql_rows import (
    NUMBERED,
    RowReader,
    Rows,
    genesis_rows,
    submission_rows,
    turn_rows,
)
from sim_economy.ledger.stores.sql_schema import APPLICATION_ID, STATEMENTS


class SQLiteStore(RowReader):
    """One world's ledger file; write-ahead log, every commit synced to the disk."""

    lost = False
    block_hash = "json_extract(blocks.data, '$.hash')"

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: FileLock | None) -> None:
        self.name = str(path)
        self._connection = connection
        self._lock = lock

    @classmethod
    def new(cls, path: str | Path) -> Self:
        """A new file to `create` a world in, locked for this writer.

        Raises:
            StoreError: Something is there already, or the folder cannot be written.
        """
        path = Path(path)
        if path.exists():
            raise StoreError(
                "ledger_exists", str(path), "exists already; name another file or remove it"
            )
        lock = locked(path)
        try:
            try:
                connection = _connect(path, "rwc")
                connection.execute("PRAGMA synchronous = FULL")
                return cls(path, connection, lock)
            except (StoreError, sqlite3.Error) as error:
                remove_ledger(path)
                raise StoreError(
                    "ledger_unwritable", str(path), f"cannot be created: {error}"
                ) from error
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(cls, path: str | Path, *, read_only: bool = False, frozen: bool = False) -> Self:
        """An existing ledger; a writer locks it, readers are always welcome.

        Args:
            frozen: A reader sees it as it is now, whatever is written meanwhile.

        Raises:
            StoreError: It is missing, in use by another writer, or no ledger of this format.
        """
        path = Path(path)
        if not path.is_file():
            raise StoreError("ledger_missing", str(path), "there is no ledger; check the path")
        if not read_only and not os.access(path, os.W_OK):
            raise StoreError("ledger_unwritable", str(path), "cannot be written: it is read-only")
        lock = None if read_only else locked(path)
        connection = None
        try:
            connection = _connect(path, "ro" if read_only else "rw")
            store = cls(path, connection, lock)
            store._check_format()
            if frozen:
                store._freeze()
            if not read_only:
                _durable(store._connection, path)
            return store
        except BaseException:
            if connection is not None:
                connection.close()
            if lock is not None:
                lock.release()
            raise

    def create(self, genesis: Genesis, first: StoredTurn, state: str) -> None:
        """Write schema, genesis and turn 0 in one commit; the file is not a ledger before it.

        This first commit goes through a rollback journal: cut off, it leaves an empty file.
        """
        with self._commit() as execute:
            for statement in STATEMENTS:
                execute(statement)
            execute(f"PRAGMA application_id = {APPLICATION_ID}")
            execute(f"PRAGMA user_version = {FORMAT}")
            self._insert(genesis_rows(genesis))
            self._insert(turn_rows(first, None, state))
        _durable(self._connection, Path(self.name))

    def append(
        self, turn: StoredTurn, *, receipt: Receipt | None = None, state: str | None = None
    ) -> None:
        """Keep one turn in one durable commit."""
        with self._commit() as execute:
            self._insert(turn_rows(turn, receipt, state))
            execute("DELETE FROM submissions")

    def accept(self, submission: Submission) -> None:
        """Keep an input until its turn closes."""
        rows = submission_rows(submission, self.head().hash)
        with self._commit():
            self._insert(rows)

    def problems(self) -> Iterator[str]:
        """Problems that SQLite finds, rows without a turn, a foreign chart of accounts."""
        for (finding,) in self._rows("PRAGMA integrity_check"):
            if finding != "ok":
                yield f"SQLite: {finding}"
        shape = {sql for (sql,) in self._rows("SELECT sql FROM sqlite_schema WHERE sql NOT NULL")}
        if shape != set(STATEMENTS):
            yield "the tables are not those of this format"
        yield from self._row_problems()
        for table in NUMBERED:
            for (turn,) in self._rows(
                f"SELECT turn FROM {table} WHERE typeof(position) <> 'integer' LIMIT 1"
            ):
                yield f"{table} of turn {turn} are not numbered without gaps"

    def copy(self, target: Path) -> None:
        """Write what is committed now to a new file, synced to the disk.

        Raises:
            StoreError: It cannot be written.
        """
        try:
            copied = sqlite3.connect(target, isolation_level=None)
            try:
                self._connection.backup(copied)
                copied.execute("PRAGMA journal_mode = DELETE")
            finally:
                copied.close()
            with target.open("rb") as file:
                os.fsync(file.fileno())
        except (sqlite3.Error, OSError) as error:
            target.unlink(missing_ok=True)
            raise StoreError("ledger_unwritable", str(target), f"not written: {error}") from error

    def discard(self) -> None:
        """Close and remove a new file in which no world was created."""
        self.close()
        remove_ledger(Path(self.name))

    def close(self) -> None:
        """Close the file and release the lock."""
        self._connection.close()
        if self._lock is not None:
            self._lock.release()

    def _insert(self, rows: Rows) -> None:
        for table, found in rows.items():
            statement = f"INSERT INTO {table} VALUES ({', '.join('?' * len(found[0]))})"
            self._connection.executemany(statement, found)

    def _freeze(self) -> None:
        self._connection.execute("BEGIN")
        self.head()

    def _check_format(self) -> None:
        try:
            ((application,),) = self._rows("PRAGMA application_id")
        except StoreError as error:
            if "not a database" not in str(error):
                raise
            application = 0
        if application != APPLICATION_ID:
            raise StoreError("ledger_format", self.name, "is not a sim-economy ledger")
        ((version,),) = self._rows("PRAGMA user_version")
        if version != FORMAT:
            raise StoreError(
                "ledger_format",
                self.name,
                f"has format {version} and this release reads {FORMAT}; "
                "open it with the release that wrote it",
            )

    @contextmanager
    def _commit(self) -> Iterator[Any]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection.execute
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise StoreError(
                "ledger_unwritable", self.name, f"nothing was written: {error}"
            ) from error
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> Iterator[Any]:
        try:
            yield from iter(self._connection.execute(query, values).fetchone, None)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if getattr(error, "sqlite_errorname", "").startswith(_NOT_ITS_FAULT):
                raise StoreError(
                    "ledger_unreadable",
                    self.name,
                    f"{error}; the ledger may be whole: look at the disk and the folder's rights",
                ) from error
            raise StoreError(
                "ledger_damaged", self.name, f"{error}; restore it from a backup"
            ) from error


_NOT_ITS_FAULT: Final = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR")
"""Errors of the disk or the folder, which say nothing of the ledger."""


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    log = Path(f"{path}-wal")
    logged = log.exists() and log.stat().st_size
    if mode == "ro" and not logged and not os.access(path.parent, os.W_OK):
        mode = "ro&immutable=1"  # SQLite would write its index, and nobody can write here.
    try:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise StoreError("ledger_unwritable", str(path), f"cannot be opened: {error}") from error


def _durable(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """The connection, set to a write-ahead log that is synced with every commit."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except (sqlite3.Error, UnicodeDecodeError) as error:
        connection.close()
        raise StoreError("ledger_unwritable", str(path), f"cannot be opened: {error}") from error
    return connection


def is_blank(path: Path) -> bool:
    """Test whether a file is empty, or a database in which no table was ever made."""
    if path.stat().st_size == 0:
        return True
    try:
        connection = _connect(path, "rw")
        try:
            ((tables,),) = connection.execute("SELECT COUNT(*) FROM sqlite_schema")
        finally:
            connection.close()
    except (StoreError, sqlite3.Error, UnicodeDecodeError):
        return False
    return bool(tables == 0)
