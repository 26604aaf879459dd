"""Balances of every agent over all turns, in a bounded number of buckets."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, NamedTuple

from sim_economy.viewer.answer_rows import BalanceLine, Bands

BUCKETS_MAX: Final = 512
"""Buckets kept; one more, and each two become one."""


class Spread(NamedTuple):
    """Balances over agents, and how many are below zero; ranks are the nearest from below."""

    lowest: int
    tenth: int
    median: int
    ninetieth: int
    highest: int
    insolvent: int


class Bucket:
    """Some turns in a row: the lowest, highest and last balance of each agent in them."""

    __slots__ = ("high", "last", "low", "platform", "spread", "token_supply", "turn")

    def __init__(
        self, turn: int, balances: Sequence[int], platform: int, token_supply: int
    ) -> None:
        self.turn = turn
        self.low = self.high = self.last = array("q", balances)
        self.platform = platform
        self.token_supply = token_supply
        self.spread: Spread | None = None

    def add(self, later: Bucket) -> None:
        """Take in the turns that follow."""
        self.low = array("q", map(min, self.low, later.low))
        self.high = array("q", map(max, self.high, later.high))
        self.turn, self.last, self.spread = later.turn, later.last, later.spread
        self.platform, self.token_supply = later.platform, later.token_supply


class BalanceHistory:
    """The buckets of a world's turns, from genesis on.

    Attributes:
        span: Turns of a bucket.
    """

    def __init__(self) -> None:
        self.span = 1
        self.buckets: list[Bucket] = []

    def add(self, turn: int, balances: Sequence[int], platform: int, token_supply: int) -> None:
        """Add the next turn; the first one is genesis, turn 0."""
        added = Bucket(turn, balances, platform, token_supply)
        if turn // self.span < len(self.buckets):
            self.buckets[-1].add(added)
            return
        self.buckets.append(added)
        if len(self.buckets) > BUCKETS_MAX:
            self.span *= 2
            self.buckets = _merged(self.buckets)

    def within(self, points: int) -> tuple[int, list[Sequence[Bucket]]]:
        """Turns of a group of buckets, and at most so many groups.

        Args:
            points: At least 2.
        """
        factor = 1
        while -(-len(self.buckets) // factor) > points:
            factor *= 2
        starts = range(0, len(self.buckets), factor)
        return self.span * factor, [self.buckets[start : start + factor] for start in starts]


def _merged(buckets: Sequence[Bucket]) -> list[Bucket]:
    """Each two buckets as one, those that stay as they were."""
    found = []
    for start in range(0, len(buckets), 2):
        first, *later = buckets[start : start + 2]
        whole = _copied(first)
        for bucket in later:
            whole.add(bucket)
        found.append(whole)
    return found


def _copied(bucket: Bucket) -> Bucket:
    """A bucket that can take others in; its arrays are replaced then, not changed."""
    copy = Bucket.__new__(Bucket)
    for name in Bucket.__slots__:
        setattr(copy, name, getattr(bucket, name))
    return copy


def bands_of(groups: Sequence[Sequence[Bucket]]) -> Bands:
    """The spread of balances after the last turn of each group."""
    spreads = [_spread(group[-1]) for group in groups]
    columns = zip(*spreads, strict=True) if spreads else ((),) * len(Spread._fields)
    return Bands(**dict(zip(Spread._fields, map(tuple, columns), strict=True)))


def _spread(bucket: Bucket) -> Spread:
    if bucket.spread is None:
        ordered = sorted(bucket.last)
        ranks = len(ordered) - 1
        bucket.spread = Spread(
            lowest=ordered[0],
            tenth=ordered[ranks // 10],
            median=ordered[ranks // 2],
            ninetieth=ordered[9 * ranks // 10],
            highest=ordered[-1],
            insolvent=bisect_left(ordered, 0),
        )
    return bucket.spread


def line_of(groups: Sequence[Sequence[Bucket]], agent: int, agent_id: str) -> BalanceLine:
    """One agent's balance in each group of buckets."""
    return BalanceLine(
        agent_id=agent_id,
        index=agent,
        low=tuple(min(bucket.low[agent] for bucket in group) for group in groups),
        high=tuple(max(bucket.high[agent] for bucket in group) for group in groups),
        last=tuple(group[-1].last[agent] for group in groups),
    )
