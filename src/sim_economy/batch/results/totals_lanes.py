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
    FLOWS,
    GROUP,
    GUARD,
    INTERVENED,
    LANES,
    NEGATIVE,
    PLATFORM,
    PLATFORM_MIN,
    PLATFORM_NEGATIVE,
    POOL,
    RELIEF,
    TURN_FLOWS,
    TURN_ROWS,
    Int32s,
    Int64s,
)

ZERO = np.int32(0)


@compiled
def add_up_bills(turn: Int32s, totals: Int64s) -> None:
    """Add the bills of a few agents to those of the run and of the turn, and begin anew."""
    for lane in range(LANES):
        totals[POOL + lane] += turn[COVERED + lane]
    for at in range(TURN_FLOWS - FLOWS):
        totals[at] += turn[FLOWS + at]
    for at in range(TURN_FLOWS - FLOWS):
        turn[FLOWS + at] = ZERO


@compiled
def add_up_turn(turn: Int32s, totals: Int64s) -> None:
    """Add what else moved to the sums of the run, and begin anew."""
    for at in range(TURN_FLOWS - FLOWS, TURN_ROWS - FLOWS):
        totals[at] += turn[FLOWS + at]
    for at in range(TURN_FLOWS - FLOWS, TURN_ROWS - FLOWS):
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
def mark_first_negatives(turn: Int32s, totals: Int64s, number: np.int32) -> None:
    """Keep the first turns that end with an agent, and with the platform, below zero."""
    for lane in range(LANES):
        new = (turn[FIRST_NEGATIVE + lane] == 0) & (turn[NEGATIVE + lane] > 0)
        turn[FIRST_NEGATIVE + lane] += number if new else ZERO
    for lane in range(LANES):
        platform = (
            totals[CHARGED - FLOWS + lane]
            + totals[CORE_PRICES - FLOWS + lane]
            - totals[CREDITS - FLOWS + lane]
            - totals[RELIEF - FLOWS + lane]
            - totals[BONUSES - FLOWS + lane]
            - totals[DIVIDENDS - FLOWS + lane]
            + totals[INTERVENED + lane]
        )
        totals[PLATFORM + lane] = platform
        totals[PLATFORM_MIN + lane] = min(totals[PLATFORM_MIN + lane], platform)
        new = (turn[PLATFORM_NEGATIVE + lane] == 0) & (platform < 0)
        turn[PLATFORM_NEGATIVE + lane] += number if new else ZERO


@compiled
def ends_group(agent: np.int64, agents: np.int64) -> bool:
    """Whether flows were added up over as many agents as 32 bits can take."""
    return agent % GROUP == GROUP - 1 and agents > GROUP
