"""What debt rails took of inflows: the postings as they would be without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from sim_economy.core.accounts import (
    BALANCE,
    PLATFORM,
    WIDTH,
    Posting,
    PostingReason,
    Repayment,
)
from sim_economy.ledger.records import TurnRecord

WITHHELD: Final = frozenset({"dividend", "rebate", "signing_bonus", "arbitration_subsidy"})
"""Reasons for which the platform pays: what repays it is not moved."""


class Received(NamedTuple):
    """A posting as it would be if nothing had been repaid.

    Attributes:
        end: The index in the turn's record after the postings that stand for it.
        repaid: Tokens of it that repaid a loan.
    """

    posting: Posting
    end: int
    repaid: int = 0


def taken(record: TurnRecord) -> tuple[Repayment, ...]:
    """The repayments of a turn, in order."""
    return () if record.governance is UNSET else record.governance.repayments


def withheld(record: TurnRecord, reason: str) -> int:
    """Tokens that the platform did not pay for a reason, because they repaid it."""
    return sum(own.tokens for own in taken(record) if own.reason == reason)


def with_repayments(record: TurnRecord) -> list[Received]:
    """The postings of a turn in order, each inflow with what was repaid of it."""
    queue = list(reversed(taken(record)))
    postings, found, index = record.postings, list[Received](), 0
    while index < len(postings) or queue:
        if queue and queue[-1].index <= index:
            own = queue.pop()
            following = queue[-1].index if queue else len(postings) + 1
            received = _whole(own, postings, index, following)
        elif index < len(postings):
            received = Received(postings[index], index + 1)
        else:
            break
        found.append(received)
        index = received.end
    return found


def _whole(own: Repayment, postings: tuple[Posting, ...], index: int, following: int) -> Received:
    """An inflow of which a part was repaid.

    Args:
        following: The index of the repayment after it.
    """
    balance, source, end = BALANCE + WIDTH * own.agent, PLATFORM, index
    if end < len(postings) and _repays(postings[end], own):
        source, end = postings[end].source, end + 1
    amount = own.tokens
    if end < len(postings) and following > end:
        rest = postings[end]
        if (rest.source, rest.target, rest.reason) == (source, balance, own.reason):
            amount, end = amount + rest.amount, end + 1
    return Received(Posting(source, balance, amount, own.reason), end, own.tokens)


def _repays(posting: Posting, own: Repayment) -> bool:
    return (
        own.reason not in WITHHELD
        and posting.reason is PostingReason.DEBT_REPAYMENT
        and posting.target == PLATFORM
        and posting.amount == own.tokens
    )


def those_expected(received: Sequence[Received], expected: Sequence[Posting]) -> int | None:
    """How many of the first inflows are the postings expected; None where they are others.

    One that was repaid whole left no posting of its own, and stands with the next one if that
    goes the same way.
    """
    count, index = 0, 0
    while index < len(expected):
        if count == len(received):
            return None
        own, due = received[count], expected[index]
        amount, index = due.amount, index + 1
        while (
            own.repaid
            and amount < own.posting.amount
            and index < len(expected)
            and replace(expected[index], amount=due.amount) == due
        ):
            amount, index = amount + expected[index].amount, index + 1
        if own.posting != replace(due, amount=amount):
            return None
        count += 1
    return count
