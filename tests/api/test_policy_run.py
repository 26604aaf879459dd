"""A whole run inside the engine: the published rows, cut off and taken up, and refusals."""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import Any, Final

import pytest

from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.ledger.verify import verify
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run import run_of
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.world.replay import replay
from tests.api.signers import PUBLIC_KEYS, signed_house
from tests.api.test_drop_in import AGENT_IDS, CI_RUNS, NIGHTLY_RUNS, PUBLISHED
from tests.api.wire_client import PARAMETERS, EngineProcess, Reply, inputs_of
from tests.faults.limited import SHORT_RUNS
from tests.faults.test_hostile_input import MARKER

LONG: Final = 400
"""Turns of a run that takes a moment."""


def published(run: int, **more: Any) -> dict[str, Any]:
    return {"config": {**PARAMETERS, "seed": 1000 + run}, "agent_ids": AGENT_IDS, **more}


def post(engine: EngineProcess, body: Any, prefix: str = "") -> Reply:
    return engine.ask("POST", f"{prefix}/run", json.dumps(body).encode())


@pytest.fixture
def fresh(ledger: Path) -> Iterator[EngineProcess]:
    with EngineProcess(ledger) as running:
        yield running


def driven(folder: Path, run: int, turns: int = 60) -> str:
    """The head after the same turns, posted one by one by a client of its own."""
    with EngineProcess(folder / "driven.db") as engine:
        engine.call("/init", published(run))
        draws = random.Random(1000 + run)
        for turn in range(1, turns + 1):
            body: dict[str, Any] = {"inputs": inputs_of(turn, engine.call("/state"), draws)}
            engine.call("/turn", body | ({"ends": True} if turn == turns else {}))
        head: str = engine.call("/head")["hash"]
    return head


# The published experiment


def assert_published(engine: EngineProcess, run: int, prefix: str = "") -> None:
    data = post(engine, published(run), prefix).json["data"]
    row = {name: str(value) for name, value in data["metrics"].items()}
    assert row == {**PUBLISHED[run - 1], "run_id": "0"}
    assert list(row) == list(PUBLISHED[run - 1])
    state = engine.call(f"{prefix}/state")
    assert data["state"] == state
    assert (state["turn"], state["ended"]) == (60, True)


@pytest.mark.parametrize("run", CI_RUNS[:2])
def test_a_run_gives_a_published_row_to_the_last_digit(fresh: EngineProcess, run: int) -> None:
    assert_published(fresh, run)


@pytest.mark.nightly
def test_runs_in_worlds_of_one_engine_give_every_published_row(fresh: EngineProcess) -> None:
    for run in range(1, NIGHTLY_RUNS + 1):
        assert_published(fresh, run, f"/worlds/run-{run}")


def test_a_run_leaves_the_head_of_the_same_turns_posted_one_by_one(
    fresh: EngineProcess, tmp_path: Path
) -> None:
    data = post(fresh, published(4)).json["data"]
    assert data["state"]["head"] == driven(tmp_path, 4)
    assert verify(fresh.ledger).holds
    assert replay(fresh.ledger).hash == data["state"]["head"]


def test_a_run_in_parts_is_the_same_run(fresh: EngineProcess, tmp_path: Path) -> None:
    first = post(fresh, published(4, turns=20, ends=False)).json["data"]
    assert (first["state"]["turn"], first["state"]["ended"]) == (20, False)
    assert first["metrics"]["turns"] == 20
    second = post(fresh, published(4)).json["data"]
    assert second["state"]["head"] == driven(tmp_path, 4)


@pytest.mark.parametrize("again", ["at once", "after a restart"])
def test_a_request_repeated_gets_the_same_answer_and_plays_nothing(
    ledger: Path, again: str
) -> None:
    with EngineProcess(ledger) as engine:
        first = post(engine, published(2, turns=30))
        head = engine.call("/head")
        if again == "at once":
            assert post(engine, published(2, turns=30)).body == first.body
    with EngineProcess(ledger) as engine:
        assert post(engine, published(2, turns=30)).body == first.body
        assert post(engine, {"turns": 30}).body == first.body
        assert engine.call("/head") == head


def test_a_world_needs_no_configuration_and_a_run_no_end(fresh: EngineProcess) -> None:
    data = post(fresh, {"turns": 3, "ends": False}).json["data"]
    assert data["world_id"] == "default"
    assert (data["state"]["turn"], len(data["state"]["agents"])) == (3, 8)
    assert fresh.call("/turn", {"inputs": []})["data"]["turn"] == 4


def test_usage_may_come_from_a_distribution(fresh: EngineProcess) -> None:
    usage = {
        "source": "distribution",
        "thinking": {"distribution": "constant", "value": 0},
        "output": {"distribution": "uniform", "low": 120, "high": 120},
    }
    data = post(fresh, {"turns": 5, "usage": usage}).json["data"]
    assert data["metrics"]["fees_total"] > 0
    fees = {row["inference_fees_collected"] for row in fresh.call("/turns?after=0")["rows"]}
    assert fees == {8 * 20}


# Cut off, and taken up


def run_in_background(engine: EngineProcess, body: Any, prefix: str = "") -> Reply | None:
    with suppress(OSError, http.client.HTTPException):
        return post(engine, body, prefix)
    return None


@pytest.mark.parametrize("prefix", ["", "/worlds/long"], ids=["default", "beside"])
def test_a_run_cut_off_by_kills_goes_on_to_the_same_head(
    ledger: Path, tmp_path: Path, prefix: str
) -> None:
    turns = 6 * LONG
    body = published(6, turns=turns)
    reached = [0]
    draws = random.Random(6)
    for _ in range(3):
        with EngineProcess(ledger) as engine:
            killer = Timer(draws.uniform(0.1, 0.25), engine.process.kill)
            killer.start()
            assert run_in_background(engine, body, prefix) is None, "the kill came too late"
            killer.join()
            engine.process.wait(10)
        with EngineProcess(ledger) as engine:
            reached.append(engine.call(f"{prefix}/state")["turn"])
    assert reached == sorted(reached)
    assert 0 < reached[-1] < turns
    with EngineProcess(ledger) as engine:
        resumed = post(engine, body, prefix).json["data"]
    with EngineProcess(tmp_path / "whole.db") as engine:
        whole = post(engine, body, prefix).json["data"]
    assert resumed == whole


def wait_until_turn(engine: EngineProcess, turn: int, prefix: str = "") -> None:
    until = time.monotonic() + 20
    while True:
        reply = engine.ask("GET", f"{prefix}/state")
        if reply.status == 200 and reply.json["turn"] >= turn:
            return
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_foreign_turn_in_the_middle_stops_the_run_with_a_409(fresh: EngineProcess) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(post, fresh, published(1, turns=LONG))
        wait_until_turn(fresh, 5)
        foreign = fresh.call("/turn", {"inputs": []})["data"]["turn"]
        refused = running.result()
    assert (refused.status, refused.error["code"]) == (409, "turn_conflict")
    assert 5 < foreign < LONG
    assert fresh.call("/state")["turn"] == foreign
    assert post(fresh, published(1, turns=LONG)).status == 200, "sent again, it goes on from there"
    assert verify(fresh.ledger).holds


def test_a_world_is_read_while_a_run_goes_on_in_it_also_after_a_restart(ledger: Path) -> None:
    prefix = "/worlds/long"
    with EngineProcess(ledger) as engine:
        post(engine, published(1, turns=2, ends=False), prefix)
    with EngineProcess(ledger) as engine, ThreadPoolExecutor(1) as pool:
        running = pool.submit(post, engine, published(1, turns=LONG), prefix)
        wait_until_turn(engine, 5, prefix)
        for path in ("state", "turns?limit=5", "series?limit=5", "agents/agent_0/statement"):
            assert engine.ask("GET", f"{prefix}/{path}").status == 200
        assert engine.call("/health") == {"status": "ok"}
        assert running.result().status == 200


def test_sigterm_in_the_middle_of_a_run_ends_it_in_time_and_whole(ledger: Path) -> None:
    turns = 25_000
    body = published(6, turns=turns)
    with EngineProcess(ledger) as engine, ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_in_background, engine, body)
        wait_until_turn(engine, 5)
        assert engine.stop() < 3
        running.result()
    found = verify(ledger)
    assert found.holds
    assert 5 <= found.turns < turns


# Refused


def test_another_configuration_is_a_409_and_plays_nothing(fresh: EngineProcess) -> None:
    post(fresh, published(1, turns=5, ends=False))
    before = fresh.call("/head")
    for other in (
        published(2, turns=9),
        {"config": {**PARAMETERS, "seed": 1001, "signing_bonus": 51}, "turns": 9},
        {"config": {"preset": "as-written", "seed": 1001}, "turns": 9},
        {**published(1, turns=9), "agent_ids": [*AGENT_IDS[:7], "eve"]},
        {"agent_ids": ["eve", "bob"], "turns": 9},
    ):
        refused = post(fresh, other)
        assert (refused.status, refused.error["code"]) == (409, "world_exists")
    assert fresh.call("/head") == before
    without_seed = {"config": PARAMETERS, "agent_ids": AGENT_IDS, "turns": 9, "ends": False}
    assert post(fresh, without_seed).json["data"]["state"]["turn"] == 9


def test_a_world_that_is_past_the_turn_or_has_ended_is_a_409(fresh: EngineProcess) -> None:
    post(fresh, published(1, turns=9, ends=False))
    past = post(fresh, published(1, turns=8))
    assert (past.status, past.error["code"], past.error["turn"]) == (409, "turn_conflict", 10)
    post(fresh, published(1, turns=12))
    ended = post(fresh, published(1, turns=13))
    assert (ended.status, ended.error["code"], ended.error["turn"]) == (409, "run_ended", 12)


def test_a_run_that_is_too_large_starts_nothing(ledger: Path) -> None:
    with EngineProcess(ledger, program=SHORT_RUNS) as engine:
        for body in (
            {"turns": 51},
            {"turns": 2**31},
            {"config": {"num_agents": 401}, "turns": 1},
        ):
            refused = post(engine, body)
            assert (refused.status, refused.error["field"]) == (422, "turns")
        assert engine.ask("GET", "/state").error["code"] == "world_missing"
        assert not ledger.exists()
        assert post(engine, {"turns": 50}).status == 200
        refused = post(engine, {"turns": 51})
        assert (refused.status, refused.error["field"]) == (422, "turns")


HOSTILE: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "a trace": ({"usage": {"source": "trace", "path": "SECRET"}}, "usage.source"),
    "a trace that repeats": (
        {"usage": {"source": "trace", "path": "SECRET", "repeat": True}},
        "usage.source",
    ),
    "a trace in capitals": ({"usage": {"source": "TRACE", "path": "SECRET"}}, "usage.source"),
    "a path beside the source": (
        {"usage": {"source": "published", "path": "SECRET"}},
        "usage.path",
    ),
    "a list as source": ({"usage": {"source": ["trace"]}}, "usage.source"),
    "no source": ({"usage": {}}, "usage.source"),
    "an unknown source": ({"usage": {"source": MARKER}}, "usage.source"),
    "usage as a list": ({"usage": []}, "usage"),
    "usage of null": ({"usage": None}, "usage"),
    "a key no source has": ({"usage": {"source": "published", f"<{MARKER}>": 1}}, "usage"),
    "an unknown policy": ({"policy": MARKER}, "policy"),
    "a policy by its path": ({"policy": "SECRET"}, "policy"),
    "a policy of nulls": ({"policy": None}, "policy"),
    "an empty policy": ({"policy": ""}, "policy"),
    "turns as text": ({"turns": "5"}, "turns"),
    "no turns": ({"turns": 0}, "turns"),
    "turns below zero": ({"turns": -1}, "turns"),
    "half a turn": ({"turns": 1.5}, "turns"),
    "turns without end": ({"turns": 2**63}, "turns"),
    "true turns": ({"turns": True}, "turns"),
    "ends as a number": ({"ends": 1}, "ends"),
    "a wrong configuration": ({"config": {"num_cores": 0}}, "num_cores"),
    "an unknown field": ({MARKER: 1}, "body"),
    **{
        f"a distribution of {value!r}": (
            {
                "usage": {
                    "source": "distribution",
                    "thinking": {"distribution": "constant", "value": 0},
                    "output": {"distribution": "lognormal", "median": 5, "sigma": value},
                }
            },
            "usage.output.sigma",
        )
        for value in (-1, 11, 2**63, True, None, "1", [1], MARKER)
    },
}


def test_what_cannot_be_run_is_refused_by_name_reads_no_file_and_starts_nothing(
    fresh: EngineProcess, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(f"turn,agent,thinking,output\n1,agent_0,5,{MARKER}\n", encoding="utf-8")
    for name, (body, field) in HOSTILE.items():
        text = json.dumps({"turns": 2, **body}).replace("SECRET", str(secret))
        refused = fresh.ask("POST", "/run", text.encode())
        error = refused.error
        assert refused.status == (400 if field == "body" else 422), (name, error)
        named = error.get("field") or error["problems"][0].split(":")[0]
        assert named == field, name
        assert MARKER.encode() not in refused.body, name
        assert b"secret" not in refused.body, name
        assert len(refused.body) < 1000
    assert fresh.ask("GET", "/state").error["code"] == "world_missing"
    assert not fresh.ledger.exists()


def test_nobody_runs_a_policy_where_agents_sign(ledger: Path) -> None:
    with signed_house(ledger) as house:
        for path in ("/run", "/worlds/a/run"):
            refused = house.call("operator", "POST", path, {"turns": 2})
            assert refused.status_code == 422
            assert refused.json()["error"]["field"] == "policy"
        assert house.unmoved()
    assert not Path(f"{ledger}.worlds").exists()


def test_nobody_runs_a_policy_in_a_world_with_keys_behind_an_open_engine(
    fresh: EngineProcess,
) -> None:
    fresh.call("/init", {"agent_ids": ["ann", "bob"], "public_keys": PUBLIC_KEYS})
    refused = post(fresh, {"turns": 2})
    assert (refused.status, refused.error["field"]) == (422, "policy")
    assert fresh.call("/state")["turn"] == 0


def test_where_tokens_are_asked_for_only_the_operator_runs(ledger: Path) -> None:
    with EngineProcess(
        ledger, SIM_ENGINE_AUTH="tokens", SIM_ENGINE_ADMIN_TOKEN="operator"
    ) as engine:
        body = json.dumps({"turns": 2, "ends": False}).encode()
        operator = {"Authorization": "Bearer operator"}
        assert engine.ask("POST", "/run", body).status == 401
        assert not ledger.exists()
        made = engine.ask("POST", "/init", b"{}", **operator).json
        agent = {"Authorization": f"Bearer {made['agent_tokens']['agent_0']}"}
        assert engine.ask("POST", "/run", body, **agent).status == 403
        assert engine.call("/state", **operator)["turn"] == 0
        assert engine.ask("POST", "/run", body, **operator).json["data"]["state"]["turn"] == 2


# What a ledger holds is what was seen


@pytest.mark.parametrize("preset", ["as-run", "as-written"])
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_the_run_of_a_ledger_is_the_run_as_it_was_watched(
    tmp_path: Path, preset: str, kind: str
) -> None:
    for run in (1, 2):
        path = tmp_path / f"{run}.db"
        store = MemoryStore() if kind == "memory" else SQLiteStore.new(path)
        watched = play_run(load_scenario(preset), run, store)
        assert run_of(store, run) == watched
        store.close()
