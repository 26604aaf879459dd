"""The insured value: gains and losses of an insured agent's own economy.

Source: docs/spec/economy.md, section 8, insured value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sim_economy.core.accounts import FIRST, WIDTH, Posting, PostingReason, Repayment

EARNED: Final = frozenset(
    {
        PostingReason.DIVIDEND,
        PostingReason.REBATE,
        PostingReason.JOB_CREDIT,
        PostingReason.INTEREST_RELIEF,
        PostingReason.SIGNING_BONUS,
    }
)
BORNE: Final = frozenset({PostingReason.INFERENCE_FEE, PostingReason.INTEREST})
"""With `EARNED`, all that moves an insured value."""


def gains(postings: Iterable[Posting], repayments: Iterable[Repayment] = ()) -> dict[int, int]:
    """Changes of insured values, by agent index; agents without change are left out.

    Args:
        repayments: What was taken of inflows; it counts as received (G3).

    Source: docs/spec/economy.md, section 8, K4.
    """
    changes: dict[int, int] = {}
    for posting in postings:
        if posting.reason in EARNED:
            agent = (posting.target - FIRST) // WIDTH
            changes[agent] = changes.get(agent, 0) + posting.amount
        elif posting.reason in BORNE:
            agent = (posting.source - FIRST) // WIDTH
            changes[agent] = changes.get(agent, 0) - posting.amount
    for taken in repayments:
        if taken.reason in EARNED:
            changes[taken.agent] = changes.get(taken.agent, 0) + taken.tokens
    return changes
