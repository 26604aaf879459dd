"""`key` and `serve`: what they print, keep and refuse."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
from nacl.signing import SigningKey

from sim_economy.api.server import LEVELS
from sim_economy.cli import cli, serve
from sim_economy.client import AgentKey
from sim_economy.world.access import AUTH_MODES
from tests.api.signers import ANN, MINE, PUBLIC_KEYS
from tests.api.wire_client import PROGRAM, EngineProcess, free_port
from tests.cli.shell import complaint, sim_economy


def choices(option: str) -> tuple[str, ...]:
    (found,) = [one for one in serve.serve.params if one.name == option]
    assert isinstance(found.type, click.Choice)
    return tuple(found.type.choices)


def test_the_command_line_knows_the_engines_modes_and_levels() -> None:
    assert serve._AUTH == AUTH_MODES == choices("auth")
    assert choices("log") == LEVELS


def test_a_key_is_kept_for_its_owner_alone_and_its_public_half_printed(tmp_path: Path) -> None:
    path = tmp_path / "ann.key"
    ended = sim_economy("key", path)
    assert (ended.returncode, ended.stderr) == (0, "")
    public_key = ended.stdout.strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret = bytes.fromhex(path.read_text(encoding="ascii"))
    assert bytes(SigningKey(secret).verify_key).hex() == public_key
    assert AgentKey.read(path).public_key == public_key
    assert secret.hex() not in ended.stdout


def test_no_two_keys_are_the_same_and_none_is_overwritten(tmp_path: Path) -> None:
    first = sim_economy("key", tmp_path / "one.key")
    second = sim_economy("key", tmp_path / "two.key")
    assert first.stdout != second.stdout
    before = (tmp_path / "one.key").read_bytes()
    assert "one.key" in complaint(sim_economy("key", tmp_path / "one.key"))
    assert (tmp_path / "one.key").read_bytes() == before
    assert complaint(sim_economy("key", tmp_path / "no folder" / "ann.key"))
    assert complaint(sim_economy("key"))


@pytest.mark.parametrize("text", ["", "11" * 31, "zz" * 32, "11" * 33, "é" * 64])
def test_a_file_that_holds_no_key_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ann.key"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError):  # noqa: PT011
        AgentKey.read(path)


def serving(ledger: Path, *options: str, **more: Any) -> EngineProcess:
    port = free_port()
    command = [str(Path(PROGRAM).with_name("sim-economy")), "serve", str(ledger)]
    return EngineProcess(
        ledger, program=[*command, "--port", str(port), *options], port=port, **more
    )


def test_serving_with_signatures_takes_what_is_signed_alone(ledger: Path) -> None:
    with serving(ledger, "--auth", "signatures", "--admin-token", "operator") as engine:
        operator: dict[str, Any] = {"Authorization": "Bearer operator"}
        body = json.dumps({"agent_ids": ["ann", "bob"]}).encode()
        assert engine.ask("POST", "/init", body, **operator).status == 422
        named = {"agent_ids": ["ann", "bob"], "public_keys": PUBLIC_KEYS}
        made = engine.ask("POST", "/init", json.dumps(named).encode(), **operator).json
        world = engine.ask("GET", "/genesis", **operator).json["genesis"]
        ann: dict[str, Any] = {"Authorization": f"Bearer {made['agent_tokens']['ann']}"}
        for signature, status in (("00" * 64, 403), (ANN.signature(world, 1, MINE), 200)):
            sent = json.dumps({"action": MINE, "signature": signature}).encode()
            assert engine.ask("POST", "/agents/ann/action", sent, **ann).status == status
        assert engine.ask("GET", "/state").status == 401


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "world.db"


def test_the_operators_token_may_come_from_the_environment(ledger: Path) -> None:
    with serving(ledger, "--auth", "tokens", SIM_ENGINE_ADMIN_TOKEN="operator") as engine:
        assert engine.ask("POST", "/init", b"{}").status == 401
        made = engine.ask("POST", "/init", b"{}", Authorization="Bearer operator")
        assert made.json["admin_token"] == "operator"
        assert "operator" not in engine.messages().replace(str(ledger), "")


@pytest.mark.parametrize(
    "option", [("--auth", "none"), ("--log", "loud"), ("--port", "65536"), ("--turn-seconds", "0")]
)
def test_an_option_that_cannot_be_is_refused_and_nothing_is_served(
    ledger: Path, option: tuple[str, str]
) -> None:
    assert option[0] in complaint(sim_economy("serve", ledger, *option))
    assert not ledger.exists()


def test_serve_says_where_it_serves_and_warns_where_anybody_may_come(ledger: Path) -> None:
    with serving(ledger, "--host", "0.0.0.0") as engine:
        warning, index = engine.messages().splitlines()
    assert warning == (
        f"anyone who reaches 0.0.0.0:{engine.port} may play and read; see --auth tokens"
    )
    assert index == f"http://0.0.0.0:{engine.port} serves {ledger}"


def test_every_command_of_this_file_is_listed() -> None:
    assert {"serve", "key", "backup"} <= {*cli.list_commands(click.Context(cli))}


def engine_says(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PORT": "0", **variables}
    return subprocess.run(
        [PROGRAM, *arguments],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_the_engine_says_what_it_is_started_by_and_does_not_start(asked: str) -> None:
    told = engine_says(asked)
    assert told.returncode == 0
    assert "SIM_ENGINE_AUTH" in told.stderr
    assert "sim-economy serve --help" in told.stderr


@pytest.mark.parametrize("argument", ["--port", "--bogus", "serve", "world.sqlite"])
def test_the_engine_passes_over_no_option(argument: str, tmp_path: Path) -> None:
    told = engine_says(argument, DB_PATH=str(tmp_path / "w.sqlite"))
    assert told.returncode == 2
    assert f"sim-engine: {argument}: " in told.stderr
    assert [*tmp_path.iterdir()] == []


def test_the_engine_passes_over_no_variable_of_its_name(tmp_path: Path) -> None:
    told = engine_says(DB_PATH=str(tmp_path / "w.sqlite"), SIM_ENGINE_AUHT="tokens")
    assert told.returncode == 2
    assert told.stderr == (
        "sim-engine: SIM_ENGINE_AUHT: unknown key; did you mean SIM_ENGINE_AUTH?\n"
    )
    assert [*tmp_path.iterdir()] == []


def test_a_backup_brings_along_who_decided(tmp_path: Path) -> None:
    path = tmp_path / "world.sqlite"
    with EngineProcess(path) as engine:
        engine.wait()
        engine.call("/init", {"scenario": "market"})
        engine.call("/run", {"turns": 3, "ends": False})
    kept = Path(f"{path}.policies").read_bytes()
    assert sim_economy("backup", path, tmp_path / "copy.sqlite").returncode == 0
    carried = tmp_path / "copy.sqlite.policies"
    assert carried.read_bytes() == kept
    assert carried.stat().st_mode & 0o077 == 0
    with EngineProcess(path) as engine, EngineProcess(tmp_path / "copy.sqlite") as copy:
        engine.wait()
        copy.wait()
        for each in (engine, copy):
            each.call("/run", {"turns": 6})
        assert engine.call("/head") == copy.call("/head")
