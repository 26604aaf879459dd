"""Services: who renders them, and who has them done.

A service is rendered when its provider says so with the proof (`talk.proof`): in this economy no
other trace of one can be seen.
"""

from __future__ import annotations

from typing import Annotated

from sim_economy.agents.policies.phrases import SERVICE, Offer, Phrase, Seek
from sim_economy.agents.policies.trader import SIGNING_TURNS, MarketView, Trader
from sim_economy.core.actions import Action
from sim_economy.core.contracts import Contract, ContractKind, Deal, Role
from sim_economy.core.needs import Need, NeedSide
from sim_economy.core.table_reader import Kind, Parameter
from sim_economy.core.units import MILLION, Millionths


class ServiceProvider(Trader, frozen=True):
    """Renders services at its price to those who seek one, and shows the proof when they are due.

    What it fails to render it does not claim.
    """

    price: Annotated[int, Parameter(Kind.COUNT, "tokens it asks for a service")] = 40
    orders_max: Annotated[int, Parameter(Kind.COUNT, "services it has open at once", 1)] = 3
    reliability: Annotated[
        Millionths, Parameter(Kind.RATE, "share of the services it really renders")
    ] = Millionths(950_000)

    def words(self, market: MarketView) -> list[Phrase]:
        """Offers services while it has room for orders."""
        room = len(market.of_kind(Role.PROPOSER, SERVICE)) < self.orders_max
        return [Offer(SERVICE, self.price)] if room else []

    def needs(self, market: MarketView) -> list[Need]:
        """Offers one more service while it has room for orders."""
        room = len(market.of_kind(Role.PROPOSER, SERVICE)) < self.orders_max
        return [Need(ContractKind.SERVICE, NeedSide.OFFER, 1, self.price)] if room else []

    def business(self, market: MarketView) -> Action | None:
        """A proposal to who it is matched with, or to somebody who seeks a service."""
        if market.shows_matches:
            return self.matched_proposal(market, SERVICE)
        return service_offer(self, market, self.price, self.orders_max)

    def delivers(self, market: MarketView, contract: Contract) -> bool:
        """As often as its reliability says; for one contract always the same."""
        drawn = market.view.draw(MILLION, "provider.delivers", contract.contract_id, lasting=True)
        return drawn < self.reliability


class ServiceClient(Trader, frozen=True):
    """Has services done: one at a time, paid when their proof was shown."""

    price_max: Annotated[int, Parameter(Kind.COUNT, "most it pays for a service")] = 60
    turns: Annotated[int, Parameter(Kind.COUNT, "turns it gives for a service", 1)] = 3
    denies: Annotated[
        bool, Parameter(Kind.FLAG, "whether it disputes what was rendered too, to keep its tokens")
    ] = False

    def words(self, market: MarketView) -> list[Phrase]:
        """Seeks a service while it has none under way and can pay one."""
        return [Seek(SERVICE, (self.price_max, self.turns))] if self._is_free(market) else []

    def needs(self, market: MarketView) -> list[Need]:
        """Seeks one service, for the most it pays."""
        need = Need(ContractKind.SERVICE, NeedSide.SEEK, 1, self.price_max)
        return [need] if self._is_free(market) else []

    def accepts(self, market: MarketView, deal: Deal) -> bool:
        """A service it can pay; one at a time."""
        return (
            deal.kind is ContractKind.SERVICE
            and deal.price <= self.price_max
            and not market.of_kind(Role.COUNTERPARTY, SERVICE)
        )

    def _is_free(self, market: MarketView) -> bool:
        able = market.free - self.reserve >= self.price_max
        return able and not market.of_kind(Role.COUNTERPARTY, SERVICE)

    def admits(self, market: MarketView, contract: Contract, *, proved: bool) -> bool:
        """The party that the evidence favours, if it is honest."""
        return proved and not self.denies


def service_offer(trader: Trader, market: MarketView, price: int, orders_max: int) -> Action | None:
    """A proposal to somebody who seeks a service and pays the price."""
    if len(market.of_kind(Role.PROPOSER, SERVICE)) >= orders_max:
        return None
    for client, (price_max, turns) in trader.customers(market, SERVICE):
        if price <= price_max and turns > 0:
            due_turn = market.turn + SIGNING_TURNS + turns
            return trader.proposal(market, SERVICE, client, price=price, due_turn=due_turn)
    return None
