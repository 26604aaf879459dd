"""The policy of the published experiment, and the family it is one of."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from sim_economy.agents.policy import Policy, View
from sim_economy.core.actions import Action, Burn, Job, Mine, Stake, Study, Transfer, Unstake
from sim_economy.core.table_reader import Kind, Parameter
from sim_economy.core.units import INPUT_LIMIT

# Files from before the policy had parameters say nothing of them, and stay as they are.
_level = partial(Parameter, Kind.COUNT, low=-INPUT_LIMIT, stated_at_default=False)
_tokens = partial(Parameter, Kind.COUNT, low=1, stated_at_default=False)
_fee = partial(Parameter, Kind.COUNT, stated_at_default=False)
_period = partial(Parameter, Kind.COUNT, stated_at_default=False)


class Published(Policy, frozen=True):
    """The policy of the published experiment: seven rules, the first that matches.

    It reads the balances of all agents, as the published one did. Its thresholds, amounts and
    periods are parameters; the defaults are the published ones.

    Source: docs/spec/experiment.md.
    """

    job_below: Annotated[int, _level("works a job while its balance is below this")] = -180
    unstake_period: Annotated[int, _period("turns between unstakes; 0 is never")] = 15
    stake_above: Annotated[int, _level("stakes only while its balance is above this")] = 360
    stake_max: Annotated[int, _level("stakes only while its stake is below this")] = 220
    stake_period: Annotated[int, _period("turns between stakes; 0 is never")] = 7
    stake_tokens: Annotated[int, _tokens("tokens it stakes at once")] = 80
    burn_above: Annotated[int, _level("burns only while its balance is above this")] = 600
    burn_period: Annotated[int, _period("turns between burns; 0 is never")] = 11
    burn_tokens: Annotated[int, _tokens("tokens it burns at once")] = 50
    transfer_above: Annotated[int, _level("transfers only while its balance is above this")] = 450
    transfer_period: Annotated[int, _period("turns between transfers; 0 is never")] = 13
    transfer_tokens: Annotated[int, _tokens("tokens it transfers to the poorest")] = 20
    transfer_fee: Annotated[int, _fee("fee of a transfer")] = 1
    study_above: Annotated[int, _level("studies only while its balance is above this")] = 250
    study_period: Annotated[int, _period("turns between studies; 0 is never")] = 10

    def decide(self, view: View) -> Action:
        """By balance, stake, turn and position."""
        agent, state = view.agent, view.state
        turn = state.turn + 1
        balance = state.balances[agent]
        if balance < self.job_below:
            return Job()
        staked = state.staked[agent]
        return (
            self._staking(balance, staked, turn, agent)
            or self._spending(view, balance, turn)
            or Mine()
        )

    def _staking(self, balance: int, staked: int, turn: int, agent: int) -> Action | None:
        if staked > 0 and _is_due(turn, self.unstake_period):
            return Unstake()
        has_room = balance > self.stake_above and staked < self.stake_max
        if has_room and _is_due(turn + agent, self.stake_period):
            return Stake(self.stake_tokens)
        return None

    def _spending(self, view: View, balance: int, turn: int) -> Action | None:
        if balance > self.burn_above and _is_due(turn + view.agent, self.burn_period):
            return Burn(self.burn_tokens)
        if balance > self.transfer_above and _is_due(turn, self.transfer_period):
            balances = view.state.balances
            poorest = balances.index(min(balances))
            if view.agent != poorest:
                recipient = view.config.agent_ids[poorest]
                return Transfer(recipient, self.transfer_tokens, self.transfer_fee)
        studies = balance > self.study_above and _is_due(turn, self.study_period)
        return Study() if studies else None


def _is_due(number: int, period: int) -> bool:
    """Test whether a turn is a multiple of a period; nothing is one of 0."""
    return period > 0 and number % period == 0
