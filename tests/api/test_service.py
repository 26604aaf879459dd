"""The engine as a service: where it serves, what it counts, how it stops, who operates it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sim_economy.ledger.sidecars.policies_file import keep_policies, kept_policies
from sim_economy.ledger.verify import verify
from sim_economy.scenarios.scenario import SHIPPED, load_scenario
from tests.api.wire_client import PROGRAM, EngineProcess, Reply
from tests.faults.limited import CONNECTIONS, FEW_CONNECTIONS
from tests.faults.test_hostile_input import exchange

HOST: Final = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
CLOSE: Final = HOST + b"Connection: close\r\n\r\n"


@pytest.fixture
def fresh(ledger: Path) -> Iterator[EngineProcess]:
    with EngineProcess(ledger) as running:
        yield running


def post(engine: EngineProcess, path: str, body: Any, **headers: str) -> Reply:
    return engine.ask("POST", path, json.dumps(body).encode(), **headers)


# Where it serves


@contextmanager
def started(*command: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process, and the first line it writes on standard error."""
    process = subprocess.Popen(
        command,
        env={"PATH": os.environ["PATH"], **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        yield process, process.stderr.readline()
    finally:
        process.kill()
        process.communicate(timeout=10)


@pytest.mark.parametrize("by", ["options", "variables"])
def test_a_free_port_is_said_when_the_first_request_can_be_taken(ledger: Path, by: str) -> None:
    command = [str(Path(PROGRAM).with_name("sim-economy")), "serve", str(ledger), "--port", "0"]
    with started(*(command if by == "options" else [PROGRAM]), PORT="0", DB_PATH=str(ledger)) as (
        _,
        line,
    ):
        found = re.fullmatch(rf"http://127\.0\.0\.1:(\d+) serves {ledger}\n", line)
        assert found is not None, line
        assert b"200 OK" in exchange(int(found[1]), b"GET /health" + CLOSE)


def test_an_engine_that_cannot_start_says_nowhere_that_it_serves(
    fresh: EngineProcess,
) -> None:
    fresh.call("/init", {})
    command = [str(Path(PROGRAM).with_name("sim-economy")), "serve", str(fresh.ledger)]
    ended = subprocess.run(
        [*command, "--port", "0"], capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode == 1
    assert "serves" not in ended.stderr


# Every answer


def families(engine: EngineProcess) -> dict[str, Any]:
    text = engine.ask("GET", "/metrics").body.decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


REFUSED: Final = {
    "no path": (b"GET /nowhere" + CLOSE, 404, "path_unknown"),
    "another method": (b"DELETE /state" + CLOSE, 405, "method_not_allowed"),
    "no HTTP": (b"hello\r\n\r\n", 400, "http_malformed"),
    "a handshake": (b"\x16\x03\x01\x02\x00\x01", 400, "http_malformed"),
    "no host": (b"GET /state HTTP/1.1\r\n\r\n", 400, "http_malformed"),
    "a length that is none": (
        b"POST /turn" + HOST + b"Content-Length: x\r\n\r\n",
        400,
        "http_malformed",
    ),
}


def test_every_answer_is_json_and_is_in_metrics_and_log(ledger: Path) -> None:
    with EngineProcess(ledger, SIM_ENGINE_LOG="info") as engine:
        for name, (raw, status, code) in REFUSED.items():
            head, _, body = exchange(engine.port, raw).partition(b"\r\n\r\n")
            assert head.startswith(f"HTTP/1.1 {status} ".encode()), name
            assert b"application/json" in head, name
            assert json.loads(body)["error"]["code"] == code, name
        found = families(engine)
        engine.stop()
        lines = [json.loads(line) for line in engine.messages().splitlines()]
    samples = found["sim_engine_requests"].samples
    answered = {sample.labels["status"]: sample.value for sample in samples}
    assert (answered["404"], answered["405"], answered["400"]) == (1, 1, 4)
    logged = [line["code"] for line in lines if line["logger"] == "sim_engine.requests"]
    for _, _, code in REFUSED.values():
        assert code in logged
    assert logged.count("http_malformed") == 4


def test_latencies_come_by_route_and_the_process_is_measured(fresh: EngineProcess) -> None:
    fresh.call("/init", {})
    for _ in range(3):
        fresh.call("/turn", {"inputs": []})
    found = families(fresh)
    counts = {
        (sample.labels["method"], sample.labels["route"]): sample.value
        for sample in found["sim_engine_request_seconds"].samples
        if sample.name.endswith("_count")
    }
    assert counts["POST", "/turn"] == 3
    assert ("GET", "/state") not in counts
    assert found["process_resident_memory_bytes"].samples[0].value > 10**6


def test_too_many_connections_are_refused_in_json_and_counted(ledger: Path) -> None:
    with EngineProcess(ledger, program=FEW_CONNECTIONS) as engine:
        engine.call("/init", {})
        streams = []
        for _ in range(CONNECTIONS - 1):
            stream = socket.create_connection(("127.0.0.1", engine.port))
            stream.sendall(b"GET /events" + HOST + b"\r\n")
            stream.recv(100)
            streams.append(stream)
        refused = exchange(engine.port, b"GET /health" + CLOSE)
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert json.loads(refused.partition(b"\r\n\r\n")[2])["error"]["code"] == (
            "too_many_connections"
        )
        for stream in streams:
            stream.close()
        time.sleep(0.3)
        samples = families(engine)["sim_engine_requests"].samples
    assert {"503": 1.0}.items() <= {
        sample.labels["status"]: sample.value for sample in samples
    }.items()


@pytest.mark.parametrize("path", ["/config", "/state", "/health", "/metrics", "/turns", "/nowhere"])
def test_head_answers_what_get_would_without_its_body(fresh: EngineProcess, path: str) -> None:
    fresh.call("/init", {})
    whole, head = fresh.ask("GET", path), fresh.ask("HEAD", path)
    assert (head.status, head.body) == (whole.status, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    if path != "/metrics":
        assert head.headers["content-length"] == whole.headers["content-length"]


def test_head_of_the_events_ends(fresh: EngineProcess) -> None:
    fresh.call("/init", {})
    head = fresh.ask("HEAD", "/events")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"].startswith("text/event-stream")


# The stop


def watching(engine: EngineProcess, path: str = "/events") -> socket.socket:
    stream = socket.create_connection(("127.0.0.1", engine.port))
    stream.sendall(b"GET " + path.encode() + HOST + b"\r\n")
    assert b"200 OK" in stream.recv(100)
    return stream


@pytest.mark.parametrize("level", ["warning", "info"])
def test_a_stop_with_watchers_is_soon_and_silent(ledger: Path, level: str) -> None:
    with EngineProcess(ledger, SIM_ENGINE_LOG=level) as engine:
        engine.call("/init", {})
        engine.call("/worlds/a/init", {})
        streams = [watching(engine), watching(engine), watching(engine, "/worlds/a/events")]
        engine.call("/turn", {"inputs": []})
        assert engine.stop() < 1.5
        assert engine.process.returncode == 0
        for stream in streams:
            stream.close()
        assert "ERROR" not in engine.messages()
        assert "Traceback" not in engine.messages()


def test_a_stop_is_silent_though_a_watcher_takes_nothing(ledger: Path) -> None:
    with EngineProcess(ledger) as engine:
        engine.call("/init", {"config": {"num_agents": 500}})
        stream = socket.socket()
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stream.connect(("127.0.0.1", engine.port))
        stream.sendall(b"GET /events" + HOST + b"\r\n")
        unknown = [
            {"agent_id": f"agent_{agent}", "action": {"action": "x" * 60}} for agent in range(500)
        ]
        size = sum(len(json.dumps(engine.call("/turn", {"inputs": unknown}))) for _ in range(120))
        assert size > 6 * 2**20, "more than two sockets hold"
        assert engine.stop() < 3
        stream.close()
        assert (engine.process.returncode, engine.messages()) == (0, "")


# Who operates it


def test_who_starts_the_world_without_a_token_given_is_told_that_it_operates(ledger: Path) -> None:
    with EngineProcess(ledger, SIM_ENGINE_AUTH="tokens") as engine:
        assert "whoever sends the first POST /init" in engine.messages()
        made = engine.call("/init", {})
        assert made["operator"].startswith("you: ")
        operator: dict[str, Any] = {"Authorization": f"Bearer {made['admin_token']}"}
        assert engine.ask("GET", "/state", **operator).status == 200
        engine.stop()
        assert "is its operator" in engine.messages()
        assert made["admin_token"] not in engine.messages()
    with EngineProcess(ledger, SIM_ENGINE_AUTH="tokens") as engine:
        assert engine.messages() == ""


def test_nothing_is_said_where_the_operators_token_is_given(ledger: Path) -> None:
    given: dict[str, Any] = {"SIM_ENGINE_AUTH": "tokens", "SIM_ENGINE_ADMIN_TOKEN": "operator"}
    with EngineProcess(ledger, **given) as engine:
        made = post(engine, "/init", {}, Authorization="Bearer operator").json
        assert "SIM_ENGINE_ADMIN_TOKEN" in made["operator"]
        engine.stop()
        assert engine.messages() == ""


def test_no_run_starts_a_world_whose_tokens_nobody_would_see(ledger: Path) -> None:
    with EngineProcess(ledger, SIM_ENGINE_AUTH="tokens") as engine:
        refused = post(engine, "/run", {"turns": 2})
        assert (refused.status, refused.error["code"]) == (409, "world_missing")
        assert not ledger.exists()


# Shipped scenarios by name


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_is_played_by_its_name(fresh: EngineProcess, name: str) -> None:
    scenario = load_scenario(name)
    made = post(fresh, "/init", {"scenario": name}).json
    assert made["agent_ids"] == list(scenario.config_of_run(1).agent_ids)
    assert fresh.call("/genesis")["agent_ids"] == made["agent_ids"]
    one = post(fresh, "/run", {"turns": 4, "ends": False}).json["data"]
    two = post(fresh, "/worlds/two/run", {"scenario": name, "turns": 4, "ends": False}).json["data"]
    # Worlds of other names have other heads; the accounts are the same.
    assert one["state"]["agents"] == two["state"]["agents"]
    assert verify(fresh.ledger).holds


def test_a_scenario_that_is_run_by_name_is_the_run_of_the_command_line(
    fresh: EngineProcess,
) -> None:
    from sim_economy.runs.policy_loop import play_run  # noqa: PLC0415

    scenario = load_scenario("market", ["turns=6"])
    played = play_run(scenario, 1)
    data = post(fresh, "/run", {"scenario": "market", "turns": 6}).json["data"]
    balances = [agent["balance"] for agent in data["state"]["agents"]]
    assert balances == list(played.series.balances[-1])


def test_what_is_stated_goes_over_the_scenario(fresh: EngineProcess) -> None:
    config = {"study_cost": 7, "seed": 5}
    made = post(fresh, "/init", {"scenario": "market", "config": config}).json
    assert made["config"]["study_cost"] == 7
    assert len(made["agent_ids"]) == 20
    data = post(fresh, "/run", {"policy": "idle", "turns": 2, "ends": False}).json["data"]
    assert data["metrics"]["actions_mine"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scenario": "../market"}, "scenario"),
        ({"scenario": "/etc/passwd"}, "scenario"),
        ({"scenario": ["market"]}, "scenario"),
        ({"scenario": "baselin"}, "scenario"),
        ({"population": "nobody"}, "population"),
        ({"population": [{"policy": "miner"}]}, "population"),
        ({"population": "market", "policy": "miner"}, "policy"),
        ({"population": "market"}, "population"),
        ({"scenario": "market", "config": {"preset": "as-run"}}, "preset"),
        ({"scenario": "market", "agent_ids": ["ann", "bob"]}, "population"),
    ],
)
def test_a_name_that_cannot_be_played_is_refused_and_starts_nothing(
    fresh: EngineProcess, body: dict[str, Any], field: str
) -> None:
    for path in ("/run", "/init"):
        if path == "/init" and "policy" in body:
            continue
        refused = post(fresh, path, body)
        error = refused.error
        assert refused.status == 422
        assert (error.get("field") or error["problems"][0].split(":")[0]) == field
    assert not fresh.ledger.exists()


def test_who_decided_is_kept_with_the_ledger_and_changes_no_head(
    fresh: EngineProcess, tmp_path: Path
) -> None:
    post(fresh, "/run", {"population": "market", "config": {"num_agents": 20}, "turns": 2})
    genesis = fresh.call("/genesis")["genesis"]
    path = Path(f"{fresh.ledger}.policies")
    assert path.stat().st_mode & 0o077 == 0
    kept = kept_policies(fresh.ledger, genesis)
    assert kept is not None
    assert (kept["from_turn"], kept["to_turn"], kept["usage"]) == (1, 2, {"source": "published"})
    assert {group["policy"] for group in kept["population"]} > {"lender", "borrower"}
    head = fresh.call("/head")
    path.unlink()
    fresh.stop()
    with EngineProcess(fresh.ledger) as again:
        assert again.call("/head") == head


def test_what_is_kept_of_another_world_or_is_torn_decides_nothing(tmp_path: Path) -> None:
    sidecar = tmp_path / "world.db"
    keep_policies(sidecar, "one", (1, 5), {"policy": "miner", "usage": {"source": "published"}})
    with Path(f"{sidecar}.policies").open("ab") as file:
        file.write(b'{"world":"one","from')
    keep_policies(sidecar, "two", (1, 5), {"policy": "idle", "usage": {"source": "published"}})
    keep_policies(sidecar, "one", (6, 9), {"policy": "worker", "usage": {"source": "published"}})
    kept = {name: kept_policies(sidecar, name) for name in ("one", "two", "three")}
    assert [found and found["policy"] for found in kept.values()] == ["worker", "idle", None]


# A big start


def test_a_big_start_leaves_the_others_their_answers(fresh: EngineProcess) -> None:
    fresh.call("/worlds/small/init", {})
    starting = socket.create_connection(("127.0.0.1", fresh.port))
    body = b'{"config": {"num_agents": 60000}}'
    length = f"Content-Length: {len(body)}\r\n\r\n".encode()
    starting.sendall(b"POST /init" + HOST + length + body)
    slowest, answers = 0.0, 0
    until = time.monotonic() + 30
    starting.settimeout(0.0)
    while time.monotonic() < until:
        began = time.perf_counter()
        fresh.call("/worlds/small/turn", {"inputs": []})
        slowest, answers = max(slowest, time.perf_counter() - began), answers + 1
        with suppress(BlockingIOError):
            assert b"200 OK" in starting.recv(200)
            break
    starting.close()
    assert answers > 3
    assert slowest < 1.0


def test_an_engine_without_its_extra_names_it(ledger: Path, tmp_path: Path) -> None:
    hidden = ("uvicorn", "starlette", "httptools", "prometheus_client", "pythonjsonlogger")
    for module in hidden:
        (tmp_path / "sitecustomize.py").write_text(
            "import sys\nclass Hide:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            f"        if name.split('.')[0] == {module!r}:\n"
            "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
            "sys.meta_path.insert(0, Hide())\n",
            encoding="utf-8",
        )
        for command in ([PROGRAM], [str(Path(PROGRAM).with_name("sim-economy")), "serve"]):
            ended = subprocess.run(
                command,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": str(tmp_path),
                    "PORT": "0",
                    "DB_PATH": str(ledger),
                },
                capture_output=True,
                text=True,
                check=False,
                timeout=30,
                cwd=tmp_path,
            )
            assert ended.returncode == 2, (module, ended.stderr)
            assert "sim-economy[engine]" in ended.stderr
            assert "Traceback" not in ended.stderr
