"""The opening auction of core shares, for all lanes.

Source: docs/spec/economy.md, C1.
"""

from __future__ import annotations

import numpy as np

from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import (
    BALANCE,
    BID,
    CORE_PRICES,
    CORES,
    GUARD,
    LANES,
    ROWS,
    SHARES,
    Int32s,
)


@compiled
def sell_cores(turn: Int32s, all_rows: Int32s, agents: np.int64, cores: np.int64) -> None:
    """Sell shares to the highest bids, ties by genesis order, all at one price."""
    for lane in range(LANES):
        sold, price = np.int64(0), np.int32(1)
        while sold <= cores:
            best, bidder = np.int32(0), np.int64(-1)
            for agent in range(agents):
                bid = all_rows[agent * ROWS + BID + lane]
                if bid > best:
                    best, bidder = bid, np.int64(agent)
            if bidder < 0:
                break
            if sold == cores:
                price = best
                break
            row = bidder * ROWS + lane
            all_rows[row + BALANCE] += best
            all_rows[row + BID] = np.int32(-1)
            sold += 1
        _settle_bids(turn, all_rows, agents, lane, price)


@compiled
def _settle_bids(
    turn: Int32s, all_rows: Int32s, agents: np.int64, lane: np.int64, price: np.int32
) -> None:
    """Let winners pay the price; give losers back what they bid."""
    for agent in range(agents):
        row = agent * ROWS + lane
        bid = all_rows[row + BID]
        if bid == -1:
            all_rows[row + BALANCE] -= price
            all_rows[row + CORES] += np.int32(1)
            turn[CORE_PRICES + lane] += price
            turn[GUARD + lane] |= turn[CORE_PRICES + lane]
            turn[SHARES + lane] += np.int32(1)
        elif bid > 0:
            all_rows[row + BALANCE] += bid
        all_rows[row + BID] = np.int32(0)
