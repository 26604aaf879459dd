"""The same scenario, seed and inputs give the same bytes, wherever they are kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim_economy.core.state import encode_state
from sim_economy.core.world_config import WorldConfig
from sim_economy.ledger.records import read_record
from sim_economy.ledger.verify import verify
from sim_economy.world.replay import replay
from sim_economy.world.world import World
from tests.ledger.ledgers import SCENARIO, WRITTEN, export, export_hash, play, script

SCENARIOS = pytest.mark.parametrize("config", [SCENARIO, WRITTEN], ids=["as-run", "as-written"])


def test_processes_with_other_hash_seeds_give_the_same_bytes(tmp_path: Path) -> None:
    told = []
    for hash_seed in ("0", "1", "4242"):
        folder = tmp_path / hash_seed
        folder.mkdir()
        told.append(
            subprocess.run(
                [sys.executable, "-m", "tests.world.child", "hashes", str(folder)],
                env={**os.environ, "PYTHONHASHSEED": hash_seed},
                capture_output=True,
                text=True,
                check=True,
            ).stdout.split()
        )
    assert told[0] == told[1] == told[2]
    run, run_kept, written, written_kept = told[0]
    assert run == run_kept == export_hash(play(World(SCENARIO), script(SCENARIO, 40)).store)
    assert written == written_kept != run


@SCENARIOS
def test_every_store_keeps_the_same_lines_and_heads(config: WorldConfig, location: str) -> None:
    turns = script(config, 70)
    memory = play(World(config), turns)
    with play(World.create(location, config), turns) as kept:
        assert list(kept.store.read()) == list(memory.store.read())
        assert kept.store.genesis_line() == memory.store.genesis_line()
        assert kept.head == memory.head == kept.store.head() == memory.store.head()
        assert list(kept.store.snapshots()) == list(memory.store.snapshots())
        assert list(kept.store.read(5, 9)) == list(memory.store.read(5, 9))
        assert list(kept.store.read(68)) == list(memory.store.read(68))
        assert kept.store.accounts() == memory.store.accounts()
        for world in (memory, kept):
            assert verify(world.store).holds
            assert replay(world.store) == world.head


@SCENARIOS
def test_a_world_played_without_records_has_the_same_states(config: WorldConfig) -> None:
    unrecorded, recorded = World(config, recorded=False), World(config)
    for inputs in script(config, 70):
        assert unrecorded.turn(inputs) == recorded.turn(inputs)
        assert encode_state(unrecorded.state) == encode_state(recorded.state)


def test_worlds_of_other_names_seeds_or_parameters_share_no_head() -> None:
    worlds = [
        World(SCENARIO),
        World(SCENARIO, world_id="another"),
        World(WorldConfig()),
        World(WRITTEN),
    ]
    assert len({world.head.hash for world in worlds}) == len(worlds)


def test_thinking_and_speech_that_change_no_account_change_the_head() -> None:
    exports = set()
    for thinking, speech in ((None, None), ("a", None), (None, "a")):
        world = World(SCENARIO)
        first = script(SCENARIO, 1)[0][0]
        world.turn([type(first)(first.agent_id, first.action, 0, 0, thinking, speech)])
        exports.add(export(world.store))
    assert len(exports) == 3


@SCENARIOS
def test_the_turns_compared_hold_contracts_from_proposal_to_end(config: WorldConfig) -> None:
    world = play(World(config), script(config, 70))
    happened = {
        str(event.happened)
        for stored in world.store.read()
        for event in read_record(stored.line).contracts
    }
    assert happened >= {"proposed", "signed", "started", "settled", "lapsed", "voided"}
