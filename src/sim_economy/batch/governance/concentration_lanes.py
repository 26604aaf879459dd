"""The concentration monitor, for all lanes.

Source: docs/spec/economy.md, G5.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled, compiled_apart
from sim_economy.batch.governance.debt_rails_lanes import repay
from sim_economy.batch.governance.governance_arrays import Governance
from sim_economy.batch.governance.governance_lanes import (
    AGENT_ROWS,
    FROM_TURN,
    GINI_MAX,
    LENDS,
    LEVIES,
    LEVY_SHARE,
    RELIEVED,
    RELIEVES,
)
from sim_economy.batch.lanes import (
    BALANCE,
    LANES,
    ROWS,
    STAKED,
    Int32s,
    Int64s,
)

INDEX_BITS: Final = 24
"""Of a key: what is left of 64 bits is wealth."""
INDEX_MASK: Final = np.int64((1 << INDEX_BITS) - 1)
HALF_BITS: Final = 30
HALF_MASK: Final = np.int64((1 << HALF_BITS) - 1)
MILLION: Final = np.int64(10**6)
NOTHING: Final = np.int64(0)


@compiled_apart
def watch(
    all_rows: Int32s, totals: Int64s, governance: Governance, number: np.int64, ends: bool
) -> None:
    """Look at the wealth of every world's agents; where it is concentrated, relief or a levy."""
    rules, all_own, ranked = governance.rules, governance.agents, governance.ranked
    agents = np.int64(len(ranked))
    for lane in range(LANES):
        for agent in range(agents):
            all_own[agent * AGENT_ROWS + RELIEVED + lane] = 0
        if number < governance.doses[FROM_TURN + lane]:
            continue
        rank_by_wealth(ranked, all_rows, lane)
        if not is_concentrated(ranked, governance.doses[GINI_MAX + lane]):
            continue
        if rules[RELIEVES] and not ends:
            for rank in range(agents // 2):
                poor = ranked[rank] & INDEX_MASK
                all_own[poor * AGENT_ROWS + RELIEVED + lane] = 1
        elif rules[LEVIES]:
            levy(all_rows, totals, governance, lane)


@compiled_apart
def rank_by_wealth(ranked: Int64s, all_rows: Int32s, lane: np.int64) -> None:
    """Sort the agents of a world, the poorest first, of equal ones the first in genesis order.

    Args:
        ranked: Gets wealth and index of each in one number, `[rank]`.
    """
    agents = len(ranked)
    for agent in range(agents):
        at = agent * ROWS + lane
        wealth = np.int64(all_rows[at + BALANCE]) + np.int64(all_rows[at + STAKED])
        ranked[agent] = (wealth << INDEX_BITS) + agent
    gap = 1
    while gap < agents // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for end in range(gap, agents):
            moved, to = ranked[end], end
            while to >= gap and ranked[to - gap] > moved:
                ranked[to] = ranked[to - gap]
                to -= gap
            ranked[to] = moved
        gap //= 3


@compiled_apart
def is_concentrated(ranked: Int64s, gini_max: np.int64) -> bool:
    """Test whether the shifted Gini coefficient is above a rate, exactly.

    Both sides take more than 64 bits and are compared in two parts.
    """
    agents = np.int64(len(ranked))
    shift = max(NOTHING, np.int64(1) - (ranked[0] >> INDEX_BITS))
    total = weighted = NOTHING
    for rank in range(agents):
        held = (ranked[rank] >> INDEX_BITS) + shift
        total += held
        weighted += np.int64(rank + 1) * held
    spread, whole = 2 * weighted - (agents + 1) * total, agents * total
    high, low = _product(spread, MILLION)
    high_bound, low_bound = _product(whole, gini_max)
    return high > high_bound or (high == high_bound and low > low_bound)


@compiled
def _product(number: np.int64, factor: np.int64) -> tuple[np.int64, np.int64]:
    """The upper part and the lower 30 bits of a number below 2^62 times one below 2^20."""
    low = (number & HALF_MASK) * factor
    return (number >> HALF_BITS) * factor + (low >> HALF_BITS), low & HALF_MASK


@compiled_apart
def levy(all_rows: Int32s, totals: Int64s, governance: Governance, lane: np.int64) -> None:
    """A part of what the wealthiest has above the median goes to the lower half."""
    ranked = governance.ranked
    agents = np.int64(len(ranked))
    most = ranked[agents - 1] >> INDEX_BITS
    first = agents - 1
    while first > 0 and ranked[first - 1] >> INDEX_BITS == most:
        first -= 1
    payer = (ranked[first] & INDEX_MASK) * ROWS + lane
    twice_median = (ranked[(agents - 1) // 2] >> INDEX_BITS) + (ranked[agents // 2] >> INDEX_BITS)
    above = (2 * most - twice_median) * governance.doses[LEVY_SHARE + lane] // (2 * MILLION)
    tokens = min(above, max(NOTHING, np.int64(all_rows[payer + BALANCE])))
    if tokens <= 0:
        return
    all_rows[payer + BALANCE] -= np.int32(tokens)
    each, left = tokens // (agents // 2), tokens % (agents // 2)
    for rank in range(agents // 2):
        poor = ranked[rank] & INDEX_MASK
        part = each + np.int64(rank < left)
        all_rows[poor * ROWS + BALANCE + lane] += np.int32(part)
        if governance.rules[LENDS]:
            repay(all_rows, totals, governance, poor, lane, part)
