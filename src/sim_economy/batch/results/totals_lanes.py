"""Sums over a turn and over a run, for all lanes, and the guard of the exact range."""

from __future__ import annotations

from typing import Final

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
ROOM_FOR_A_TURN: Final = np.int32(1 << 29)
"""A turn adds less than 2^30 to a flow: eight agents, each below the limit."""


@compiled
def add_up_bills(turn: Int32s, totals: Int64s) -> None:
    """Add the bills of a few agents to those of the run and of the turn, and begin anew."""
    fill_pool(turn, totals)
    add_up_flows(turn, totals)


@compiled
def add_up_flows(turn: Int32s, totals: Int64s) -> None:
    """Add bills to those of the run, and begin anew."""
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
def take_another_turn(turn: Int32s) -> bool:
    """Whether 32 bits take what another turn adds to every flow."""
    bits = ZERO
    for at in range(FLOWS, TURN_ROWS):
        bits = np.int32(bits | turn[at])
    return ZERO <= bits < ROOM_FOR_A_TURN


@compiled
def open_pool(turn: Int32s, totals: Int64s) -> None:
    """Leave what was covered before this turn out of its pool."""
    for lane in range(LANES):
        totals[POOL + lane] = -np.int64(turn[COVERED + lane])


@compiled
def fill_pool(turn: Int32s, totals: Int64s) -> None:
    """Add what was covered to the turn's pool."""
    for lane in range(LANES):
        totals[POOL + lane] += turn[COVERED + lane]


@compiled
def look(turn: Int32s, rows: Int32s) -> None:
    """Look at one agent's balance as the turn ends."""
    for lane in range(LANES):
        balance = rows[BALANCE + lane]
        turn[DEBT + lane] += max(np.int32(-balance), ZERO)
        turn[NEGATIVE + lane] += np.int32(balance < 0)
        turn[GUARD + lane] |= balance ^ (balance >> np.int32(31))


@compiled
def mark_first_negative(turn: Int32s, number: np.int32) -> None:
    """Keep the first turn that ends with an agent below zero."""
    for lane in range(LANES):
        new = (turn[FIRST_NEGATIVE + lane] == 0) & (turn[NEGATIVE + lane] > 0)
        turn[FIRST_NEGATIVE + lane] += number if new else ZERO


@compiled
def look_at_platform_since(turn: Int32s, totals: Int64s, number: np.int32) -> None:
    """Look at the platform's balance: what it last was, and what moved since.

    Each of six flows is below 2^29 by `take_another_turn`.
    """
    for lane in range(LANES):
        moved = np.int32(
            turn[CHARGED + lane]
            + turn[CORE_PRICES + lane]
            - turn[CREDITS + lane]
            - turn[RELIEF + lane]
            - turn[BONUSES + lane]
            - turn[DIVIDENDS + lane]
        )
        platform = totals[PLATFORM + lane] + np.int64(moved)
        totals[PLATFORM_MIN + lane] = min(totals[PLATFORM_MIN + lane], platform)
        new = (turn[PLATFORM_NEGATIVE + lane] == 0) & (platform < 0)
        turn[PLATFORM_NEGATIVE + lane] += number if new else ZERO


@compiled
def look_at_platform(turn: Int32s, totals: Int64s, number: np.int32) -> None:
    """Add up the platform's balance, and keep the first turn that ends with it below zero."""
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
