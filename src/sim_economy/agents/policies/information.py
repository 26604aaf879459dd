"""Information: who sells it, and who buys it.

The economy does not know what an information good is worth to its buyer. Here it is a report with
a number in it that only its seller knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated

from sim_economy.agents.policies.phrases import INFORMATION, Offer, Phrase, Seek
from sim_economy.agents.policies.trader import SIGNING_TURNS, MarketView, Trader, report
from sim_economy.core.actions import Action
from sim_economy.core.contracts import ContractKind, Deal, Role, Settlement
from sim_economy.core.needs import Need, NeedSide
from sim_economy.core.table_reader import Kind, Parameter


class Seller(Trader, frozen=True):
    """Sells reports to those who seek information, and delivers them as soon as they are paid."""

    price: Annotated[int, Parameter(Kind.COUNT, "tokens it asks for a report")] = 25
    sales_max: Annotated[int, Parameter(Kind.COUNT, "sales it has open at once", 1)] = 3
    settlement: Annotated[
        Settlement, Parameter(Kind.VARIANT, "whether the buyer has to confirm the delivery")
    ] = Settlement.AUTOMATIC

    def words(self, market: MarketView) -> list[Phrase]:
        """Offers information while it has room for sales."""
        room = len(market.of_kind(Role.PROPOSER, INFORMATION)) < self.sales_max
        return [Offer(INFORMATION, self.price)] if room else []

    def needs(self, market: MarketView) -> list[Need]:
        """Offers one more report while it has room for sales."""
        room = len(market.of_kind(Role.PROPOSER, INFORMATION)) < self.sales_max
        need = Need(ContractKind.INFORMATION_SALE, NeedSide.OFFER, 1, self.price)
        return [need] if room else []

    def business(self, market: MarketView) -> Action | None:
        """A sealed report for who it is matched with, or for somebody who seeks one."""
        if market.shows_matches:
            return self.matched_proposal(market, INFORMATION, lambda _: self._sealed(market))
        return information_offer(self, market, self.price, self.sales_max, self.settlement)

    def _sealed(self, market: MarketView) -> Mapping[str, int | str]:
        text = report(market.view, market.turn)
        return {
            "payload_hash": sha256(text.encode()).hexdigest(),
            "settlement": self.settlement.value,
            "proposer_collateral": max(self.price, self.arbitration_fee_max),
        }


class Buyer(Trader, frozen=True):
    """Buys reports, one at a time."""

    price_max: Annotated[int, Parameter(Kind.COUNT, "most it pays for a report")] = 30

    def words(self, market: MarketView) -> list[Phrase]:
        """Seeks information while it can pay."""
        return [Seek(INFORMATION, (self.price_max,))] if self._is_free(market) else []

    def needs(self, market: MarketView) -> list[Need]:
        """Seeks one report, for the most it pays."""
        need = Need(ContractKind.INFORMATION_SALE, NeedSide.SEEK, 1, self.price_max)
        return [need] if self._is_free(market) else []

    def _is_free(self, market: MarketView) -> bool:
        able = market.free - self.reserve >= self.price_max
        return able and not market.of_kind(Role.COUNTERPARTY, INFORMATION)

    def accepts(self, market: MarketView, deal: Deal) -> bool:
        """A report it can pay; one at a time."""
        return (
            deal.kind is ContractKind.INFORMATION_SALE
            and deal.price <= self.price_max
            and not market.of_kind(Role.COUNTERPARTY, INFORMATION)
        )


def information_offer(
    trader: Trader,
    market: MarketView,
    price: int,
    sales_max: int,
    settlement: Settlement = Settlement.AUTOMATIC,
) -> Action | None:
    """A proposal of this turn's report to somebody who seeks information and pays the price."""
    if len(market.of_kind(Role.PROPOSER, INFORMATION)) >= sales_max:
        return None
    bond = max(price, trader.arbitration_fee_max)
    for buyer, (price_max,) in trader.customers(market, INFORMATION):
        if price <= price_max:
            return trader.proposal(
                market,
                INFORMATION,
                buyer,
                price=price,
                payload_hash=sha256(report(market.view, market.turn).encode()).hexdigest(),
                settlement=settlement.value,
                due_turn=market.turn + SIGNING_TURNS + 2,
                proposer_collateral=bond,
            )
    return None
