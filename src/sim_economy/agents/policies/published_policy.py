"""The policy of the published experiment."""

from __future__ import annotations

from sim_economy.agents.policy import Policy, View
from sim_economy.core.actions import Action, Burn, Job, Mine, Stake, Study, Transfer, Unstake


class Published(Policy, frozen=True):
    """The policy of the published experiment: seven rules, the first that matches.

    It reads the balances of all agents, as the published one did.

    Source: docs/spec/experiment.md.
    """

    def decide(self, view: View) -> Action:
        """By balance, stake, turn and position."""
        agent, state = view.agent, view.state
        turn = state.turn + 1
        balance = state.balances[agent]
        if balance < -180:
            return Job()
        staked = state.staked[agent]
        return _staking(balance, staked, turn, agent) or _spending(view, balance, turn) or Mine()


def _staking(balance: int, staked: int, turn: int, agent: int) -> Action | None:
    if staked > 0 and turn % 15 == 0:
        return Unstake()
    if balance > 360 and staked < 220 and (turn + agent) % 7 == 0:
        return Stake(80)
    return None


def _spending(view: View, balance: int, turn: int) -> Action | None:
    if balance > 600 and (turn + view.agent) % 11 == 0:
        return Burn(50)
    if balance > 450 and turn % 13 == 0:
        balances = view.state.balances
        poorest = balances.index(min(balances))
        if view.agent != poorest:
            return Transfer(view.config.agent_ids[poorest], 20, 1)
    return Study() if balance > 250 and turn % 10 == 0 else None
