"""What can be read of a world: pages, statements, observations, events, figures."""

from __future__ import annotations

import http.client
import importlib
import json
import pkgutil
import socket
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

import sim_economy
from sim_economy.api.error_responses import STATUS, RequestError
from sim_economy.core.errors import SimEconomyError
from tests.api.wire_client import EngineProcess, Reply
from tests.faults.limited import LIMITED, LIMITS

AGENTS: Final = 8
TURNS: Final = 12
SECRETS: Final = ("private plan", "986543217")
"""A thought and the seed: no agent may see them."""
HOLDINGS: Final = ("balance", "staked", "unstaking", "pending", "escrow")
PAGES: Final = ("turns", "blocks", "transactions", "rejections", "postings")


def inputs_of(turn: int) -> list[dict[str, Any]]:
    chosen: list[dict[str, Any]] = [
        {"action": "mine"},
        {"action": "mine"} if turn % 3 else {"action": "idle"},
        {"action": "stake", "amount": 10 + turn, "fee": 2},
        {"action": "burn", "amount": turn},
        {"action": "transfer", "to": "agent_0", "amount": 5, "fee": 1},
        {"action": "job"},
        {"action": "unstake", "amount": 1},
        {"action": "speak"},
    ]
    return [
        {
            "agent_id": f"agent_{agent}",
            "action": action,
            "thinking": SECRETS[0],
            "speech": f"turn {turn}" if agent == 7 else None,
            "thinking_units": 100,
            "output_units": 20 * turn,
        }
        for agent, action in enumerate(chosen)
    ]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """An engine whose world has been played for a while."""
    with EngineProcess(tmp_path_factory.mktemp("played") / "world.db") as running:
        running.call("/init", {"config": {"seed": int(SECRETS[1]), "num_cores": 2}})
        for turn in range(1, TURNS + 1):
            running.call("/turn", {"inputs": inputs_of(turn)})
        yield running


@pytest.fixture
def limited(ledger: Path) -> Iterator[EngineProcess]:
    """An engine with small limits and no world."""
    with EngineProcess(ledger, program=LIMITED) as running:
        yield running


# Pages


def paged(engine: EngineProcess, table: str, limit: int) -> Iterator[list[dict[str, Any]]]:
    """Every page of a table."""
    after = ""
    while True:
        page = engine.call(f"/{table}?limit={limit}{after}")
        yield page["rows"]
        if page["next"] is None:
            return
        after = f"&after={page['next']}"


@pytest.mark.parametrize("table", PAGES)
def test_pages_of_any_size_cover_everything_once_and_in_order(
    played: EngineProcess, table: str
) -> None:
    (whole,) = paged(played, table, 1000)
    assert len(whole) > TURNS / 3
    turns = [row["turn"] for row in whole]
    assert turns == sorted(turns)
    for limit in (1, 2, 7, 100):
        pages = list(paged(played, table, limit))
        assert [row for page in pages for row in page] == whole
        assert all(len(page) >= limit for page in pages[:-1])


@pytest.mark.parametrize("table", PAGES)
def test_a_page_after_the_end_is_empty_and_the_last(played: EngineProcess, table: str) -> None:
    for after in (TURNS, TURNS + 1, 2**53):
        assert played.call(f"/{table}?after={after}") == {"rows": [], "next": None}


def test_the_pages_tell_what_the_turns_answered(played: EngineProcess) -> None:
    turns = played.call("/turns")["rows"]
    assert [turn["turn"] for turn in turns] == list(range(TURNS + 1))
    assert turns[-1]["head"] == played.call("/head")["hash"]
    blocks = {block["turn"]: block for block in played.call("/blocks")["rows"]}
    for turn in turns:
        assert turn["block_winner"] == blocks.get(turn["turn"], {}).get("winner")
    refused = [one for turn in turns for one in turn["rejections"]]
    assert played.call("/rejections?limit=1000")["rows"] == refused
    finalised = [one for turn in turns for one in turn["transactions"]]
    kept = played.call("/transactions?limit=1000")["rows"]
    assert len(kept) == len(finalised) == sum(len(turn["transactions"]) for turn in turns)


def test_the_blocks_are_a_chain(played: EngineProcess) -> None:
    blocks = played.call("/blocks")["rows"]
    for before, block in pairwise(blocks):
        assert block["previous_hash"] == before["hash"]
    assert blocks[-1]["hash"] == played.call("/head")["block_hash"]


def test_the_postings_make_the_balances(played: EngineProcess) -> None:
    held: Counter[str] = Counter()
    for page in paged(played, "postings", 50):
        for posting in page:
            assert posting["amount"] > 0
            held[posting["source"]] -= posting["amount"]
            held[posting["target"]] += posting["amount"]
    assert held.total() == 0
    for agent in played.call("/state")["agents"]:
        for holding in HOLDINGS:
            assert held[f"{agent['agent_id']}:{holding}"] == agent[holding]


# Statements and observations


@pytest.mark.parametrize("agent", range(AGENTS))
def test_a_statement_goes_from_its_opening_to_its_closing(
    played: EngineProcess, agent: int
) -> None:
    path = f"/agents/agent_{agent}/statement"
    whole = played.call(path)
    assert set(whole["opening"].values()) == {0}
    (state,) = [
        one for one in played.call("/state")["agents"] if one["agent_id"] == f"agent_{agent}"
    ]
    assert whole["closing"] == {holding: state[holding] for holding in HOLDINGS}
    cut = TURNS // 2
    first, second = played.call(f"{path}?to={cut}"), played.call(f"{path}?from={cut + 1}")
    assert first["closing"] == second["opening"]
    assert second["closing"] == whole["closing"]
    assert first["lines"] + second["lines"] == whole["lines"]
    for part in (whole, first, second):
        moved: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for line in part["lines"]:
            moved[line["account"]] += line["amount"]
            reasons[line["reason"]] += line["amount"]
            assert line["after"] == part["opening"][line["account"]] + moved[line["account"]]
        for holding in HOLDINGS:
            assert part["opening"][holding] + moved[holding] == part["closing"][holding]
        assert dict(reasons) == part["totals"]


SEEN: Final = {
    "agent_id", "turn", "accounts", "studies", "transactions", "releases", "rejection",
    "contracts", "contracts_ended", "payloads", "reputations",
    "tip", "fees_collected", "token_supply", "core_owners", "speech", "world",
}  # fmt: skip
"""O1 and O2, and nothing else."""


@pytest.mark.parametrize("agent", range(AGENTS))
def test_an_agent_sees_its_own_and_the_public_and_nothing_else(
    played: EngineProcess, agent: int
) -> None:
    reply = played.ask("GET", f"/agents/agent_{agent}/observation")
    seen = reply.json
    state = played.call("/state")
    own = state["agents"][agent]
    assert set(seen) == SEEN
    assert seen["agent_id"] == own["agent_id"]
    assert seen["accounts"] == {holding: own[holding] for holding in HOLDINGS}
    assert (seen["turn"], seen["token_supply"]) == (TURNS, state["token_supply"])
    assert seen["fees_collected"] == state["fees_collected"]
    assert {one["agent_id"] for one in seen["transactions"]} <= {own["agent_id"]}
    assert {one["agent"] for one in seen["releases"]} <= {agent}
    assert seen["speech"] == {"agent_7": f"turn {TURNS}"}
    assert (seen["rejection"] is not None) == (agent == 6)
    assert seen["world"] == played.call("/config")
    assert "seed" not in seen["world"]
    for secret in SECRETS:
        assert secret.encode() not in reply.body
    others = {one["balance"] for one in state["agents"]} - {own["balance"]}
    shown = {seen["token_supply"], seen["fees_collected"], *seen["accounts"].values()}
    assert not others & shown


@pytest.mark.parametrize(
    "path", ["/config", *(f"/{table}?limit=1000" for table in PAGES), "/state"]
)
def test_the_seed_is_in_no_answer(played: EngineProcess, path: str) -> None:
    assert SECRETS[1].encode() not in played.ask("GET", path).body


# Health and figures


def test_the_head_is_that_of_the_state(played: EngineProcess) -> None:
    head, state = played.call("/head"), played.call("/state")
    assert (head["turn"], head["hash"]) == (state["turn"], state["head"])
    assert head["state_digest"] == state["state_digest"]


def test_verification_holds(played: EngineProcess) -> None:
    found = played.call("/verification")
    assert found["finding"] is None
    assert found["turns"] == TURNS
    assert found["head"] == played.call("/head")


def test_health_answers_always_and_ready_once_there_is_a_world(limited: EngineProcess) -> None:
    assert limited.call("/health") == {"status": "ok"}
    refused = limited.ask("GET", "/ready")
    assert (refused.status, refused.error["code"]) == (409, "world_missing")
    limited.call("/init", {"config": {}})
    ready = limited.call("/ready")
    assert (ready["status"], ready["turn"]) == ("ready", 0)
    assert ready["head"] == limited.call("/head")["hash"]


def test_the_metrics_are_prometheus_text_and_agree_with_the_state(played: EngineProcess) -> None:
    played.ask("GET", "/blocks?limit=0")
    reply = played.ask("GET", "/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    families = {one.name: one for one in text_string_to_metric_families(reply.body.decode())}
    state = played.call("/state")
    for name, value in (
        ("turn", TURNS),
        ("token_supply_tokens", state["token_supply"]),
        ("fees_collected_tokens", state["fees_collected"]),
        ("agents_below_zero", sum(one["balance"] < 0 for one in state["agents"])),
    ):
        (sample,) = families[f"sim_engine_{name}"].samples
        assert sample.value == value
    answered = {
        sample.labels["status"]: sample.value for sample in families["sim_engine_requests"].samples
    }
    assert answered["200"] > TURNS
    assert answered["422"] >= 1
    assert all(family.documentation for family in families.values())


def test_the_metrics_answer_before_there_is_a_world(limited: EngineProcess) -> None:
    text = limited.ask("GET", "/metrics").body.decode()
    names = {one.name for one in text_string_to_metric_families(text)}
    assert {"sim_engine_requests", "process_resident_memory_bytes"} <= names
    assert "sim_engine_turn" not in names


# Events


def next_event(stream: http.client.HTTPResponse) -> dict[str, str]:
    """One event of the stream, comments left out."""
    event: dict[str, str] = {}
    while True:
        line = stream.readline().decode().rstrip("\n")
        if line.startswith(":"):
            assert stream.readline() == b"\n"
        elif line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif event:
            return event


def test_events_come_live_with_what_the_turn_answered(ledger: Path) -> None:
    with EngineProcess(ledger) as engine:
        engine.call("/init", {"config": {}})
        with engine.connection(10) as first, engine.connection(10) as second:
            streams = []
            for connection in (first, second):
                connection.request("GET", "/events")
                stream = connection.getresponse()
                assert stream.headers["content-type"].startswith("text/event-stream")
                assert stream.readline() == b": connected\n"
                assert stream.readline() == b"\n"
                streams.append(stream)
            for turn in range(1, 6):
                data = engine.call("/turn", {"inputs": inputs_of(turn)})["data"]
                for stream in streams:
                    event = next_event(stream)
                    assert (event["id"], event["event"]) == (str(turn), "turn")
                    told = json.loads(event["data"])
                    assert {**data, **told} == data
                    assert told["head"] == data["head"]


@pytest.mark.parametrize("seen", [0, 5, TURNS - 1])
def test_a_stream_goes_on_where_it_broke_off(played: EngineProcess, seen: int) -> None:
    rows = {row["turn"]: row for row in played.call("/turns?limit=1000")["rows"]}
    with played.connection(10) as connection:
        connection.request("GET", "/events", headers={"Last-Event-ID": str(seen)})
        stream = connection.getresponse()
        for turn in range(seen + 1, TURNS + 1):
            event = next_event(stream)
            assert event["id"] == str(turn)
            assert json.loads(event["data"]) == rows[turn]


@pytest.mark.parametrize("seen", ["-1", "x", "1.0", "9" * 17, "\u00b2"])
def test_a_last_event_that_is_none_is_refused(played: EngineProcess, seen: str) -> None:
    refused = played.ask("GET", "/events", None, **{"Last-Event-ID": seen})
    assert (refused.status, refused.error["field"]) == (422, "Last-Event-ID")


@pytest.mark.parametrize("headers", [{}, {"Last-Event-ID": "0"}], ids=["live", "going on"])
def test_there_are_no_events_without_a_world(
    limited: EngineProcess, headers: dict[str, str]
) -> None:
    refused = limited.ask("GET", "/events", None, **headers)
    assert (refused.status, refused.error["code"]) == (409, "world_missing")
    assert "Traceback" not in limited.messages()


# What it offers, and how it fails


@pytest.fixture(scope="module")
def described(played: EngineProcess) -> dict[str, Any]:
    found: dict[str, Any] = played.call("/openapi.json")
    return found


def operations(described: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }


def test_every_operation_has_a_name_of_its_own(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(described).values()]
    assert len(set(names)) == len(names)


def failures(engine: EngineProcess) -> Iterator[Reply]:
    """One request for each way to fail."""
    yield engine.ask("GET", "/state")
    yield engine.ask("POST", "/init", b"{")
    yield engine.ask("POST", "/init", b'{"config": {"num_cores": 0}}')
    yield engine.ask("POST", "/turn", b" " * (LIMITS.body_bytes + 1))
    with socket.create_connection(("127.0.0.1", engine.port), timeout=10) as late:
        late.sendall(b"POST /turn HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        answer = http.client.HTTPResponse(late)
        answer.begin()
        yield Reply(answer.status, dict(answer.headers), answer.read())
    yield engine.ask("GET", "/nothing")
    yield engine.ask("PUT", "/turn")
    engine.call("/init", {"config": {}})
    with closing(sqlite3.connect(engine.ledger)) as vandal:
        vandal.execute("UPDATE turns SET line = json_set(line, '$.postings', 0)")
        vandal.commit()
    yield engine.ask("GET", "/postings")


def test_every_documented_failure_can_be_had_and_looks_as_documented(
    limited: EngineProcess, described: dict[str, Any]
) -> None:
    had = {reply.status: reply.error for reply in failures(limited)}
    of_operations = {
        int(status) for operation in operations(described).values()
        for status in operation["responses"]
    }  # fmt: skip
    with_tokens = {401, 403, 429}
    documented = {int(status) for status in described["components"]["responses"]}
    assert set(had) == documented - with_tokens
    assert of_operations - {200} <= documented
    for error in had.values():
        assert error["code"]
        assert error["message"]
    assert "Traceback" not in limited.messages()


def test_a_ledger_altered_while_it_runs_is_found_by_verification(ledger: Path) -> None:
    with EngineProcess(ledger) as engine:
        engine.call("/init", {"config": {}})
        engine.call("/turn", {"inputs": inputs_of(1)})
        with closing(sqlite3.connect(ledger)) as vandal:
            vandal.execute("UPDATE turns SET line = replace(line, 1000, 999) WHERE turn = 0")
            vandal.commit()
        assert engine.call("/verification")["finding"]["turn"] == 0
        ready = engine.ask("GET", "/ready")
        assert (ready.status, ready.error["code"]) == (503, "ledger_damaged")


def subclasses(kind: type[SimEconomyError]) -> set[type[SimEconomyError]]:
    found = {kind}
    for child in kind.__subclasses__():
        found |= subclasses(child)
    return found


def test_every_failure_has_a_status() -> None:
    for module in pkgutil.walk_packages(sim_economy.__path__, "sim_economy."):
        importlib.import_module(module.name)
    raised = subclasses(SimEconomyError) - {SimEconomyError, RequestError}
    elsewhere = ("sim_economy.client", "sim_economy.experiments", "sim_economy.orchestrator")
    ours = {error for error in raised if not error.__module__.startswith(elsewhere)}
    assert ours == set(STATUS)
    assert set(STATUS.values()) <= {400, 403, 404, 409, 422, 501, 503}
