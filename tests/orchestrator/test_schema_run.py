"""Whole runs against servers that hold each reply to the schema they are sent, and write junk."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sim_economy.core.world_config import parse_world_config
from sim_economy.orchestrator.dialogue.reply_parser import SCHEMA
from sim_economy.orchestrator.limits.budget import BudgetReachedError
from sim_economy.orchestrator.record import call_folder
from sim_economy.orchestrator.record.call_folder import read_run
from sim_economy.orchestrator.session import replay_run
from sim_economy.orchestrator.task import Task
from tests.orchestrator.server import ModelServer, Served
from tests.orchestrator.setup import play, served
from tests.properties.schema_play import drawn
from tests.properties.test_options import TWO_NUMBERS

WORLD = parse_world_config(
    {"seed": 7, "num_agents": 6, "governance": {"contract_matching": {}}, "signature_window": 2}
)
EXACT = {"schema": "llama.cpp", "schema_scope": "turn", "max_output_tokens": 4000}


@dataclass
class SchemaServer(ModelServer):
    """Answers with anything that the schema of the request allows."""

    def _text(self, served: Served) -> str:
        random = Random(f"{served.turn} {served.agent} {served.attempt}")
        return json.dumps(drawn(schema_of(served.body), random))


def schema_of(body: dict[str, Any]) -> dict[str, Any]:
    if "tools" in body:
        schema: dict[str, Any] = body["tools"][0]["function"]["parameters"]
        return schema
    shape: dict[str, Any] = body["response_format"]["json_schema"]["schema"]
    return shape


def asked(address: str, turns: int, output: str, **model: Any) -> Task:
    return served(address, turns, WORLD, model={"output": output, **model})


@pytest.mark.parametrize("output", ["native", "tool"])
def test_every_reply_is_used_at_once_and_none_is_refused_for_its_form(
    tmp_path: Path, output: str
) -> None:
    turns = 8
    with SchemaServer(config=WORLD) as server:
        ended = play(tmp_path, asked(server.address, turns, output, **EXACT))
        assert len(server.log) == ended.calls == turns * WORLD.num_agents
    _, log = read_run(tmp_path)
    assert {(one.attempts, one.idle_reason) for one in log.decided.values()} == {(1, None)}
    refusals = Counter(reason for one in log.closed.values() for reason in one.rejections.values())
    assert set(refusals) <= {str(reason) for reason in TWO_NUMBERS}, refusals
    assert len({one.chosen.action.__class__ for one in log.decided.values()}) > 8
    assert any(one.chosen.needs for one in log.decided.values())
    assert asyncio.run(replay_run(tmp_path)).world_head == ended.world_head


def test_a_schema_that_lasts_is_sent_with_every_call_of_an_agent(tmp_path: Path) -> None:
    with SchemaServer(config=WORLD) as server:
        play(tmp_path, asked(server.address, 3, "tool", schema="llama.cpp", max_output_tokens=4000))
    sent: dict[int, set[str]] = {agent: set() for agent in range(WORLD.num_agents)}
    for call in server.log:
        sent[call.agent].add(json.dumps(schema_of(call.body)))
    assert [len(schemas) for schemas in sent.values()] == [1] * WORLD.num_agents
    _, log = read_run(tmp_path)
    assert {one.idle_reason for one in log.decided.values()} == {None}


def test_a_run_that_began_before_goes_on_and_replays_with_the_schema_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mining(turn: int, agent: int, agent_id: str, shown: object) -> str:
        return '{"action": {"action": "mine"}}'

    with ModelServer(config=WORLD, brain=mining) as server:
        monkeypatch.setattr(call_folder, "REPLY_VERSION", 2)
        wanted = served(server.address, 3, WORLD, {"output": "native"}, budget_tokens=20_000)
        with pytest.raises(BudgetReachedError):
            play(tmp_path, wanted)
        monkeypatch.undo()
        before = len(server.log)
        ended = play(tmp_path, served(server.address, 3, WORLD, {"output": "native"}))
        assert 0 < before < len(server.log)
        for call in server.log:
            assert schema_of(call.body) == json.loads(SCHEMA)
            assert call.body["response_format"]["json_schema"]["strict"] is False
    assert asyncio.run(replay_run(tmp_path)).world_head == ended.world_head
