"""Insurance against falling wealth: who sells it, and who takes it out."""

from __future__ import annotations

from typing import Annotated

from sim_economy.agents.policies.phrases import INSURANCE, Offer, Phrase, Seek
from sim_economy.agents.policies.trader import SIGNING_TURNS, MarketView, Trader, part
from sim_economy.core.actions import Action, Mine
from sim_economy.core.contracts import ContractKind, Deal, Role
from sim_economy.core.needs import Need, NeedSide
from sim_economy.core.observation import OwnMatch
from sim_economy.core.table_reader import Kind, Parameter
from sim_economy.core.units import Millionths


class Insurer(Trader, frozen=True):
    """Insures those who seek it, for a premium by the payout; it sees nobody's wealth."""

    rate: Annotated[Millionths, Parameter(Kind.RATE, "premium it asks, by the payout")] = (
        Millionths(200_000)
    )
    payout_max: Annotated[int, Parameter(Kind.COUNT, "most it insures at once", 1)] = 200
    insurances_max: Annotated[int, Parameter(Kind.COUNT, "insurances it has open at once", 1)] = 3

    def words(self, market: MarketView) -> list[Phrase]:
        """Offers insurance while it can pay out."""
        return [Offer(INSURANCE, part(100, self.rate))] if self._can_insure(market) else []

    def needs(self, market: MarketView) -> list[Need]:
        """Offers the most it can pay out at its rate."""
        if not self._can_insure(market):
            return []
        payout = min(self.payout_max, market.free - self.reserve)
        return [Need(ContractKind.INSURANCE, NeedSide.OFFER, payout, part(payout, self.rate))]

    def business(self, market: MarketView) -> Action | None:
        """An insurance for who it is matched with, or for somebody who seeks one."""
        if not self._can_insure(market):
            return None
        if market.shows_matches:

            def stated(match: OwnMatch) -> dict[str, int | str] | None:
                figures = market.sought_by(match.partner, INSURANCE)
                return None if figures is None else {"trigger": figures[1]}

            return self.matched_proposal(market, INSURANCE, stated)
        for insured, (payout, trigger, turns) in self.customers(market, INSURANCE):
            if 0 < payout <= min(self.payout_max, market.free - self.reserve) and turns > 0:
                return self.proposal(
                    market,
                    INSURANCE,
                    insured,
                    premium=part(payout, self.rate),
                    payout=payout,
                    trigger=trigger,
                    due_turn=market.turn + SIGNING_TURNS + turns,
                )
        return None

    def _can_insure(self, market: MarketView) -> bool:
        few = len(market.of_kind(Role.PROPOSER, INSURANCE)) < self.insurances_max
        return few and market.free > self.reserve


class Insured(Trader, frozen=True):
    """Insures its wealth against the fees to come, and mines instead of working while it is."""

    payout: Annotated[int, Parameter(Kind.COUNT, "most it wants to get", 1)] = 150
    margin: Annotated[
        int, Parameter(Kind.COUNT, "tokens its wealth may fall before it wants to get anything")
    ] = 150
    turns: Annotated[int, Parameter(Kind.COUNT, "turns it wants to be insured", 1)] = 8
    rate_max: Annotated[
        Millionths, Parameter(Kind.RATE, "highest premium it agrees to, by the payout")
    ] = Millionths(250_000)
    solvent_above: Annotated[
        int, Parameter(Kind.COUNT, "insures itself only while its balance is above this")
    ] = 100

    def words(self, market: MarketView) -> list[Phrase]:
        """Seeks insurance while it has none and something to lose."""
        if not self._is_open(market):
            return []
        return [Seek(INSURANCE, (self.payout, market.wealth - self.margin, self.turns))]

    def needs(self, market: MarketView) -> list[Need]:
        """Seeks the payout that it speaks of, at the highest premium it agrees to."""
        premium_max = part(self.payout, self.rate_max)
        need = Need(ContractKind.INSURANCE, NeedSide.SEEK, self.payout, premium_max)
        return [need] if self._is_open(market) else []

    def accepts(self, market: MarketView, deal: Deal) -> bool:
        """An insurance it sought that is still to its advantage; one at a time."""
        return (
            deal.kind is ContractKind.INSURANCE
            and deal.premium <= part(deal.payout, self.rate_max)
            and market.wealth - deal.premium >= deal.trigger
            and not market.of_kind(Role.COUNTERPARTY, INSURANCE)
        )

    def _is_open(self, market: MarketView) -> bool:
        insured = market.of_kind(Role.COUNTERPARTY, INSURANCE)
        return not insured and market.balance > self.solvent_above

    def living(self, market: MarketView) -> Action:
        """The insured has no reason to work."""
        covered = any(own.insured_value is not None for own in market.seen.contracts)
        return Mine() if covered and market.balance >= 0 else super().living(market)
