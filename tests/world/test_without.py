"""A turn closed without the accepted input that would take an account beyond 2^62."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim_economy.core.accounts import BALANCE
from sim_economy.core.actions import Input, Job, Mine
from sim_economy.core.errors import AmountOutOfRangeError, InputError
from sim_economy.core.units import ACCOUNT_LIMIT, INPUT_LIMIT
from sim_economy.ledger.verify import verify
from sim_economy.world.engine import Engine
from sim_economy.world.replay import replay
from tests.api.wire_client import EngineProcess

AGENTS = ["mallory", "ann", "bob"]
CONFIG = {"num_agents": 3, "interest_rate_per_turn": 1, "base_inference_rate": 1_000_000}
COSTLY = Input("mallory", Mine(), 0, INPUT_LIMIT)
FEE = (INPUT_LIMIT - 100) * 10**6


def at_the_limit(engine: Engine) -> None:
    """Mallory owes so much that her next fee passes the limit, and has sent what costs it."""
    engine.start(CONFIG, AGENTS)
    world = engine.started()
    while world.state.accounts[BALANCE] - FEE >= -ACCOUNT_LIMIT:
        engine.close_turn([COSTLY])
    engine.submit(COSTLY)
    engine.submit(Input("ann", Mine()))


def test_nobody_holds_up_a_world_with_an_action_it_cannot_pay(tmp_path: Path) -> None:
    path = tmp_path / "world.sqlite"
    engine = Engine.open(path)
    at_the_limit(engine)
    for ends in (False, True):
        with pytest.raises(AmountOutOfRangeError, match="without"):
            engine.close_turn(ends=ends)
    engine.close()
    engine = Engine.open(path)
    assert len(engine.started().accepted()) == 2
    answer = json.loads(engine.close_turn([Input("bob", Job())], without=["mallory"]))["data"]
    assert (answer["inputs"], answer["rejections"]) == (2, [])
    assert engine.started().accepted() == []
    engine.submit(COSTLY)
    assert json.loads(engine.close_turn(without=AGENTS, ends=True))["data"]["ended"]
    assert verify(engine.started().store).holds
    assert replay(engine.started().store) == engine.started().head
    engine.close()
    assert verify(path).holds


def test_an_agent_that_is_not_in_the_world_is_named(tmp_path: Path) -> None:
    engine = Engine.open(tmp_path / "world.sqlite")
    engine.start({"num_agents": 3}, AGENTS)
    with pytest.raises(InputError, match="not in this world"):
        engine.close_turn(without=["nobody"])
    engine.close()


def test_the_operator_says_so_over_http(tmp_path: Path) -> None:
    with EngineProcess(tmp_path / "world.sqlite") as engine:
        engine.wait()
        engine.call("/init", {"config": {"num_agents": 3}, "agent_ids": AGENTS})
        for agent in AGENTS[:2]:
            engine.call(f"/agents/{agent}/action", {"action": {"action": "mine"}})
        for wrong in ("mallory", [1], {"mallory": 1}):
            refused = engine.ask("POST", "/close", json.dumps({"without": wrong}).encode())
            assert refused.error["code"] == "input_invalid"
        closed = engine.call("/close", {"without": ["mallory"]})["data"]
        assert (closed["turn"], closed["inputs"]) == (1, 1)
        assert engine.call("/agents/mallory/action", {"action": {"action": "mine"}})["turn"] == 2
