"""A real model plays: killed, resumed, replayed, and billed what its server counted."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from sim_economy.core.events import RejectionReason
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.verify import verify
from sim_economy.orchestrator.record.call_folder import CALL_LOG, LEDGER
from sim_economy.orchestrator.record.call_log import CallLog, read_call_log
from sim_economy.orchestrator.session import SessionResult, replay_run
from sim_economy.orchestrator.task import Task
from tests.orchestrator.setup import play, task
from tests.realmodel.figures import figures
from tests.realmodel.llama_server import LlamaServer
from tests.realmodel.recording_proxy import Answered, RecordingProxy

AGENTS: Final = 8
TURNS: Final = 10
KILLED_AFTER: Final = (AGENTS * 2 + 3, AGENTS * 6 + 5)
"""Answers of the server after which the run is killed, each within a turn."""

SCRIPT: Final = """
import sys
from pathlib import Path
from tests.orchestrator.setup import play
from tests.realmodel.test_real_model import wanted
play(Path(sys.argv[1]), wanted(*sys.argv[2:]))
"""


def wanted(address: str, output: str) -> Task:
    """The run, under deadlines that a slow machine meets."""
    model = {
        "provider": "openai-compatible",
        "model": "gemma-3-270m",
        "base_url": address,
        "output": output,
        "schema": "llama.cpp",
        "max_output_tokens": 256,
        "temperature": 0.7,
    }
    limits = {"call_deadline_seconds": 1800, "turn_deadline_seconds": 7200}
    tables = {"orchestrator": limits, "models": {"m": model}, "minds": [{"model": "m"}]}
    config = parse_world_config({"num_agents": AGENTS, "seed": 5})
    return task(tables, TURNS, config, name="realmodel")


def killed(folder: Path, proxy: RecordingProxy, output: str, answers: int) -> set[str]:
    """Play until the server has given so many answers, then kill; the keys of the calls kept."""
    command = [sys.executable, "-c", SCRIPT, str(folder), proxy.address, output]
    with subprocess.Popen(command) as running:
        while len(proxy.answered) < answers:
            assert running.poll() is None, "it ended before it was killed"
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
    log, _ = read_call_log(folder / CALL_LOG)
    return set(keys(log))


def keys(log: CallLog) -> dict[str, Any]:
    """The calls that ended, by the key that each was sent with."""
    assert log.began is not None
    return {
        f"{log.began.run_id}-{turn}-{agent_id.removeprefix('agent_')}-{attempt}": ended
        for (turn, agent_id, attempt), ended in log.calls_ended.items()
    }


@pytest.mark.nightly
@pytest.mark.parametrize("output", ["native", "tool"])
def test_a_run_is_killed_resumed_replayed_and_billed_as_the_server_counted(
    output: str, tmp_path: Path, weights_file: Path
) -> None:
    folder = tmp_path / "run"
    with (
        LlamaServer(weights_file, slots=AGENTS) as server,
        RecordingProxy(server.root) as proxy,
    ):
        kept: list[tuple[set[str], int]] = []
        for answers in KILLED_AFTER:
            ended_before = killed(folder, proxy, output, answers)
            kept.append((ended_before, len(proxy.asked)))
        ended = play(folder, wanted(proxy.address, output))
        proxy.wait()
        counted = server.counted()
    for before, asked in kept:
        assert before.isdisjoint(proxy.asked[asked:]), "a call that had ended was made again"
    log, _ = read_call_log(folder / CALL_LOG)
    assert_resumed(folder, log, ended)
    assert_billed(log, proxy.answered, counted)
    if output == "native":
        assert_usable(log)


def assert_resumed(folder: Path, log: CallLog, ended: SessionResult) -> None:
    """The ledger is sound, and the record alone gives its head."""
    assert max(log.closed) == ended.world_head.turn == TURNS
    assert asyncio.run(replay_run(folder)).world_head == ended.world_head
    found = verify(folder / LEDGER)
    assert found.finding is None
    assert found.head is not None
    assert found.head.hash == ended.world_head.head


def assert_billed(log: CallLog, answered: list[Answered], counted: dict[str, int]) -> None:
    """Every call is billed what the server reported, and the reports add up to its own count."""
    assert {one.status for one in answered} == {200}
    reports = {one.key: one.counts for one in answered}
    billed = {
        key: (ended.usage.input_tokens, ended.usage.cached_tokens, ended.usage.output_tokens)
        for key, ended in keys(log).items()
    }
    assert billed == reports
    lost = Counter(one.key for one in answered)
    assert len(log.lost()) == sum(times - 1 for times in lost.values())
    sums = [sum(one.counts[part] for one in answered) for part in range(3)]
    assert counted == {"uncached": sums[0] - sums[1], "cached": sums[1], "output": sums[2]}
    output: Counter[tuple[int, str]] = Counter()
    for (turn, agent_id, _), ended in log.calls_ended.items():
        assert ended.usage is not None
        output[turn, agent_id] += ended.usage.output_tokens
    units = {
        at: decided.chosen.thinking_units + decided.chosen.output_units
        for at, decided in log.decided.items()
    }
    assert units == output


def assert_usable(log: CallLog) -> None:
    """Replies are usable as they come, and no action is refused for what it states."""
    found = figures(log)
    assert found["decisions"] == AGENTS * TURNS
    assert found["usable_at_first_reply"] >= 0.99 * found["decisions"], found["unusable"]
    assert set(found["refused"]) <= NOT_OF_FORM, found["refused"]


NOT_OF_FORM: Final = frozenset(
    {
        RejectionReason.BALANCE_TOO_LOW,
        RejectionReason.START_TURN_TOO_LATE,
        RejectionReason.ARBITRATOR_FEE_TOO_HIGH,
        RejectionReason.ARBITRATOR_COLLATERAL_TOO_LOW,
        RejectionReason.PAYLOAD_MISMATCH,
        RejectionReason.STAGE_MISMATCH,
        RejectionReason.SIGNING_NOT_OPEN,
        RejectionReason.ALREADY_SIGNED,
    }
)
"""Reasons that lie in two numbers together, in a hash, or in what others do in the same turn."""
