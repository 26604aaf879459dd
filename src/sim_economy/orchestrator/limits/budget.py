"""Budgets that are never overdrawn: the most a call may cost is reserved before it is made."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from msgspec import Struct

from sim_economy.core.errors import SimEconomyError
from sim_economy.orchestrator.dialogue.messages import Money
from sim_economy.orchestrator.settings import RunLimits

NOTHING = Decimal(0)


class BudgetReachedError(SimEconomyError):
    """The next call might cost more than is left; everything so far is kept.

    Attributes:
        whose: `run`, or an agent id.
    """

    code = "budget_reached"

    def __init__(self, whose: str, unit: str, limit: object) -> None:
        self.whose = whose
        owner = "the run" if whose == "run" else whose
        super().__init__(
            f"the budget of {owner}, {limit} {unit}, does not reach for the next call; "
            "raise it and run the same command again to resume"
        )


class Cost(Struct, frozen=True):
    """Tokens, prompt and reply together, and money."""

    tokens: int = 0
    money: Money = NOTHING

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.tokens + other.tokens, self.money + other.money)

    def __sub__(self, other: Cost) -> Cost:
        return Cost(self.tokens - other.tokens, self.money - other.money)


class Spending(Struct):
    """The spending of one owner.

    Attributes:
        spent: What providers reported.
        unknown: Set aside for calls that may have been charged and never said so.
        held: Set aside for calls under way.
    """

    spent: Cost = Cost()
    unknown: Cost = Cost()
    held: Cost = Cost()

    @property
    def total(self) -> Cost:
        """The most that can have been spent when all calls have ended."""
        return self.spent + self.unknown + self.held


class Budget:
    """The run's account and each agent's, under their limits."""

    def __init__(self, limits: RunLimits) -> None:
        self.limits = limits
        self.run = Spending()
        self.agents: dict[str, Spending] = {}
        self._settled = asyncio.Condition()

    def of(self, agent_id: str) -> Spending:
        """An agent's account."""
        return self.agents.setdefault(agent_id, Spending())

    async def reserve(self, agent_id: str, cost: Cost) -> None:
        """Set aside what a call may cost, waiting for calls under way if it fits only then.

        Raises:
            BudgetReachedError: It does not fit.
        """
        limits = self.limits
        own = self.of(agent_id)
        most = limits.agent_budget_tokens, limits.agent_budget_money
        self._check(agent_id, own.total + cost, *most)
        async with self._settled:
            while True:
                least = self.run.spent + self.run.unknown + cost
                self._check("run", least, limits.budget_tokens, limits.budget_money)
                if self._fits(self.run.total + cost):
                    break
                await self._settled.wait()
            for account in (self.run, own):
                account.held += cost

    async def settle(self, agent_id: str, held: Cost, spent: Cost, unknown: Cost) -> None:
        """Turn what was set aside into what was spent."""
        async with self._settled:
            for account in (self.run, self.of(agent_id)):
                account.held -= held
            self.restore(agent_id, spent, unknown)
            self._settled.notify_all()

    def restore(self, agent_id: str, spent: Cost, unknown: Cost) -> None:
        """Enter what an earlier session spent."""
        for account in (self.run, self.of(agent_id)):
            account.spent += spent
            account.unknown += unknown

    def _fits(self, cost: Cost) -> bool:
        limits = self.limits
        tokens = limits.budget_tokens is None or cost.tokens <= limits.budget_tokens
        return tokens and (limits.budget_money is None or cost.money <= limits.budget_money)

    def _check(self, whose: str, cost: Cost, tokens: int | None, money: Money | None) -> None:
        if tokens is not None and cost.tokens > tokens:
            raise BudgetReachedError(whose, "tokens", tokens)
        if money is not None and cost.money > money:
            raise BudgetReachedError(whose, self.limits.prices.currency, money)
