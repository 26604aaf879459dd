"""The start of a contract: the tokens that the last signature needs and moves.

Source: docs/spec/economy.md, K2 and K3.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim_economy.core.accounts import BALANCE, ESCROW, WIDTH, Posting, PostingReason
from sim_economy.core.contracts import PAYERS, Cause, Contract, ContractKind, Deal, Role
from sim_economy.core.world_config import WorldConfig


def last_signing_turn(deal: Deal, config: WorldConfig) -> int:
    """The last turn in which a proposal may be signed.

    Source: docs/spec/economy.md, K2.
    """
    return min(deal.proposed + config.signature_window, deal.due_turn - 1)


def payment(deal: Deal) -> int:
    """Tokens the payer puts into escrow beyond its collateral.

    Source: docs/spec/economy.md, K3.
    """
    match deal.kind:
        case ContractKind.SERVICE | ContractKind.INFORMATION_SALE:
            return deal.price
        case ContractKind.LOAN:
            return 0
        case ContractKind.INSURANCE:
            return deal.payout
        case ContractKind.FORWARD:
            return deal.cap


def _handed_over(deal: Deal) -> tuple[Role, Role, int, PostingReason] | None:
    """Tokens that go from one party's balance to the other's at the start.

    Source: docs/spec/economy.md, K3.
    """
    match deal.kind:
        case ContractKind.SERVICE | ContractKind.INFORMATION_SALE:
            return None
        case ContractKind.LOAN:
            reason = PostingReason.LOAN_PRINCIPAL
            return Role.PROPOSER, Role.COUNTERPARTY, deal.principal, reason
        case ContractKind.INSURANCE:
            reason = PostingReason.INSURANCE_PREMIUM
            return Role.COUNTERPARTY, Role.PROPOSER, deal.premium, reason
        case ContractKind.FORWARD:
            return Role.COUNTERPARTY, Role.PROPOSER, deal.price, PostingReason.FORWARD_PRICE


def dues(deal: Deal) -> tuple[int, int, int]:
    """Tokens that each party's balance must hold, in the order of the parties.

    Source: docs/spec/economy.md, K3.
    """
    needed = list(deal.collaterals)
    payer = PAYERS[deal.kind]
    if payer is not None:
        needed[payer] += payment(deal)
    if (handed := _handed_over(deal)) is not None:
        giver, _, amount, _ = handed
        needed[giver] += amount
    return (needed[0], needed[1], needed[2])


def void_reason(deal: Deal, balances: Sequence[int], wealth: int, turn: int) -> Cause | None:
    """The reason a contract that all have signed does not start, or None.

    Args:
        balances: Of the three parties, before anything moves.
        wealth: Of the counterparty, all five accounts, before anything moves.

    Source: docs/spec/economy.md, K3.
    """
    if deal.kind is ContractKind.FORWARD and deal.start_turn <= turn:
        return Cause.START_TURN_PASSED
    for need, balance in zip(dues(deal), balances, strict=True):
        if need and need > balance:
            return Cause.UNDERFUNDED
    if deal.kind is ContractKind.INSURANCE and wealth - deal.premium < deal.trigger:
        return Cause.BELOW_TRIGGER
    return None


def start(contract: Contract) -> tuple[Posting, ...]:
    """The postings of a contract's start.

    Source: docs/spec/economy.md, K3.
    """
    deal, seats = contract.deal, contract.seats
    moved = [
        Posting(
            BALANCE + WIDTH * seats[role],
            ESCROW + WIDTH * seats[role],
            collateral,
            PostingReason.COLLATERAL_LOCKED,
        )
        for role, collateral in enumerate(deal.collaterals)
    ]
    payer = PAYERS[deal.kind]
    if payer is not None:
        own = WIDTH * seats[payer]
        moved.append(
            Posting(BALANCE + own, ESCROW + own, payment(deal), PostingReason.PAYMENT_LOCKED)
        )
    if (handed := _handed_over(deal)) is not None:
        giver, taker, amount, reason = handed
        moved.append(
            Posting(BALANCE + WIDTH * seats[giver], BALANCE + WIDTH * seats[taker], amount, reason)
        )
    return tuple(posting for posting in moved if posting.amount)
