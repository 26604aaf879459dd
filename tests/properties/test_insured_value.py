"""What moves an insured value: an agent's own earnings and what its thinking costs it."""

from __future__ import annotations

from typing import Final

import pytest

from sim_economy.core.accounts import BALANCE, FIRST, PLATFORM, WIDTH, Posting, PostingReason
from sim_economy.core.rules.insurance import gains
from tests.properties.invariants import ROUTES

SIGNS: Final = {
    PostingReason.DIVIDEND: 1,
    PostingReason.REBATE: 1,
    PostingReason.JOB_CREDIT: 1,
    PostingReason.INTEREST_RELIEF: 1,
    PostingReason.SIGNING_BONUS: 1,
    PostingReason.INFERENCE_FEE: -1,
    PostingReason.INTEREST: -1,
}


@pytest.mark.parametrize("reason", PostingReason)
def test_only_own_earnings_fees_and_interest_move_an_insured_value(reason: PostingReason) -> None:
    source, target = (
        account if account < FIRST else account + WIDTH * 3 for account in ROUTES[reason]
    )
    if source == target:
        target += WIDTH
    moved = gains([Posting(source, target, 7, reason)])
    assert moved == ({3: 7 * SIGNS[reason]} if reason in SIGNS else {})


def test_gains_add_up_agent_by_agent() -> None:
    one, other = BALANCE, BALANCE + WIDTH
    postings = [
        Posting(PLATFORM, one, 10, PostingReason.DIVIDEND),
        Posting(one, PLATFORM, 4, PostingReason.INFERENCE_FEE),
        Posting(other, PLATFORM, 5, PostingReason.INFERENCE_FEE),
        Posting(PLATFORM, one, 3, PostingReason.JOB_CREDIT),
    ]
    assert gains(postings) == {0: 9, 1: -5}
