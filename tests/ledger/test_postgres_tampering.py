"""Altered schemas: any value of any column of any table, rows more or fewer, another shape."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import psycopg
import pytest

from sim_economy.ledger.stores.postgres import PostgresStore
from sim_economy.ledger.stores.sql_store import statements_of
from sim_economy.ledger.verify import Verification, verify
from sim_economy.world.world import World
from tests.ledger.ledgers import RICH_TURNS, rich_world
from tests.ledger.test_tampering import (
    ADDITIONS,
    COLUMNS,
    EVERY_COLUMN,
    FREE_TO_GO,
    condition_of,
    other_values,
    some,
)
from tests.postgres import PostgresServer

ROWS_TRIED = 3
ADDED = [(table, rows) for table, rows in ADDITIONS if table != "extracts"]
KEPT = [(table, column) for table, column in EVERY_COLUMN if table != "extracts"]


@pytest.fixture(scope="module")
def ledger(
    postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresStore]:
    """The ledger in which everything happened, open; each alteration is rolled back."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIM_ENGINE_STATE", str(tmp_path_factory.mktemp("state")))
        location = postgres.world()
        rich_world(location).close()
        with World.open(location) as world:
            assert isinstance(world.store, PostgresStore)
            world.store._connection.prepare_threshold = None
            yield world.store


def altered(
    ledger: PostgresStore, statement: str, values: tuple[object, ...] = ()
) -> Verification | None:
    """What verify says of an alteration; None where the database refuses it or nothing changed."""
    connection = ledger._connection
    connection.execute("BEGIN")
    try:
        if connection.execute(statement.encode(), values).rowcount == 0:
            return None
        return verify(ledger)
    except (psycopg.DataError, psycopg.IntegrityError):
        return None
    finally:
        connection.execute("ROLLBACK")


def rows_of(ledger: PostgresStore, table: str) -> list[dict[str, Any]]:
    names = COLUMNS[table]
    rows = ledger._rows(f"SELECT {', '.join(names)} FROM {table} ORDER BY {', '.join(names[:2])}")
    return [dict(zip(names, row, strict=True)) for row in rows]


def condition(row: dict[str, Any]) -> tuple[str, tuple[object, ...]]:
    text, key = condition_of(row)
    return text.replace(" IS ?", " IS NOT DISTINCT FROM %s"), key


def test_the_ledger_under_test_holds(ledger: PostgresStore) -> None:
    verification = verify(ledger)
    assert verification.finding is None
    assert verification.turns == RICH_TURNS


def values_near(value: object) -> Iterator[object]:
    """Values of the column's own type; the database refuses all others."""
    for other in other_values(value):
        if other is None or (isinstance(other, int | str) and not isinstance(other, bool)):
            yield other


@pytest.mark.parametrize(("table", "column"), KEPT)
def test_an_altered_value_in_any_column_is_found_and_its_turn_named(
    table: str, column: str, ledger: PostgresStore
) -> None:
    applied = 0
    for row in islice(some(rows_of(ledger, table), column), ROWS_TRIED):
        where, key = condition(row)
        for value in values_near(row[column]):
            if value == row[column] or str(value) == str(row[column]):
                continue
            found = altered(
                ledger, f"UPDATE {table} SET {column} = %s WHERE {where}", (value, *key)
            )
            if found is None:
                continue
            applied += 1
            assert found.finding is not None, (row, value)
            if column in {"line", "head"}:
                assert found.finding.turn in (row["turn"], row["turn"] - 1, None), (row, value)
    assert applied >= 1


@pytest.mark.parametrize("table", [table for table in COLUMNS if table not in FREE_TO_GO])
def test_a_deleted_row_is_found(table: str, ledger: PostgresStore) -> None:
    for row in some(rows_of(ledger, table), COLUMNS[table][0]):
        where, key = condition(row)
        found = altered(ledger, f"DELETE FROM {table} WHERE {where}", key)
        assert found is not None
        assert not found.holds, row


@pytest.mark.parametrize(("table", "rows"), ADDED)
def test_an_added_row_is_found(table: str, rows: str, ledger: PostgresStore) -> None:
    found = altered(ledger, f"INSERT INTO {table} {rows}")
    assert found is not None
    assert not found.holds


TRIGGER = (
    "CREATE TRIGGER extra BEFORE UPDATE ON turns FOR EACH ROW "
    "EXECUTE FUNCTION suppress_redundant_updates_trigger()"
)


def journal(amount: str) -> str:
    return (
        f"CREATE OR REPLACE VIEW journal AS SELECT turn, position, s.name AS source, "
        f"t.name AS target, {amount} AS amount, reason FROM postings "
        "JOIN accounts s ON s.account = source JOIN accounts t ON t.account = target"
    )


BLOCKS = next(
    each.replace("CREATE", "CREATE OR REPLACE")
    for each in statements_of("postgres")
    if "blocks AS" in each
)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE extra (a bigint)",
        "CREATE INDEX extra ON turns (token_supply)",
        "CREATE VIEW extra AS SELECT 1",
        "CREATE SEQUENCE extra",
        "CREATE RULE extra AS ON INSERT TO turns DO INSTEAD NOTHING",
        TRIGGER,
        "DROP VIEW journal",
        journal("amount + 1"),
        journal("amount") + " WHERE turn > 3",
        "ALTER TABLE receipts ADD COLUMN extra text",
        "ALTER TABLE receipts RENAME COLUMN answer TO reply",
        "ALTER TABLE snapshots DROP CONSTRAINT snapshots_pkey",
        "ALTER VIEW blocks RENAME COLUMN data TO block",
        BLOCKS + " AND turn > 3",
        "ALTER TABLE turns ALTER COLUMN token_supply DROP EXPRESSION",
        "ALTER TABLE turns ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE receipts ALTER COLUMN answer SET DEFAULT ''",
        "ALTER TABLE turns ALTER COLUMN head DROP NOT NULL",
        "ALTER TABLE turns ALTER COLUMN state_digest TYPE varchar",
        'ALTER TABLE genesis ALTER COLUMN data TYPE text COLLATE "POSIX"',
        "ALTER TABLE turns SET UNLOGGED",
        "ALTER TABLE snapshots SET UNLOGGED",
        "ALTER TABLE turns FORCE ROW LEVEL SECURITY",
        "CREATE POLICY extra ON turns USING (turn < 3)",
        "ALTER TABLE turns ADD CHECK (turn < 1000)",
        "ALTER TABLE receipts ADD UNIQUE (turn)",
        "ALTER TABLE submissions ADD FOREIGN KEY (turn) REFERENCES turns NOT VALID",
        "CREATE TABLE public.extra () INHERITS (turns)",
        (
            "ALTER TABLE accounts DROP CONSTRAINT accounts_pkey, "
            "ADD CONSTRAINT accounts_pkey PRIMARY KEY (name)"
        ),
        "DROP TABLE submissions",
        "DROP TABLE meta",
        "DELETE FROM meta",
        "UPDATE meta SET layout = layout + 1",
        "INSERT INTO meta SELECT * FROM meta",
    ],
)
def test_an_altered_shape_is_found(statement: str, ledger: PostgresStore) -> None:
    found = altered(ledger, statement)
    assert found is not None
    assert found.finding is not None


@pytest.mark.parametrize("statement", [journal("amount"), BLOCKS])
def test_a_view_as_it_is_made_is_found_sound(statement: str, ledger: PostgresStore) -> None:
    found = altered(ledger, statement)
    assert found is not None
    assert found.finding is None
