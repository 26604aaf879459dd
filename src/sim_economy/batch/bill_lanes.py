"""The bill of one agent in one turn, for all lanes: usage, fee, the pay of a job, interest.

Source: docs/spec/economy.md, B1 to B6 and J1 to J4.
"""

from __future__ import annotations

import numpy as np

from sim_economy.batch.action_lanes import JOB, STOPPED, STUDY
from sim_economy.batch.compiling import compiled
from sim_economy.batch.exact_lanes import fee_of, portion, price_of
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
    OWED,
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
)

MILLION = 1_000_000
ZERO = np.int32(0)


@compiled
def study(rows: Int32s, weights: Floats, rates: Floats) -> None:
    """Make thinking cheaper for those who studied, from this turn on.

    Source: docs/spec/economy.md, B3 and section 0.
    """
    for lane in range(LANES):
        if rows[ACTION + lane] == STUDY:
            rows[STUDIES + lane] += np.int32(1)
            kept = np.int64(weights[STUDY_FACTOR + lane]) * np.int64(rates[STUDY_KEEP + lane])
            factor = np.float64(kept // MILLION)
            weights[STUDY_FACTOR + lane] = factor
            price, rest = price_of(rates[UNIT_PRICE + lane], factor)
            weights[PRICE + lane] = price
            weights[PRICE_REST + lane] = rest


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
        rows[BALANCE + lane] = held
        turn[CREDITS + lane] += credit
        turn[OWED + lane] = max(np.int32(-held), ZERO) if works else ZERO
    for lane in range(LANES):
        relief = portion(turn[OWED + lane], rates[INTEREST_RATE + lane])
        rows[BALANCE + lane] += relief
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
def collect(turn: Int32s, rows: Int32s) -> None:
    """B4 and B6: everyone not on a job pays its fee, below zero if need be."""
    for lane in range(LANES):
        works = rows[ACTION + lane] == JOB
        fee = turn[FEE + lane]
        charged = ZERO if works else fee
        balance = rows[BALANCE + lane]
        held = np.int32(balance - charged)
        rows[BALANCE + lane] = held
        rows[EMPLOYED + lane] |= np.int32(works)
        turn[CHARGED + lane] += charged
        turn[COVERED + lane] += min(charged, max(balance, ZERO))
        turn[WAIVED + lane] += np.int32(fee - charged)
        turn[OWED + lane] = max(np.int32(-held), ZERO)


@compiled
def charge_interest(turn: Int32s, rows: Int32s, rates: Floats) -> None:
    """B5: debts bear interest, which is destroyed."""
    for lane in range(LANES):
        interest = portion(turn[OWED + lane], rates[INTEREST_RATE + lane])
        rows[BALANCE + lane] -= interest
        turn[INTEREST + lane] += interest
