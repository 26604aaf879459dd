"""The as-run rules on Mesa 3, as a modeller would write them there: agents, no ledger."""

from __future__ import annotations

import random
from typing import Any

import mesa


class Trader(mesa.Agent):  # type: ignore[misc]
    """One agent of the published experiment."""

    def __init__(self, model: Any, index: int) -> None:
        super().__init__(model)
        self.index = index
        self.balance, self.staked = 1000, 0
        self.factor, self.employed = 10**12, False
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
        fee = max(0, self.output + self.thinking // 10 - 100) * self.factor // 10**12
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
        amounts = {"stake": 80, "burn": 50, "transfer": 21}
        if self.action in amounts:
            self.balance -= amounts[self.action]
            self.model.waiting.append((self, self.model.poorest))

    def pay(self) -> None:
        self.balance -= self.owed
        self.model.fees += self.owed

    def bear_interest(self) -> None:
        if self.balance < 0:
            self.balance -= -self.balance // 100


class Economy(mesa.Model):  # type: ignore[misc]
    """The published world."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.draws = random.Random(seed)
        self.turn = self.fees = self.blocks = 0
        self.waiting: list[tuple[Any, Any]] = []
        for index in range(8):
            Trader(self, index)
        self.poorest = next(iter(self.agents))

    def step(self) -> None:
        self.turn += 1
        self.poorest = min(self.agents, key=lambda agent: agent.balance)
        self.agents.do("choose")
        self.agents.do("act")
        self.agents.do("pay")
        self.agents.do("bear_interest")
        if sum(agent.action == "mine" for agent in self.agents) >= 2:
            self.blocks += 1
            for agent, poorest in self.waiting:
                if agent.action == "stake":
                    agent.staked += 80
                elif agent.action == "transfer":
                    poorest.balance += 20
            self.waiting = []


def play(seed: int, turns: int = 60) -> Economy:
    """One published run."""
    economy = Economy(seed)
    for _ in range(turns):
        economy.step()
    return economy
