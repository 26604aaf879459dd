"""Balances in a bounded number of buckets, whatever the number of turns."""

from __future__ import annotations

import random

from sim_economy.viewer.history.balance_history import BUCKETS_MAX, BalanceHistory, line_of


def test_many_turns_stay_in_few_buckets_and_none_is_lost() -> None:
    draws, history = random.Random(1), BalanceHistory()
    balances: list[list[int]] = []
    for turn in range(5 * BUCKETS_MAX + 3):
        balances.append([draws.randrange(-(2**62), 2**62), turn])
        history.add(turn, balances[-1], turn, 2 * turn)
        assert len(history.buckets) <= BUCKETS_MAX
    assert history.span == 8
    for points in (BUCKETS_MAX, 100, 7, 2):
        span, groups = history.within(points)
        assert len(groups) <= points
        line = line_of(groups, 0, "agent_0")
        for index, group in enumerate(groups):
            turn = group[-1].turn
            within = [held for held, _ in balances[index * span : turn + 1]]
            assert (line.low[index], line.high[index]) == (min(within), max(within))
            assert (line.last[index], group[-1].platform) == (within[-1], turn)
    assert history.span == 8, "asking changes nothing"
