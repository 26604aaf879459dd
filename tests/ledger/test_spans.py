"""Statements of a span: from the newest snapshot before it, if that is the state of its turn."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

import sim_economy as se
from sim_economy.core.errors import StoreError
from sim_economy.ledger.stores.memory import MemoryStore

TURNS = 70
"""More than lie between two snapshots."""


def played(world: se.World) -> se.World:
    for turn in range(TURNS):
        world.turn([se.Input("agent_0", se.Mine() if turn % 3 else se.Job(), 300, 90)])
    return world


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spans") / "world.sqlite"
    with se.World.create(path, se.preset("as-run"), world_id="spans") as world:
        played(world)
    return path


def test_a_span_goes_on_where_the_one_before_it_ends(ledger: Path) -> None:
    whole = se.statement(ledger, "agent_0")
    for turn in (1, 2, 63, 64, 65, 66, TURNS):
        before = se.statement(ledger, "agent_0", last_turn=turn - 1)
        after = se.statement(ledger, "agent_0", first_turn=turn)
        assert before.closing == after.opening, turn
        assert (*before.lines, *after.lines) == whole.lines, turn


@pytest.mark.parametrize("first_turn", [-70, -2, -1, 0])
def test_a_span_from_before_genesis_is_the_whole(ledger: Path, first_turn: int) -> None:
    store = MemoryStore()
    played(se.World(se.preset("as-run"), store=store, world_id="spans"))
    whole = se.statement(ledger, "agent_0")
    for source in (ledger, store):
        assert se.statement(source, "agent_0", first_turn=first_turn) == whole


@pytest.mark.parametrize("damage", ["replace(state, '1000', '2000')", "'{'"])
def test_a_damaged_snapshot_is_not_trusted(ledger: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "damaged.sqlite"
    path.write_bytes(ledger.read_bytes())
    connection = sqlite3.connect(path)
    connection.execute(f"UPDATE snapshots SET state = {damage} WHERE turn > 0")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match=r"the snapshot of turn \d+ is not its state; run"):
        se.statement(path, "agent_0", first_turn=TURNS - 1)
    assert se.statement(path, "agent_0") == se.statement(ledger, "agent_0")
