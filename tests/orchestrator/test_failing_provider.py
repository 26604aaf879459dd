"""A whole run through the real client library against a server that fails in every way."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path

import pytest

from sim_economy.core.table_reader import NumberText
from sim_economy.ledger.readers.reading import reading
from sim_economy.ledger.records import read_record, recorded_inputs
from sim_economy.ledger.verify import verify
from sim_economy.orchestrator.dialogue.messages import CallFailure
from sim_economy.orchestrator.record.call_folder import LEDGER, read_run
from sim_economy.orchestrator.record.call_log import IdleReason
from sim_economy.orchestrator.session import replay_run
from tests.orchestrator.server import ModelServer
from tests.orchestrator.setup import SCENARIO, play, served

FAULTS = (
    "ok", "no_usage", "no_reasoning", "absurd_usage", "truncated", "refusal", "filtered", "empty",
    "chatter", "long", "huge", "reasoning_text", "no_choices", "cut_off", "drop", "rate_limited",
    "server_error", "overloaded", "rejected", "html", "garbage", "stall", "stream_error",
)  # fmt: skip


def every_fault(turn: int, agent: int, attempt: int) -> str:
    """Two of three first calls fail, and some calls after them."""
    number = turn * 8 + agent
    if attempt == 0:
        return FAULTS[number % len(FAULTS)] if number % 3 else "ok"
    return FAULTS[(number * 5 + attempt) % len(FAULTS)] if (number + attempt) % 4 == 0 else "ok"


@pytest.mark.parametrize(
    "model",
    [{}, {"stream": True}, {"output": "tool"}, {"output": "native"}],
    ids=["whole", "streamed", "tool", "native"],
)
def test_no_turn_is_lost_and_the_bill_is_the_servers_count(
    tmp_path: Path, model: dict[str, object]
) -> None:
    budget = 3_000_000
    with ModelServer(every_fault, SCENARIO) as server:
        run = served(
            server.address,
            20,
            model=model,
            call_deadline_seconds=NumberText("1.2"),
            backoff_seconds=NumberText("0.01"),
            budget_tokens=budget,
        )
        ending = play(tmp_path / "run", run)
        asked = server.log
    assert ending.world_head.turn == run.turns
    _, log = read_run(tmp_path / "run")
    # On a busy machine an answer may be whole only after its call's deadline: nobody reads it.
    late = {
        at for at, ended in log.calls_ended.items() if ended.failure is CallFailure.CALL_DEADLINE
    }
    asked = [call for call in asked if (call.turn, f"agent_{call.agent}", call.attempt) not in late]
    assert len(late) < 30, "deadlines are the exception"
    reported: dict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
    for call in asked:
        if call.reported:
            reported[call.turn, call.agent].append(call.reported)
    with reading(tmp_path / "run" / LEDGER) as store:
        assert verify(store).holds
        for stored in store.read(1):
            sent = recorded_inputs(read_record(stored.line))
            assert len(sent) == 8
            for agent, one in enumerate(sent):
                counted = reported[stored.turn, agent]
                assert one.thinking_units == sum(reasoning for _, _, reasoning in counted)
                billed = sum(output - reasoning for _, output, reasoning in counted)
                assert one.output_units == billed, (stored.turn, agent)
    total = sum(
        prompt + output for call in asked for prompt, output, _ in [call.reported or (0, 0, 0)]
    )
    assert ending.spent.tokens == total
    assert ending.spent.tokens + ending.unknown.tokens <= budget
    assert len({call.key for call in asked}) == len(asked), "no attempt was sent twice"
    whys = {decided.idle_reason for decided in log.decided.values()}
    assert {None, IdleReason.UNUSABLE, IdleReason.REJECTED} <= whys
    met = {ended.failure for ended in log.calls_ended.values()}
    assert met == {*CallFailure} - {CallFailure.NOT_ALLOWED} | {None}
    assert asyncio.run(replay_run(tmp_path / "run")).world_head == ending.world_head
