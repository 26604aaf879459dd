"""The steps that a contract takes by itself, and what leaves its escrow in them.

Source: docs/spec/economy.md, K3 to K9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from sim_economy.core.accounts import BALANCE, DESTROYED, ESCROW, WIDTH, Posting, PostingReason
from sim_economy.core.contracts import (
    PAYERS,
    Cause,
    Contract,
    Happened,
    Role,
)


class Step(Struct, frozen=True, kw_only=True):
    """The next thing that happens to a contract by itself.

    Attributes:
        postings: What moves; at an end, all that is in escrow for it.
        fault: Through whom it defaulted.
        until: The last turn of what opens.
    """

    happened: Happened
    postings: tuple[Posting, ...] = ()
    reason: Cause | None = None
    fault: tuple[Role, ...] = ()
    until: int | None = None


Taken = tuple[int, int, PostingReason]
"""A part taken from a collateral: the account it goes to, tokens, reason."""


def slashed(contract: Contract, role: Role) -> Taken:
    """A collateral that is destroyed."""
    return DESTROYED, contract.deal.collaterals[role], PostingReason.COLLATERAL_SLASHED


def forfeited(contract: Contract, role: Role, to: Role) -> Taken:
    """A collateral that goes to another party."""
    account = BALANCE + WIDTH * contract.seats[to]
    return account, contract.deal.collaterals[role], PostingReason.COLLATERAL_FORFEITED


class Payment(Struct, frozen=True):
    """The part of the payment in escrow that goes to the other party, and the reason."""

    amount: int = 0
    reason: PostingReason = PostingReason.PAYMENT_RETURNED


def released(
    contract: Contract,
    paid: Payment = Payment(),  # noqa: B008
    taken: Mapping[Role, Sequence[Taken]] | None = None,
) -> tuple[Posting, ...]:
    """Everything in escrow for a contract on its way out; what is not paid or taken returns."""
    balances = [BALANCE + WIDTH * seat for seat in contract.seats]
    escrows = [ESCROW + WIDTH * seat for seat in contract.seats]
    moved: list[Posting] = []
    payer = PAYERS[contract.deal.kind]
    if payer is not None:
        other = Role.COUNTERPARTY if payer is Role.PROPOSER else Role.PROPOSER
        rest = contract.payment - paid.amount
        moved += [
            Posting(escrows[payer], balances[other], paid.amount, paid.reason),
            Posting(escrows[payer], balances[payer], rest, PostingReason.PAYMENT_RETURNED),
        ]
    for role in Role:
        left = contract.deal.collaterals[role]
        for account, amount, reason in (taken or {}).get(role, ()):
            moved.append(Posting(escrows[role], account, amount, reason))
            left -= amount
        moved.append(
            Posting(escrows[role], balances[role], left, PostingReason.COLLATERAL_RETURNED)
        )
    return tuple(posting for posting in moved if posting.amount)


def paid(contract: Contract, reason: Cause) -> Step:
    """The price goes to the proposer, all collateral returns."""
    price = Payment(contract.payment, PostingReason.CONTRACT_PRICE)
    return Step(happened=Happened.SETTLED, postings=released(contract, price), reason=reason)
