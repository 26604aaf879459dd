"""The double-entry ledger: accounts, reasons, and the only function that moves tokens.

Accounts are numbered: three of the system, then five for each agent in genesis order.

Source: docs/spec/economy.md, section 1.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Final

from msgspec import Struct

ISSUANCE: Final = 0
"""Genesis tokens, income and lifted debts come from here; expired allowances return."""
PLATFORM: Final = 1
"""Fees and core prices come in; dividends, credits, relief and bonuses go out."""
DESTROYED: Final = 2
"""Interest, burns, study costs and slashed collateral end here."""
SYSTEM_ACCOUNTS: Final = ("issuance", "platform", "destroyed")


class Holding(IntEnum):
    """An agent's five accounts, in the order of their numbers."""

    BALANCE = 0
    STAKED = 1
    UNSTAKING = 2
    PENDING = 3
    ESCROW = 4


FIRST: Final = len(SYSTEM_ACCOUNTS)
WIDTH: Final = len(Holding)
BALANCE: Final = FIRST + Holding.BALANCE
STAKED: Final = FIRST + Holding.STAKED
UNSTAKING: Final = FIRST + Holding.UNSTAKING
PENDING: Final = FIRST + Holding.PENDING
ESCROW: Final = FIRST + Holding.ESCROW
"""The first agent's accounts; agent i's are WIDTH * i further on."""


class PostingReason(StrEnum):
    """The reason for a movement of tokens."""

    GENESIS = "genesis"
    TRANSACTION_SUBMITTED = "transaction_submitted"
    STUDY_COST = "study_cost"
    UNSTAKE_STARTED = "unstake_started"
    STAKE_RELEASED = "stake_released"
    JOB_CREDIT = "job_credit"
    INTEREST_RELIEF = "interest_relief"
    SIGNING_BONUS = "signing_bonus"
    INFERENCE_FEE = "inference_fee"
    INTEREST = "interest"
    STAKE = "stake"
    BURN = "burn"
    TRANSFER = "transfer"
    TIP = "tip"
    DIVIDEND = "dividend"
    CORE_BID = "core_bid"
    CORE_PRICE = "core_price"
    BID_RETURNED = "bid_returned"
    COLLATERAL_LOCKED = "collateral_locked"
    COLLATERAL_RETURNED = "collateral_returned"
    COLLATERAL_FORFEITED = "collateral_forfeited"
    COLLATERAL_SLASHED = "collateral_slashed"
    PAYMENT_LOCKED = "payment_locked"
    PAYMENT_RETURNED = "payment_returned"
    CONTRACT_PRICE = "contract_price"
    FORWARD_PRICE = "forward_price"
    FORWARD_FEE = "forward_fee"
    INSURANCE_PREMIUM = "insurance_premium"
    INSURANCE_PAYOUT = "insurance_payout"
    LOAN_PRINCIPAL = "loan_principal"
    LOAN_REPAYMENT = "loan_repayment"
    LOAN_PREMIUM = "loan_premium"
    LOAN_RECOVERY = "loan_recovery"
    ARBITRATOR_FEE = "arbitrator_fee"
    RUN_ENDED = "run_ended"
    ALLOWANCE_EXPIRED = "allowance_expired"
    DEBT_LIFTED = "debt_lifted"
    ALLOWANCE = "allowance"
    TOP_UP = "top_up"
    DEBT_RESTRUCTURED = "debt_restructured"
    DEBT_REPAYMENT = "debt_repayment"
    LEVY = "levy"
    REBATE = "rebate"
    ARBITRATION_SUBSIDY = "arbitration_subsidy"
    SHOCK_GAIN = "shock_gain"
    SHOCK_LOSS = "shock_loss"


class Posting(Struct, frozen=True, array_like=True, gc=False):
    """One movement of `amount` > 0 tokens between two account numbers."""

    source: int
    target: int
    amount: int
    reason: PostingReason


class Repayment(Struct, frozen=True, array_like=True, gc=False):
    """A part of an inflow that repaid what the platform had lent (G3).

    Attributes:
        index: Of the turn's postings, how many came before it.
        agent: Whose inflow it was.
        reason: Of the inflow.
    """

    index: int
    agent: int
    tokens: int
    reason: PostingReason


def account_name(account: int, agent_ids: Sequence[str]) -> str:
    """`platform`, or `agent_3:balance`."""
    if account < FIRST:
        return SYSTEM_ACCOUNTS[account]
    agent, holding = divmod(account - FIRST, WIDTH)
    return f"{agent_ids[agent]}:{Holding(holding).name.lower()}"


def chart_of(agent_ids: Sequence[str]) -> list[tuple[int, str]]:
    """The chart of accounts of a world: every number with its name."""
    numbers = range(FIRST + WIDTH * len(agent_ids))
    return [(account, account_name(account, agent_ids)) for account in numbers]


def holdings(accounts: Sequence[int], agent: int) -> dict[str, int]:
    """One agent's five accounts by name."""
    first = FIRST + WIDTH * agent
    return {holding.name.lower(): accounts[first + holding.value] for holding in Holding}


class Ledger:
    """Accounts that change only by postings, and the postings of one turn.

    Attributes:
        repayments: What debt rails took of inflows (G3).
    """

    __slots__ = ("accounts", "postings", "repayments")

    def __init__(self, accounts: list[int]) -> None:
        self.accounts = accounts
        self.postings: list[Posting] = []
        self.repayments: list[Repayment] = []

    def post(self, source: int, target: int, amount: int, reason: PostingReason) -> None:
        """Move tokens; an amount of zero is no movement and leaves no trace."""
        assert amount >= 0, (source, target, amount, reason)
        assert source != target, (source, target, amount, reason)
        if amount:
            self.accounts[source] -= amount
            self.accounts[target] += amount
            self.postings.append(Posting(source, target, amount, reason))
