"""Balances in a bounded number of buckets, whatever the number of turns."""

from __future__ import annotations

import random

from sim_economy.viewer import balance_history
from sim_economy.viewer.balance_history import BUCKETS_MAX, BalanceHistory, line_of


def test_many_turns_stay_in_few_buckets_and_none_is_lost() -> None:
    draws, history = random.Random(1), BalanceHistory()
    balances: list[list[int]] = []
    for turn in range(5 * BUCKETS_MAX + 3):
        balances.append([draws.randrange(-(2**62), 2**62), turn])
        history.add(turn, balances[-1], turn, 2 * turn)
        assert len(history.buckets) <= BUCKETS_MAX
    assert history.span == 8
    for points in (BUCKETS_MAX, 100, 7, 2):
        span, buckets = history.within(points)
        assert len(buckets) <= points
        line = line_of(buckets, 0, "agent_0")
        for index, bucket in enumerate(buckets):
            within = [held for held, _ in balances[index * span : bucket.turn + 1]]
            assert (line.low[index], line.high[index]) == (min(within), max(within))
            assert (line.last[index], bucket.platform) == (within[-1], bucket.turn)
    assert history.span == 8, "asking changes nothing"


def test_what_was_asked_for_early_is_not_changed_by_later_turns() -> None:
    history = BalanceHistory()
    for turn in range(10):
        history.add(turn, [turn], 0, 0)
    _, early = history.within(4)
    seen = [bucket.turn for bucket in early]
    for turn in range(10, balance_history.BUCKETS_MAX + 5):
        history.add(turn, [turn], 0, 0)
    assert [bucket.turn for bucket in early] == seen
