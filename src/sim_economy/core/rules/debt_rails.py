"""Debt rails: what a debtor is lent, and what of its inflows repays it.

Source: docs/spec/economy.md, G3.
"""

from __future__ import annotations

from typing import Final

from sim_economy.core.accounts import PostingReason
from sim_economy.core.governance_config import DebtRails
from sim_economy.core.state import DebtRecord
from sim_economy.core.units import MILLION, Millionths

INFLOWS: Final = frozenset(
    {
        PostingReason.TRANSFER,
        PostingReason.TIP,
        PostingReason.DIVIDEND,
        PostingReason.LEVY,
        PostingReason.REBATE,
        PostingReason.SIGNING_BONUS,
        PostingReason.CONTRACT_PRICE,
        PostingReason.FORWARD_PRICE,
        PostingReason.INSURANCE_PREMIUM,
        PostingReason.INSURANCE_PAYOUT,
        PostingReason.LOAN_PRINCIPAL,
        PostingReason.LOAN_REPAYMENT,
        PostingReason.LOAN_PREMIUM,
        PostingReason.LOAN_RECOVERY,
        PostingReason.COLLATERAL_FORFEITED,
        PostingReason.ARBITRATOR_FEE,
        PostingReason.ARBITRATION_SUBSIDY,
        PostingReason.ALLOWANCE,
        PostingReason.TOP_UP,
        PostingReason.SHOCK_GAIN,
    }
)
"""Reasons of which a share repays what the receiving agent was lent."""

FROM_PLATFORM: Final = frozenset(
    {
        PostingReason.DIVIDEND,
        PostingReason.REBATE,
        PostingReason.SIGNING_BONUS,
        PostingReason.ARBITRATION_SUBSIDY,
    }
)
"""Those for which the platform pays; their share is withheld."""


def loan(rule: DebtRails, debt: DebtRecord, turn: int, balance: int, locked: int) -> int:
    """Tokens that an agent is lent.

    Args:
        debt: With the turn's uncovered fee and lifted debt in it.
        locked: Its stake, on its way back too, its pending tokens and its escrow.

    Source: docs/spec/economy.md, G3.
    """
    if debt.last_loan and turn - debt.last_loan < rule.cooldown_turns:
        return 0
    depth = -balance - rule.debt_cap - locked
    return max(0, min(depth, debt.uncovered - debt.given))


def repaid(amount: int, receivable: int, share: Millionths) -> int:
    """The part of an inflow that repays a receivable, rounded up.

    Source: docs/spec/economy.md, G3.
    """
    return min(receivable, -(-amount * share // MILLION))
