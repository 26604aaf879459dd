"""Existing clients work against this engine without a changed line."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from sim_economy.reports.published.rows import published_text
from tests.api.wire_client import PARAMETERS, EngineProcess, free_port, published_row, published_run

PUBLISHED: Final = list(csv.DictReader(io.StringIO(published_text("run_metrics.csv"))))
CI_RUNS: Final = (1, 9, 24)
NIGHTLY_RUNS: Final = int(os.environ.get("PUBLISHED_RUNS", "24"))
AGENT_IDS: Final = [f"agent_{i}" for i in range(8)]


def idle(agent_id: str = "agent_0", **action: Any) -> dict[str, Any]:
    return {"agent_id": agent_id, "action": action or {"action": "idle"}}


def start(engine: EngineProcess, **config: Any) -> Any:
    return engine.call("/init", {"config": {**PARAMETERS, **config}, "agent_ids": AGENT_IDS})


def turn(engine: EngineProcess, *inputs: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = engine.call("/turn", {"inputs": list(inputs)})["data"]
    return data


@pytest.fixture
def fresh(ledger: Path) -> Iterator[EngineProcess]:
    """An engine without a world."""
    with EngineProcess(ledger) as running:
        yield running


# The published experiment


def assert_published(folder: Path, run: int) -> None:
    raw = published_run(folder, run)
    assert len(PUBLISHED[run - 1]) == 34
    assert published_row(raw) == PUBLISHED[run - 1]
    assert raw["stop_seconds"] < 3


@pytest.mark.parametrize("run", CI_RUNS)
def test_an_existing_client_gets_a_published_row_to_the_last_digit(
    tmp_path: Path, run: int
) -> None:
    assert_published(tmp_path, run)


@pytest.mark.nightly
@pytest.mark.parametrize("run", range(1, NIGHTLY_RUNS + 1))
def test_an_existing_client_gets_every_published_row_to_the_last_digit(
    tmp_path: Path, run: int
) -> None:
    assert_published(tmp_path, run)


# Starting and stopping


def test_config_answers_before_there_is_a_world(fresh: EngineProcess) -> None:
    defaults = fresh.call("/config")
    assert {name: defaults[name] for name in PARAMETERS} == PARAMETERS
    assert "seed" not in defaults
    assert fresh.ask("GET", "/state").status == 409


def test_config_answers_what_init_was_given_and_never_the_seed(fresh: EngineProcess) -> None:
    start(fresh, signing_bonus=7, seed=987654321)
    reply = fresh.ask("GET", "/config")
    assert reply.json["signing_bonus"] == 7
    assert b"987654321" not in reply.body


def test_a_second_init_is_refused_and_changes_nothing(fresh: EngineProcess) -> None:
    start(fresh)
    turn(fresh)
    before = fresh.call("/state")
    again = fresh.ask("POST", "/init", json.dumps({"config": {"num_agents": 2}}).encode())
    assert (again.status, again.error["code"]) == (409, "world_exists")
    assert fresh.call("/state") == before


@pytest.mark.parametrize("stopped", ["terminated", "killed"])
def test_a_world_comes_back_after_a_restart_with_the_same_state_and_head(
    ledger: Path, stopped: str
) -> None:
    with EngineProcess(ledger) as engine:
        start(engine, seed=5)
        for _ in range(3):
            turn(engine, idle(action="mine"), idle("agent_1", action="stake", amount=80))
        state, head, config = engine.call("/state"), engine.call("/head"), engine.call("/config")
        if stopped == "killed":
            engine.kill()
        else:
            engine.stop()
    with EngineProcess(ledger) as engine:
        assert engine.call("/state") == state
        assert engine.call("/head") == head
        assert engine.call("/config") == config
        assert turn(engine)["turn"] == 4


def test_sigterm_ends_it_with_status_0_within_3_seconds(fresh: EngineProcess) -> None:
    start(fresh)
    assert fresh.stop() < 3
    assert fresh.process.returncode == 0
    assert fresh.messages() == ""


def test_sigterm_ends_it_in_time_though_a_client_still_listens(fresh: EngineProcess) -> None:
    start(fresh)
    with fresh.connection() as connection:
        connection.request("GET", "/events")
        assert connection.getresponse().readline() == b": connected\n"
        assert fresh.stop() < 3
    assert fresh.process.returncode == 0


def test_a_port_in_use_is_a_message_and_a_failure(fresh: EngineProcess, tmp_path: Path) -> None:
    second = EngineProcess(tmp_path / "other.db", port=fresh.port)
    assert second.process.wait(timeout=10) == 1
    assert second.messages().startswith(f"sim-engine: 127.0.0.1:{fresh.port}: ")
    assert second.messages().count("\n") == 1
    assert not (tmp_path / "other.db").exists()


@pytest.mark.parametrize("port", ["", "-1", "http", "65536", "9" * 5000, "²", "8000 "])
def test_a_port_that_is_none_is_a_message_and_a_failure(ledger: Path, port: str) -> None:
    engine = EngineProcess(ledger, PORT=port)
    assert engine.process.wait(timeout=10) == 2
    assert engine.messages() == "sim-engine: PORT must be a number from 0 to 65535\n"


def test_a_second_engine_on_the_same_ledger_is_refused(fresh: EngineProcess) -> None:
    start(fresh)
    second = EngineProcess(fresh.ledger)
    assert second.process.wait(timeout=10) == 1
    assert second.messages() == (
        f"sim-engine: {fresh.ledger}: another process writes it; "
        "stop that one or name another file\n"
    )
    assert turn(fresh)["turn"] == 1


def test_a_second_engine_on_the_same_unstarted_ledger_cannot_start_its_world_too(
    fresh: EngineProcess,
) -> None:
    with EngineProcess(fresh.ledger) as second:
        start(fresh)
        refused = second.ask("POST", "/init", b'{"config": {}}')
        assert refused.status in {409, 503}
        assert turn(fresh)["turn"] == 1


# Configurations


def test_a_partial_configuration_takes_the_defaults(fresh: EngineProcess) -> None:
    defaults = fresh.call("/config")
    answer = fresh.call("/init", {"config": {"signing_bonus": 51}})
    assert answer["config"] == {**defaults, "signing_bonus": 51}
    assert answer["agent_ids"] == AGENT_IDS


def test_the_agents_named_are_the_agents_there_are(fresh: EngineProcess) -> None:
    answer = fresh.call("/init", {"config": {}, "agent_ids": ["zoe", "b:1.x-y"]})
    assert answer["config"]["num_agents"] == 2
    assert [agent["agent_id"] for agent in fresh.call("/state")["agents"]] == ["zoe", "b:1.x-y"]


def test_a_preset_and_variants_stand_flat_in_the_configuration(fresh: EngineProcess) -> None:
    config = {"preset": "as-written", "job_rule": "credit_usage", "study_cost": 49}
    answer = fresh.call("/init", {"config": config})["config"]
    assert (answer["lottery_rule"], answer["job_rule"]) == ("mine_stake_burn", "credit_usage")
    assert (answer["dividend_rule"], answer["study_cost"]) == ("stake_and_burn", 49)
    assert "preset" not in answer


def test_numbers_may_be_written_as_integers_or_decimals(fresh: EngineProcess) -> None:
    answer = fresh.call("/init", {"config": {"interest_rate_per_turn": 0, "block_threshold": 20}})
    assert answer["config"]["interest_rate_per_turn"] == 0
    assert answer["config"]["block_threshold"] == 20


def test_every_problem_of_a_configuration_is_named_at_once(fresh: EngineProcess) -> None:
    wrong = {
        "genesis_tokens": 5,
        "num_cores": 0,
        "burn_decay_rate": 2,
        "interest_rate_per_turn": 0.1234567,
        "slash_both_on_timeout": 1,
        "job_rule": "work",
        "seed": -1,
    }
    body = json.dumps({"config": wrong, "agent_ids": ["a", "a"]}).encode()
    refused = fresh.ask("POST", "/init", body)
    assert (refused.status, refused.error["code"]) == (422, "scenario_invalid")
    named = [problem.split(":")[0] for problem in refused.error["problems"]]
    assert sorted(named) == sorted([*wrong, "agent_ids"])
    assert "did you mean genesis_tokens_per_agent?" in refused.error["problems"][0]
    assert fresh.ask("GET", "/state").error["code"] == "world_missing"
    assert not fresh.ledger.exists()
    start(fresh)


# Turns


def test_nulls_stand_where_existing_clients_send_them(fresh: EngineProcess) -> None:
    start(fresh)
    sent = {
        "agent_id": "agent_3",
        "thinking": None,
        "speech": None,
        "action": {"action": "unstake"},
        "thinking_units": 20,
        "output_units": 120,
    }
    data = turn(fresh, sent)
    assert [one["reason"] for one in data["rejections"]] == ["amount_missing"]
    assert data["inference_fees_collected"] == 22


def test_a_rules_refusal_is_part_of_a_200_and_stops_nobody_else(fresh: EngineProcess) -> None:
    start(fresh)
    data = turn(
        fresh,
        idle("agent_0", action="transfer", to="agent_1", amount=20),
        idle("agent_1", action="transfer", to="agent_1", amount=20),
        idle("agent_2", action="stake", amount=0),
        idle("agent_3", action="burn", amount=1001),
        idle("agent_4", action="unstake", amount=1),
        idle("agent_5", action="fly"),
        idle("agent_5", action="mine"),
        idle("nobody", action="mine"),
        idle("agent_6", action="mine"),
        idle("agent_7", action="mine"),
    )
    assert data["inputs"] == 10
    refused = {one["position"]: one["reason"] for one in data["rejections"]}
    assert sorted(refused) == [1, 2, 3, 4, 5, 6, 7]
    assert all(refused.values())
    assert data["block_winner"] in {"agent_6", "agent_7"}
    state = fresh.call("/state")
    assert [agent["balance"] for agent in state["agents"]] == [980, 1020, *[1000] * 6]


def test_the_turns_answer_has_what_existing_clients_read(fresh: EngineProcess) -> None:
    start(fresh)
    data = turn(fresh)
    assert data["turn"] == 1
    assert data["inference_fees_collected"] == 0
    assert data["block_winner"] is None
    assert data["contracts_settled"] == data["contracts_defaulted"] == data["rejections"] == []
    state = fresh.call("/state")
    assert (state["turn"], state["token_supply"]) == (1, 8000)
    assert state["agents"][7]["agent_id"] == "agent_7"
    assert (state["agents"][7]["balance"], state["agents"][7]["staked"]) == (1000, 0)


def test_the_ledger_file_is_readable_with_json_functions_while_the_engine_runs(
    fresh: EngineProcess,
) -> None:
    start(fresh)
    mine = [idle(agent_id, action="mine") for agent_id in AGENT_IDS[:7]]
    for number in range(1, 4):
        turn(fresh, *mine, idle("agent_7", action="stake", amount=10))
        turn(fresh)
        with closing(sqlite3.connect(f"file:{fresh.ledger}?mode=ro", uri=True)) as reader:
            assert reader.execute("SELECT COUNT(*) FROM blocks WHERE turn > 0").fetchone() == (
                number,
            )
            kinds = reader.execute(
                "SELECT turn, json_extract(data, '$.validator_type') FROM blocks ORDER BY turn"
            ).fetchall()
            assert kinds == [(0, None), *[(2 * i + 1, "mine") for i in range(number)]]
            assert reader.execute(
                "SELECT json_extract(data, '$.tx_type'), COUNT(*) FROM transactions GROUP BY 1"
            ).fetchall() == [("stake", number)]


def test_an_empty_file_becomes_the_ledger(ledger: Path) -> None:
    ledger.touch()
    with EngineProcess(ledger) as engine:
        start(engine)
        assert turn(engine)["turn"] == 1


def test_a_file_that_is_no_ledger_is_refused_and_left_as_it_is(ledger: Path) -> None:
    ledger.write_bytes(b"a diary, not a ledger\n" * 100)
    engine = EngineProcess(ledger, PORT=str(free_port()))
    assert engine.process.wait(timeout=10) == 1
    assert engine.messages().startswith("sim-engine: ")
    assert engine.messages().count("\n") == 1
    assert ledger.read_bytes() == b"a diary, not a ledger\n" * 100
