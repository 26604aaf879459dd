"""`orchestrate` as a shell calls it: no key, no network, clear statuses."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sim_economy.core.actions import action_name
from sim_economy.orchestrator.record.call_folder import LEDGER, read_run
from sim_economy.orchestrator.session import replay_run
from tests.cli.shell import CALL, complaint, json_of, sim_economy
from tests.orchestrator.server import ModelServer

SCENARIO = """
name = "models"
turns = 3
seed = 6
[models.m]
provider = "openai-compatible"
model = "small"
base_url = "{address}"
[[minds]]
model = "m"
"""
MOCK = """
name = "mock"
turns = {turns}
[orchestrator]
budget_tokens = {budget}
[models.m]
provider = "mock"
[[minds]]
model = "m"
"""


def test_a_mock_run_needs_nothing_and_its_agents_talk_and_contract(tmp_path: Path) -> None:
    """A shell without a key; the client libraries made unreachable."""
    code = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('pydantic_ai', 'openai', 'httpx', 'httpx2'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code + CALL, "orchestrate", "--mock", "--turns", "20", "--json"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    result = json_of(ended)
    assert (result["turns"], result["calls"], result["failed"]) == (20, 160, 0)
    folder = tmp_path / result["folder"]
    _, log = read_run(folder)
    done = Counter(action_name(one.chosen.action) for one in log.decided.values())
    assert min(done[name] for name in ("propose_contract", "sign_contract", "mine", "bid_core")) > 5
    assert len({one.agent_id for one in log.decided.values() if one.chosen.speech}) == 8
    assert json_of(sim_economy("replay", folder, "--json"))["head"] == result["head"]
    assert json_of(sim_economy("verify", folder / LEDGER, "--json"))["holds"]
    page = tmp_path / "run.html"
    assert sim_economy("inspect", folder, "--html", page).returncode == 0
    assert page.read_text(encoding="utf-8").count('class="turn"') == 20


def test_the_same_seed_gives_the_same_head(tmp_path: Path) -> None:
    heads = [
        json_of(
            sim_economy(
                "orchestrate", "--mock", "--turns", "3", "--seed", seed, "--out", out, "--json",
                cwd=tmp_path,
            )
        )["head"]
        for out, seed in (("a", "1"), ("b", "1"), ("c", "2"))
    ]  # fmt: skip
    assert heads[0] == heads[1] != heads[2]


def test_a_spent_budget_has_a_status_of_its_own_and_can_be_gone_on_from(tmp_path: Path) -> None:
    config = tmp_path / "mock.toml"
    config.write_text(MOCK.format(turns=6, budget=30_000))
    said = complaint(sim_economy("orchestrate", config, cwd=tmp_path), status=3)
    assert "the budget of the run, 30000 tokens" in said
    assert "run the same command again" in said
    ended = sim_economy(
        "orchestrate", config, "--set", "orchestrator.budget_tokens=9000000", cwd=tmp_path
    )
    assert ended.returncode == 0, ended.stderr
    assert "turns" in ended.stdout
    assert "inspect out/mock" in ended.stdout


def test_a_run_without_a_reply_has_a_status_of_its_own_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(SCENARIO.format(address="http://127.0.0.1:9/v1"))
    for _ in range(2):
        ended = sim_economy(
            "orchestrate", "run.toml", "--set", "orchestrator.retries=0", cwd=tmp_path
        )
        assert ended.returncode == 4
        assert "turns" in ended.stdout
        assert "no call of the run had a reply (connection_failed: " in ended.stderr
        assert "--fresh" in ended.stderr
    ended = sim_economy(
        "orchestrate", "run.toml", "--set", "orchestrator.retries=0", "--json", cwd=tmp_path
    )
    assert (ended.returncode, json.loads(ended.stdout)["turns"]) == (4, 3)
    assert '"code": "no_reply"' in ended.stderr


def test_a_provider_that_only_says_later_leaves_a_note(tmp_path: Path) -> None:
    with ModelServer(lambda *_: "rate_limited") as server:
        (tmp_path / "run.toml").write_text(SCENARIO.format(address=server.address))
        ended = sim_economy(
            "orchestrate",
            "run.toml",
            "--set",
            "orchestrator.retries=0",
            "--turns",
            "1",
            cwd=tmp_path,
        )
    assert ended.returncode == 0
    assert "note: no call of the run had a reply (rate_limited: HTTP 429" in ended.stderr


def test_one_reply_makes_a_run(tmp_path: Path) -> None:
    def once(turn: int, agent: int, attempt: int) -> str:
        return "ok" if (turn, agent, attempt) == (1, 0, 0) else "rejected"

    with ModelServer(once) as server:
        (tmp_path / "run.toml").write_text(SCENARIO.format(address=server.address))
        ended = sim_economy("orchestrate", "run.toml", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_other_settings_are_refused_unless_started_over(tmp_path: Path) -> None:
    config = tmp_path / "mock.toml"
    config.write_text(MOCK.format(turns=2, budget=9_000_000))
    assert sim_economy("orchestrate", config, cwd=tmp_path).returncode == 0
    said = complaint(sim_economy("orchestrate", config, "--turns", "3", cwd=tmp_path))
    assert "turns was 2, is now 3" in said
    again = sim_economy("orchestrate", config, "--turns", "3", "--fresh", cwd=tmp_path)
    assert again.returncode == 0, again.stderr


def test_every_problem_of_a_file_is_named(tmp_path: Path) -> None:
    config = tmp_path / "bad.toml"
    text = MOCK.format(turns=-2, budget=0).replace('provider = "mock"', 'provider = "magic"')
    config.write_text(text)
    said = complaint(sim_economy("orchestrate", config))
    for words in ("turns: must be", "orchestrator.budget_tokens: must", "models.m.provider: must"):
        assert words in said


def test_a_refused_key_stops_the_run_and_a_mended_one_goes_on(tmp_path: Path) -> None:
    state = {"fault": "forbidden"}
    with ModelServer(lambda *_: state["fault"]) as server:
        (tmp_path / "m.toml").write_text(SCENARIO.format(address=server.address))
        said = complaint(sim_economy("orchestrate", "m.toml", cwd=tmp_path))
        assert "models.m: HTTP 401" in said
        assert len({call.key for call in server.log}) == len(server.log) <= 8, "one try each"
        state["fault"] = "ok"
        ended = json_of(sim_economy("orchestrate", "m.toml", "--json", cwd=tmp_path))
        assert ended["turns"] == 3
    assert asyncio.run(replay_run(tmp_path / "out/models")).world_head.head == ended["head"]


def test_spending_is_shown_live_on_a_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with ModelServer(latency=0.3) as server:
        (tmp_path / "m.toml").write_text(SCENARIO.format(address=server.address))
        command = [sys.executable, "-c", CALL, "orchestrate", "m.toml"]
        command += ["--set", "orchestrator.budget_tokens=9000000"]
        running = subprocess.Popen(command, cwd=tmp_path, stderr=theirs, stdout=subprocess.DEVNULL)
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        assert running.wait(60) == 0
    os.close(ours)
    for words in (b"turn 1/3", b"in flight", b"tokens of 9,000,000"):
        assert words in shown, shown


def test_the_missing_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(SCENARIO.format(address="http://127.0.0.1:9/v1"))
    code = "import sys; sys.modules['pydantic_ai'] = None; " + CALL
    ended = subprocess.run(
        [sys.executable, "-c", code, "orchestrate", "m.toml"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert "pip install 'sim-economy[models]'" in complaint(ended)


@pytest.mark.parametrize(
    "arguments", [("--help",), ("orchestrate", "--help"), ("inspect", "--help")]
)
def test_help_imports_no_client_library(arguments: tuple[str, ...]) -> None:
    code = (
        "import atexit, sys\n"
        "names = ('pydantic', 'pydantic_ai', 'openai', 'httpx2', 'anthropic', 'google')\n"
        "atexit.register(lambda: print({*names} & {*sys.modules}, file=sys.stderr))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code + CALL, *arguments], check=True, capture_output=True, text=True
    )
    assert ended.stderr.strip() == "set()"
