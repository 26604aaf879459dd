"""What becomes of an open contract when the turn's statements are in.

Source: docs/spec/economy.md, K4 to K9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from msgspec import Struct

from sim_economy.core.contracts import (
    PAYERS,
    Cause,
    Contract,
    ContractKind,
    Favoured,
    Happened,
    Role,
    Settlement,
    Stage,
)
from sim_economy.core.ledger import BALANCE, DESTROYED, ESCROW, WIDTH, Posting, PostingReason
from sim_economy.core.scenario import Scenario


class Step(Struct, frozen=True):
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
"""What leaves a collateral: the account it goes to, tokens, why."""


def next_step(
    contract: Contract, turn: int, disputes: int, balance: int, scenario: Scenario
) -> Step | None:
    """What happens to a contract at T7 of a turn, or None.

    Args:
        disputes: Open ones that its arbitrator has before it.
        balance: Of the counterparty; what a lender can be paid from.

    Source: docs/spec/economy.md, K2, K5 to K8.
    """
    match contract.stage:
        case Stage.PROPOSED | Stage.ATTESTING | Stage.REFERRED if turn < contract.until:
            return None
        case Stage.PROPOSED:
            return Step(Happened.LAPSED, reason=Cause.NOT_SIGNED)
        case Stage.ACTIVE:
            return _term(contract, turn, balance, scenario)
        case Stage.DELIVERED:
            return _delivered(contract, turn, scenario)
        case Stage.CONFIRMED:
            return _paid(contract, Cause.CONFIRMED)
        case Stage.ATTESTING:
            return _silence(contract, scenario)
        case Stage.DISPUTED:
            until = turn + scenario.attested_confirmation_window + disputes
            return Step(Happened.REFERRED, until=until)
        case Stage.REFERRED:
            return _no_ruling(contract)
        case Stage.RULED:
            return _ruling(contract)
        case _:
            raise AssertionError(contract)


def last_step(contract: Contract, balance: int) -> Step:
    """How a contract ends with the run.

    Source: docs/spec/economy.md, T9.
    """
    if contract.stage is Stage.PROPOSED:
        return Step(Happened.LAPSED, reason=Cause.RUN_ENDED)
    if contract.deal.kind is ContractKind.LOAN:
        return _loan(contract, balance)
    return Step(Happened.VOIDED, _released(contract), Cause.RUN_ENDED)


def _term(contract: Contract, turn: int, balance: int, scenario: Scenario) -> Step | None:
    """K4: a started contract runs until it is due, an insurance until its insured value falls."""
    deal = contract.deal
    if deal.kind is ContractKind.INSURANCE and turn < deal.due_turn:
        assert contract.insured_value is not None, contract
        missing = deal.trigger - contract.insured_value
        return None if missing <= 0 else _payout(contract, min(deal.payout, missing))
    if turn < deal.due_turn:
        return None
    match deal.kind:
        case ContractKind.SERVICE:
            return Step(Happened.OPENED, until=turn + scenario.attested_confirmation_window)
        case ContractKind.INFORMATION_SALE:
            return _not_delivered(contract)
        case ContractKind.LOAN:
            return _loan(contract, balance)
        case ContractKind.INSURANCE | ContractKind.FORWARD:
            return Step(Happened.SETTLED, _released(contract), Cause.RAN_OUT)
        case _:
            assert_never(deal.kind)


def _paid(contract: Contract, reason: Cause) -> Step:
    """The price goes to the proposer, all collateral returns."""
    price = _Payment(contract.payment, PostingReason.CONTRACT_PRICE)
    return Step(Happened.SETTLED, _released(contract, price), reason)


def _payout(contract: Contract, amount: int) -> Step:
    payout = _Payment(amount, PostingReason.INSURANCE_PAYOUT)
    return Step(Happened.SETTLED, _released(contract, payout), Cause.PAID_OUT)


def _not_delivered(contract: Contract) -> Step:
    """The price returns, and the seller's collateral goes to the buyer."""
    forfeited = _forfeited(contract, Role.PROPOSER, Role.COUNTERPARTY)
    return Step(
        Happened.DEFAULTED,
        _released(contract, taken={Role.PROPOSER: [forfeited]}),
        Cause.NOT_DELIVERED,
        (Role.PROPOSER,),
    )


def _loan(contract: Contract, balance: int) -> Step:
    """What is owed moves whole, or collateral and balance cover what they can."""
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
        return Step(Happened.SETTLED, moved + _released(contract), Cause.REPAID)
    seized = min(owed, deal.collaterals[Role.COUNTERPARTY])
    recovered = min(owed - seized, max(0, balance))
    taken = {Role.COUNTERPARTY: [(lender, seized, PostingReason.COLLATERAL_FORFEITED)]}
    moved = _released(contract, taken=taken)
    if recovered:
        moved += (Posting(borrower, lender, recovered, PostingReason.LOAN_RECOVERY),)
    return Step(Happened.DEFAULTED, moved, Cause.NOT_REPAID, (Role.COUNTERPARTY,))


def _delivered(contract: Contract, turn: int, scenario: Scenario) -> Step:
    if contract.deal.settlement is Settlement.AUTOMATIC:
        return _paid(contract, Cause.DELIVERED)
    return Step(Happened.OPENED, until=turn + scenario.attested_confirmation_window)


def _silence(contract: Contract, scenario: Scenario) -> Step:
    """K5 and K6: the window ended with the counterparty silent."""
    if contract.claimed:
        return _paid(contract, Cause.CLAIM_STOOD)
    taken = {}
    if scenario.slash_both_on_timeout:
        taken = {role: [_slashed(contract, role)] for role in (Role.PROPOSER, Role.COUNTERPARTY)}
    return Step(
        Happened.DEFAULTED,
        _released(contract, taken=taken),
        Cause.BOTH_SILENT,
        (Role.PROPOSER, Role.COUNTERPARTY),
    )


def _no_ruling(contract: Contract) -> Step:
    """K7."""
    taken = {Role.ARBITRATOR: [_slashed(contract, Role.ARBITRATOR)]}
    return Step(
        Happened.DEFAULTED, _released(contract, taken=taken), Cause.NO_RULING, (Role.ARBITRATOR,)
    )


def _ruling(contract: Contract) -> Step:
    """K8: the loser's collateral pays the arbitrator first, and the winner with the rest."""
    for_proposer = contract.favoured is Favoured.PROPOSER
    winner, loser = (
        (Role.PROPOSER, Role.COUNTERPARTY) if for_proposer else (Role.COUNTERPARTY, Role.PROPOSER)
    )
    fee = contract.deal.arbitrator_fee
    arbitrator = BALANCE + WIDTH * contract.seats[Role.ARBITRATOR]
    account, collateral, reason = _forfeited(contract, loser, winner)
    taken = {
        loser: [
            (arbitrator, fee, PostingReason.ARBITRATOR_FEE),
            (account, collateral - fee, reason),
        ]
    }
    if for_proposer:
        price = _Payment(contract.payment, PostingReason.CONTRACT_PRICE)
        return Step(Happened.SETTLED, _released(contract, price, taken), Cause.RULING)
    return Step(Happened.DEFAULTED, _released(contract, taken=taken), Cause.RULING, (loser,))


def _slashed(contract: Contract, role: Role) -> Taken:
    return DESTROYED, contract.deal.collaterals[role], PostingReason.COLLATERAL_SLASHED


def _forfeited(contract: Contract, role: Role, to: Role) -> Taken:
    account = BALANCE + WIDTH * contract.seats[to]
    return account, contract.deal.collaterals[role], PostingReason.COLLATERAL_FORFEITED


class _Payment(Struct, frozen=True):
    """What of the payment in escrow goes to the other party, and why."""

    amount: int = 0
    reason: PostingReason = PostingReason.PAYMENT_RETURNED


def _released(
    contract: Contract,
    paid: _Payment = _Payment(),  # noqa: B008
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
