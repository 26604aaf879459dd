"""Altered ledgers: any value of any column of any table, and any byte of the file."""

from __future__ import annotations

import base64
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from sim_economy.core.errors import SimEconomyError
from sim_economy.ledger.stores.sqlite import EXTRACT, SQLiteStore
from sim_economy.ledger.verify import Verification, verify
from sim_economy.world.world import World
from tests.ledger.ledgers import RICH_TURNS, export, rich_world

COLUMNS = {
    "genesis": ["data"],
    "accounts": ["account", "name"],
    "turns": ["turn", "line", "head"],
    "snapshots": ["turn", "state"],
    "receipts": ["idempotency_key", "turn", "request_digest", "answer", "checksum"],
    "submissions": ["position", "turn", "data", "public_key", "signature", "checksum"],
    "extracts": ["turn", "block", "block_signature", "transactions"],
}
EVERY_COLUMN = [(table, column) for table, columns in COLUMNS.items() for column in columns]
UNUSED = (("extracts", "block_signature"),)
"""Nothing signs blocks yet; a value there is found all the same."""

ROWS_TRIED = 4
FLIPS = 300


class Alteration(NamedTuple):
    """A statement that changes one thing, and the turn it touches where there is one."""

    label: str
    statement: str
    values: tuple[object, ...]
    turn: int | None


class Outcome(NamedTuple):
    """What came of an altered ledger."""

    alteration: Alteration
    applied: bool
    noticed: bool
    verification: Verification | None
    raised: str | None
    """What `verify` or `World.open` raised that a caller cannot handle."""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rich") / "world.db"
    with rich_world(path) as world:
        store = world.store
        assert isinstance(store, SQLiteStore)
        with store.one_commit():
            store._write(EXTRACT)
    return path


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / "altered.db"


def altered(ledger: Path, scratch: Path, table: str, alteration: Alteration) -> Outcome:
    """The outcome of one alteration, on a copy."""
    shutil.copyfile(ledger, scratch)
    connection = sqlite3.connect(scratch)
    connection.execute("PRAGMA synchronous = OFF")
    try:
        with connection:
            connection.execute(alteration.statement, alteration.values)
        kept = connection.execute(f"SELECT {', '.join(COLUMNS[table])} FROM {table}")
        applied = list(map(typed, kept)) != [
            typed(tuple(row.values())) for row in rows_of(ledger, table)
        ]
    except (sqlite3.IntegrityError, sqlite3.OperationalError):
        applied = False  # SQLite refuses it: a missing value, a line that is not JSON.
    finally:
        connection.close()
    if not applied:
        return Outcome(alteration, False, True, None, None)
    verification, raised = examined(scratch)
    noticed = verification is None or not verification.holds
    return Outcome(alteration, True, noticed, verification, raised)


def typed(row: tuple[object, ...]) -> list[tuple[type, object]]:
    """The row with its types, so that 5 and 5.0 differ."""
    return [(type(value), value) for value in row]


def examined(path: Path) -> tuple[Verification | None, str | None]:
    """What verify says, None where the file is refused; and what no caller could handle."""
    raised = None
    try:
        store = SQLiteStore.open(path)
    except SimEconomyError:
        return None, None
    except Exception as error:
        return None, f"open: {error!r}"
    verification = None
    try:
        verification = verify(store)
    except Exception as error:
        raised = f"verify: {error!r}"
    finally:
        store.close()
    try:
        World.open(path).close()
    except SimEconomyError:
        pass
    except Exception as error:
        raised = raised or f"open: {error!r}"
    return verification, raised


@cache
def rows_of(ledger: Path, table: str) -> list[dict[str, Any]]:
    connection = sqlite3.connect(ledger)
    connection.row_factory = sqlite3.Row
    kept = connection.execute(f"SELECT {', '.join(COLUMNS[table])} FROM {table}")
    rows = [dict(row) for row in kept]
    connection.close()
    return rows


def condition_of(row: dict[str, Any]) -> tuple[str, tuple[object, ...]]:
    """A condition that finds a row again."""
    condition = " AND ".join(f"{name} IS ?" for name in row)
    return condition, tuple(row.values())


def some(rows: list[dict[str, Any]], column: str) -> list[dict[str, Any]]:
    """First, last and others between; rows with a value there, and one without."""
    filled = [row for row in rows if row[column] is not None]
    empty = [row for row in rows if row[column] is None]
    step = max(1, (len(filled) - 1) // (ROWS_TRIED - 1)) if filled else 1
    return [*filled[::step][:ROWS_TRIED], *filled[-1:], *empty[:1], *empty[-1:]]


def other_values(value: object) -> Iterator[object]:
    """Values near a value, and of every other type."""
    if value is None:
        yield from ("", "x", 0, b"")
    elif isinstance(value, int):
        yield from (value + 1, value - 1, -value - 1, 2**62, value + 0.5, "x", b"\x00", None)
        yield str(value).encode()
    elif isinstance(value, str):
        for at in {0, len(value) // 2, len(value) - 1} if value else ():
            yield value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
        yield from (value + " ", value[:-1], value.swapcase(), "", 7, value.encode(), None)
        try:
            yield base64.b64decode(value, validate=True)
        except ValueError:
            yield b"\xff"
        yield value + "\0"


def cell_alterations(ledger: Path, table: str, column: str) -> Iterator[Alteration]:
    for row in some(rows_of(ledger, table), column):
        condition, key = condition_of(row)
        turn = row.get("turn")
        for value in other_values(row[column]):
            yield Alteration(
                f"{table}.{column} of {key[:2]}: {row[column]!r:.40} -> {value!r:.40}",
                f"UPDATE {table} SET {column} = ? WHERE {condition}",
                (value, *key),
                turn,
            )


def unnoticed(tried: list[Outcome]) -> list[str]:
    return [outcome.alteration.label for outcome in tried if not outcome.noticed]


def unhandled(tried: list[Outcome]) -> list[tuple[str, str]]:
    return [(outcome.alteration.label, outcome.raised) for outcome in tried if outcome.raised]


def test_the_ledger_under_test_holds_and_fills_every_column(ledger: Path, scratch: Path) -> None:
    shutil.copyfile(ledger, scratch)
    verification, raised = examined(scratch)
    assert verification is not None
    assert verification.finding is None
    assert raised is None
    assert verification.turns == RICH_TURNS
    connection = sqlite3.connect(ledger)
    tables = {
        name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    }
    connection.close()
    assert tables == COLUMNS
    for table, column in EVERY_COLUMN:
        if (table, column) not in UNUSED:
            assert any(row[column] is not None for row in rows_of(ledger, table)), column


@pytest.fixture(scope="module")
def outcomes(
    ledger: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], list[Outcome]]:
    """What came of altering a column in many ways, tried once."""
    scratch = tmp_path_factory.mktemp("altered") / "altered.db"

    @cache
    def tried(table: str, column: str) -> list[Outcome]:
        all_of_them = [
            altered(ledger, scratch, table, alteration)
            for alteration in cell_alterations(ledger, table, column)
        ]
        applied = [outcome for outcome in all_of_them if outcome.applied]
        assert len(applied) >= 3
        return applied

    return tried


Tried = Callable[[str, str], list[Outcome]]


@pytest.mark.parametrize(("table", "column"), EVERY_COLUMN)
def test_an_altered_value_in_any_column_is_found(table: str, column: str, outcomes: Tried) -> None:
    assert unnoticed(outcomes(table, column)) == []


@pytest.mark.parametrize(("table", "column"), EVERY_COLUMN)
def test_an_altered_value_is_an_error_that_a_caller_can_handle(
    table: str, column: str, outcomes: Tried
) -> None:
    assert unhandled(outcomes(table, column)) == []


@pytest.mark.parametrize("column", ["line", "head"])
def test_the_finding_names_the_turn_of_the_altered_value(column: str, outcomes: Tried) -> None:
    for outcome in outcomes("turns", column):
        found, turn = outcome.verification, outcome.alteration.turn
        if found is not None and found.finding is not None and turn is not None:
            # What cannot even be read is found after the last turn that holds.
            assert found.finding.turn in (turn, turn - 1, None), outcome.alteration


FREE_TO_GO = {
    "snapshots": "any but the last one left: the state can be folded from an earlier one",
    "receipts": "an answer forgotten; only what is kept can be held against a checksum",
    "submissions": "the last ones of the open turn; nothing says how many there were",
    "extracts": "the last ones: views read the lines instead",
}
"""Rows whose loss leaves no trace in a ledger that knows only itself."""


@pytest.mark.parametrize("table", [table for table in COLUMNS if table not in FREE_TO_GO])
def test_a_deleted_row_is_found(table: str, ledger: Path, scratch: Path) -> None:
    tried = []
    for row in some(rows_of(ledger, table), COLUMNS[table][0]):
        condition, key = condition_of(row)
        statement = f"DELETE FROM {table} WHERE {condition}"
        alteration = Alteration(f"delete {table} {key[:2]!r:.60}", statement, key, None)
        tried.append(altered(ledger, scratch, table, alteration))
    assert all(outcome.applied for outcome in tried)
    assert unnoticed(tried) == []
    assert unhandled(tried) == []


@pytest.mark.parametrize("index", [0, 1])
def test_a_gap_among_the_accepted_inputs_is_found(index: int, ledger: Path, scratch: Path) -> None:
    statement = "DELETE FROM submissions WHERE position = ?"
    alteration = Alteration(f"delete submission {index}", statement, (index,), None)
    assert unnoticed([altered(ledger, scratch, "submissions", alteration)]) == []


def test_a_ledger_without_any_snapshot_is_found(ledger: Path, scratch: Path) -> None:
    alteration = Alteration("delete all snapshots", "DELETE FROM snapshots", (), None)
    assert unnoticed([altered(ledger, scratch, "snapshots", alteration)]) == []


def test_a_ledger_without_its_last_snapshot_still_opens_on_the_same_state(
    ledger: Path, scratch: Path
) -> None:
    shutil.copyfile(ledger, scratch)
    connection = sqlite3.connect(scratch)
    with connection:
        connection.execute("DELETE FROM snapshots WHERE turn > 0")
    connection.close()
    with World.open(scratch) as world, World.open(ledger, read_only=True) as whole:
        assert world.state == whole.state
        assert world.head == whole.head


STRANGE = RICH_TURNS + 1
ADDITIONS = [
    ("genesis", "SELECT * FROM genesis"),
    ("accounts", "SELECT MAX(account) + 1, 'x' FROM accounts"),
    ("turns", f"SELECT {STRANGE}, line, head FROM turns WHERE turn = 5"),
    ("turns", "SELECT -1, line, head FROM turns WHERE turn = 5"),
    ("snapshots", "SELECT 5, state FROM snapshots WHERE turn = 0"),
    ("snapshots", f"SELECT {STRANGE}, state FROM snapshots LIMIT 1"),
    ("snapshots", "SELECT -1, state FROM snapshots LIMIT 1"),
    ("receipts", "SELECT 'x', turn, request_digest, answer, checksum FROM receipts LIMIT 1"),
    ("submissions", "SELECT 3, turn, data, NULL, NULL, checksum FROM submissions LIMIT 1"),
    ("extracts", f"VALUES ({STRANGE}, NULL, NULL, '[]')"),
    ("extracts", "VALUES (-1, NULL, NULL, '[]')"),
]


@pytest.mark.parametrize(("table", "rows"), ADDITIONS)
def test_an_added_row_is_found(table: str, rows: str, ledger: Path, scratch: Path) -> None:
    alteration = Alteration(f"add to {table}", f"INSERT INTO {table} {rows}", (), None)
    outcome = altered(ledger, scratch, table, alteration)
    assert outcome.applied
    assert unnoticed([outcome]) == []
    assert unhandled([outcome]) == []


@pytest.mark.parametrize(
    ("table", "column"),
    [
        (table, column)
        for table, column in EVERY_COLUMN
        if table not in ("genesis", "snapshots")
        and (table, column) not in UNUSED
        and column not in ("turn", "position", "account", "idempotency_key")
    ],
)
def test_values_swapped_between_two_rows_are_found(
    table: str, column: str, ledger: Path, scratch: Path
) -> None:
    rows = rows_of(ledger, table)
    pairs = [(one, other) for one, other in pairwise(rows) if one[column] != other[column]]
    tried = []
    for one, other in (pairs[0], pairs[len(pairs) // 2], pairs[-1]):
        (first, first_key), (second, second_key) = condition_of(one), condition_of(other)
        alteration = Alteration(
            f"swap {table}.{column} of {first_key[:2]!r:.50} and {second_key[:2]!r:.50}",
            f"UPDATE {table} SET {column} = CASE WHEN {first} THEN ? ELSE ? END "
            f"WHERE ({first}) OR ({second})",
            (*first_key, other[column], one[column], *first_key, *second_key),
            None,
        )
        tried.append(altered(ledger, scratch, table, alteration))
    assert unnoticed(tried) == []
    assert unhandled(tried) == []


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE extra (a)",
        "CREATE INDEX extra ON turns (token_supply)",
        "CREATE TRIGGER extra AFTER INSERT ON turns BEGIN DELETE FROM snapshots; END",
        "CREATE VIEW extra AS SELECT 1",
        "DROP VIEW journal",
        "ANALYZE",
        "ALTER TABLE turns RENAME COLUMN token_supply TO supply",
        "ALTER TABLE receipts ADD COLUMN extra TEXT",
        "ALTER TABLE receipts RENAME COLUMN answer TO reply",
        "DROP TABLE submissions",
    ],
)
def test_an_altered_shape_is_found(statement: str, ledger: Path, scratch: Path) -> None:
    shutil.copyfile(ledger, scratch)
    connection = sqlite3.connect(scratch)
    connection.execute(statement)
    connection.close()
    verification, raised = examined(scratch)
    assert verification is None or not verification.holds
    assert raised is None


@pytest.mark.parametrize("piece", range(4))
def test_a_flipped_byte_anywhere_is_found_or_harmless(
    piece: int, ledger: Path, scratch: Path
) -> None:
    random = Random(f"flips {piece}")
    whole = ledger.read_bytes()
    store = SQLiteStore.open(ledger, read_only=True)
    exported = export(store)
    receipts, submissions = list(store.receipts()), list(store.checksums())
    store.close()
    noticed = 0
    for _ in range(FLIPS // 4):
        # The header and the first pages weigh more than their size.
        end = random.choice((100, 4096, len(whole), len(whole), len(whole), len(whole)))
        at, mask = random.randrange(end), random.choice((1, 128, random.randrange(1, 256)))
        scratch.write_bytes(whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1 :])
        verification, raised = examined(scratch)
        assert raised is None, (at, mask, raised)
        if verification is None or not verification.holds:
            noticed += 1
            continue
        store = SQLiteStore.open(scratch, read_only=True)
        assert export(store) == exported, (at, mask)
        assert list(store.receipts()) == receipts, (at, mask)
        assert list(store.checksums()) == submissions, (at, mask)
        store.close()
    assert noticed >= FLIPS // 16


@pytest.mark.parametrize("length", [0, 1, 99, 100, 4096, -4096, -1])
def test_a_cut_file_is_found(length: int, ledger: Path, scratch: Path) -> None:
    scratch.write_bytes(ledger.read_bytes()[:length])
    verification, raised = examined(scratch)
    assert verification is None or not verification.holds
    assert raised is None
