"""A world in one SQLite file that other programs may read while it grows.

Source: the table and column names of `blocks` and `transactions` are those of the original engine.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

from sim_economy.core.errors import StoreError
from sim_economy.ledger.records import Receipt, StoredTurn
from sim_economy.ledger.sidecars.ledger_files import remove_ledger, true_path
from sim_economy.ledger.sidecars.ledger_lock import LedgerLock, connected, disconnected
from sim_economy.ledger.stores.old_layout import lines_of_rows
from sim_economy.ledger.stores.sql_store import LAYOUT, Kept, SQLStore, statements_of
from sim_economy.ledger.stores.sqlite_limits import WorkLimit, distrust

APPLICATION_ID: Final = 0x53494D45
"""Marks the file as a sim-economy ledger: "SIME"."""

_STATEMENTS: Final = statements_of("sqlite")
_SHAPE: Final = "SELECT name, type, COALESCE(sql, '') FROM sqlite_schema"

_END: Final = (
    "SELECT (SELECT MAX(turn) FROM turns), head, (SELECT MAX(position) FROM submissions) "
    "FROM turns WHERE turn = ?"
)
"""Newest turn, head of the turn that should be it, last accepted input."""

_LONG_LINE: Final = 1 << 14
"""Bytes of a line from which a query over all lines is slower than one over extracts."""
_PARTS: Final = ", ".join(
    f"json_extract(line, '$.{part}')" for part in ("block", "block_signature", "transactions")
)
EXTRACT: Final = (
    f"INSERT INTO extracts SELECT turn, {_PARTS} FROM turns "
    "WHERE turn > (SELECT COALESCE(MAX(turn), -1) FROM extracts)"
)
"""Copies what the original engine's clients ask for out of the lines since the last time."""


_LOG_KEPT: Final = 1 << 20
"""Bytes of the log that stay when it is written over; what a slow reader left is given back."""


def _page_bytes(agents: int) -> int:
    """A power of two near a quarter of a usual line: a commit writes whole pages."""
    return min(4096, max(512, 1 << (64 * agents).bit_length() - 1))


def _listed(table: str, expression: str) -> str:
    return (
        f"(SELECT COALESCE(group_concat(each), '') FROM (SELECT {expression} AS each "
        f"FROM {table} WHERE {table}.turn = t.turn ORDER BY position))"
    )


class SQLiteStore(SQLStore):
    """One world's ledger file; write-ahead log, every commit synced to the disk."""

    lost = False
    line = "CASE typeof(line) WHEN 'text' THEN CAST(line AS BLOB) END"
    blocks = "(SELECT turn, json_extract(line, '$.block') AS data FROM turns WHERE data NOTNULL)"
    false_copies = (
        "SELECT extracts.turn FROM extracts LEFT JOIN turns USING (turn) "
        f"WHERE (block, block_signature, transactions) IS NOT ({_PARTS}) "
        "UNION ALL SELECT newest FROM (SELECT MAX(turn) AS newest, COUNT(*) AS kept FROM extracts) "
        "WHERE kept <> newest + 1"
    )
    declared = frozenset((each.split()[2], each.split()[1].lower(), each) for each in _STATEMENTS)
    old_lines = lines_of_rows(_listed, "json_quote({})".format)
    old_shape = "5953b24503090a8e0b55c25981752650d22644cd045b2ea79fdc51b7f98e3821"

    def __init__(self, path: Path, mode: str, lock: LedgerLock | None) -> None:
        self.name = str(path)
        self._connection = _connect(path, mode)
        self._lock = lock
        self._logged = False
        self._open = True
        try:
            self._inode = connected(path)
        except BaseException:
            self._connection.close()
            raise
        self._work = WorkLimit(self._connection, path)

    @classmethod
    def new(cls, path: str | Path) -> Self:
        """A new file to `create` a world in, locked for this writer.

        Raises:
            StoreError: Something is there already, or the folder cannot be written.
        """
        path = true_path(path)
        if path.exists():
            raise StoreError(
                "ledger_exists", str(path), "exists already; name another file or remove it"
            )
        refuse_log(path)
        lock = LedgerLock.taken(path, new=True)
        try:
            store = cls(path, "rw", lock)
            store._connection.execute("PRAGMA synchronous = FULL")
        except BaseException as error:
            remove_ledger(path)
            lock.release()
            if isinstance(error, sqlite3.Error):
                problem = f"cannot be created: {error}"
                raise StoreError("ledger_unwritable", str(path), problem) from error
            raise
        return store

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        read_only: bool = False,
        frozen: bool = False,
        untouched: bool = False,
    ) -> Self:
        """An existing ledger; a writer locks it, readers are always welcome.

        Args:
            frozen: A reader sees it as it is now, whatever is written meanwhile.
            untouched: A reader leaves no log or index beside a file that nobody writes; if somebody
                begins to write meanwhile, what it reads may be of no one moment.

        Raises:
            StoreError: It is missing, in use by another writer, or no ledger of this format.
        """
        path = true_path(path)
        if not path.is_file():
            raise StoreError("ledger_missing", str(path), "there is no ledger; check the path")
        if not read_only and not os.access(path, os.W_OK):
            raise StoreError("ledger_unwritable", str(path), "cannot be written: it is read-only")
        lock = None if read_only else LedgerLock.taken(path)
        try:
            if not read_only:
                _check_log(path)
            store = cls(path, _mode(path, read_only=read_only, untouched=untouched), lock)
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        try:
            if frozen:
                store._connection.execute("BEGIN")
            store._check_format(write=not read_only)
            if not read_only:
                store._log_ahead()
                store._know_end()
        except BaseException:
            store.close()
            raise
        return store

    def append(
        self, turn: StoredTurn, *, receipt: Receipt | None = None, state: str | None = None
    ) -> None:
        """Keep one turn in one durable commit; long lines are extracted in a later one."""
        super().append(turn, receipt=receipt, state=state)
        if state is not None and len(turn.line) > _LONG_LINE:
            with suppress(StoreError), self.one_commit():
                self._write(EXTRACT)

    def problems(self) -> Iterator[str]:
        """What SQLite finds, then what every store looks for."""
        for (finding,) in self._rows("PRAGMA integrity_check"):
            if finding != "ok":
                yield f"SQLite: {finding}"
        yield from super().problems()

    def discard(self) -> None:
        """Remove a new file in which no world was created, while it is held, and close it."""
        remove_ledger(Path(self.name))
        self.close()

    def close(self) -> None:
        """Close the file and release the lock."""
        if self._open:
            self._open = False
            self._connection.close()
            disconnected(self._inode)
            if self._lock is not None:
                self._lock.release()

    def _check_kept(self, kept: Kept) -> None:
        last = kept.accepted - 1 if kept.accepted else None
        if (kept.turn, kept.head_hash, last) not in self._connection.execute(_END, (kept.turn,)):
            raise self._written_by_another()

    def _make_tables(self, agents: int) -> None:
        """The first commit goes through a rollback journal: cut off, it leaves an empty file."""
        self._write(f"PRAGMA page_size = {_page_bytes(agents)}")
        for statement in _STATEMENTS:
            self._write(statement)
        self._write(f"PRAGMA application_id = {APPLICATION_ID}")
        self._write(f"PRAGMA user_version = {LAYOUT}")

    def _check_format(self, *, write: bool) -> None:
        try:
            ((application,),) = self._rows("PRAGMA application_id")
        except StoreError as error:
            if "not a database" not in str(error):
                raise
            application = 0
        if application != APPLICATION_ID:
            raise StoreError("ledger_format", self.name, "is not a sim-economy ledger")
        ((layout,),) = self._rows("PRAGMA user_version")
        self._check_layout(layout, write=write)

    def _shape(self) -> Iterator[tuple[str, ...]]:
        return self._rows(_SHAPE)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self._lock is not None:
            self._lock.check_path()
        try:
            # A world's writer takes the file before it looks where the ledger ends; in a new file
            # the size of pages is still to be set.
            self._connection.execute("BEGIN" if self._kept is None else "BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                problem = f"nothing was written: {error}"
                raise StoreError("ledger_unwritable", self.name, problem) from error
            raise
        if not self._logged:
            self._log_ahead()

    def _log_ahead(self) -> None:
        """Write to a log from now on, which is synced with every commit.

        A short log is soon written over instead of growing, and then syncs twice as fast.
        """
        try:
            ((page_bytes,),) = self._connection.execute("PRAGMA page_size")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(f"PRAGMA wal_autocheckpoint = {page_bytes // 4}")
            self._connection.execute(f"PRAGMA journal_size_limit = {_LOG_KEPT}")
            self._connection.execute("PRAGMA synchronous = FULL")
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise StoreError(
                "ledger_unwritable", self.name, f"cannot be opened: {error}"
            ) from error
        self._logged = True

    def _write(self, statement: str, rows: Iterable[tuple[object, ...]] = ((),)) -> None:
        for row in rows:
            self._work.restart()
            self._connection.execute(statement, row)

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> Iterator[Any]:
        self._work.restart()
        try:
            yield from iter(self._connection.execute(query, values).fetchone, None)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if getattr(error, "sqlite_errorname", "").startswith(_NOT_ITS_FAULT):
                raise StoreError(
                    "ledger_unreadable",
                    self.name,
                    f"{error}; the ledger may be whole: look at the disk and the folder's rights",
                ) from error
            problem = "no sound ledger of its size takes so long" if _stopped(error) else error
            raise StoreError(
                "ledger_damaged", self.name, f"{problem}; restore it from a backup"
            ) from error


def _stopped(error: Exception) -> bool:
    """Test whether the work limit stopped a statement."""
    return getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT"


_NOT_ITS_FAULT: Final = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR")
"""Errors of the disk or the folder, which say nothing of the ledger."""


def _mode(path: Path, *, read_only: bool, untouched: bool) -> str:
    """How a file is opened."""
    if not read_only:
        return "rw"
    return _IMMUTABLE if untouched and not is_logged(path) else "ro"


_IMMUTABLE: Final = "ro&immutable=1"
"""Of a file that nobody writes: a reader of another kind would leave a log and its index."""


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    if mode == "ro" and not is_logged(path) and not os.access(path.parent, os.W_OK):
        mode = _IMMUTABLE  # SQLite would write its index, and nobody can write here.
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
        distrust(connection, path, read_only=mode.startswith("ro"))
        return connection
    except sqlite3.Error as error:
        code = "ledger_unreadable" if mode.startswith("ro") else "ledger_unwritable"
        advice = "look at the folder's rights and at how many files are open (ulimit -n)"
        raise StoreError(code, str(path), f"cannot be opened: {error}; {advice}") from error


def is_logged(path: Path) -> bool:
    """Test whether a write-ahead log lies beside a file: that of a writer at work or killed."""
    log = Path(f"{path}-wal")
    return log.exists() and log.stat().st_size > 0


def _check_log(path: Path) -> None:
    """Check that file and log make one database, by a reader: a writer would mix them for good.

    Raises:
        StoreError: They do not: the file was restored, and the log is of the one before.
    """
    if not is_logged(path):
        return
    with closing(_connect(path, "ro")) as connection:
        try:
            ((found,),) = connection.execute("PRAGMA quick_check(1)")
        except sqlite3.Error as error:
            if not getattr(error, "sqlite_errorname", "").startswith("SQLITE_CORRUPT"):
                return
            found = str(error)
    if found != "ok":
        raise StoreError(
            "ledger_damaged",
            str(path),
            f"{found}, read with its write-ahead log; if the file was restored, the log is of the "
            "one before: remove -wal and -shm and restore it again; else restore a backup",
        )


def layout_of(path: Path) -> int:
    """The number of the layout of a file that nobody writes; 0 where it has none."""
    with suppress(StoreError, sqlite3.Error), closing(_connect(path, _IMMUTABLE)) as connection:
        ((layout,),) = connection.execute("PRAGMA user_version")
        return int(layout)
    return 0


def end_write_ahead_log(path: Path) -> None:
    """Move what the log holds into the file, so that the file alone is the ledger.

    Raises:
        StoreError: It cannot be written.
    """
    connection = _connect(path, "rw")
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise StoreError("ledger_unwritable", str(path), f"cannot be written: {error}") from error
    finally:
        connection.close()


def refuse_log(path: Path) -> None:
    """Refuse to make a ledger beside a write-ahead log, which SQLite would remove.

    Raises:
        StoreError: There is one, with content.
    """
    if is_logged(path):
        raise StoreError(
            "ledger_rolled_back",
            f"{path}-wal",
            "holds turns of a ledger that is gone; put the ledger back, or move this file away "
            "for a new world",
        )


def is_blank(path: Path) -> bool:
    """Test whether a file is empty, or a database in which no table was ever made."""
    if path.stat().st_size == 0:
        return True
    try:
        # A killed start of a world leaves a journal to roll back; a writer would mix in a log.
        with closing(_connect(path, "ro" if is_logged(path) else "rw")) as connection:
            ((tables,),) = connection.execute("SELECT COUNT(*) FROM sqlite_schema")
    except (StoreError, sqlite3.Error, UnicodeDecodeError):
        return False
    return bool(tables == 0)
