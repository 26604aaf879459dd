"""The as-run rules on Mesa 3, as a modeller would write them there: agents, no ledger.

Usage is drawn by Python's own generator, as in the published experiment; only the point of the
lottery, one number a turn, is the core's draw, so that every balance can be held against the core.
"""

from __future__ import annotations

import random
from typing import Any

import mesa

from sim_economy.core.randomness import draw_below, seed_key

FACTOR_ONE = 10**12
MATURITY = 3
AMOUNTS = {"stake": 80, "burn": 50, "transfer": 20}
TIPS = {"transfer": 1}


class Trader(mesa.Agent):  # type: ignore[misc]
    """One agent of the published experiment."""

    def __init__(self, model: Any, index: int) -> None:
        super().__init__(model)
        self.index = index
        self.balance, self.staked = 1000, 0
        self.factor, self.employed = FACTOR_ONE, False
        self.burns: list[tuple[int, int]] = []
        self.thinking = self.output = self.owed = 0
        self.action = "mine"

    def choose(self) -> None:
        draws, turn = self.model.draws, self.model.turn
        self.thinking, self.output = draws.randint(50, 350), draws.randint(40, 280)
        if self.balance < -180:
            self.action = "job"
        elif self.staked > 0 and turn % 15 == 0:
            self.action = "unstake"
        elif self.balance > 360 and self.staked < 220 and (turn + self.index) % 7 == 0:
            self.action = "stake"
        elif self.balance > 600 and (turn + self.index) % 11 == 0:
            self.action = "burn"
        elif self.balance > 450 and turn % 13 == 0 and self is not self.model.poorest:
            self.action = "transfer"
        elif self.balance > 250 and turn % 10 == 0:
            self.action = "study"
        else:
            self.action = "mine"

    def act(self) -> None:
        if self.action == "study" and self.balance >= 50:
            self.balance -= 50
            self.factor = self.factor * 950_000 // 10**6
        fee = max(0, self.output + self.thinking // 10 - 100) * self.factor // FACTOR_ONE
        self.owed = 0
        if self.action == "job":
            self.balance += min(fee, 1000)
            if self.balance < 0:
                self.balance += -self.balance // 100
            if not self.employed:
                self.employed = True
                self.balance += 50
            return
        self.owed = fee
        if self.action in AMOUNTS:
            amount, tip = AMOUNTS[self.action], TIPS.get(self.action, 0)
            self.balance -= amount + tip
            self.model.waiting.append((self.action, self, self.model.poorest, amount, tip))

    def pay(self) -> None:
        self.balance -= self.owed
        self.model.fees += self.owed

    def bear_interest(self) -> None:
        if self.balance < 0:
            self.balance -= -self.balance // 100

    def weight(self) -> int:
        """In units of 10^-18, as the rules have it."""
        turn, burned = self.model.turn, 0
        for then, amount in self.burns:
            if turn - then >= MATURITY:
                burned += amount * self.model.kept[turn - then - MATURITY]
        return (10_000_000 + 10_000 * self.staked) * FACTOR_ONE + 50_000 * burned


class Economy(mesa.Model):  # type: ignore[misc]
    """The published world."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.draws, self.key = random.Random(seed), seed_key(seed)
        self.turn = self.fees = self.blocks = 0
        self.waiting: list[tuple[str, Any, Any, int, int]] = []
        self.kept = [FACTOR_ONE]
        for index in range(8):
            Trader(self, index)
        self.poorest = next(iter(self.agents))

    def step(self) -> None:
        self.turn += 1
        self.kept.append(self.kept[-1] * 980_000 // 10**6)
        self.poorest = min(self.agents, key=lambda agent: agent.balance)
        self.agents.do("choose")
        self.agents.do("act")
        self.agents.do("pay")
        self.agents.do("bear_interest")
        self.make_block()

    def make_block(self) -> None:
        miners = self.agents.select(lambda agent: agent.action == "mine")
        weights = [agent.weight() for agent in miners]
        total = sum(weights)
        if total < 20_000_000 * FACTOR_ONE:
            return
        point = draw_below(total, self.key, self.turn, "lottery", 0)
        winner = self.drawn(miners, weights, point)
        self.blocks += 1
        for action, agent, poorest, amount, tip in self.waiting:
            winner.balance += tip
            if action == "stake":
                agent.staked += amount
            elif action == "transfer":
                poorest.balance += amount
            else:
                agent.burns.append((self.turn, amount))
        self.waiting = []

    @staticmethod
    def drawn(miners: Any, weights: list[int], point: int) -> Any:
        for agent, weight in zip(miners, weights, strict=True):
            point -= weight
            if point < 0:
                return agent
        raise AssertionError(point)

    def end(self) -> None:
        """What waits for a block returns to its owner."""
        for _, agent, _, amount, tip in self.waiting:
            agent.balance += amount + tip
        self.waiting = []


def play(seed: int, turns: int = 60) -> Economy:
    """One published run."""
    economy = Economy(seed)
    for _ in range(turns):
        economy.step()
    economy.end()
    return economy
