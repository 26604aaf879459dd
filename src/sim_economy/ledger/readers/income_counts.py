"""Counts of a run with income: usage refused, and tokens that were not there to expire."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET, Struct

from sim_economy.core.accounts import BALANCE, FIRST, WIDTH, PostingReason
from sim_economy.core.income_config import IncomeConfig
from sim_economy.ledger.records import TurnRecord


class IncomeCounts(Struct, kw_only=True):
    """Counts of income over a run, `[agent]`.

    Attributes:
        units_denied: Usage refused for want of tokens, thinking after its discount.
        turns_denied: Turns in which some was.
        first_denied: The first of them; None where there is none.
        sheltered: Tokens moved out of the balance during a period and still out of it when the
            period closed, at most the allowance of each period: what expiry could not reach.
    """

    units_denied: list[int]
    turns_denied: list[int]
    first_denied: list[int | None]
    sheltered: list[int]


class IncomeCounter:
    """The counts of the turns it is given, in order, from turn 1 on."""

    def __init__(self, income: IncomeConfig, agent_ids: Sequence[str]) -> None:
        agents = len(agent_ids)
        self._income = income
        self._allowances = income.granted(agent_ids)
        self._outside = [0] * agents
        self._outside_at_start = [0] * agents
        self._counts = IncomeCounts(
            units_denied=[0] * agents,
            turns_denied=[0] * agents,
            first_denied=[None] * agents,
            sheltered=[0] * agents,
        )

    def add(self, record: TurnRecord, accounts: Sequence[int]) -> None:
        """Count one more turn.

        Args:
            accounts: All of them, after it.
        """
        for refused in () if record.units_denied is UNSET else record.units_denied:
            agent, counts = refused.agent, self._counts
            counts.units_denied[agent] += refused.units
            counts.turns_denied[agent] += 1
            if counts.first_denied[agent] is None:
                counts.first_denied[agent] = record.turn
        period = self._income.period_in(record.turn)
        if period is not None:
            self._begin(record, period)
        for agent in range(len(self._outside)):
            first = FIRST + WIDTH * agent
            owned = sum(accounts[first : first + WIDTH])
            self._outside[agent] = owned - accounts[BALANCE + WIDTH * agent]

    def counts(self) -> IncomeCounts:
        """The counts so far."""
        return self._counts

    def _begin(self, record: TurnRecord, period: int) -> None:
        for posting in record.postings:
            if posting.reason is PostingReason.STAKE_RELEASED:
                self._outside[(posting.source - FIRST) // WIDTH] -= posting.amount
        for agent, allowance in enumerate(self._allowances):
            if period > 1:
                moved = self._outside[agent] - self._outside_at_start[agent]
                self._counts.sheltered[agent] += min(allowance, max(0, moved))
            self._outside_at_start[agent] = self._outside[agent]
