"""Loans: who lends, and who borrows under the pressure of its bills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from sim_economy.agents.policies.phrases import LOAN, Offer, Phrase, Seek
from sim_economy.agents.policies.trader import SIGNING_TURNS, MarketView, Trader, part
from sim_economy.core.actions import Action, Job
from sim_economy.core.contracts import ContractKind, Deal, Role, Stage
from sim_economy.core.needs import Need, NeedSide
from sim_economy.core.observation import OwnMatch
from sim_economy.core.table_reader import Kind, Parameter
from sim_economy.core.units import Millionths


class Lender(Trader, frozen=True):
    """Lends to agents without a default on record who say they seek a loan."""

    rate: Annotated[Millionths, Parameter(Kind.RATE, "premium it asks, by the principal")] = (
        Millionths(100_000)
    )
    collateral_rate: Annotated[
        Millionths, Parameter(Kind.RATE, "collateral it asks, by the principal")
    ] = Millionths(0)
    principal_max: Annotated[int, Parameter(Kind.COUNT, "most it lends at once", 1)] = 300
    loans_max: Annotated[int, Parameter(Kind.COUNT, "loans it has open at once", 1)] = 3

    def words(self, market: MarketView) -> list[Phrase]:
        """Offers loans while it can lend."""
        return [Offer(LOAN, part(100, self.rate))] if self._can_lend(market) else []

    def needs(self, market: MarketView) -> list[Need]:
        """Offers the most it can lend at its rate."""
        if not self._can_lend(market):
            return []
        principal = min(self.principal_max, market.free - self.reserve)
        return [Need(ContractKind.LOAN, NeedSide.OFFER, principal, part(principal, self.rate))]

    def business(self, market: MarketView) -> Action | None:
        """A loan for who it is matched with, or for somebody who seeks one."""
        if not self._can_lend(market):
            return None
        if market.shows_matches:
            return self.matched_proposal(market, LOAN, self._collateral)
        for borrower, (principal, turns) in self.customers(market, LOAN):
            wanted = 0 < principal <= min(self.principal_max, market.free - self.reserve)
            if wanted and turns > 0:
                return self.proposal(
                    market,
                    LOAN,
                    borrower,
                    principal=principal,
                    premium=part(principal, self.rate),
                    counterparty_collateral=part(principal, self.collateral_rate),
                    due_turn=market.turn + SIGNING_TURNS + turns,
                )
        return None

    def _collateral(self, match: OwnMatch) -> Mapping[str, int | str]:
        return {"counterparty_collateral": part(match.amount, self.collateral_rate)}

    def _can_lend(self, market: MarketView) -> bool:
        few = len(market.of_kind(Role.PROPOSER, LOAN)) < self.loans_max
        return few and market.free > self.reserve


class Borrower(Trader, frozen=True):
    """Borrows when it runs short, and works to have the debt together in time."""

    seeks_below: Annotated[
        int, Parameter(Kind.COUNT, "seeks a loan while its balance is below this")
    ] = 200
    principal: Annotated[int, Parameter(Kind.COUNT, "tokens it borrows", 1)] = 200
    turns: Annotated[int, Parameter(Kind.COUNT, "turns it wants to have them", 1)] = 8
    rate_max: Annotated[
        Millionths, Parameter(Kind.RATE, "highest premium it agrees to, by the principal")
    ] = Millionths(150_000)
    saves_turns: Annotated[
        int, Parameter(Kind.COUNT, "turns before the due turn from which it works for the debt")
    ] = 6

    def words(self, market: MarketView) -> list[Phrase]:
        """Seeks a loan when it needs one."""
        return [Seek(LOAN, (self.principal, self.turns))] if self._is_short(market) else []

    def needs(self, market: MarketView) -> list[Need]:
        """Seeks the loan that it speaks of, at the highest premium it agrees to."""
        premium_max = part(self.principal, self.rate_max)
        need = Need(ContractKind.LOAN, NeedSide.SEEK, self.principal, premium_max)
        return [need] if self._is_short(market) else []

    def accepts(self, market: MarketView, deal: Deal) -> bool:
        """The loan it sought, at a premium it can bear; one at a time."""
        return (
            deal.kind is ContractKind.LOAN
            and deal.principal == self.principal
            and deal.premium <= part(deal.principal, self.rate_max)
            and not market.of_kind(Role.COUNTERPARTY, LOAN)
        )

    def _is_short(self, market: MarketView) -> bool:
        return market.balance < self.seeks_below and not market.of_kind(Role.COUNTERPARTY, LOAN)

    def living(self, market: MarketView) -> Action:
        """Works while a debt that is due soon is not together."""
        for loan in market.contracts(Role.COUNTERPARTY, Stage.ACTIVE):
            owed = loan.deal.principal + loan.deal.premium
            soon = loan.deal.due_turn - market.turn < self.saves_turns
            if loan.deal.kind is ContractKind.LOAN and soon and market.balance < owed:
                return Job()
        return super().living(market)
