"""What other programs read of a ledger: views of the lines, and extracts of long ones."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sim_economy.core.actions import Input, Mine, Stake
from sim_economy.core.errors import StoreError
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.readers.reading import reading
from sim_economy.ledger.readers.statement import statement
from sim_economy.ledger.records import digest
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.ledger.verify import verify
from sim_economy.world.world import World
from tests.ledger.ledgers import rich_world

AGENTS = 150
"""Enough for lines above 16 kB."""


@pytest.fixture(scope="module")
def long_lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "world.sqlite"
    config = parse_world_config({"num_agents": AGENTS, "seed": 3})
    with World.create(path, config) as world:
        for turn in range(70):
            actions = [
                Stake(5 + turn) if number % 9 == turn % 9 else Mine() for number in range(AGENTS)
            ]
            world.turn(
                [Input(f"agent_{number}", action, 3, 4) for number, action in enumerate(actions)]
            )
    return path


@pytest.fixture
def altered(long_lines: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    copy = tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(long_lines)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.row_factory = sqlite3.Row
        yield target


def path_of(connection: sqlite3.Connection) -> Path:
    ((_, _, path),) = connection.execute("PRAGMA database_list").fetchall()
    return Path(path)


def shown(connection: sqlite3.Connection) -> list[object]:
    """What clients of the original engine ask for."""
    return [
        connection.execute(f"SELECT * FROM {view} ORDER BY 1, 2").fetchall()
        for view in ("blocks", "transactions")
    ]


def test_blocks_and_transactions_of_long_lines_are_extracted_every_64_turns(
    long_lines: Path, altered: sqlite3.Connection
) -> None:
    assert altered.execute("SELECT COUNT(*), MAX(turn) FROM extracts").fetchone()[:] == (65, 64)
    lines = [json.loads(line) for (line,) in altered.execute("SELECT line FROM turns")]
    blocks, transactions = shown(altered)
    assert [row["data"] for row in blocks] == [  # type: ignore[attr-defined]
        json.dumps(line["block"], separators=(",", ":")) for line in lines if line["block"]
    ]
    assert [(row["turn"], row["position"], json.loads(row["data"])) for row in transactions] == [  # type: ignore[attr-defined]
        (line["turn"], index, each)
        for line in lines
        for index, each in enumerate(line["transactions"])
    ]
    assert len(transactions) > 100  # type: ignore[arg-type]
    assert verify(long_lines).holds


@pytest.mark.parametrize("kept", [0, 1, 40, 64])
def test_without_extracts_the_same_rows_are_read_from_the_lines(
    kept: int, altered: sqlite3.Connection
) -> None:
    before = shown(altered)
    altered.execute("DELETE FROM extracts WHERE turn >= ?", (kept,))
    altered.commit()
    assert shown(altered) == before
    assert verify(path_of(altered)).holds


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE extracts SET block = replace(block, 'mine', 'core') WHERE turn = 30",
        "UPDATE extracts SET block = NULL WHERE turn = 64",
        "UPDATE extracts SET transactions = '[]' WHERE transactions <> '[]'",
        "UPDATE extracts SET block_signature = '[]' WHERE turn = 0",
        "UPDATE extracts SET block = CAST(block AS BLOB) WHERE turn = 5",
        "DELETE FROM extracts WHERE turn = 30",
        "INSERT INTO extracts VALUES (99, NULL, NULL, '[]')",
    ],
)
def test_an_altered_extract_is_found_and_no_start_or_proof_depends_on_it(
    statement: str, long_lines: Path, altered: sqlite3.Connection
) -> None:
    assert altered.execute(statement).rowcount > 0
    altered.commit()
    path = path_of(altered)
    finding = verify(path).finding
    assert finding is not None
    assert "beside its line" in finding.problem
    with World.open(long_lines, read_only=True) as whole, World.open(path) as world:
        assert (world.head, world.state) == (whole.head, whole.state)
        assert world.turn([]).turn == 71


def test_a_turn_is_kept_also_where_there_is_no_room_for_its_extracts(
    altered: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_of(altered)
    write = SQLiteStore._write

    def full(self: SQLiteStore, query: str, *rows: object) -> None:
        if "INTO extracts" in query:
            raise sqlite3.OperationalError("database or disk is full")
        write(self, query, *rows)  # type: ignore[arg-type]

    monkeypatch.setattr(SQLiteStore, "_write", full)
    inputs = [Input(f"agent_{number}", Mine(), 3, 4) for number in range(AGENTS)]
    with World.open(path) as world:
        world.turn(inputs, ends=True)
        head = world.head
    with World.open(path, read_only=True) as world:
        assert world.head == head
    monkeypatch.undo()
    assert verify(path).holds
    assert altered.execute("SELECT MAX(turn) FROM extracts").fetchone()[0] == 64
    assert altered.execute("SELECT MAX(turn) FROM blocks").fetchone()[0] == 71


def test_a_view_cannot_be_written(altered: sqlite3.Connection) -> None:
    for view in ("blocks", "inputs", "postings", "journal", "rejections"):
        with pytest.raises(sqlite3.OperationalError, match="cannot modify"):
            altered.execute(f"DELETE FROM {view}")


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("CREATE INDEX mine ON turns (token_supply)", "mine"),
        ("CREATE TRIGGER late AFTER INSERT ON turns BEGIN SELECT 1; END", "late"),
        ("DROP VIEW blocks", "blocks"),
        ("CREATE TABLE notes (a)", "notes"),
        ("ANALYZE", "sqlite_stat1"),
    ],
)
def test_whoever_opens_an_altered_shape_is_told_what_was_altered(
    statement: str, named: str, altered: sqlite3.Connection
) -> None:
    altered.execute(statement)
    altered.commit()
    path = path_of(altered)
    for opened in (World.open, SQLiteStore.open, statement_of, entered):
        with pytest.raises(StoreError) as refused:
            opened(path)
        assert refused.value.code == "ledger_damaged"
        assert named in str(refused.value)
    finding = verify(path).finding
    assert finding is not None
    assert named in finding.problem


def statement_of(path: Path) -> object:
    return statement(path, "agent_0")


def entered(path: Path) -> object:
    with reading(path) as store:
        return store.head()


def test_an_endless_view_instead_of_a_table_hangs_nobody(tmp_path: Path) -> None:
    path = tmp_path / "strange.sqlite"
    rich_world(path, 13).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE turns")
        connection.execute(
            "CREATE VIEW turns AS WITH RECURSIVE n(turn) AS "
            "(SELECT 0 UNION ALL SELECT turn + 1 FROM n) "
            "SELECT turn, '{}' AS line, '' AS head FROM n"
        )
    assert not verify(path).holds
    with pytest.raises(StoreError):
        World.open(path)


@pytest.mark.parametrize("turn", [0, 64])
def test_a_snapshot_is_bound_to_the_head_not_only_to_its_line(
    turn: int, altered: sqlite3.Connection
) -> None:
    ((state,),) = altered.execute("SELECT state FROM snapshots WHERE turn = ?", (turn,)).fetchall()
    richer = re.sub(r'"accounts":\[(-?\d+),', r'"accounts":[\g<1>0,', state, count=1)
    assert richer != state
    altered.execute("DELETE FROM snapshots WHERE turn > ?", (turn,))
    altered.execute("UPDATE snapshots SET state = ? WHERE turn = ?", (richer, turn))
    altered.execute(
        "UPDATE turns SET line = replace(line, ?, ?) WHERE turn = ?",
        (digest(state.encode()), digest(richer.encode()), turn),
    )
    altered.execute("DELETE FROM extracts")
    altered.commit()
    for opened in (World.open, lambda path: statement(path, "agent_0", first_turn=66)):
        with pytest.raises(StoreError) as refused:
            opened(path_of(altered))
        assert f"the head of turn {turn} is not that of its line" in str(refused.value)
