"""Whom an engine answers that asks for no tokens, and what it takes to be one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim_economy.core.errors import StoreError
from sim_economy.ledger.sidecars.locations import location_of
from sim_economy.ledger.verify import verify
from tests.api.wire_client import PROGRAM, EngineProcess, free_port

BODY = json.dumps({"inputs": [{"agent_id": "agent_0", "action": {"action": "mine"}}]}).encode()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    with EngineProcess(tmp_path_factory.mktemp("open") / "world.db") as engine:
        engine.call("/init", {"config": {}})
        yield engine


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "192.0.2.1:8000"},
        {"Host": "engine"},
        {"Host": "evil"},
        {"Host": "localhost.evil"},
        {"Host": "127.0.0.1@evil"},
        {"Host": ""},
    ],
)
def test_what_a_page_of_another_site_makes_a_browser_send_is_refused(
    world: EngineProcess, headers: dict[str, str]
) -> None:
    before = world.call("/state")
    for method, path, body in (("POST", "/turn", BODY), ("GET", "/state", None)):
        refused = world.ask(method, path, body, **headers)
        assert refused.status == 403
        assert refused.error["code"] in {"foreign_origin", "foreign_host"}
        assert "evil" not in refused.body.decode()
    assert world.call("/state") == before


def test_a_client_and_a_page_of_the_engines_own_origin_are_answered(world: EngineProcess) -> None:
    own = f"127.0.0.1:{world.port}"
    for headers in (
        {},
        {"Host": own},
        {"Host": f"localhost:{world.port}"},
        {"Host": f"[::1]:{world.port}"},
        {"Host": "LOCALHOST"},
        {"Host": own, "Origin": f"http://{own}", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ):
        assert world.ask("POST", "/turn", BODY, **headers).status == 200, headers


def test_a_name_that_is_listed_is_answered_and_no_other(ledger: Path) -> None:
    with EngineProcess(ledger, SIM_ENGINE_HOSTS="Engine, lab.example") as engine:
        for host, status in (
            ("engine", 200),
            (f"ENGINE:{engine.port}", 200),
            ("lab.example", 200),
            ("localhost", 200),
            ("evil", 403),
            ("engine.evil", 403),
        ):
            assert engine.ask("GET", "/config", Host=host).status == status, host


def test_a_world_with_tokens_is_not_opened_without_unless_somebody_says_so(ledger: Path) -> None:
    with EngineProcess(ledger, SIM_ENGINE_AUTH="tokens") as engine:
        token = engine.call("/init", {"config": {}})["admin_token"]
    forgotten = EngineProcess(ledger)
    assert forgotten.process.wait(10) == 1
    assert "set SIM_ENGINE_AUTH" in forgotten.messages()
    with EngineProcess(ledger, SIM_ENGINE_AUTH="tokens") as engine:
        assert engine.ask("GET", "/state").status == 401
        assert engine.call("/state", Authorization=f"Bearer {token}")["turn"] == 0
    with EngineProcess(ledger, SIM_ENGINE_AUTH="open") as engine:
        assert engine.call("/state")["turn"] == 0


@pytest.mark.parametrize("index", ["nosuch/world.db", "mysql://user@host/world"])
def test_an_engine_that_could_never_start_a_world_does_not_start(
    tmp_path: Path, index: str
) -> None:
    ended = subprocess.run(
        [PROGRAM],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PORT": str(free_port()), "DB_PATH": index},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 1
    assert "sim-engine: " in ended.stderr
    assert list(tmp_path.iterdir()) == []


READ = """
import sys
from sim_economy.ledger.verify import verify
found = verify(sys.argv[1])
assert found.holds, found
print(found.turns)
"""


def test_a_ledger_in_a_folder_that_nobody_may_write_can_be_read(
    world: EngineProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    with EngineProcess(folder / "world.db") as engine:
        engine.call("/init", {"config": {}})
        engine.call("/turn", {"inputs": []})
        engine.stop()
    for sidecar in folder.iterdir():
        if sidecar.name != "world.db":
            sidecar.unlink()
    folder.chmod(0o555)
    command = [sys.executable, "-c", READ, str(folder / "world.db")]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("no setpriv: root may write anywhere")
        rights = "-dac_override,-dac_read_search"
        command = ["setpriv", "--bounding-set", rights, "--inh-caps", rights, *command]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, "1"), ended.stderr


def test_a_location_that_is_neither_file_nor_database_is_refused() -> None:
    with pytest.raises(StoreError) as refused:
        location_of("mysql://user:secret@host/world")
    assert refused.value.code == "ledger_format"
    assert "secret" not in str(refused.value)


def test_a_damaged_ledger_is_still_called_damaged(ledger: Path) -> None:
    with EngineProcess(ledger) as engine:
        engine.call("/init", {"config": {}})
    data = bytearray(ledger.read_bytes())
    data[4096:8192] = bytes(4096)
    ledger.write_bytes(data)
    assert verify(ledger).finding is not None
