"""Needs over the wire: matched as in a world here, and refused where nothing is matched."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from sim_economy.client import EngineClient, EngineError
from sim_economy.core.codec import parse_inputs
from sim_economy.core.world_config import parse_world_config
from sim_economy.world.world import World
from tests.api.wire_client import EngineProcess

OFFER: Final = {"kind": "loan", "side": "offer", "amount": 300, "limit_price": 30}
SEEK: Final = {"kind": "loan", "side": "seek", "amount": 200, "limit_price": 30}
CONFIG: Final[dict[str, Any]] = {"num_agents": 2, "governance": {"contract_matching": {}}}


def test_needs_of_two_agents_are_matched_as_in_a_world_here(tmp_path: Path) -> None:
    with EngineProcess(tmp_path / "world.db") as engine:
        engine.wait()
        with EngineClient(f"http://127.0.0.1:{engine.port}") as client:
            client.init(CONFIG, ["ann", "bob"])
            client.submit("ann", {"action": "idle"}, needs=[OFFER])
            assert client.submit("bob", {"action": "idle"}, needs=[SEEK])["closed"]
            seen = client.observation("bob")
            closed = client.head()
    here = World(parse_world_config(CONFIG, agent_ids=["ann", "bob"]))
    here.turn(
        parse_inputs(
            [
                {"agent_id": "ann", "action": {"action": "idle"}, "needs": [OFFER]},
                {"agent_id": "bob", "action": {"action": "idle"}, "needs": [SEEK]},
            ]
        )
    )
    assert closed["state_digest"] == here.head.state_digest
    (match,) = seen["governance"]["matches"]
    assert (match["partner"], match["side"], match["price"]) == ("ann", "seek", 25)
    assert match["terms"] == {"due_turn": 13, "principal": 200, "premium": 25}


def test_an_engine_whose_world_matches_nothing_refuses_needs(tmp_path: Path) -> None:
    with EngineProcess(tmp_path / "world.db") as engine:
        engine.wait()
        with EngineClient(f"http://127.0.0.1:{engine.port}") as client:
            client.init({"num_agents": 2}, ["ann", "bob"])
            with pytest.raises(EngineError, match="contract_matching") as caught:
                client.submit("ann", {"action": "idle"}, needs=[OFFER])
            assert caught.value.code == "input_invalid"
            assert client.head()["turn"] == 0
