"""`sim-economy view`: an address for people or scripts, and an end that leaves nothing."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.viewer.ledgers import played

PROGRAM = Path(sys.executable).with_name("sim-economy")


def view(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PROGRAM, "view", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def fails(*arguments: str) -> tuple[int, str]:
    process = view(*arguments)
    _, message = process.communicate(timeout=60)
    return process.returncode, message


@pytest.mark.parametrize("ends_by", [signal.SIGINT, signal.SIGTERM])
def test_a_ledger_is_shown_until_it_is_stopped(tmp_path: Path, ends_by: signal.Signals) -> None:
    ledger = played(tmp_path / "run.sqlite", "as-run", turns=3)
    before = {path.name for path in tmp_path.iterdir()}
    process = view(str(ledger), "--json")
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(4)]
    address = json.loads("".join(lines))["address"]
    with urllib.request.urlopen(f"{address}view/overview", timeout=30) as answer:
        assert json.load(answer)["turn"] == 3
    process.send_signal(ends_by)
    assert process.wait(30) == 0
    process.communicate()
    assert {path.name for path in tmp_path.iterdir()} == before


def test_an_engines_address_is_passed_on(tmp_path: Path) -> None:
    process = view("http://127.0.0.1:8000", "--json")
    output, _ = process.communicate(timeout=60)
    assert (process.returncode, json.loads(output)["address"]) == (0, "http://127.0.0.1:8000/")


def test_what_cannot_be_shown_is_said_with_what_to_do(tmp_path: Path) -> None:
    status, message = fails(str(tmp_path / "none.sqlite"))
    assert (status, "there is no ledger; check the path" in message) == (2, True)
    status, message = fails(str(tmp_path), "--json")
    assert (status, json.loads(message)["error"]["code"]) == (2, "folder_foreign")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ledger = played(tmp_path / "run.sqlite", "as-run", turns=1)
        status, message = fails(str(ledger), "--port", str(taken.getsockname()[1]))
    assert (status, "name another one, or none" in message) == (2, True)
