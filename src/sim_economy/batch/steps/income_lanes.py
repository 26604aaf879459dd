"""Income of one agent, for all lanes, and what an empty balance may use.

Source: docs/spec/economy.md, section 12.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import (
    ACTION,
    ALLOWANCE,
    BALANCE,
    CARRYOVER,
    FEE,
    GUARD,
    INCOME,
    LANES,
    PRICE,
    PRICE_REST,
    REJECTED,
    Floats,
    Int32s,
)
from sim_economy.batch.steps.action_lanes import JOB, STOPPED
from sim_economy.batch.steps.exact_lanes import fee_of

ZERO = np.int32(0)
DEBT_RULE: Final = 0
STOP_RULE: Final = 1
CLIP_RULE: Final = 2
"""What an agent without tokens may use (I7, I8)."""

NO_PERIOD: Final = 0
FIRST_PERIOD: Final = 1
LATER_PERIOD: Final = 2


@compiled
def close_period(turn: Int32s, rows: Int32s, parameters: Int32s, forgiven: bool) -> None:
    """I3 and I4: what is left of an allowance goes back, what it lacked may be lifted."""
    for lane in range(LANES):
        if rows[ALLOWANCE + lane] == 0:
            continue
        balance = rows[BALANCE + lane]
        expired = max(np.int32(balance - parameters[CARRYOVER + lane]), ZERO)
        lifted = max(np.int32(-balance), ZERO) if forgiven else ZERO
        rows[BALANCE + lane] = np.int32(balance - expired + lifted)
        turn[INCOME + lane] += np.int32(lifted - expired)


@compiled
def grant(turn: Int32s, rows: Int32s) -> None:
    """I2: an allowance as its period begins."""
    for lane in range(LANES):
        rows[BALANCE + lane] += rows[ALLOWANCE + lane]
        turn[INCOME + lane] += rows[ALLOWANCE + lane]
        turn[GUARD + lane] |= max(rows[BALANCE + lane], ZERO)


@compiled
def top_up(turn: Int32s, rows: Int32s, tokens: np.int32) -> None:
    """I5: tokens given once."""
    for lane in range(LANES):
        rows[BALANCE + lane] += tokens
        turn[INCOME + lane] += tokens
        turn[GUARD + lane] |= tokens | max(rows[BALANCE + lane], ZERO)


@compiled
def stop_the_empty(turn: Int32s, rows: Int32s) -> None:
    """I7: an agent that has nothing to pay with as actions begin uses and does nothing."""
    for lane in range(LANES):
        empty = rows[BALANCE + lane] <= 0
        rows[ACTION + lane] = np.int32(STOPPED) if empty else rows[ACTION + lane]
        turn[REJECTED + lane] += np.int32(empty)


@compiled
def clip_to_balance(turn: Int32s, rows: Int32s, weights: Floats) -> None:
    """I8: nobody uses more than its balance can pay; a job's usage is not clipped."""
    for lane in range(LANES):
        fee, funds = turn[FEE + lane], rows[BALANCE + lane]
        if fee <= funds or fee == 0 or rows[ACTION + lane] == JOB:
            continue
        if funds < 0:
            turn[FEE + lane] = ZERO
            continue
        price, rest = weights[PRICE + lane], weights[PRICE_REST + lane]
        units = np.int32((np.float64(funds) + 1.0) / price) + np.int32(1)
        while fee_of(units, price, rest) > funds:
            units -= np.int32(1)
        turn[FEE + lane] = fee_of(units, price, rest)
