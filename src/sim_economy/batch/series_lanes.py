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
                before = value if kept < 2 else np.int64(0)
                high, low = number >> SPLIT, number & LOW_MASK
                own[0, kept, turn] += number
                own[1, kept, turn] += high * high
                own[2, kept, turn] += high * low
                own[3, kept, turn] += low * low
