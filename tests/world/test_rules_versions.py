"""A world is played to its end under the version of the rules that its genesis names."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim_economy.core.actions import Mine
from sim_economy.core.rules_version import RULES_VERSION, RulesVersion
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.ledger.readers.reading import genesis_record
from sim_economy.ledger.verify import verify
from sim_economy.world.replay import replay
from sim_economy.world.world import World
from tests.ledger.ledgers import export_hash, play, script


def config_of(version: RulesVersion) -> WorldConfig:
    return parse_world_config({"num_agents": 4, "seed": 7}, WorldConfig(rules_version=version))


@pytest.mark.parametrize("version", RulesVersion)
def test_a_ledger_is_opened_played_on_replayed_and_verified_under_its_own_version(
    version: RulesVersion, tmp_path: Path
) -> None:
    config = config_of(version)
    turns = script(config, 70)
    whole = play(World(config), turns)
    path = tmp_path / "world.sqlite"
    with World.create(path, config) as world:
        play(world, turns[:66])
        assert genesis_record(world.store).rules_version == version
    with World.open(path) as world:
        assert world.config.rules_version is version
        play(world, turns)
        assert export_hash(world.store) == export_hash(whole.store)
        assert replay(world.store) == world.head
        assert verify(world.store).holds


def test_the_versions_draw_other_winners() -> None:
    drawn = []
    for version in RulesVersion:
        world = World(config_of(version))
        blocks = [world.act(dict.fromkeys(world.config.agent_ids, Mine())).block for _ in range(30)]
        drawn.append([block and block.winner for block in blocks])
        assert None not in drawn[-1]
    assert drawn[0] != drawn[1]


def test_a_new_world_names_the_present_version() -> None:
    world = World(parse_world_config({}))
    assert genesis_record(world.store).rules_version == RULES_VERSION
