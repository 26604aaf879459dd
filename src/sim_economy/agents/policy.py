"""Scripted policies: what an agent does, as a function of the world before the turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from sim_economy.core.actions import (
    Action,
    Burn,
    Idle,
    Job,
    Mine,
    Speak,
    Stake,
    Study,
    Transfer,
    Unstake,
)
from sim_economy.core.errors import ScenarioError
from sim_economy.core.ledger import BALANCE, STAKED, WIDTH
from sim_economy.core.randomness import draw_below, seed_key
from sim_economy.core.scenario import Scenario
from sim_economy.core.state import State


class Policy(Protocol):
    """Chooses for one agent; pure, so that a run can be played again.

    Args:
        agent: Position in genesis order.
        state: The world after the last closed turn; the turn to act in is the next.
    """

    def __call__(self, agent: int, state: State, scenario: Scenario) -> Action:
        """The agent's action."""


def published(agent: int, state: State, scenario: Scenario) -> Action:
    """The policy of the published experiment: seven rules, the first that matches.

    Source: docs/spec/experiment.md.
    """
    turn = state.turn + 1
    balance = state.accounts[BALANCE + WIDTH * agent]
    if balance < -180:
        return Job()
    staked = state.accounts[STAKED + WIDTH * agent]
    if staked > 0 and turn % 15 == 0:
        return Unstake()
    if balance > 360 and staked < 220 and (turn + agent) % 7 == 0:
        return Stake(80)
    if balance > 600 and (turn + agent) % 11 == 0:
        return Burn(50)
    if balance > 450 and turn % 13 == 0:
        balances = state.balances
        poorest = balances.index(min(balances))
        if agent != poorest:
            return Transfer(scenario.agent_ids[poorest], 20, 1)
    if balance > 250 and turn % 10 == 0:
        return Study()
    return Mine()


def miner(agent: int, state: State, scenario: Scenario) -> Action:
    """Always mines."""
    return Mine()


def worker(agent: int, state: State, scenario: Scenario) -> Action:
    """Always has a job."""
    return Job()


def idle(agent: int, state: State, scenario: Scenario) -> Action:
    """Thinks, pays for it, and does nothing."""
    return Idle()


def random(agent: int, state: State, scenario: Scenario) -> Action:
    """Any action with small amounts, drawn from the world's seed; rules refuse some."""
    key = seed_key(scenario.seed, scenario.secret)

    def pick(below: int, purpose: str) -> int:
        return draw_below(below, key, state.turn + 1, f"policy.random.{purpose}", agent)

    amount = 1 + pick(100, "amount")
    fee = pick(3, "fee")
    match pick(10, "action"):
        case 0:
            return Stake(amount, fee)
        case 1:
            return Unstake(amount)
        case 2:
            return Burn(amount, fee)
        case 3:
            return Study()
        case 4 | 5:
            return Job()
        case 6:
            to = scenario.agent_ids[pick(scenario.num_agents, "recipient")]
            return Transfer(to, amount, fee)
        case 7:
            return Speak()
        case _:
            return Mine()


POLICIES: Final[Mapping[str, Policy]] = {
    "published": published,
    "miner": miner,
    "worker": worker,
    "idle": idle,
    "random": random,
}
"""The shipped policies by name."""


def policy_named(name: str) -> Policy:
    """A shipped policy.

    Raises:
        ScenarioError: There is none of that name.
    """
    if name not in POLICIES:
        raise ScenarioError([f"policy: there is no {name}; there are {_listed()}"])
    return POLICIES[name]


def _listed() -> str:
    return ", ".join(POLICIES)
