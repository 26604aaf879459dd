"""The fee cap and the pay of jobs under interventions, for all lanes.

Source: docs/spec/economy.md, G1, G5 and J1 to J4.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled, compiled_apart
from sim_economy.batch.governance.apportionment_lanes import share_out
from sim_economy.batch.governance.governance_arrays import Governance
from sim_economy.batch.governance.governance_lanes import (
    AGENT_ROWS,
    ALLOWED,
    CAP_RATIO,
    CAP_SLOTS,
    CAP_WINDOW,
    CAPS_BY_SURPLUS,
    CAPS_FEES,
    FEES,
    FEES_KEPT,
    JOB_PAY,
    JOB_PAY_KEPT,
    OWED,
    PART,
    RELIEVED,
    SHARED,
    TIPS,
    TIPS_KEPT,
    WAGES_FOLLOW,
    WEIGHT,
    WINDOW_ROWS,
)
from sim_economy.batch.lanes import (
    ACTION,
    BALANCE,
    BLOCK,
    BONUS,
    BONUSES,
    CREDIT_MAX,
    CREDITS,
    EMPLOYED,
    FEE,
    GUARD,
    INTEREST_RATE,
    LANES,
    OUTSIDE,
    RELIEF,
    ROWS,
    WAITING_TIP,
    WINNER,
    Floats,
    Int32s,
    Int64s,
)
from sim_economy.batch.steps.action_lanes import JOB
from sim_economy.batch.steps.exact_lanes import portion

BASE_MAX: Final = np.int64(1 << 40)
"""A base up to it times any ratio is exact in 64 bits, taken in two parts."""
FEES_MAX: Final = np.int64(1 << 35)
"""Fees of all agents up to which a fee times what is allowed is exact in 64 bits."""
PRODUCT_MAX: Final = np.int64((1 << 62) - 1)
MILLION: Final = np.int64(10**6)
ZERO: Final = np.int32(0)


@compiled_apart
def begin_fees(world: Int64s) -> None:
    """Nobody owes anything yet, and no job was paid."""
    for row in (FEES, TIPS, JOB_PAY):
        for lane in range(LANES):
            world[row + lane] = 0


@compiled_apart
def owe(turn: Int32s, rows: Int32s, own: Int64s, world: Int64s) -> None:
    """Note one agent's fee; relief halves it (G5)."""
    for lane in range(LANES):
        works = rows[ACTION + lane] == JOB
        fee = np.int64(turn[FEE + lane])
        if own[RELIEVED + lane] != 0 and not works:
            fee //= 2
        own[OWED + lane] = fee
        if not works:
            world[FEES + lane] += fee


@compiled_apart
def allow(turn: Int32s, parameters: Int32s, governance: Governance, number: np.int64) -> None:
    """G1: what may be charged in this turn, over all agents."""
    rules, world, window = governance.rules, governance.world, governance.window
    slots, turns = rules[CAP_SLOTS], min(rules[CAP_WINDOW], number)
    sums = window[slots * WINDOW_ROWS : (slots + 1) * WINDOW_ROWS]
    # A base is of one turn more than charges are, and this turn takes the place of that one.
    first = number % slots * WINDOW_ROWS
    oldest = window[first : first + WINDOW_ROWS]
    for lane in range(LANES):
        base = turns * np.int64(parameters[BONUS + lane]) + sums[TIPS_KEPT + lane]
        if rules[CAPS_BY_SURPLUS]:
            base += sums[JOB_PAY_KEPT + lane]
        if base > BASE_MAX or world[FEES + lane] > FEES_MAX:
            turn[GUARD + lane] |= OUTSIDE
            base = np.int64(0)
        ratio = governance.doses[CAP_RATIO + lane]
        capped = base // MILLION * ratio + base % MILLION * ratio // MILLION
        charged = sums[FEES_KEPT + lane] - oldest[FEES_KEPT + lane]
        world[ALLOWED + lane] = max(np.int64(0), capped - charged)


@compiled_apart
def waive(turn: Int32s, all_rows: Int32s, governance: Governance, agents: np.int64) -> None:
    """G1: what of the fees passes the cap is waived, by largest remainder."""
    world, all_own = governance.world, governance.agents
    for lane in range(LANES):
        world[SHARED + lane] = max(np.int64(0), world[FEES + lane] - world[ALLOWED + lane])
    for agent in range(agents):
        rows = all_rows[agent * ROWS : (agent + 1) * ROWS]
        own = all_own[agent * AGENT_ROWS : (agent + 1) * AGENT_ROWS]
        for lane in range(LANES):
            works = rows[ACTION + lane] == JOB
            own[WEIGHT + lane] = np.int64(0) if works else own[OWED + lane]
    share_out(turn, world, all_own, agents)
    for agent in range(agents):
        own = all_own[agent * AGENT_ROWS : (agent + 1) * AGENT_ROWS]
        for lane in range(LANES):
            own[OWED + lane] -= own[PART + lane]


@compiled_apart
def pay_job(
    turn: Int32s,
    rows: Int32s,
    own: Int64s,
    parameters: Int32s,
    rates: Floats,
    governance: Governance,
    factor: np.int64,
    credits_usage: bool,
    first_bonus: bool,
) -> None:
    """J1 to J4: what the platform pays one agent for a job, on what of its fee wages follow.

    Args:
        factor: Of job pay, in millionths.
        credits_usage: Whether usage is credited, with relief.
        first_bonus: Whether the first job has the signing bonus.
    """
    world = governance.world
    for lane in range(LANES):
        if rows[ACTION + lane] != JOB:
            continue
        credit = relief = bonus = ZERO
        if credits_usage:
            wage = _wage(own, world, governance.rules, lane)
            if factor > 0 and wage > PRODUCT_MAX // factor:
                turn[GUARD + lane] |= OUTSIDE
                wage = np.int64(0)
            wage = wage * factor // MILLION
            credit = np.int32(min(wage, np.int64(parameters[CREDIT_MAX + lane])))
            held = np.int32(rows[BALANCE + lane] + credit)
            relief = portion(max(np.int32(-held), ZERO), rates[INTEREST_RATE + lane])
        if first_bonus and rows[EMPLOYED + lane] == ZERO:
            bonus = parameters[BONUS + lane]
        rows[BALANCE + lane] += np.int32(credit + relief + bonus)
        turn[CREDITS + lane] += credit
        turn[RELIEF + lane] += relief
        turn[BONUSES + lane] += bonus
        turn[GUARD + lane] |= credit
        world[JOB_PAY + lane] += np.int64(credit) + np.int64(relief) + np.int64(bonus)


@compiled
def _wage(own: Int64s, world: Int64s, rules: Int64s, lane: np.int64) -> np.int64:
    """What of a worker's fee it is credited, before the limit."""
    fee = own[OWED + lane]
    if not rules[WAGES_FOLLOW]:
        return fee
    if own[RELIEVED + lane] != 0:
        fee //= 2
    if rules[CAPS_FEES]:
        fees, allowed = world[FEES + lane], world[ALLOWED + lane]
        if fees + fee > allowed:
            fee = fee * allowed // (fees + fee)
    return fee


@compiled_apart
def note_tips(turn: Int32s, all_rows: Int32s, world: Int64s, agents: np.int64) -> None:
    """G1: the tips of a block that others than its winner pay."""
    for lane in range(LANES):
        if turn[BLOCK + lane] == 0:
            continue
        for agent in range(agents):
            if agent != turn[WINNER + lane]:
                world[TIPS + lane] += all_rows[agent * ROWS + WAITING_TIP + lane]


@compiled_apart
def close_window(governance: Governance, number: np.int64) -> None:
    """G1: remember the turn in place of the one that leaves the window."""
    window, world, slots = governance.window, governance.world, governance.rules[CAP_SLOTS]
    first = number % slots * WINDOW_ROWS
    kept = window[first : first + WINDOW_ROWS]
    sums = window[slots * WINDOW_ROWS : (slots + 1) * WINDOW_ROWS]
    for lane in range(LANES):
        fees = world[FEES + lane]
        fees = min(fees, world[ALLOWED + lane])
        sums[FEES_KEPT + lane] += fees - kept[FEES_KEPT + lane]
        sums[TIPS_KEPT + lane] += world[TIPS + lane] - kept[TIPS_KEPT + lane]
        sums[JOB_PAY_KEPT + lane] += world[JOB_PAY + lane] - kept[JOB_PAY_KEPT + lane]
        kept[FEES_KEPT + lane] = fees
        kept[TIPS_KEPT + lane] = world[TIPS + lane]
        kept[JOB_PAY_KEPT + lane] = world[JOB_PAY + lane]
