"""The postings of a turn as they would be if nothing of them had repaid a loan."""

from __future__ import annotations

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from sim_economy.core.accounts import (
    BALANCE,
    ISSUANCE,
    PLATFORM,
    WIDTH,
    Posting,
    PostingReason,
    Repayment,
)
from sim_economy.core.events import GovernanceTurn
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.fold.repayments import Received, those_expected, with_repayments
from sim_economy.ledger.records import TurnRecord
from sim_economy.world.world import World
from tests.ledger.test_income_fold import record_of

PAYER, DEBTOR = BALANCE, BALANCE + WIDTH


def record(postings: list[Posting], repayments: list[Repayment]) -> TurnRecord:
    world = World(parse_world_config({"num_agents": 2}))
    world.turn([])
    own = record_of(world, 1)
    assert own.governance is UNSET
    governance = GovernanceTurn(repayments=tuple(repayments))
    return replace(own, postings=tuple(postings), governance=governance)


def test_what_the_platform_withholds_is_not_what_another_repaid() -> None:
    levy = Posting(PAYER, PLATFORM, 2, PostingReason.DEBT_REPAYMENT)
    found = with_repayments(
        record(
            [levy],
            [
                Repayment(0, 1, 2, PostingReason.DIVIDEND),
                Repayment(0, 1, 2, PostingReason.LEVY),
            ],
        )
    )
    assert found == [
        Received(Posting(PLATFORM, DEBTOR, 2, PostingReason.DIVIDEND), 0, 2),
        Received(Posting(PAYER, DEBTOR, 2, PostingReason.LEVY), 1, 2),
    ]


def granted(*amounts: int) -> list[Posting]:
    return [Posting(ISSUANCE, DEBTOR, amount, PostingReason.TOP_UP) for amount in amounts]


@pytest.mark.parametrize(
    ("found", "expected", "count"),
    [
        ([], [], 0),
        ([(5, 0), (7, 0)], [5], 1),
        ([(5, 0)], [5, 7], None),
        ([(12, 5)], [5, 7], 1),
        ([(12, 0)], [5, 7], None),
        ([(11, 5)], [5, 7], None),
        ([(12, 5), (3, 0)], [5, 7, 3], 2),
    ],
)
def test_an_inflow_repaid_whole_may_stand_with_the_next(
    found: list[tuple[int, int]], expected: list[int], count: int | None
) -> None:
    received = [
        Received(posting, 0, repaid) for (amount, repaid) in found for posting in granted(amount)
    ]
    assert those_expected(received, granted(*expected)) == count
