"""The as-run rules as one bare loop over lists, draws included: the floor for any engine.

It keeps no ledger, no events, no history; it gives the same numbers for the published experiment.
"""

from __future__ import annotations

import random
from typing import NamedTuple


class Result(NamedTuple):
    """What the loop can say at the end of a run."""

    balances: list[int]
    staked: list[int]
    pending: int
    fees: int
    blocks: int
    actions: dict[str, int]


def play(seed: int, turns: int = 60, agents: int = 8) -> Result:
    """One published run."""
    randint = random.Random(seed).randint
    balances, staked = [1000] * agents, [0] * agents
    factors, employed = [10**12] * agents, [False] * agents
    waiting: list[tuple[str, int, int, int]] = []
    fees = blocks = 0
    actions = dict.fromkeys(("mine", "stake", "unstake", "burn", "study", "job", "transfer"), 0)
    for turn in range(1, turns + 1):
        usage = [(randint(50, 350), randint(40, 280)) for _ in range(agents)]
        poorest = balances.index(min(balances))
        chosen = []
        for agent in range(agents):
            balance = balances[agent]
            if balance < -180:
                action = "job"
            elif staked[agent] > 0 and turn % 15 == 0:
                action = "unstake"
            elif balance > 360 and staked[agent] < 220 and (turn + agent) % 7 == 0:
                action = "stake"
            elif balance > 600 and (turn + agent) % 11 == 0:
                action = "burn"
            elif balance > 450 and turn % 13 == 0 and agent != poorest:
                action = "transfer"
            elif balance > 250 and turn % 10 == 0:
                action = "study"
            else:
                action = "mine"
            chosen.append(action)
            actions[action] += 1
        owed = [0] * agents
        miners = 0
        for agent, action in enumerate(chosen):
            if action == "study" and balances[agent] >= 50:
                balances[agent] -= 50
                factors[agent] = factors[agent] * 950_000 // 10**6
            thinking, output = usage[agent]
            fee = max(0, output + thinking // 10 - 100) * factors[agent] // 10**12
            if action == "job":
                balances[agent] += min(fee, 1000)
                if balances[agent] < 0:
                    balances[agent] += -balances[agent] // 100
                if not employed[agent]:
                    employed[agent] = True
                    balances[agent] += 50
                continue
            owed[agent] = fee
            if action == "mine":
                miners += 1
            elif action == "stake":
                balances[agent] -= 80
                waiting.append((action, agent, 80, 0))
            elif action == "burn":
                balances[agent] -= 50
                waiting.append((action, agent, 50, 0))
            elif action == "transfer":
                balances[agent] -= 21
                waiting.append((action, agent, 20, poorest))
        for agent in range(agents):
            balances[agent] -= owed[agent]
            fees += owed[agent]
        for agent in range(agents):
            if balances[agent] < 0:
                balances[agent] -= -balances[agent] // 100
        if miners >= 2:
            blocks += 1
            for action, agent, amount, to in waiting:
                if action == "stake":
                    staked[agent] += amount
                elif action == "transfer":
                    balances[to] += amount
            waiting = []
    pending = sum(amount for _, _, amount, _ in waiting)
    return Result(balances, staked, pending=pending, fees=fees, blocks=blocks, actions=actions)
