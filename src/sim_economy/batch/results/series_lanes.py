"""What stands at the end of each turn, added up over the replicates of a point.

A square may take 90 bits. It is added up in three parts: of a number `high * 2^22 + low`, the
squares of the high parts, the products, and the squares of the low parts.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sim_economy.batch.arrays import BlockWorlds, Shared, Workspace
from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import (
    BURNS,
    DEBT,
    FLOWS,
    GENESIS,
    INCOME,
    INTEREST,
    LANES,
    LOST,
    NEGATIVE,
    PLATFORM,
    SERIES,
    STUDY_COSTS,
    Bytes,
    Int64s,
)
from sim_economy.batch.shape import AGENTS

SPLIT: Final = 22
LOW_MASK: Final = (1 << SPLIT) - 1
NUMBER_MAX: Final = 1 << 45
"""Sums of a number below it are exact over REPLICATES_MAX replicates."""
REPLICATES_MAX: Final = 1 << 16
GROWING: Final = 2
"""The first numbers grow over the run; what a turn added to them is what counts."""
PARTS: Final = 4
"""Of a sum: the numbers, the high squares, the products, the low squares."""


@compiled
def keep_series(shared: Shared, worlds: BlockWorlds, work: Workspace, number: np.int64) -> None:
    """Keep what stands at the end of a turn; the first two grow over the run."""
    agents = shared.shape[AGENTS]
    at = (number - 1) * SERIES * LANES
    totals, kept = work.totals, work.series[at : at + SERIES * LANES]
    for lane in range(LANES):
        destroyed = (
            totals[INTEREST - FLOWS + lane]
            + totals[STUDY_COSTS - FLOWS + lane]
            + totals[BURNS - FLOWS + lane]
            + totals[LOST + lane]
        )
        begun = agents * np.int64(worlds.parameters[GENESIS + lane])
        supply = begun + totals[INCOME - FLOWS + lane] - totals[PLATFORM + lane] - destroyed
        kept[lane] = work.turn[NEGATIVE + lane]
        kept[LANES + lane] = totals[DEBT - FLOWS + lane]
        kept[2 * LANES + lane] = totals[PLATFORM + lane]
        kept[3 * LANES + lane] = supply


@compiled
def add_series(
    series: Int64s, guards: Bytes, points: Int64s, first_point: np.int64, sums: Any
) -> None:
    """Add the worlds of a block to the sums of their points, but those outside the range.

    Args:
        points: Of the worlds of the block, `[lane]`; lanes beyond hold none.
        sums: `[point, part, number, turn]`, its first that of `first_point`.
    """
    outside = np.uint8(0)
    for lane in range(LANES):
        outside |= guards[lane]
    if len(points) == LANES and points[0] == points[LANES - 1] and outside == 0:
        add_series_of_one_point(series, sums[points[0] - first_point])
        return
    turns = len(series) // (SERIES * LANES)
    for lane in range(len(points)):
        if guards[lane]:
            continue
        own = sums[points[lane] - first_point]
        for kept in range(SERIES):
            before = np.int64(0)
            for turn in range(turns):
                value = series[(turn * SERIES + kept) * LANES + lane]
                number = value - before
                before = value if kept < GROWING else np.int64(0)
                high, low = number >> SPLIT, number & LOW_MASK
                own[0, kept, turn] += number
                own[1, kept, turn] += high * high
                own[2, kept, turn] += high * low
                own[3, kept, turn] += low * low


@compiled
def add_series_of_one_point(series: Int64s, own: Any) -> None:
    """The same where all lanes belong to one point: added up over the lanes first.

    Args:
        own: The sums of the point, `[part, number, turn]`.
    """
    turns = len(series) // (SERIES * LANES)
    for kept in range(SERIES):
        for turn in range(turns):
            at = (turn * SERIES + kept) * LANES
            values = series[at : at + LANES]
            since = at - SERIES * LANES if kept < GROWING and turn > 0 else at
            before, counts = series[since : since + LANES], np.int64(since != at)
            total = highs = mixed = lows = np.int64(0)
            for lane in range(LANES):
                number = values[lane] - before[lane] * counts
                high, low = number >> SPLIT, number & LOW_MASK
                total += number
                highs += high * high
                mixed += high * low
                lows += low * low
            own[0, kept, turn] += total
            own[1, kept, turn] += highs
            own[2, kept, turn] += mixed
            own[3, kept, turn] += lows
