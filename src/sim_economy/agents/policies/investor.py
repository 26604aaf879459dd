"""The agent that lives on dividends."""

from __future__ import annotations

from typing import Annotated

from sim_economy.agents.policies.trader import part
from sim_economy.agents.policy import Policy, View
from sim_economy.core.actions import Action, BidCore, Job, Mine, Stake
from sim_economy.core.table_reader import Kind, Parameter
from sim_economy.core.units import INPUT_LIMIT, MILLION, Millionths
from sim_economy.core.world_config import DividendRule


class Investor(Policy, frozen=True):
    """Bids for a core in the auction where cores earn dividends, stakes where stake does.

    Its bid lies by chance between half and all of what it would pay.
    """

    bid_rate: Annotated[
        Millionths, Parameter(Kind.RATE, "most it bids for a core, by its balance")
    ] = Millionths(300_000)
    stake_rate: Annotated[
        Millionths, Parameter(Kind.RATE, "part of its balance above the reserve it stakes at once")
    ] = Millionths(500_000)
    stake_min: Annotated[
        int, Parameter(Kind.COUNT, "least it stakes at once, so that it can do other things", 1)
    ] = 50
    reserve: Annotated[int, Parameter(Kind.COUNT, "tokens of its balance it never stakes")] = 300
    work_below: Annotated[
        int, Parameter(Kind.COUNT, "works a job while its balance is below this, else mines")
    ] = 200

    def decide(self, view: View) -> Action:
        """Bid, stake, work or mine."""
        balance = view.observation.accounts["balance"]
        if view.config.dividend_rule is DividendRule.CORE_OWNERS:
            if view.open_turn == 1 and (most := part(balance, self.bid_rate)) > 0:
                return BidCore(most - most * view.draw(MILLION, "investor.bid") // (2 * MILLION))
        else:
            amount = part(max(0, balance - self.reserve), self.stake_rate)
            if amount >= self.stake_min:
                return Stake(min(amount, INPUT_LIMIT))
        return Job() if balance < self.work_below else Mine()
