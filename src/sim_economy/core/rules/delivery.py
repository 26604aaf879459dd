"""Delivery confirmed, claimed, or not made at all.

Source: docs/spec/economy.md, K4 to K6.
"""

from __future__ import annotations

from sim_economy.core.contracts import Cause, Contract, Happened, Role, Settlement
from sim_economy.core.escrow import Step, forfeited, paid, released, slashed
from sim_economy.core.world_config import WorldConfig


def opened(turn: int, config: WorldConfig) -> Step:
    """The window in which the parties confirm or dispute opens.

    Source: docs/spec/economy.md, K4 and K5.
    """
    return Step(happened=Happened.OPENED, until=turn + config.attested_confirmation_window)


def delivered(contract: Contract, turn: int, config: WorldConfig) -> Step:
    """A delivered information good is paid at once, or its window opens.

    Source: docs/spec/economy.md, K5.
    """
    if contract.deal.settlement is Settlement.AUTOMATIC:
        return paid(contract, Cause.DELIVERED)
    return opened(turn, config)


def not_delivered(contract: Contract) -> Step:
    """The price returns, and the seller's collateral goes to the buyer.

    Source: docs/spec/economy.md, K4.
    """
    to_buyer = forfeited(contract, Role.PROPOSER, Role.COUNTERPARTY)
    return Step(
        happened=Happened.DEFAULTED,
        postings=released(contract, taken={Role.PROPOSER: [to_buyer]}),
        reason=Cause.NOT_DELIVERED,
        fault=(Role.PROPOSER,),
    )


def not_confirmed(contract: Contract, config: WorldConfig) -> Step:
    """The window ended with the counterparty silent: a claim stands, else both defaulted.

    Source: docs/spec/economy.md, K5 and K6.
    """
    if contract.claimed:
        return paid(contract, Cause.CLAIM_STOOD)
    taken = {}
    if config.slash_both_on_timeout:
        taken = {role: [slashed(contract, role)] for role in (Role.PROPOSER, Role.COUNTERPARTY)}
    return Step(
        happened=Happened.DEFAULTED,
        postings=released(contract, taken=taken),
        reason=Cause.BOTH_SILENT,
        fault=(Role.PROPOSER, Role.COUNTERPARTY),
    )
