"""Hard budgets: set aside before each call, never exceeded, stopped at cleanly, gone on from."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sim_economy.core.table_reader import NumberText
from sim_economy.orchestrator.dialogue.messages import ModelUsage
from sim_economy.orchestrator.limits.budget import Budget, BudgetReachedError, Cost
from sim_economy.orchestrator.prices import Price
from sim_economy.orchestrator.record.call_folder import read_run
from sim_economy.orchestrator.record.call_log import IdleReason
from sim_economy.orchestrator.session import replay_run, restored_budget
from sim_economy.orchestrator.settings import RunLimits
from tests.orchestrator.server import ModelServer
from tests.orchestrator.setup import SCENARIO, mocked, play, served

PRICES = """
currency = "EUR"
[small]
input = 0.15
output = 0.6
cached_input = 0.075
"""


def counted(server: ModelServer) -> int:
    return sum(
        prompt + output for call in server.log for prompt, output, _ in [call.reported or (0, 0, 0)]
    )


def test_a_budget_stops_the_run_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    with ModelServer(config=SCENARIO) as server:
        whole = play(tmp_path / "whole", served(server.address, 4))
        server.log.clear()
        folder = tmp_path / "run"
        with pytest.raises(BudgetReachedError, match="the budget of the run, 30000 tokens"):
            play(folder, served(server.address, 4, budget_tokens=30_000))
        assert 0 < counted(server) <= 30_000
        _, log = read_run(folder)
        assert log.stopped[-1].reason == "budget_reached"
        assert 0 < len(log.closed) < 4
        ended = play(folder, served(server.address, 4, budget_tokens=10_000_000))
        assert ended.world_head == whole.world_head
        assert len({call.key for call in server.log}) == len(server.log), "nothing paid twice"
        assert ended.spent.tokens == counted(server)
    assert asyncio.run(replay_run(folder)).world_head == whole.world_head


@pytest.mark.parametrize("budget", [5_000, 17_123, 33_333, 90_000])
@pytest.mark.parametrize("in_flight", [1, 3, 20])
def test_no_budget_is_ever_exceeded(tmp_path: Path, budget: int, in_flight: int) -> None:
    with ModelServer(config=SCENARIO, latency=0.002) as server:
        run = served(server.address, 30, budget_tokens=budget, in_flight=in_flight)
        with pytest.raises(BudgetReachedError):
            play(tmp_path, run)
        assert counted(server) <= budget
        task, log = read_run(tmp_path)
        assert restored_budget(task.plan, log).run.spent.tokens == counted(server)


def test_money_is_exact_and_bounded(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(PRICES)
    with ModelServer(config=SCENARIO) as server:

        def run(money: str) -> Any:
            return served(
                server.address,
                3,
                folder=tmp_path,
                prices="prices.toml",
                budget_money=NumberText(money),
            )

        with pytest.raises(BudgetReachedError, match=r"0\.004 EUR"):
            play(tmp_path / "run", run("0.004"))
        ended = play(tmp_path / "run", run("5"))
        expected = sum(
            (Decimal("0.15") * prompt + Decimal("0.6") * output) / 1_000_000
            for call in server.log
            for prompt, output, _ in [call.reported or (0, 0, 0)]
        )
    assert ended.spent.money == expected
    assert ended.spent.money.as_tuple().exponent >= -9  # type: ignore[operator]


def test_an_agents_budget_stops_the_run_or_leaves_it_idle(tmp_path: Path) -> None:
    with pytest.raises(BudgetReachedError, match=r"the budget of agent_\d, 9000 tokens"):
        play(tmp_path / "stop", mocked(10, agent_budget_tokens=9000))
    ended = play(tmp_path / "idle", mocked(10, agent_budget_tokens=9000, agent_budget_ends="idle"))
    assert ended.world_head.turn == 10
    task, log = read_run(tmp_path / "idle")
    whys = {decided.idle_reason for decided in log.decided.values()}
    assert whys == {None, IdleReason.AGENT_BUDGET}
    budget = restored_budget(task.plan, log)
    assert all(account.spent.tokens <= 9000 for account in budget.agents.values())
    assert asyncio.run(replay_run(tmp_path / "idle")).world_head == ended.world_head


def test_a_lost_call_keeps_what_was_set_aside_for_it(tmp_path: Path) -> None:
    with ModelServer(lambda *_: "drop", SCENARIO) as server:
        play(tmp_path, served(server.address, 1, retries=0))
    task, log = read_run(tmp_path)
    budget = restored_budget(task.plan, log)
    assert budget.run.spent == Cost()
    assert budget.run.unknown.tokens == sum(sent.tokens for sent in log.calls_sent.values()) > 0
    assert {decided.unreported_calls for decided in log.decided.values()} == {1}
    assert {decided.chosen.output_units for decided in log.decided.values()} == {0}


def test_lost_calls_use_up_the_budget(tmp_path: Path) -> None:
    """Nobody knows what they cost, so they count as what they can have cost."""
    with ModelServer(lambda *_: "drop", SCENARIO) as server:
        run = served(server.address, 1, retries=0, in_flight=1, budget_tokens=20_000)
        with pytest.raises(BudgetReachedError):
            play(tmp_path, run)
        made = len(server.log)
    task, log = read_run(tmp_path)
    unknown = restored_budget(task.plan, log).run.unknown.tokens
    assert 0 < made < 8
    assert unknown <= 20_000 < unknown + unknown // made + 1000


def test_a_refused_call_costs_nothing(tmp_path: Path) -> None:
    with ModelServer(lambda *_: "server_error", SCENARIO) as server:
        ended = play(tmp_path, served(server.address, 1, retries=0))
    assert (ended.spent, ended.unknown) == (Cost(), Cost())


def test_what_is_set_aside_covers_whatever_can_come(tmp_path: Path) -> None:
    with ModelServer(config=SCENARIO) as server:
        play(tmp_path, served(server.address, 2))
    _, log = read_run(tmp_path)
    for call_id, ended in log.calls_ended.items():
        assert ended.usage is not None
        assert (
            ended.usage.input_tokens + ended.usage.output_tokens <= log.calls_sent[call_id].tokens
        )


def test_a_call_waits_for_what_others_may_give_back() -> None:
    async def steps() -> list[str]:
        budget = Budget(RunLimits(budget_tokens=100))
        told = []

        async def first() -> None:
            await budget.reserve("a", Cost(80))
            await asyncio.sleep(0)
            await budget.settle("a", Cost(80), Cost(30), Cost())
            told.append("first")

        async def second() -> None:
            await asyncio.sleep(0)
            await budget.reserve("b", Cost(60))
            told.append("second")

        await asyncio.gather(first(), second())
        with pytest.raises(BudgetReachedError):
            await budget.reserve("c", Cost(71))
        return told

    assert asyncio.run(steps()) == ["first", "second"]


def test_cache_writes_have_their_own_price() -> None:
    price = Price(Decimal(1), Decimal(10), Decimal("0.1"), Decimal("1.25"))
    tokens = ModelUsage(3050, 400, 0, 2000, 1000)
    assert price.of(tokens) == Decimal("0.0055")
    assert Price(Decimal(1), Decimal(10), Decimal("0.1")).of(tokens) == Decimal("0.00525")
    assert price.most(1_000_000, 0) == Decimal("1.25"), "what is set aside allows for it"
    assert price.of(ModelUsage(10, 0, 0, 20, 30)) == Decimal("0.0000125")


def test_cached_input_has_its_own_price() -> None:
    price = Price(Decimal("0.15"), Decimal("0.6"), Decimal("0.075"))
    tokens = ModelUsage(1_000_000, 500_000, 100_000, 400_000)
    assert price.of(tokens) == Decimal("0.09") + Decimal("0.03") + Decimal("0.3")
    assert price.most(1_000_000, 500_000) >= price.of(tokens)


def test_figures_that_make_no_sense() -> None:
    from sim_economy.orchestrator.model_call import _sound  # noqa: PLC0415

    assert _sound(None) is None
    assert _sound(ModelUsage(-1, 5)) is None
    assert _sound(ModelUsage(5, -1)) is None
    assert _sound(ModelUsage(5, 2**31)) is None
    assert _sound(ModelUsage(2**31 - 1, 2**31 - 1)) is not None
    assert _sound(ModelUsage(5, 6, -2, -3, -4)) == ModelUsage(5, 6)


def test_thinking_is_part_of_output_and_billed_once() -> None:
    assert ModelUsage(10, 100, 30).units == (30, 70)
    assert ModelUsage(10, 100).units == (0, 100)
    assert ModelUsage(10, 100, 130).units == (100, 0)
