"""A world in one SQLite file that other programs may read while it grows.

Source: the table and column names of `blocks` and `transactions` are those of the original engine.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Self

from filelock import FileLock
from msgspec import Raw
from msgspec.structs import astuple

from sim_economy.core.codec import canonical
from sim_economy.core.errors import StoreError
from sim_economy.core.ledger import chart_of
from sim_economy.store.files import locked, remove_ledger
from sim_economy.store.protocol import Snapshot, StoredTurn
from sim_economy.store.records import (
    FORMAT,
    Genesis,
    Head,
    Receipt,
    Sealed,
    Signature,
    Submission,
    bound_digest,
    line_of_rows,
)
from sim_economy.store.schema import APPLICATION_ID, SCHEMA

_HEAD_ROWS = """
SELECT turns.turn, state_digest, head, json_extract(blocks.data, '$.hash')
FROM turns JOIN blocks ON blocks.turn = (SELECT MAX(turn) FROM blocks)
ORDER BY turns.turn DESC LIMIT 1
"""


class SQLiteStore:
    """One world's ledger file; write-ahead log, every commit synced to the disk."""

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

    def create(self, genesis: Genesis, first: Sealed, state: str) -> None:
        """Write schema, genesis and turn 0 in one commit; the file is no ledger before it.

        This first commit goes through a rollback journal: cut off, it leaves an empty file.
        """
        with self._commit() as execute:
            for statement in SCHEMA.strip().split(";\n"):
                execute(statement)
            execute(f"PRAGMA application_id = {APPLICATION_ID}")
            execute(f"PRAGMA user_version = {FORMAT}")
            execute("INSERT INTO genesis VALUES (?)", (canonical(genesis).decode(),))
            self._connection.executemany(
                "INSERT INTO accounts VALUES (?, ?)", chart_of(genesis.agent_ids)
            )
            self._write(first, None, state)
        _durable(self._connection, Path(self.name))

    def append(
        self, sealed: Sealed, *, receipt: Receipt | None = None, state: str | None = None
    ) -> None:
        """Keep one turn in one durable commit."""
        with self._commit():
            self._write(sealed, receipt, state)

    def accept(self, submission: Submission) -> None:
        """Keep an input until its turn closes."""
        checksum = bound_digest(self.head().hash, submission)
        with self._commit() as execute:
            execute(
                "INSERT INTO submissions VALUES (?, ?, ?, ?, ?, ?)",
                (
                    submission.position,
                    submission.turn,
                    bytes(submission.input).decode(),
                    *_columns(submission.signature),
                    checksum,
                ),
            )

    def submissions(self) -> list[Submission]:
        """The inputs accepted for the open turn."""
        return [submission for submission, _ in self.checksums()]

    def checksums(self) -> Iterator[tuple[Submission, str]]:
        """Every accepted input with its checksum."""
        for position, turn, text, key, signature, checksum in self._rows(
            "SELECT * FROM submissions ORDER BY position"
        ):
            if not isinstance(text, str):
                raise StoreError(
                    "ledger_damaged", self.name, f"the accepted input {position} is no text"
                )
            yield (
                Submission(turn, position, Raw(text.encode()), _signature(key, signature)),
                checksum,
            )

    def receipt(self, idempotency_key: str) -> Receipt | None:
        """The stored answer under a key."""
        rows = self._rows("SELECT * FROM receipts WHERE idempotency_key = ?", (idempotency_key,))
        return next(
            (Receipt(turn, key, request, text) for key, turn, request, text, _ in rows), None
        )

    def receipts(self) -> Iterator[tuple[Receipt, str]]:
        """Every stored answer with its checksum."""
        for key, turn, request, answer, checksum in self._rows(
            "SELECT * FROM receipts ORDER BY turn"
        ):
            yield Receipt(turn, key, request, answer), checksum

    def genesis_line(self) -> bytes:
        """The first record as it was found."""
        lines = [str(text).encode() for (text,) in self._rows("SELECT data FROM genesis")]
        if len(lines) != 1:
            raise StoreError("ledger_damaged", self.name, f"holds {len(lines)} genesis records")
        return lines[0]

    def read(self, first: int = 0, last: int | None = None) -> Iterator[StoredTurn]:
        """Turns in order, composed from their rows."""
        span = (first, -1 if last is None else last, last is None)
        tables = {
            table: _Cursor(
                self._rows(
                    f"SELECT {columns} FROM {table} "
                    "WHERE turn >= ? AND (turn <= ? OR ?) ORDER BY turn"
                    + (", position" if table in _MANY else ""),
                    span,
                )
            )
            for table, columns in _COLUMNS.items()
        }
        turns = self._rows(
            "SELECT * FROM turns WHERE turn >= ? AND (turn <= ? OR ?) ORDER BY turn", span
        )
        for *scalars, state_digest, head_hash in turns:
            turn = scalars[0]
            blocks = tables["blocks"].of(turn)
            try:
                line = line_of_rows(
                    scalars,
                    [
                        (text, outcome, _signature(key, signature))
                        for _, text, outcome, key, signature in tables["inputs"].of(turn)
                    ],
                    [row[1:] for row in tables["postings"].of(turn)],
                    [text for _, text in tables["transactions"].of(turn)],
                    [text for _, text in tables["contracts"].of(turn)],
                    (blocks[0][1], _signature(*blocks[0][2:])) if blocks else None,
                    state_digest,
                )
            except (AttributeError, TypeError, ValueError, UnicodeError) as error:
                raise StoreError(
                    "ledger_damaged", self.name, f"turn {turn} holds a value of a wrong type"
                ) from error
            yield StoredTurn(turn, line, head_hash)

    def head(self) -> Head:
        """The end of the chain."""
        for row in self._rows(_HEAD_ROWS):
            return Head(*row)
        raise StoreError("ledger_damaged", self.name, "holds no turn; restore it from a backup")

    def snapshots(self) -> Iterator[Snapshot]:
        """Kept states, newest first."""
        for turn, state in self._rows("SELECT turn, state FROM snapshots ORDER BY turn DESC"):
            if not isinstance(state, str):
                raise StoreError(
                    "ledger_damaged", self.name, f"the snapshot of turn {turn} is no text"
                )
            yield Snapshot(turn, state)

    def problems(self) -> Iterator[str]:
        """What SQLite finds wrong, rows that belong to no turn, a chart of accounts not ours."""
        for (finding,) in self._rows("PRAGMA integrity_check"):
            if finding != "ok":
                yield f"SQLite: {finding}"
        shape = {sql for (sql,) in self._rows("SELECT sql FROM sqlite_schema WHERE sql NOT NULL")}
        if shape != set(SCHEMA.strip().rstrip(";").split(";\n")):
            yield "the tables are not those of this format"
        for (turn,) in self._rows("SELECT turn FROM turns WHERE turn < 0 LIMIT 1"):
            yield f"turns holds a turn {turn} before genesis"
        if next(self.snapshots(), None) is None:
            yield "snapshots is empty"
        for table in _COLUMNS | {"snapshots": ""}:
            for (turn,) in self._rows(
                f"SELECT turn FROM {table} WHERE turn NOT IN (SELECT turn FROM turns) LIMIT 1"
            ):
                yield f"{table} holds rows of turn {turn}, which is no closed turn"
        for table in _MANY:
            for (turn,) in self._rows(
                f"SELECT turn FROM {table} GROUP BY turn "
                "HAVING MIN(position) <> 0 OR MAX(position) <> COUNT(*) - 1 "
                "OR SUM(typeof(position) <> 'integer') LIMIT 1"
            ):
                yield f"{table} of turn {turn} are not numbered without gaps"

    def accounts(self) -> list[tuple[int, str]]:
        """The chart of accounts as it was found: numbers and names."""
        return list(self._rows("SELECT account, name FROM accounts ORDER BY account"))

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

    def _write(self, sealed: Sealed, receipt: Receipt | None, state: str | None) -> None:
        record = sealed.record
        turn = record.turn
        execute, executemany = self._connection.execute, self._connection.executemany
        execute(
            "INSERT INTO turns VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                turn,
                record.ends,
                *astuple(record.bill),
                record.token_supply,
                record.state_digest,
                sealed.head.hash,
            ),
        )
        signatures = record.signatures or (None,) * len(record.inputs)
        executemany(
            "INSERT INTO inputs VALUES (?, ?, ?, ?, ?, ?)",
            [
                (turn, position, bytes(text).decode(), outcome, *_columns(signature))
                for position, (text, outcome, signature) in enumerate(
                    zip(record.inputs, record.outcomes, signatures, strict=True)
                )
            ],
        )
        executemany(
            "INSERT INTO postings VALUES (?, ?, ?, ?, ?, ?)",
            [
                (turn, position, posting.source, posting.target, posting.amount, posting.reason)
                for position, posting in enumerate(record.postings)
            ],
        )
        for table, values in (
            ("transactions", record.transactions),
            ("contracts", record.contracts),
        ):
            executemany(
                f"INSERT INTO {table} VALUES (?, ?, ?)",
                [
                    (turn, position, canonical(value).decode())
                    for position, value in enumerate(values)
                ],
            )
        if record.block is not None:
            text = canonical(record.block).decode()
            execute(
                "INSERT INTO blocks VALUES (?, ?, ?, ?)",
                (turn, text, *_columns(record.block_signature)),
            )
        execute("DELETE FROM submissions")
        if state is not None:
            execute("INSERT INTO snapshots VALUES (?, ?)", (turn, state))
        if receipt is not None:
            execute(
                "INSERT INTO receipts VALUES (?, ?, ?, ?, ?)",
                (
                    receipt.idempotency_key,
                    receipt.turn,
                    receipt.request_digest,
                    receipt.answer,
                    bound_digest(sealed.head.hash, receipt),
                ),
            )

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
            raise StoreError(
                "ledger_damaged", self.name, f"{error}; restore it from a backup"
            ) from error


_MANY: Final = frozenset({"inputs", "postings", "transactions", "contracts"})
_COLUMNS: Final = {
    "inputs": "turn, data, rejection, public_key, signature",
    "postings": "turn, source, target, amount, reason",
    "transactions": "turn, data",
    "contracts": "turn, data",
    "blocks": "turn, data, public_key, signature",
}


class _Cursor:
    """Rows ordered by turn, handed out turn by turn."""

    def __init__(self, rows: Iterator[Any]) -> None:
        self._groups = groupby(rows, itemgetter(0))
        self._next: tuple[int, list[Any]] | None = None

    def of(self, turn: int) -> list[Any]:
        """The rows of a turn; turns must be asked for in order."""
        while self._next is None or self._next[0] < turn:
            found = next(self._groups, None)
            if found is None:
                return []
            self._next = found[0], list(found[1])
        return self._next[1] if self._next[0] == turn else []


def _columns(signature: Signature | None) -> tuple[str | None, str | None]:
    return (None, None) if signature is None else (signature.public_key, signature.signature)


def _signature(key: str | None, signature: str | None) -> Signature | None:
    if key is None and signature is None:
        return None
    return Signature(key, signature)  # type: ignore[arg-type]


def _connect(path: Path, mode: str) -> sqlite3.Connection:
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
    """Whether a file is empty, or a database in which no table was ever made."""
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
