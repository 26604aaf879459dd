"""The bill of one agent in one turn, for all lanes: usage, fee, the pay of a job, interest.

Source: docs/spec/economy.md, B1 to B6 and J1 to J4.
"""

from __future__ import annotations

import numpy as np

from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import (
    ACTION,
    BALANCE,
    BONUS,
    BONUSES,
    CHARGED,
    COMMONS,
    COVERED,
    CREDIT_MAX,
    CREDITS,
    EMPLOYED,
    FEE,
    GUARD,
    INTEREST,
    INTEREST_RATE,
    LANES,
    OUTPUT,
    PRICE,
    PRICE_REST,
    RELIEF,
    STUDIES,
    STUDY_FACTOR,
    STUDY_KEEP,
    THINKING,
    THINKING_RATE,
    UNIT_PRICE,
    WAIVED,
    Floats,
    Int32s,
    Int64s,
    Uint64s,
)
from sim_economy.batch.steps.action_lanes import JOB, STOPPED, STUDY
from sim_economy.batch.steps.exact_lanes import (
    LONG_PRICE,
    fee_of,
    portion,
    price_of,
    scaled_price,
    studied,
)
from sim_economy.batch.steps.usage_lanes import drawn_units

ZERO = np.int32(0)


@compiled
def study(
    rows: Int32s,
    weights: Floats,
    prices: Int64s,
    rates: Floats,
    divisor: float,
    most: float,
) -> bool:
    """Make thinking cheaper for those who studied, from this turn on.

    Args:
        divisor: As `scaled_price` takes it, with the largest price.

    Returns:
        Whether every lane still has a scaled price.

    Source: docs/spec/economy.md, B3 and section 0.
    """
    for lane in range(LANES):
        studies = rows[ACTION + lane] == STUDY
        rate, factor = rates[UNIT_PRICE + lane], weights[STUDY_FACTOR + lane]
        rows[STUDIES + lane] += np.int32(studies)
        factor = studied(factor, rates[STUDY_KEEP + lane]) if studies else factor
        weights[STUDY_FACTOR + lane] = factor
        price, rest = price_of(rate, factor)
        weights[PRICE + lane] = price
        weights[PRICE_REST + lane] = rest
        prices[lane] = scaled_price(rate, factor, divisor, most)
    return are_scaled(prices)


@compiled
def are_scaled(prices: Int64s) -> bool:
    """Whether every lane has a scaled price."""
    lowest = prices[0]
    for lane in range(LANES):
        lowest = min(lowest, prices[lane])
    return lowest != LONG_PRICE


@compiled
def charge_usage(turn: Int32s, weights: Floats, parameters: Int32s, rates: Floats) -> None:
    """The fee for thinking and output.

    Source: docs/spec/economy.md, B1 to B3.
    """
    for lane in range(LANES):
        counted = portion(turn[THINKING + lane], rates[THINKING_RATE + lane])
        units = np.int32(counted + turn[OUTPUT + lane] - parameters[COMMONS + lane])
        fee = fee_of(max(units, ZERO), weights[PRICE + lane], weights[PRICE_REST + lane])
        turn[FEE + lane] = fee
        turn[GUARD + lane] |= fee


@compiled
def charge_drawn_at_long_prices(
    turn: Int32s, usage: Int64s, weights: Floats, keys: Uint64s, step: np.uint64
) -> None:
    """Draw thinking and output, and find the fee at prices of many decimals.

    Args:
        keys: Of this turn and the purpose `usage`, `[lane]`.
        step: What tells this agent's draw apart.

    Source: docs/spec/economy.md, L8 and B1 to B3.
    """
    for lane in range(LANES):
        units = np.int32(drawn_units(usage, keys[lane] + step, lane))
        fee = fee_of(units, weights[PRICE + lane], weights[PRICE_REST + lane])
        turn[FEE + lane] = fee
        turn[GUARD + lane] |= fee


@compiled
def charge_nothing_where_stopped(turn: Int32s, rows: Int32s) -> None:
    """What an agent may not use costs nothing (I7)."""
    for lane in range(LANES):
        if rows[ACTION + lane] == STOPPED:
            turn[FEE + lane] = ZERO


@compiled
def pay_credited_jobs(turn: Int32s, rows: Int32s, parameters: Int32s, rates: Floats) -> None:
    """J1 and J2: the platform credits a worker's fee, then relief on what it still owes."""
    for lane in range(LANES):
        works = rows[ACTION + lane] == JOB
        credit = min(turn[FEE + lane], parameters[CREDIT_MAX + lane])
        credit = credit if works else ZERO
        held = np.int32(rows[BALANCE + lane] + credit)
        owed = max(np.int32(-held), ZERO) if works else ZERO
        relief = portion(owed, rates[INTEREST_RATE + lane])
        rows[BALANCE + lane] = np.int32(held + relief)
        turn[CREDITS + lane] += credit
        turn[RELIEF + lane] += relief


@compiled
def pay_first_jobs(turn: Int32s, rows: Int32s, parameters: Int32s) -> None:
    """J4 under `first_job`: the signing bonus for an agent that never worked before."""
    for lane in range(LANES):
        first = (rows[ACTION + lane] == JOB) & (rows[EMPLOYED + lane] == ZERO)
        bonus = parameters[BONUS + lane]
        bonus = bonus if first else ZERO
        rows[BALANCE + lane] += bonus
        turn[BONUSES + lane] += bonus


@compiled
def collect(turn: Int32s, rows: Int32s, rates: Floats) -> None:
    """B4 to B6: everyone not on a job pays its fee, below zero if need be; debts bear interest.

    Interest is destroyed.
    """
    for lane in range(LANES):
        works = rows[ACTION + lane] == JOB
        fee = turn[FEE + lane]
        charged = ZERO if works else fee
        balance = rows[BALANCE + lane]
        held = np.int32(balance - charged)
        interest = portion(max(np.int32(-held), ZERO), rates[INTEREST_RATE + lane])
        rows[BALANCE + lane] = np.int32(held - interest)
        rows[EMPLOYED + lane] |= np.int32(works)
        turn[CHARGED + lane] += charged
        turn[COVERED + lane] += min(charged, max(balance, ZERO))
        turn[WAIVED + lane] += np.int32(fee - charged)
        turn[INTEREST + lane] += interest
