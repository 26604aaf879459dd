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
        balance, staked = state.balances[agent], state.staked[agent]
        if balance < -180:
            return Job()
        if staked > 0 and turn % 15 == 0:
            return Unstake()
        if balance > 360 and staked < 220 and (turn + agent) % 7 == 0:
            return Stake(80)
        if balance > 600 and (turn + agent) % 11 == 0:
            return Burn(50)
        if balance > 450 and turn % 13 == 0:
            poorest = state.balances.index(min(state.balances))
            if agent != poorest:
                return Transfer(view.config.agent_ids[poorest], 20, 1)
        return Study() if balance > 250 and turn % 10 == 0 else Mine()
