"""Many calls at once under one limiter, without a look at the clock."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sim_economy.agents.usage_model import PublishedUsage
from sim_economy.core.table_reader import NumberText
from sim_economy.core.world_config import parse_world_config
from sim_economy.orchestrator import session
from sim_economy.orchestrator.dialogue.messages import (
    ModelCall,
    ModelOutput,
    ModelUsage,
    Request,
    Shown,
)
from sim_economy.orchestrator.limits.rate_limit import RateLimiter
from sim_economy.orchestrator.model_call import ModelCaller
from sim_economy.orchestrator.record.call_folder import read_run
from sim_economy.orchestrator.record.call_log import IdleReason
from sim_economy.orchestrator.session import orchestrate
from tests.orchestrator.server import ModelServer
from tests.orchestrator.setup import mocked, play, served


@pytest.mark.parametrize(("agents", "in_flight"), [(8, 20), (100, 20)])
def test_as_many_calls_are_under_way_as_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agents: int, in_flight: int
) -> None:
    """All agents of a small world at once; in a large one always as many as the limit."""
    callers: list[ModelCaller] = []
    taken: list[int] = []
    under_way: list[int] = []

    class Waiting:
        async def ask(self, request: Request, call: ModelCall) -> ModelOutput:
            taken.append(callers[0].limiter.connections)
            under_way.append(call.agent)
            assert len(under_way) <= in_flight
            await asyncio.sleep(0.02)
            under_way.remove(call.agent)
            return ModelOutput('{"action": "mine"}', "", ModelUsage(1, 1))

        async def close(self) -> None:
            pass

    monkeypatch.setattr(session, "provider_for", lambda *_: Waiting())
    config = parse_world_config({"num_agents": agents})
    play(tmp_path, mocked(1, config, in_flight=in_flight), started=callers.append)
    limit = min(agents, in_flight)
    assert len(taken) == agents
    assert max(taken) == limit
    assert taken.count(limit) >= agents - limit, "a place was left empty while calls waited"


def test_first_come_first_served() -> None:
    async def steps() -> list[int]:
        limiter = RateLimiter(2)
        order: list[int] = []

        async def one(number: int) -> None:
            async with limiter.slot("m"):
                order.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(*(one(number) for number in range(9)))
        return order

    assert asyncio.run(steps()) == list(range(9))


def test_no_more_calls_start_in_a_minute_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps() -> list[float]:
        loop = asyncio.get_running_loop()
        now = 0.0
        monkeypatch.setattr(loop, "time", lambda: now)

        async def sleep(seconds: float) -> None:
            nonlocal now
            now += seconds

        monkeypatch.setattr("sim_economy.orchestrator.limits.rate_limit.asyncio.sleep", sleep)
        limiter = RateLimiter(5, per_minute=3)
        started = []
        for _ in range(8):
            async with limiter.slot("m"):
                started.append(now)
        return started

    started = asyncio.run(steps())
    assert started == [0, 0, 0, 60, 60, 60, 120, 120]


def test_a_held_model_waits_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def steps() -> list[str]:
        limiter = RateLimiter(5)
        limiter.hold("busy", 0.05)
        order: list[str] = []

        async def one(model: str) -> None:
            async with limiter.slot(model):
                order.append(model)

        await asyncio.gather(one("busy"), one("free"))
        return order

    assert asyncio.run(steps()) == ["free", "busy"]


def test_retry_after_is_respected(tmp_path: Path) -> None:
    def once(turn: int, agent: int, attempt: int) -> str:
        return "rate_limited_a_second" if agent == 3 and attempt == 0 else "ok"

    with ModelServer(once) as server:
        play(tmp_path, served(server.address, 1, backoff_seconds=NumberText("0.01")))
    _, log = read_run(tmp_path)
    assert log.calls_ended[1, "agent_3", 0].retry_after == 1
    assert log.decided[1, "agent_3"].attempts == 2
    assert log.decided[1, "agent_3"].idle_reason is None


@pytest.mark.parametrize("retries", [0, 2])
def test_a_failed_call_is_tried_again_so_often_and_no_more(tmp_path: Path, retries: int) -> None:
    with ModelServer(lambda *_: "server_error") as server:
        play(
            tmp_path, served(server.address, 1, retries=retries, backoff_seconds=NumberText("0.01"))
        )
        assert len(server.log) == 8 * (retries + 1)
    _, log = read_run(tmp_path)
    assert {decided.idle_reason for decided in log.decided.values()} == {IdleReason.SERVER_FAILED}


@pytest.mark.parametrize("repairs", [0, 2])
def test_an_unusable_reply_is_mended_so_often_and_no_more(tmp_path: Path, repairs: int) -> None:
    with ModelServer(lambda *_: "chatter") as server:
        play(tmp_path, served(server.address, 1, repairs=repairs))
        assert len(server.log) == 8 * (repairs + 1)
        billed = sum(call.reported[1] for call in server.log if call.reported)
        last = max(server.log, key=lambda call: call.attempt)
    assert len(last.body["messages"]) == 2 + 2 * repairs
    _, log = read_run(tmp_path)
    inputs = [decided.chosen for decided in log.decided.values()]
    assert sum(one.thinking_units + one.output_units for one in inputs) == billed
    assert {decided.idle_reason for decided in log.decided.values()} == {IdleReason.UNUSABLE}


def test_a_wait_beyond_the_turns_deadline_is_an_idle_turn(tmp_path: Path) -> None:
    with ModelServer(lambda *_: "rate_limited_a_second") as server:
        run = served(server.address, 1, turn_deadline_seconds=NumberText("0.8"))
        ended = play(tmp_path, run)
    assert ended.world_head.turn == 1
    _, log = read_run(tmp_path)
    assert {decided.idle_reason for decided in log.decided.values()} == {IdleReason.TURN_DEADLINE}


def test_a_turn_ends_at_its_deadline_whoever_stalls(tmp_path: Path) -> None:
    def stalls(turn: int, agent: int, attempt: int) -> str:
        return "stall" if agent < 2 else "ok"

    with ModelServer(stalls) as server:
        run = served(server.address, 1, turn_deadline_seconds=1, in_flight=1, retries=0)
        play(tmp_path / "one", run)
        run = served(server.address, 1, turn_deadline_seconds=1, retries=0)
        play(tmp_path / "all", run)
    _, log = read_run(tmp_path / "one")
    whys = [log.decided[1, f"agent_{agent}"].idle_reason for agent in range(8)]
    assert whys[0] is IdleReason.CALL_DEADLINE
    assert set(whys[1:]) == {IdleReason.TURN_DEADLINE}
    _, log = read_run(tmp_path / "all")
    whys = [log.decided[1, f"agent_{agent}"].idle_reason for agent in range(8)]
    assert whys == [IdleReason.CALL_DEADLINE] * 2 + [None] * 6


def test_pauses_double_and_depend_on_the_seed_alone() -> None:
    from sim_economy.orchestrator.agent_turn import _pause  # noqa: PLC0415
    from sim_economy.orchestrator.model_call import Question  # noqa: PLC0415

    plan = mocked().plan
    question = Question(
        turn=3,
        agent=2,
        agent_id="agent_2",
        model="m",
        instructions="",
        messages=(),
        shown=Shown(seen={}),
        grows=True,
        over=0.0,
    )
    pauses = [_pause(plan, 7, question, attempt, attempt) for attempt in range(1, 9)]
    assert pauses == [_pause(plan, 7, question, attempt, attempt) for attempt in range(1, 9)]
    assert all(2**n / 2 <= pause <= 2**n for n, pause in enumerate(pauses[:6]))
    assert max(pauses) <= 60
    assert _pause(plan, 8, question, 1, 1) != pauses[0]


def test_a_bug_in_one_backend_is_not_swallowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        async def ask(self, request: Request, call: ModelCall) -> ModelOutput:
            raise ZeroDivisionError

        async def close(self) -> None:
            pass

    monkeypatch.setattr(session, "provider_for", lambda *_: Broken())
    with pytest.raises(ZeroDivisionError):
        asyncio.run(orchestrate(tmp_path, mocked(1), PublishedUsage()))
