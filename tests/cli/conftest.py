"""Ledgers that commands read; nobody writes into them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim_economy.core.actions import Action, Mine, Transfer, Unstake
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.runs.policy_loop import play_run
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.world.world import World


@pytest.fixture(scope="session")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ledgers: a published run, and small ones that part from each other."""
    folder = tmp_path_factory.mktemp("ledgers")
    store = SQLiteStore.new(folder / "published.sqlite")
    play_run(load_scenario("as-run"), 1, store)
    store.close()
    for name, config, sent in (
        ("one", WorldConfig(), 20),
        ("same", WorldConfig(), 20),
        ("less", WorldConfig(), 19),
        ("study", parse_world_config({"study_cost": 51}), 20),
    ):
        with World.create(folder / f"{name}.sqlite", config, world_id=name) as world:
            second: dict[str, Action] = {
                "agent_2": Transfer("agent_3", sent, 1),
                "agent_1": Unstake(5),
            }
            world.act({"agent_0": Mine(), "agent_1": Mine()})
            world.act(second)
            world.act({"agent_0": Mine(), "agent_1": Mine()}, ends=name != "less")
    return folder
