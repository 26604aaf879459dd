"""Needs that agents state, and the matches that are made of them.

Source: docs/spec/economy.md, G4.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from sim_economy.core.contracts import ContractKind


class NeedSide(StrEnum):
    """The part that an agent wants in a contract: to propose it, or to be its counterparty."""

    OFFER = "offer"
    SEEK = "seek"


class Need(Struct, frozen=True, gc=False):
    """A contract that an agent would make.

    Attributes:
        amount: The principal of a loan, the payout of an insurance, the cap of a forward; of other
            kinds whatever both sides count. Who offers states the most.
        limit_price: Tokens that the seeker pays for that amount: the least for who offers, the
            most for who seeks. Of a loan or an insurance it is the premium.
    """

    kind: ContractKind
    side: NeedSide
    amount: int
    limit_price: int


class ContractMatch(Struct, frozen=True, array_like=True, gc=False):
    """Two needs that fit; it moves, signs and costs nothing.

    Attributes:
        proposer: Index of the agent that offers.
        counterparty: Index of the agent that seeks.
        price: Tokens, between both limit prices.
    """

    kind: ContractKind
    proposer: int
    counterparty: int
    amount: int
    price: int
