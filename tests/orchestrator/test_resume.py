"""Interrupted anywhere, gone on with: the same bytes, and nothing paid for twice."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
from filelock import FileLock

from sim_economy.core.actions import action_name
from sim_economy.core.errors import FolderError, ReplayError
from sim_economy.orchestrator.limits.budget import BudgetReachedError
from sim_economy.orchestrator.record import call_folder
from sim_economy.orchestrator.record.call_folder import CALL_LOG, LEDGER, open_world, read_run
from sim_economy.orchestrator.record.call_log import CallEnded, CallLog, IdleReason, read_call_log
from sim_economy.orchestrator.session import replay_run
from sim_economy.orchestrator.task import Task
from tests.orchestrator.server import ModelServer
from tests.orchestrator.setup import SCENARIO, mocked, play, served
from tests.orchestrator.test_failing_provider import every_fault

SCRIPT = """
import sys
from pathlib import Path
from tests.orchestrator.setup import play, served
from tests.orchestrator.test_resume import robust
play(Path(sys.argv[1]), robust(sys.argv[2]))
"""


def robust(address: str) -> Task:
    return served(address, 12, backoff_seconds=1, call_deadline_seconds=5, retries=5)


def light_faults(turn: int, agent: int, attempt: int) -> str:
    fault = every_fault(turn, agent, attempt)
    slow = {
        "stall",
        "huge",
        "rate_limited",
        "server_error",
        "overloaded",
        "drop",
        "html",
        "cut_off",
    }
    return "ok" if fault in slow | {"garbage", "no_choices"} else fault


def finished(log: CallLog) -> set[str]:
    began = log.began
    assert began is not None
    agents = {f"agent_{index}": index for index in range(8)}
    return {
        f"{began.run_id}-{turn}-{agents[agent_id]}-{attempt}"
        for turn, agent_id, attempt in log.calls_ended
    }


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.nightly)])
def test_killed_at_random_moments_it_ends_with_the_same_head(tmp_path: Path, kills: int) -> None:
    random = Random(kills)
    with ModelServer(light_faults, SCENARIO, latency=0.02) as server:
        whole = play(tmp_path / "whole", robust(server.address))
        calls = len(server.log)
        folder = tmp_path / "killed"
        checks: list[tuple[set[str], int]] = []
        for _ in range(kills):
            server.log.clear() if not checks else None
            running = subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder), server.address])
            more = len(server.log) + random.randrange(max(2, 2 * calls // kills))
            while len(server.log) < more and running.poll() is None:
                time.sleep(0.001)
            time.sleep(random.random() * 0.03)
            running.send_signal(signal.SIGKILL)
            if running.wait() == 0:
                break
            log, _ = read_call_log(folder / CALL_LOG)
            checks.append((finished(log) if log.began else set(), len(server.log)))
        ended = play(folder, robust(server.address))
        asked = [call.key for call in server.log]
    assert len(checks) > kills // 3
    assert ended.world_head == whole.world_head
    for keys, before in checks:
        assert keys.isdisjoint(asked[before:]), "a finished call was made again"
    assert asyncio.run(replay_run(folder)).world_head == whole.world_head


def test_from_every_line_of_the_record_it_goes_on_to_the_same_head(tmp_path: Path) -> None:
    run = mocked(3)
    whole = play(tmp_path / "whole", run)
    lines = (tmp_path / "whole" / CALL_LOG).read_bytes().splitlines(keepends=True)
    for count in range(1, len(lines)):
        folder = tmp_path / f"cut-{count}"
        folder.mkdir()
        torn = lines[count][: len(lines[count]) // 2]
        (folder / "settings.json").write_bytes((tmp_path / "whole/settings.json").read_bytes())
        (folder / CALL_LOG).write_bytes(b"".join(lines[:count]) + torn)
        kept, _ = read_call_log(folder / CALL_LOG)
        with open_world(folder, run) as world:
            for turn in range(1, max(kept.closed, default=0) + 1):
                world.turn([kept.decided[turn, f"agent_{agent}"].chosen for agent in range(8)])
            turn = world.turn_number + 1
            decided = [kept.decided.get((turn, f"agent_{agent}")) for agent in range(8)]
            if all(decided) and count % 2 and turn < 3:  # the ledger may be one turn ahead
                world.turn([one.chosen for one in decided if one])
        made = len(kept.calls_ended)
        ended = play(folder, run)
        assert ended.world_head == whole.world_head, count
        assert ended.calls == 24 - made, count
        kept, _ = read_call_log(folder / CALL_LOG)
        assert len(kept.decided) == 24, "what a crash tore off is gone"


def test_a_record_that_is_whole_asks_nothing(tmp_path: Path) -> None:
    first = play(tmp_path, mocked(2))
    again = play(tmp_path, mocked(2))
    assert (first.calls, again.calls) == (16, 0)
    assert first.world_head == again.world_head
    assert first.spent == again.spent


def two_fences(turn: int, agent: int, agent_id: str, shown: dict[str, Any]) -> str:
    quoted = '{"action": {"action": "stake", "amount": 5}}'
    return f'They ask:\n```json\n{quoted}\n```\nI do:\n```json\n{{"action": "mine"}}\n```'


def test_a_run_goes_on_and_replays_with_the_reading_of_replies_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ModelServer(config=SCENARIO, brain=two_fences) as server:
        monkeypatch.setattr(call_folder, "REPLY_VERSION", 1)
        with pytest.raises(BudgetReachedError):
            play(tmp_path / "old", served(server.address, 2, budget_tokens=20_000))
        monkeypatch.undo()
        record = (tmp_path / "old" / CALL_LOG).read_text(encoding="utf-8")
        assert "reply_version" not in record
        ended = play(tmp_path / "old", served(server.address, 2))
        play(tmp_path / "new", served(server.address, 2))
    assert asyncio.run(replay_run(tmp_path / "old")).world_head == ended.world_head
    played = {
        folder: {action_name(one.chosen.action) for one in log.decided.values()}
        for folder in ("old", "new")
        for _, log in [read_run(tmp_path / folder)]
    }
    assert played == {"old": {"stake"}, "new": {"idle"}}


def test_a_record_of_a_later_reading_of_replies_is_refused(tmp_path: Path) -> None:
    play(tmp_path, mocked(1))
    path = tmp_path / CALL_LOG
    path.write_bytes(path.read_bytes().replace(b'"reply_version":3', b'"reply_version":4', 1))
    with pytest.raises(FolderError, match="another release began it"):
        play(tmp_path, mocked(1))


def test_an_odd_answer_is_in_the_record_and_never_paid_again(tmp_path: Path) -> None:
    with ModelServer(lambda *_: "no_choices", SCENARIO) as server:
        run = served(server.address, 1, retries=0)
        first = play(tmp_path, run)
        calls = len(server.log)
        again = play(tmp_path, run)
        assert (len(server.log), again.calls) == (calls, 0)
    assert first.unanswered == again.unanswered
    assert first.unanswered is not None
    assert first.unanswered.idle_reason is IdleReason.UNREADABLE


def test_a_damaged_line_is_refused(tmp_path: Path) -> None:
    play(tmp_path, mocked(1))
    path = tmp_path / CALL_LOG
    path.write_bytes(path.read_bytes().replace(b'"line":"got"', b'"line":"gut"', 1))
    with pytest.raises(FolderError, match=r"line \d+ cannot be read") as error:
        play(tmp_path, mocked(1))
    assert error.value.code == "record_damaged"


def test_two_runners_one_folder_the_second_is_refused(tmp_path: Path) -> None:
    tmp_path.mkdir(exist_ok=True)
    with FileLock(tmp_path / ".lock"), pytest.raises(FolderError) as error:
        play(tmp_path, mocked(1))
    assert error.value.code == "folder_in_use"


def test_another_programs_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(FolderError) as error:
        play(tmp_path, mocked(1))
    assert error.value.code == "folder_foreign"


def test_changed_settings_are_refused_and_named(tmp_path: Path) -> None:
    play(tmp_path, mocked(1))
    with pytest.raises(FolderError, match=r"turns was 1, is now 2.*memory_turns was 5, is now 4"):
        play(tmp_path, mocked(2, memory_turns=4))


def test_what_decides_nothing_may_change(tmp_path: Path) -> None:
    play(tmp_path, mocked(1))
    play(tmp_path, mocked(1, in_flight=3, budget_tokens=10**9))


def test_a_record_of_another_run_is_refused(tmp_path: Path) -> None:
    play(tmp_path / "one", mocked(2))
    play(tmp_path / "other", mocked(2))
    (tmp_path / "one" / CALL_LOG).write_bytes(b"")
    with pytest.raises(FolderError, match="not of one run"):
        play(tmp_path / "one", mocked(2))


def test_a_changed_reply_does_not_replay(tmp_path: Path) -> None:
    play(tmp_path, mocked(2))
    path = tmp_path / CALL_LOG
    text = path.read_text(encoding="utf-8")
    assert text.count("Mining is cheap.") > 1
    path.write_text(text.replace("Mining is cheap.", "Mining is dear. ", 1), encoding="utf-8")
    with pytest.raises(ReplayError, match="decides otherwise"):
        asyncio.run(replay_run(tmp_path))


def test_a_reply_to_another_request_does_not_replay(tmp_path: Path) -> None:
    play(tmp_path, mocked(1))
    path = tmp_path / CALL_LOG
    lines = path.read_bytes().splitlines(keepends=True)
    index = next(index for index, line in enumerate(lines) if b'"line":"got"' in line)
    key = lines[index].index(b'"request_digest":"') + len(b'"request_digest":"')
    lines[index] = lines[index][:key] + b"0" * 64 + lines[index][key + 64 :]
    path.write_bytes(b"".join(lines))
    with pytest.raises(ReplayError, match="would be another request"):
        asyncio.run(replay_run(tmp_path))


def test_every_line_is_on_the_disk_before_its_result_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    play(tmp_path, mocked(1, in_flight=1))
    assert len(synced) > 16


def test_an_attempt_is_recorded_before_it_is_made(tmp_path: Path) -> None:
    """The server reads the record while it is asked: the call is in it already."""
    seen = []

    def brain(turn: int, agent: int, agent_id: str, shown: object) -> str:
        log, _ = read_call_log(tmp_path / CALL_LOG)
        seen.append((turn, agent_id, 0) in log.calls_sent)
        return '{"action": "mine"}'

    with ModelServer(brain=brain) as server:
        play(tmp_path, served(server.address, 1))
    assert seen == [True] * 8


def test_the_first_interrupt_waits_for_calls_under_way(tmp_path: Path) -> None:
    with ModelServer(config=SCENARIO, latency=0.6) as server:
        config = tmp_path / "s.toml"
        config.write_text(
            f'name = "s"\nturns = 3\nseed = 6\n[models.m]\nprovider = "openai-compatible"\n'
            f'model = "small"\nbase_url = "{server.address}"\n[[minds]]\nmodel = "m"\n'
        )
        command = [str(Path(sys.executable).with_name("sim-economy")), "orchestrate", str(config)]
        running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        while len(server.log) < 8:
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=30)
        assert running.returncode == 130
        assert "finishing the calls under way" in said
        assert "run the same command again" in said
        _, log = read_run(tmp_path / "out/s")
        assert len(log.calls_ended) == 8
        assert log.lost() == []
        assert subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        assert len({call.key for call in server.log}) == len(server.log) == 24
    assert (tmp_path / "out/s" / LEDGER).exists()
    assert isinstance(next(iter(log.calls_ended.values())), CallEnded)


def test_a_decision_after_more_calls_than_there_were_is_refused(tmp_path: Path) -> None:
    run, folder = mocked(2), tmp_path / "cut"
    play(tmp_path / "whole", run)
    folder.mkdir()
    (folder / "settings.json").write_bytes((tmp_path / "whole/settings.json").read_bytes())
    text = (tmp_path / "whole" / CALL_LOG).read_text(encoding="utf-8")
    begins = text.index('{"line":"closed"')
    first = text[: text.index("\n", begins)]
    assert first.count('"attempts":1') == 8
    altered = first.replace('"attempts":1', '"attempts":4', 1) + "\n"
    (folder / CALL_LOG).write_text(altered, encoding="utf-8")
    kept, _ = read_call_log(folder / CALL_LOG)
    with open_world(folder, run) as world:
        world.turn([kept.decided[1, f"agent_{agent}"].chosen for agent in range(8)])
    with pytest.raises(FolderError, match=r"the answer of agent_\d in turn 1 is missing") as error:
        play(folder, run)
    assert error.value.code == "record_damaged"
