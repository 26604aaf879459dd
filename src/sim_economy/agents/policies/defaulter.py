"""The agent that breaks its word."""

from __future__ import annotations

from typing import Annotated

from sim_economy.agents.policies.information import information_offer
from sim_economy.agents.policies.phrases import INFORMATION, LOAN, SERVICE, Offer, Phrase, Seek
from sim_economy.agents.policies.services import service_offer
from sim_economy.agents.policies.trader import MarketView, Trader, part
from sim_economy.core.actions import Action, Stake
from sim_economy.core.contracts import Contract, ContractKind, Deal, Role, Stage
from sim_economy.core.table_reader import Kind, Parameter
from sim_economy.core.units import INPUT_LIMIT, Millionths


class Defaulter(Trader, frozen=True):
    """Borrows and stakes its tokens away before the debt is due; sells what it never delivers.

    It claims what it did not do. Its record then shuts it out where others look at records.
    """

    principal: Annotated[int, Parameter(Kind.COUNT, "tokens it borrows", 1)] = 200
    turns: Annotated[int, Parameter(Kind.COUNT, "turns it says it wants them", 1)] = 8
    rate_max: Annotated[
        Millionths, Parameter(Kind.RATE, "highest premium it agrees to, by the principal")
    ] = Millionths(500_000)
    price: Annotated[int, Parameter(Kind.COUNT, "tokens it asks for what it will not deliver")] = 20
    orders_max: Annotated[
        int, Parameter(Kind.COUNT, "orders of each kind it has open at once", 1)
    ] = 1

    def words(self, market: MarketView) -> list[Phrase]:
        """Whatever draws others in."""
        said: list[Phrase] = [Offer(SERVICE, self.price), Offer(INFORMATION, self.price)]
        if not market.of_kind(Role.COUNTERPARTY, LOAN):
            said.append(Seek(LOAN, (self.principal, self.turns)))
        return said

    def owed(self, market: MarketView) -> Action | None:
        """Its tokens come first."""
        return self._flight(market) or super().owed(market)

    def business(self, market: MarketView) -> Action | None:
        """Cheap offers."""
        return service_offer(self, market, self.price, self.orders_max) or information_offer(
            self, market, self.price, self.orders_max
        )

    def accepts(self, market: MarketView, deal: Deal) -> bool:
        """Any loan that asks no collateral."""
        return (
            deal.kind is ContractKind.LOAN
            and not deal.collaterals[Role.COUNTERPARTY]
            and deal.premium <= part(deal.principal, self.rate_max)
            and not market.of_kind(Role.COUNTERPARTY, LOAN)
        )

    def delivers(self, market: MarketView, contract: Contract) -> bool:
        """Never."""
        return False

    def claims(self, market: MarketView, contract: Contract) -> bool:
        """Always."""
        return True

    def _flight(self, market: MarketView) -> Action | None:
        """Stakes what no signature may take, in the turn in which a loan is due."""
        for loan in market.contracts(Role.COUNTERPARTY, Stage.ACTIVE):
            due = loan.deal.kind is ContractKind.LOAN and loan.deal.due_turn == market.turn
            if due and market.free > 0:
                return Stake(min(market.free, INPUT_LIMIT))
        return None
