"""A world in one schema of a PostgreSQL database, for deployments that share a server."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Any, Final, Self

import psycopg
from filelock import FileLock
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from sim_economy.core.errors import StoreError
from sim_economy.ledger.records import Genesis, StoredTurn
from sim_economy.ledger.sidecars.database_address import (
    secrets_in,
    unreadable_password,
    without,
)
from sim_economy.ledger.stores.old_layout import lines_of_rows
from sim_economy.ledger.stores.sql_store import LAYOUT, Kept, SQLStore, statements_of

_PREFIX: Final = "sim_"
_LOCK_WAIT: Final = "2s"
"""For the writer before, whose end the server may not have noticed yet."""

_CONNECTION: Final[Mapping[str, Any]] = {
    "application_name": "sim-economy",
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""Defaults of a connection: a dead network is noticed in seconds."""


_STATEMENTS: Final = statements_of("postgres")
_VIEWS: Final = {
    each.split()[2]: each.partition(" AS\n")[2] for each in _STATEMENTS if "CREATE VIEW" in each
}
_TABLES: Final = [each.split()[2] for each in _STATEMENTS if "CREATE TABLE" in each]
_FIGURES: Final = dict(
    re.findall(r"(\w+) \w+[^,]* GENERATED ALWAYS AS \((.*)\) STORED", "\n".join(_STATEMENTS))
)
"""Columns of `turns` that are kept twice, each with what it is in the line."""

_RELATIONS: Final = """
SELECT relname::text FROM pg_catalog.pg_class
WHERE relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ?) AND relkind <> 'c'
"""
_SHAPE: Final = """
SELECT relname::text, concat_ws(' ', relkind, relpersistence, relrowsecurity OR relforcerowsecurity)
FROM pg_catalog.pg_class
WHERE relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ?) AND relkind <> 'c'
UNION ALL
SELECT table_name || '.' || column_name,
    concat_ws(' ', data_type, is_nullable, collation_name, is_generated, column_default)
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = ? AND table_type = 'BASE TABLE'
UNION ALL
SELECT relname || '.' || part, what
FROM (
    SELECT tgrelid, tgname, 'trigger' FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT ev_class, rulename, 'rule' FROM pg_rewrite WHERE rulename <> '_RETURN'
    UNION ALL SELECT conrelid, conname, replace(pg_get_constraintdef(oid), '"', '')
        FROM pg_constraint WHERE contype <> 'n'
    UNION ALL SELECT adrelid, attname, 'default' FROM pg_attrdef
        JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum WHERE attgenerated = ''
    UNION ALL SELECT polrelid, polname, 'policy' FROM pg_policy
    UNION ALL SELECT inhparent, inhrelid::regclass::text, 'heir' FROM pg_inherits
) AS parts (relation, part, what)
JOIN pg_class ON pg_class.oid = relation JOIN pg_namespace n ON relnamespace = n.oid
WHERE nspname = ?
"""
"""Each relation of a schema, and what belongs to one: its name, and what it is.

Columns, triggers, rules, constraints, defaults, policies of row security, tables that inherit;
whether a column may be NULL is said of the column.
"""

_ENDS_AS_KEPT: Final = """
SELECT 1 / count(*) FROM turns
WHERE turn = %s AND head = %s AND turn = (SELECT max(turn) FROM turns)
    AND %s = (SELECT COALESCE(max(position) + 1, 0) FROM submissions)
"""
"""Fails, and the transaction with it, where another writer has moved the end; sent unawaited."""


def _listed(table: str, expression: str) -> str:
    return (
        f"(SELECT COALESCE(string_agg({expression}, ',' ORDER BY position), '') "
        f"FROM {table} WHERE {table}.turn = t.turn)"
    )


def _declared() -> Iterator[tuple[str, str]]:
    yield "meta", f"[({LAYOUT},)]"
    for statement in _STATEMENTS:
        _, kind, name, *_ = statement.split()
        yield name, "v p f" if kind == "VIEW" else "r p f"
        for key in re.findall(r'(\w+) \w+(?: COLLATE "C")? PRIMARY KEY', statement):
            yield f"{name}_pkey", "i p f"
            yield f"{name}.{name}_pkey", f"PRIMARY KEY ({key})"
        for column, type_, collation, rule in re.findall(
            r'(\w+) (bigint|text)( COLLATE "C")?( NOT NULL| PRIMARY KEY| GENERATED)?', statement
        ):
            nullable = "YES" if rule in ("", " GENERATED") else "NO"
            generated = "ALWAYS" if rule == " GENERATED" else "NEVER"
            found = [type_, nullable, *["C"][: len(collation)], generated]
            yield f"{name}.{column}", " ".join(found)


class PostgresStore(SQLStore):
    """One world's schema; every commit is flushed by the server before it is acknowledged.

    Attributes:
        lost: Whether the connection broke. What the last commit came to is then unknown, so it
            takes no more work: open the location again.
    """

    false_copies = (
        f"SELECT turn FROM turns WHERE ({', '.join(_FIGURES)}) "
        f"IS DISTINCT FROM ({', '.join(_FIGURES.values())})"
    )
    declared = frozenset(_declared())
    old_lines = lines_of_rows(_listed, "COALESCE(to_json({})::text, 'null')".format)
    old_shape = "ae27f20533feb98b393839af8ff7099679ac8b5c750b0eea00340058dd29002c"

    def __init__(
        self, name: str, schema: str, connection: psycopg.Connection, lock: FileLock | None
    ) -> None:
        self.name = name
        self.lost = False
        self._schema = schema
        self._connection = connection
        self._lock = lock
        self._frozen = False
        self._created = False
        self._schema_made = False
        self._secrets: tuple[str, ...] = ()

    @classmethod
    def new(cls, name: str, location: str, world_id: str, lock: FileLock) -> Self:
        """A schema to `create` a world in, locked for this writer.

        Args:
            name: The location without its password.
            lock: Of the files kept outside the database; released when the store is closed.

        Raises:
            StoreError: Something is there already, or it cannot be written.
        """
        store = cls(name, _schema_of(world_id), _connect(name, location), lock)
        store._secrets = secrets_in(location)
        try:
            store._become_writer()
            if next(store._rows(_RELATIONS, (store._schema,)), None):
                raise StoreError(
                    "ledger_exists", name, "exists already; name another world or remove it"
                )
        except BaseException:
            store._connection.close()
            raise
        return store

    @classmethod
    def open(
        cls,
        name: str,
        location: str,
        world_id: str,
        lock: FileLock | None = None,
        *,
        frozen: bool = False,
    ) -> Self:
        """The world of a schema; a writer brings a lock, readers are always welcome.

        Args:
            frozen: A reader sees it as it is now, whatever is written meanwhile.

        Raises:
            StoreError: It is missing, in use by another writer, or no ledger of this format.
        """
        store = cls(name, _schema_of(world_id), _connect(name, location), lock)
        store._secrets = secrets_in(location)
        try:
            if lock is not None:
                store._become_writer()
            else:
                store._become_reader(frozen=frozen)
            store._check_format(write=lock is not None)
            if lock is not None:
                store._know_end()
        except BaseException:
            store._connection.close()
            raise
        return store

    def create(self, genesis: Genesis, first: StoredTurn, state: str) -> None:
        """Write schema, genesis and turn 0 in one commit; there is no ledger before it."""
        super().create(genesis, first, state)
        self._created = True

    def discard(self) -> None:
        """Close a new store and remove what was created in it; a schema that was there stays."""
        if self._created and not self.lost:
            try:
                if self._schema_made:
                    self._connection.execute(_identified("DROP SCHEMA {} CASCADE", self._schema))
                else:
                    self._connection.execute(f"DROP TABLE {', '.join(_TABLES)} CASCADE".encode())
            except psycopg.Error:
                self.lost = True
        self.close()

    def close(self) -> None:
        """Close the connection, and with it the lock."""
        self._connection.close()
        if self._lock is not None:
            self._lock.release()

    def _become_writer(self) -> None:
        """Take the lock before anything is read, and insist on durable commits."""
        self._set_up()
        key = sha256(f"sim-economy {self._schema}".encode()).digest()[:8]
        try:
            self._connection.execute(f"SET lock_timeout = '{_LOCK_WAIT}'")
            self._connection.execute(
                "SELECT pg_advisory_lock(%s)", (int.from_bytes(key, "big", signed=True),)
            )
            self._connection.execute("RESET lock_timeout")
        except (errors.LockNotAvailable, errors.QueryCanceled):
            raise StoreError(
                "ledger_in_use",
                self.name,
                "another process writes it; stop that one or name another world",
            ) from None
        except psycopg.Error as error:
            raise self._unread(error) from error
        ((fsync, commit, read_only),) = self._rows(
            "SELECT current_setting('fsync'), current_setting('synchronous_commit'), "
            "current_setting('transaction_read_only')"
        )
        if fsync != "on":
            raise StoreError(
                "ledger_unwritable",
                self.name,
                "the server runs with fsync = off and would lose turns with the power; "
                "set fsync = on",
            )
        if read_only != "off":
            raise StoreError("ledger_unwritable", self.name, "cannot be written: it is read-only")
        if commit not in {"on", "remote_apply"}:
            self._connection.execute("SET synchronous_commit = on")

    def _become_reader(self, *, frozen: bool) -> None:
        self._set_up()
        self._connection.execute("SET default_transaction_read_only = on")
        if frozen:
            self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self._connection.execute("SELECT 1 FROM pg_namespace")
            self._frozen = True

    def _set_up(self) -> None:
        try:
            self._connection.execute(_identified("SET search_path TO {}, pg_temp", self._schema))
        except psycopg.Error as error:
            raise self._unread(error) from error
        ((encoding,),) = self._rows("SELECT current_setting('server_encoding')")
        if encoding != "UTF8":
            raise StoreError(
                "ledger_format",
                self.name,
                f"the database is encoded as {encoding}; create one with ENCODING 'UTF8'",
            )

    def _check_format(self, *, write: bool) -> None:
        relations = {name for (name,) in self._rows(_RELATIONS, (self._schema,))}
        if not relations:
            raise StoreError("ledger_missing", self.name, "there is no world; check the name")
        if "meta" not in relations:
            raise StoreError("ledger_format", self.name, "is not a sim-economy ledger")
        layouts = [layout for (layout,) in self._rows("SELECT * FROM meta LIMIT 1")]
        self._check_layout(*layouts or [LAYOUT], write=write)

    def _shape(self) -> Iterator[tuple[str, ...]]:
        yield from self._rows(_SHAPE, (self._schema,) * 3)
        yield "meta", str(list(self._rows("SELECT * FROM meta LIMIT 2")))
        if self.layout == LAYOUT:
            for view, query in _VIEWS.items():
                if self._plan(view) != self._plan(f"({query}) AS {view}"):
                    yield view, "altered"

    def _plan(self, source: str) -> tuple[list[Any], list[Any]]:
        """What a view or query comes to: equal for equal queries, however they are written."""
        execute = self._connection.execute
        try:
            plan = execute(f"EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM {source}".encode())
            columns = execute(f"SELECT * FROM {source} LIMIT 0".encode()).description or []
        except psycopg.Error as error:
            raise self._unread(error) from error
        return plan.fetchall(), [(column.name, column.type_code) for column in columns]

    def _check_kept(self, kept: Kept) -> None:
        self._connection.execute(_ENDS_AS_KEPT, (kept.turn, kept.head_hash, kept.accepted))

    def _make_tables(self, agents: int) -> None:
        del agents
        schemas = self._rows("SELECT 1 FROM pg_namespace WHERE nspname = ?", (self._schema,))
        if next(schemas, None) is None:
            self._connection.execute(_identified("CREATE SCHEMA {}", self._schema))
            self._schema_made = True
        for statement in _STATEMENTS:
            self._write(statement)
        self._insert("meta", (LAYOUT,))

    def _write(self, statement: str, rows: Iterable[tuple[object, ...]] = ((),)) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(statement.replace("?", "%s").encode(), list(rows))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One transaction, sent at once; whoever comes after a failure knows what it came to."""
        if self.lost:
            raise self._unreachable()
        try:
            with self._connection.pipeline():
                self._connection.execute("BEGIN")
                yield
                self._connection.execute("COMMIT")
        except psycopg.Error as error:
            if not self._rolled_back(error):
                self._lose()
                raise self._unreachable() from error
            if isinstance(error, errors.DivisionByZero):
                raise self._written_by_another() from error
            raise StoreError(
                "ledger_unwritable",
                self.name,
                f"nothing was written: {_said(error, self._secrets)}",
            ) from error
        except BaseException:
            self._lose()
            raise

    def _rolled_back(self, error: psycopg.Error) -> bool:
        """Test whether nothing was kept: the server itself refused and is still there."""
        if error.sqlstate is None:
            return False
        with suppress(psycopg.Error):
            if self._connection.info.transaction_status is not TransactionStatus.IDLE:
                self._connection.execute("ROLLBACK")
            return not self._connection.closed
        return False

    def _lose(self) -> None:
        self.lost = True
        self._connection.close()

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> Iterator[Any]:
        statement = query.replace("?", "%s").encode()
        try:
            if self._frozen:
                with self._connection.cursor(name=f"rows_{id(statement)}") as cursor:
                    yield from cursor.execute(statement, values)
            else:
                yield from self._connection.execute(statement, values)
        except psycopg.Error as error:
            raise self._unread(error) from error

    def _unread(self, error: psycopg.Error) -> StoreError:
        if self._connection.closed or error.sqlstate is None:
            self._lose()
            return self._unreachable()
        said = _said(error, self._secrets)
        if isinstance(error, psycopg.OperationalError | errors.InsufficientPrivilege):
            return StoreError("store_unreachable", self.name, f"cannot be read: {said}")
        return StoreError("ledger_damaged", self.name, f"{said}; restore it from a backup")

    def _unreachable(self) -> StoreError:
        return StoreError(
            "store_unreachable",
            self.name,
            "the connection to the server is lost, and whether the last turn was kept is known "
            "only to it; see that it runs and ask again",
        )


def _schema_of(world_id: str) -> str:
    """The schema of a world."""
    return f"{_PREFIX}{world_id}"


def world_ids(name: str, location: str) -> list[str]:
    """The worlds of a database.

    Raises:
        StoreError: It cannot be reached.
    """
    found = _asked(
        name,
        location,
        "SELECT nspname FROM pg_catalog.pg_namespace n "
        "JOIN pg_catalog.pg_class ON relnamespace = n.oid WHERE relname = 'meta' ORDER BY nspname",
    )
    return [schema.removeprefix(_PREFIX) for (schema,) in found if schema.startswith(_PREFIX)]


def holds_anything(name: str, location: str, world_id: str) -> bool:
    """Test whether a world's schema holds any table.

    Raises:
        StoreError: It cannot be reached.
    """
    return bool(_asked(name, location, _RELATIONS.replace("?", "%s"), _schema_of(world_id)))


def _asked(name: str, location: str, query: str, *values: str) -> list[Any]:
    connection = _connect(name, location)
    try:
        return connection.execute(query.encode(), values).fetchall()
    except psycopg.Error as error:
        raise StoreError(
            "store_unreachable", name, f"cannot be read: {_said(error, secrets_in(location))}"
        ) from None
    finally:
        connection.close()


def _connect(name: str, location: str) -> psycopg.Connection:
    if (problem := unreadable_password(location)) is not None:
        raise StoreError("store_unreachable", name, problem)
    try:
        settings = {**conninfo_to_dict(location), "client_encoding": "utf8"}
    except psycopg.Error:
        raise StoreError(
            "store_unreachable", name, "is not a location that PostgreSQL understands"
        ) from None
    try:
        return psycopg.connect(make_conninfo("", **{**_CONNECTION, **settings}), autocommit=True)
    except psycopg.Error as error:
        said = _said(error, secrets_in(location))
        raise StoreError(
            "store_unreachable",
            name,
            f"cannot be reached: {said}; check the server, the user and the password",
        ) from None


def _identified(statement: str, schema: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(schema))


def _said(error: psycopg.Error, secrets: tuple[str, ...]) -> str:
    """The first line of what the server or the driver says, without what opens the database."""
    return without(next(iter(str(error).splitlines()), type(error).__name__), secrets)
