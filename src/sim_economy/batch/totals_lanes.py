"""Sums over a turn and over a run, for all lanes, and the guard of the exact range."""

from __future__ import annotations

import numpy as np

from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import (
    BALANCE,
    BONUSES,
    CHARGED,
    CORE_PRICES,
    COVERED,
    CREDITS,
    DEBT,
    DIVIDENDS,
    FIRST_NEGATIVE,
    FLOW_COUNT,
    FLOWS,
    GUARD,
    LANES,
    NEGATIVE,
    PLATFORM,
    PLATFORM_MIN,
    PLATFORM_NEGATIVE,
    POOL,
    RELIEF,
    Int32s,
    Int64s,
)

ZERO = np.int32(0)


@compiled
def add_up(turn: Int32s, totals: Int64s, flows: np.int64) -> None:
    """Add flows of a few agents to those of the run, and begin them anew.

    Args:
        flows: How many, from the first on.
    """
    for lane in range(LANES):
        totals[POOL + lane] += turn[COVERED + lane]
        totals[PLATFORM + lane] += (
            np.int64(turn[CHARGED + lane])
            + turn[CORE_PRICES + lane]
            - turn[CREDITS + lane]
            - turn[RELIEF + lane]
            - turn[BONUSES + lane]
            - turn[DIVIDENDS + lane]
        )
    for at in range(flows * LANES):
        totals[at] += turn[FLOWS + at]
        turn[FLOWS + at] = ZERO


@compiled
def look(turn: Int32s, rows: Int32s) -> None:
    """Look at one agent's balance as the turn ends."""
    for lane in range(LANES):
        balance = rows[BALANCE + lane]
        turn[DEBT + lane] += max(np.int32(-balance), ZERO)
        turn[NEGATIVE + lane] += np.int32(balance < 0)
        turn[GUARD + lane] |= balance ^ (balance >> np.int32(31))


@compiled
def mark_first_negatives(turn: Int32s, number: np.int32) -> None:
    """Keep the first turns that end with an agent, and with the platform, below zero."""
    for lane in range(LANES):
        new = (turn[FIRST_NEGATIVE + lane] == 0) & (turn[NEGATIVE + lane] > 0)
        turn[FIRST_NEGATIVE + lane] += number if new else ZERO


@compiled
def look_at_platform(turn: Int32s, totals: Int64s, number: np.int32) -> None:
    """Keep the platform's lowest balance, and when it first was below zero."""
    for lane in range(LANES):
        platform = totals[PLATFORM + lane]
        totals[PLATFORM_MIN + lane] = min(totals[PLATFORM_MIN + lane], platform)
        new = (turn[PLATFORM_NEGATIVE + lane] == 0) & (platform < 0)
        turn[PLATFORM_NEGATIVE + lane] += number if new else ZERO
