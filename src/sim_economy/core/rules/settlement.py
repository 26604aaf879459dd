"""Contracts that are due: loans repaid or not, insurances paid out or run out.

Source: docs/spec/economy.md, K4 and T9.
"""

from __future__ import annotations

from sim_economy.core.accounts import BALANCE, WIDTH, Posting, PostingReason
from sim_economy.core.contracts import (
    Cause,
    Contract,
    ContractKind,
    Happened,
    Role,
    Stage,
)
from sim_economy.core.escrow import Payment, Step, released


def last_step(contract: Contract, balance: int) -> Step:
    """The end of an open contract when its run ends.

    Source: docs/spec/economy.md, T9.
    """
    if contract.stage is Stage.PROPOSED:
        return Step(happened=Happened.LAPSED, reason=Cause.RUN_ENDED)
    if contract.deal.kind is ContractKind.LOAN:
        return loan_due(contract, balance)
    return Step(happened=Happened.VOIDED, postings=released(contract), reason=Cause.RUN_ENDED)


def insured_loss(contract: Contract) -> Step | None:
    """An insurance pays what the insured value lacks to its trigger, or goes on.

    Source: docs/spec/economy.md, K4.
    """
    deal = contract.deal
    assert contract.insured_value is not None, contract
    missing = deal.trigger - contract.insured_value
    if missing <= 0:
        return None
    payout = Payment(min(deal.payout, missing), PostingReason.INSURANCE_PAYOUT)
    return Step(
        happened=Happened.SETTLED, postings=released(contract, payout), reason=Cause.PAID_OUT
    )


def ran_out(contract: Contract) -> Step:
    """An insurance or a forward is due: everything in escrow returns.

    Source: docs/spec/economy.md, K4.
    """
    return Step(happened=Happened.SETTLED, postings=released(contract), reason=Cause.RAN_OUT)


def loan_due(contract: Contract, balance: int) -> Step:
    """Repayment of a loan in full, or recovery from collateral and balance.

    Args:
        balance: Of the borrower.

    Source: docs/spec/economy.md, K4.
    """
    deal = contract.deal
    lender, borrower = (
        BALANCE + WIDTH * contract.seats[role] for role in (Role.PROPOSER, Role.COUNTERPARTY)
    )
    owed = deal.principal + deal.premium
    if balance >= owed:
        repaid = (
            Posting(borrower, lender, deal.principal, PostingReason.LOAN_REPAYMENT),
            Posting(borrower, lender, deal.premium, PostingReason.LOAN_PREMIUM),
        )
        moved = tuple(posting for posting in repaid if posting.amount)
        return Step(
            happened=Happened.SETTLED, postings=moved + released(contract), reason=Cause.REPAID
        )
    seized = min(owed, deal.collaterals[Role.COUNTERPARTY])
    recovered = min(owed - seized, max(0, balance))
    taken = {Role.COUNTERPARTY: [(lender, seized, PostingReason.COLLATERAL_FORFEITED)]}
    moved = released(contract, taken=taken)
    if recovered:
        moved += (Posting(borrower, lender, recovered, PostingReason.LOAN_RECOVERY),)
    return Step(
        happened=Happened.DEFAULTED,
        postings=moved,
        reason=Cause.NOT_REPAID,
        fault=(Role.COUNTERPARTY,),
    )
