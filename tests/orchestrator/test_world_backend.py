"""The same loop through an engine: the same prompts, the same bytes, closed once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim_economy.client import AsyncEngineClient
from sim_economy.core.actions import Input, Mine, Unrecognised
from sim_economy.core.codec import canonical
from sim_economy.core.errors import TurnConflictError
from sim_economy.core.world_config import config_values, parse_world_config
from sim_economy.orchestrator.record.call_folder import CALL_LOG, LEDGER, read_run
from sim_economy.orchestrator.world_backend import EngineBackend, LocalBackend
from sim_economy.world.world import World
from tests.api.wire_client import EngineProcess
from tests.cli.shell import complaint, json_of, sim_economy
from tests.orchestrator.setup import SCENARIO

MIXED = """
name = "mixed"
turns = 6
seed = 20
[orchestrator]
observation = "full"
[models.m]
provider = "mock"
[[minds]]
agents = ["agent_1"]
policy = "published"
[[minds]]
model = "m"
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    with EngineProcess(tmp_path / "engine.sqlite") as started:
        started.wait()
        yield started


def test_both_backends_show_the_same(engine: EngineProcess) -> None:
    async def steps() -> None:
        inputs = [Input(name, Mine(), 50, 170) for name in SCENARIO.agent_ids]
        inputs[2] = Input("agent_2", Unrecognised("x" * 900), thinking="y" * 30_000)
        inputs[3] = Input("agent_3", Mine(), speech="hello \u00fc \U0001f600")
        with World(SCENARIO, world_id="default") as world:
            async with AsyncEngineClient(f"http://127.0.0.1:{engine.port}") as client:
                plain = json.loads(canonical(config_values(SCENARIO, seed=True)))
                del plain["secret"]
                await client.init(plain, list(SCENARIO.agent_ids))
                near, far = LocalBackend(world), EngineBackend(client, SCENARIO)
                for turn in (1, 2):
                    assert await near.world_head() == await far.world_head()
                    assert await near.full_state() == await far.full_state()
                    for name in SCENARIO.agent_ids:
                        assert await near.observe(name) == await far.observe(name)
                    closed = [
                        await world_backend.close_turn(turn, inputs, key=f"k{turn}", ends=turn == 2)
                        for world_backend in (near, far, near, far)
                    ]
                    assert len({json.dumps([one.turn, one.head]) for one in closed}) == 1
                    assert closed[0].rejections["agent_2"] == "text_too_long"
                with pytest.raises(TurnConflictError):
                    await near.close_turn(2, inputs[1:], key="k2", ends=True)
                with pytest.raises(TurnConflictError):
                    await near.close_turn(7, inputs, key="k7", ends=False)

    asyncio.run(steps())


def test_texts_are_held_to_the_limits_of_the_turn_they_are_played_in(
    engine: EngineProcess,
) -> None:
    """Genesis takes 500 characters of speech and 20,000 of thinking; shocks change both."""
    shocks = [
        {"turn": 2, "until": 2, "target": "speech_length_max", "value": 900},
        {"turn": 2, "until": 2, "target": "thinking_length_max", "value": 30_000},
        {"turn": 3, "target": "speech_length_max", "value": 100},
        {"turn": 3, "target": "thinking_length_max", "value": 200},
    ]
    config = parse_world_config({"num_agents": 2, "governance": {"shocks": shocks}})
    speech, thinking = "s" * 800, "t" * 25_000
    kept = []

    async def steps() -> None:
        inputs = [Input("agent_0", Mine(), speech=speech, thinking=thinking)]
        with World(config, world_id="default") as world:
            async with AsyncEngineClient(f"http://127.0.0.1:{engine.port}") as client:
                await client.init(json.loads(canonical(config_values(config))))
                near, far = LocalBackend(world), EngineBackend(client, config)
                for turn in (1, 2, 3):
                    closed = [
                        await world_backend.close_turn(turn, inputs, key=f"k{turn}", ends=False)
                        for world_backend in (near, far, near)
                    ]
                    assert len({one.head for one in closed}) == 1
                    (stored,) = world.store.read(turn, turn)
                    sent = json.loads(bytes(stored.record.inputs[0]))
                    kept.append((sent.get("speech"), len(sent["thinking"])))

    asyncio.run(steps())
    assert kept == [(None, 20_000), (speech, 25_000), (None, 200)]


def test_a_run_on_an_engine_is_the_run_in_process(tmp_path: Path, engine: EngineProcess) -> None:
    (tmp_path / "mixed.toml").write_text(MIXED)
    address = f"http://127.0.0.1:{engine.port}"
    near = json_of(
        sim_economy("orchestrate", "mixed.toml", "--out", "near", "--json", cwd=tmp_path)
    )
    far = json_of(
        sim_economy(
            "orchestrate", "mixed.toml", "--out", "far", "--engine", address, "--json", cwd=tmp_path
        )
    )
    assert far["turns"] == near["turns"] == 6
    assert far["head"] == engine.call("/head")["hash"]
    assert not (tmp_path / "far" / LEDGER).exists()
    _, one = read_run(tmp_path / "near")
    _, other = read_run(tmp_path / "far")
    assert one.decided == other.decided
    assert {call_id: ended.answer for call_id, ended in one.calls_ended.items()} == {
        call_id: ended.answer for call_id, ended in other.calls_ended.items()
    }
    replayed = json_of(sim_economy("replay", tmp_path / "far", "--json"))
    assert (replayed["head"], replayed["ledger"]) == (far["head"], False)


def test_a_lost_answer_of_the_engine_closes_no_turn_twice(
    tmp_path: Path, engine: EngineProcess
) -> None:
    """As if the process had died between the engine's answer and its own record of it."""
    (tmp_path / "mixed.toml").write_text(MIXED)
    command = ["orchestrate", "mixed.toml", "--out", "far", "--json", "--engine"]
    address = f"http://127.0.0.1:{engine.port}"
    whole = json_of(sim_economy(*command, address, cwd=tmp_path))
    record = tmp_path / "far" / CALL_LOG
    lines = record.read_bytes().splitlines(keepends=True)
    assert b'"closed"' in lines[-1]
    record.write_bytes(b"".join(lines[:-1]))
    again = json_of(sim_economy(*command, address, cwd=tmp_path))
    assert (again["head"], again["calls"]) == (whole["head"], 0)


def test_an_engine_with_another_world_is_refused(tmp_path: Path, engine: EngineProcess) -> None:
    (tmp_path / "mixed.toml").write_text(MIXED)
    engine.call("/init", {"config": {"seed": 5}})
    address = f"http://127.0.0.1:{engine.port}"
    said = complaint(sim_economy("orchestrate", "mixed.toml", "--engine", address, cwd=tmp_path))
    assert "not of one run" in said


def test_an_engine_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "mixed.toml").write_text(MIXED)
    said = complaint(
        sim_economy("orchestrate", "mixed.toml", "--engine", "http://127.0.0.1:9", cwd=tmp_path)
    )
    assert "is the engine running?" in said


def test_an_engine_that_asks_for_tokens_takes_the_operators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "operator-" + "7" * 40
    (tmp_path / "mixed.toml").write_text(MIXED)
    near = json_of(sim_economy("orchestrate", "mixed.toml", "--out", "n", "--json", cwd=tmp_path))
    ledger = tmp_path / "tokens.sqlite"
    with EngineProcess(ledger, SIM_ENGINE_AUTH="tokens", SIM_ENGINE_ADMIN_TOKEN=token) as started:
        started.wait()
        address = f"http://127.0.0.1:{started.port}"
        command = ["orchestrate", "mixed.toml", "--out", "far", "--engine", address, "--json"]
        refused = sim_economy(*command, cwd=tmp_path)
        assert refused.returncode == 2
        assert "token" in refused.stderr
        monkeypatch.setenv("SIM_ENGINE_ADMIN_TOKEN", token)
        far = json_of(sim_economy(*command, cwd=tmp_path))
    assert far["turns"] == near["turns"]
    assert json_of(sim_economy("replay", tmp_path / "far", "--json"))["head"] == far["head"]
    for path in (tmp_path / "far").rglob("*"):
        assert token.encode() not in path.read_bytes(), path
