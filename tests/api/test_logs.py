"""What the engine tells on standard error: nothing by default, else JSON without a secret."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.requests import Request
from starlette.responses import Response

from sim_economy.api.app import ServedRoute
from sim_economy.api.authentication import CallerRole
from sim_economy.api.connection_limits import ConnectionLimits
from sim_economy.api.route import Route
from sim_economy.api.worlds import ServedWorld, Worlds
from sim_economy.world.engine import Engine
from tests.api.wire_client import PROGRAM, EngineProcess, free_port
from tests.faults.test_hostile_input import GARBAGE, MARKER, NO_JSON, exchange

ADMIN: Final = "operators-own-token"
SETTINGS: Final[dict[str, Any]] = {
    "SIM_ENGINE_LOG": "info",
    "SIM_ENGINE_AUTH": "tokens",
    "SIM_ENGINE_ADMIN_TOKEN": ADMIN,
}


def told(text: str) -> list[dict[str, Any]]:
    """Every line, which must be one JSON object with a time, a level and a message."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert isinstance(line, dict)
        assert datetime.fromisoformat(line["time"]).tzinfo is not None
        assert line["level"] in {"INFO", "WARNING", "ERROR", "CRITICAL"}
        assert isinstance(line["message"], str)
    return lines


def test_every_request_is_one_line_with_its_status_and_duration(ledger: Path) -> None:
    with EngineProcess(ledger, SIM_ENGINE_LOG="info") as engine:
        engine.call("/init", {})
        engine.call("/worlds/a/init", {})
        engine.call("/worlds/a/turn", {"inputs": []})
        engine.ask("GET", "/agents/nobody/observation")
        engine.ask("GET", "/worlds/b/state")
        engine.stop()
        lines = told(engine.messages())
    assert (lines[0]["message"], lines[-1]["message"]) == ("started", "stopped")
    assert (lines[0]["port"], lines[0]["tokens"]) == (engine.port, False)
    requests = [line for line in lines if line["logger"] == "sim_engine.requests"]
    seen = [(one["message"], one["world"], one["status"], one["code"]) for one in requests]
    assert [one for one in seen if one[0] != "GET /config"] == [
        ("POST /init", "default", 200, None),
        ("POST /worlds/{world_id}/init", "a", 200, None),
        ("POST /worlds/{world_id}/turn", "a", 200, None),
        ("GET /agents/{agent_id}/observation", "default", 422, "input_invalid"),
        ("GET /worlds/{world_id}/state", "b", 404, "world_unknown"),
    ]
    for line in requests:
        assert 0 < line["milliseconds"] < 10_000


def test_no_line_ever_holds_a_body_a_path_a_token_or_a_secret(ledger: Path) -> None:
    with EngineProcess(ledger, **SETTINGS) as engine:
        operator = {"Authorization": f"Bearer {ADMIN}"}
        config = {"config": {"seed": 98765432123, "num_agents": 2}, "agent_ids": ["ann", "bob"]}
        made = engine.ask("POST", "/init", json.dumps(config).encode(), **operator).json
        sidecar = engine.ask("POST", "/worlds/a/init", b"{}", **operator).json
        secrets = [MARKER, ADMIN, "98765432123", *made["agent_tokens"].values()]
        secrets += sidecar["agent_tokens"].values()
        for body in NO_JSON.values():
            engine.ask("POST", "/turn", body, **operator)
        said = {"action": {"action": MARKER}, "speech": MARKER, "thinking": MARKER}
        ann = {"Authorization": f"Bearer {made['agent_tokens']['ann']}"}
        engine.ask("POST", "/agents/ann/action", json.dumps(said).encode(), **ann)
        engine.ask("POST", "/agents/bob/action", json.dumps(said).encode(), **ann)
        keyed = {**operator, "Idempotency-Key": MARKER}
        engine.ask("POST", "/close", b"{}", **keyed)
        engine.ask("POST", "/close", b'{"turn": 5}', **keyed)
        for path in (
            f"/agents/{MARKER}/observation",
            f"/worlds/{MARKER}/state",
            f"/worlds/{MARKER}%0A%22/state",
            f"/worlds/{'x' * 5000}{MARKER}/init",
            f"/state?{MARKER}={MARKER}",
            f"/{MARKER}",
            f"/blocks?after={MARKER}",
        ):
            for token in ({}, operator, {"Authorization": f"Bearer {MARKER}"}):
                engine.ask("GET", path, None, **{"User-Agent": MARKER, "Cookie": MARKER, **token})
                engine.ask("POST", path, f'{{"{MARKER}": 1}}'.encode(), **token)
        for raw in GARBAGE.values():
            exchange(engine.port, raw.replace(b"Host: localhost", b"Host: " + MARKER.encode()))
        engine.stop()
        text = engine.messages()
    lines = told(text)
    assert len(lines) > 60
    assert [secret for secret in secrets if secret in text] == []
    assert {line["status"] for line in lines if "status" in line} >= {200, 400, 401, 403, 404, 422}
    assert max(map(len, text.splitlines())) < 1000


def test_an_engine_that_cannot_start_says_so_as_json_where_json_is_asked_for(
    ledger: Path,
) -> None:
    ledger.write_bytes(b"a diary\n" * 100)
    engine = EngineProcess(ledger, SIM_ENGINE_LOG="info")
    assert engine.process.wait(timeout=10) == 1
    (line,) = told(engine.messages())
    assert (line["level"], line["code"]) == ("CRITICAL", "ledger_format")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        engine = EngineProcess(ledger.with_name("new.db"), port=port, SIM_ENGINE_LOG="info")
        assert engine.process.wait(timeout=10) == 1
    (line,) = told(engine.messages())
    assert (line["level"], line["code"]) == ("CRITICAL", "address_unusable")


def test_the_command_line_too_tells_json_alone_where_it_is_asked_for(ledger: Path) -> None:
    command = [str(Path(PROGRAM).with_name("sim-economy")), "serve", str(ledger)]
    program = [*command, "--host", "0.0.0.0", "--log", "info", "--port"]
    port = free_port()
    with EngineProcess(ledger, program=[*program, str(port)], port=port) as engine:
        engine.stop()
        lines = told(engine.messages())
    assert lines[0]["message"] == "started"
    assert (lines[0]["host"], lines[0]["tokens"]) == ("0.0.0.0", False)


@pytest.mark.parametrize("level", ["verbose", "INFO", "info ", "0"])
def test_a_level_that_is_none_is_a_message_and_a_failure(ledger: Path, level: str) -> None:
    engine = EngineProcess(ledger, SIM_ENGINE_LOG=level)
    assert engine.process.wait(timeout=10) == 2
    assert engine.messages() == ("sim-engine: SIM_ENGINE_LOG must be one of warning, info, debug\n")


def test_by_default_nothing_a_client_sends_is_told(ledger: Path) -> None:
    with EngineProcess(ledger) as engine:
        engine.call("/init", {})
        for raw in GARBAGE.values():
            exchange(engine.port, raw)
        for body in NO_JSON.values():
            engine.ask("POST", "/turn", body)
        engine.ask("GET", f"/worlds/{MARKER}/state")
        engine.stop()
        assert engine.messages() == ""


def test_a_client_that_never_reads_standard_error_stalls_nothing(ledger: Path) -> None:
    port = free_port()
    engine = subprocess.Popen(
        [PROGRAM],
        env={"PATH": os.environ["PATH"], "PORT": str(port), "DB_PATH": str(ledger)},
        stderr=subprocess.PIPE,
    )
    try:
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
                break
            asyncio.run(asyncio.sleep(0.05))
        for _ in range(1500):
            exchange(port, b"no HTTP at all\r\n\r\n")
        answer = exchange(port, b"GET /health HTTP/1.0\r\n\r\n")
        assert answer.endswith(b'{"status":"ok"}')
    finally:
        engine.kill()
        _, written = engine.communicate(timeout=10)
    assert written == b""


def test_a_bug_is_counted_as_a_500(ledger: Path) -> None:
    async def bug(served: ServedWorld, request: Request) -> Response:
        raise ZeroDivisionError

    engine = Engine.open(ledger)
    worlds = Worlds(engine, ConnectionLimits())
    route = Route(
        path="/bug", endpoint=bug, caller=CallerRole.ANYONE, summary="A bug", answer=str, errors=()
    )
    scope = {"type": "http", "method": "GET", "path": "/bug", "headers": [], "query_string": b""}

    async def nothing(*_: object) -> Any:
        raise AssertionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(ServedRoute(route, worlds)(scope, nothing, nothing))
    assert worlds.requests.answered == {500: 1}
    assert worlds.default.users == 0


def test_the_log_library_is_not_needed_to_import_the_engine() -> None:
    code = "import sys; import sim_economy.world.engine; print('pythonjsonlogger' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"


def test_a_stop_that_cuts_off_unfinished_bodies_says_so_in_one_line(ledger: Path) -> None:
    head = b"POST /turn HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{"
    with EngineProcess(ledger) as engine, ExitStack() as held:
        engine.wait()
        engine.call("/init", {"config": {"num_agents": 3}})
        for _ in range(20):
            connection = socket.create_connection(("127.0.0.1", engine.port))
            held.callback(connection.close)
            connection.sendall(head)
        time.sleep(0.5)
        engine.process.send_signal(signal.SIGTERM)
        assert engine.process.wait(10) == 0
        said = engine.messages().splitlines()
    assert len(said) <= 1, said
    assert "Traceback" not in "".join(said)
