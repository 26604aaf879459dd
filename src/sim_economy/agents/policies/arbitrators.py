"""Arbitrators: those who rule by what can be seen, and those who do not."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from sim_economy.agents.policies.phrases import ARBITRATION, Offer, Phrase
from sim_economy.agents.policies.trader import MarketView, Trader
from sim_economy.core.contracts import Contract, Favoured, Settlement
from sim_economy.core.table_reader import Kind, Parameter


class Bias(StrEnum):
    """The bias of a dishonest arbitrator."""

    PROPOSER = "proposer"
    COUNTERPARTY = "counterparty"
    FALSE = "false"
    SILENT = "silent"


class Arbitrator(Trader, frozen=True):
    """Arbitrates what others agree on and rules by what can be seen.

    It signs when the counterparty has signed, and earns its fee only with a ruling.
    """

    fee: Annotated[int, Parameter(Kind.COUNT, "tokens it asks for a ruling")] = 10

    def words(self, market: MarketView) -> list[Phrase]:
        """Offers to arbitrate while it can vouch for anything."""
        return [Offer(ARBITRATION, self.fee)] if market.free > self.reserve else []

    def arbitrates(self, market: MarketView, contract: Contract) -> bool:
        """Contracts the counterparty has signed, for the fee where a ruling may be needed."""
        deal = contract.deal
        paid = deal.settlement is Settlement.AUTOMATIC or deal.arbitrator_fee >= self.fee
        return contract.counterparty_signed and paid


class DishonestArbitrator(Arbitrator, frozen=True):
    """Arbitrates like the honest one, but rules as its bias says."""

    bias: Annotated[
        Bias, Parameter(Kind.VARIANT, "for whom it rules: always one side, wrongly, or never")
    ] = Bias.PROPOSER

    def ruling(self, market: MarketView, contract: Contract) -> Favoured | None:
        """Whatever its bias says."""
        match self.bias:
            case Bias.SILENT:
                return None
            case Bias.FALSE:
                right = super().ruling(market, contract)
                wrong = right is Favoured.COUNTERPARTY
                return Favoured.PROPOSER if wrong else Favoured.COUNTERPARTY
            case Bias.PROPOSER | Bias.COUNTERPARTY:
                return Favoured(self.bias.value)
