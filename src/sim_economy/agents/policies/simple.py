"""Policies of one idea: mine, work, do nothing, do anything."""

from __future__ import annotations

from sim_economy.agents.policy import Policy, View
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


class Miner(Policy, frozen=True):
    """Always mines."""

    def decide(self, view: View) -> Action:
        """Mine."""
        return Mine()


class Worker(Policy, frozen=True):
    """Always has a job."""

    def decide(self, view: View) -> Action:
        """Work."""
        return Job()


class Idler(Policy, frozen=True):
    """Thinks, pays for it, and does nothing."""

    def decide(self, view: View) -> Action:
        """Nothing."""
        return Idle()


class Random(Policy, frozen=True):
    """Any action without a contract, with small amounts, by chance; rules refuse some."""

    def decide(self, view: View) -> Action:
        """One of ten kinds."""
        amount = 1 + view.draw(100, "random.amount")
        fee = view.draw(3, "random.fee")
        match view.draw(10, "random.action"):
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
                index = view.draw(view.config.num_agents, "random.recipient")
                return Transfer(view.config.agent_ids[index], amount, fee)
            case 7:
                return Speak()
            case _:
                return Mine()
