"""Whole tokens shared out in proportion, by largest remainder, for all lanes.

Source: docs/spec/economy.md, G1.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled, compiled_apart
from sim_economy.batch.governance.governance_lanes import (
    AGENT_ROWS,
    PART,
    REMAINDER,
    SHARED,
    WEIGHT,
)
from sim_economy.batch.lanes import GUARD, LANES, OUTSIDE, Int32s, Int64s

PRODUCT_MAX: Final = np.int64((1 << 62) - 1)


@compiled_apart
def share_out(turn: Int32s, world: Int64s, all_own: Int64s, agents: np.int64) -> None:
    """Give each agent its part of the shared tokens; the parts add up to them.

    Of equal remainders the first agents in genesis order come first.
    """
    for lane in range(LANES):
        tokens, whole, most = world[SHARED + lane], np.int64(0), np.int64(0)
        for agent in range(agents):
            weight = all_own[agent * AGENT_ROWS + WEIGHT + lane]
            whole += weight
            most = max(most, weight)
        if tokens == 0 or whole == 0:
            _share_nothing(all_own, agents, lane)
        elif tokens > PRODUCT_MAX // most:
            turn[GUARD + lane] |= OUTSIDE
            _share_nothing(all_own, agents, lane)
        else:
            _share(all_own, agents, lane, tokens, whole)


@compiled_apart
def _share_nothing(all_own: Int64s, agents: np.int64, lane: np.int64) -> None:
    for agent in range(agents):
        all_own[agent * AGENT_ROWS + PART + lane] = 0


@compiled_apart
def _share(
    all_own: Int64s, agents: np.int64, lane: np.int64, tokens: np.int64, whole: np.int64
) -> None:
    left = tokens
    for agent in range(agents):
        at = agent * AGENT_ROWS + lane
        product = tokens * all_own[at + WEIGHT]
        part = product // whole
        all_own[at + PART] = part
        all_own[at + REMAINDER] = product - part * whole
        left -= part
    if left == 0:
        return
    bound = _least_bound(all_own, agents, lane, whole, left)
    equal = left - _count_above(all_own, agents, lane, bound)
    for agent in range(agents):
        at = agent * AGENT_ROWS + lane
        remainder = all_own[at + REMAINDER]
        if remainder > bound:
            all_own[at + PART] += 1
        elif remainder == bound and equal > 0:
            all_own[at + PART] += 1
            equal -= 1


@compiled_apart
def _least_bound(
    all_own: Int64s, agents: np.int64, lane: np.int64, whole: np.int64, left: np.int64
) -> np.int64:
    """The least number that no more remainders exceed than tokens are left over."""
    low, high = np.int64(0), whole - 1
    while low < high:
        middle = (low + high) >> 1
        if _count_above(all_own, agents, lane, middle) <= left:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def _count_above(all_own: Int64s, agents: np.int64, lane: np.int64, bound: np.int64) -> np.int64:
    """How many remainders exceed a bound."""
    above = np.int64(0)
    for agent in range(agents):
        above += np.int64(all_own[agent * AGENT_ROWS + REMAINDER + lane] > bound)
    return above
