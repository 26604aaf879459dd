"""Disputes: when the arbitrator must rule, what its ruling moves, what a late one costs.

Source: docs/spec/economy.md, K5, K7 and K8.
"""

from __future__ import annotations

from sim_economy.core.accounts import BALANCE, WIDTH, PostingReason
from sim_economy.core.contracts import (
    Cause,
    Contract,
    Favoured,
    Happened,
    Role,
)
from sim_economy.core.escrow import Payment, Step, forfeited, released, slashed
from sim_economy.core.world_config import WorldConfig


def referred(turn: int, disputes: int, config: WorldConfig) -> Step:
    """A dispute goes to the arbitrator, with a turn more for each that it has open already.

    Source: docs/spec/economy.md, K5.
    """
    return Step(
        happened=Happened.REFERRED, until=turn + config.attested_confirmation_window + disputes
    )


def no_ruling(contract: Contract) -> Step:
    """The ruling is late: all collateral returns but the arbitrator's, which is destroyed.

    Source: docs/spec/economy.md, K7.
    """
    taken = {Role.ARBITRATOR: [slashed(contract, Role.ARBITRATOR)]}
    return Step(
        happened=Happened.DEFAULTED,
        postings=released(contract, taken=taken),
        reason=Cause.NO_RULING,
        fault=(Role.ARBITRATOR,),
    )


def ruling(contract: Contract) -> Step:
    """The loser's collateral pays the arbitrator first, and the winner with the rest.

    Source: docs/spec/economy.md, K8.
    """
    for_proposer = contract.favoured is Favoured.PROPOSER
    winner, loser = (
        (Role.PROPOSER, Role.COUNTERPARTY) if for_proposer else (Role.COUNTERPARTY, Role.PROPOSER)
    )
    fee = contract.deal.arbitrator_fee
    arbitrator = BALANCE + WIDTH * contract.seats[Role.ARBITRATOR]
    account, collateral, reason = forfeited(contract, loser, winner)
    taken = {
        loser: [
            (arbitrator, fee, PostingReason.ARBITRATOR_FEE),
            (account, collateral - fee, reason),
        ]
    }
    if for_proposer:
        price = Payment(contract.payment, PostingReason.CONTRACT_PRICE)
        return Step(
            happened=Happened.SETTLED,
            postings=released(contract, price, taken),
            reason=Cause.RULING,
        )
    return Step(
        happened=Happened.DEFAULTED,
        postings=released(contract, taken=taken),
        reason=Cause.RULING,
        fault=(loser,),
    )
