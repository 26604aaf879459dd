"""Steps of a large world that differ from those of a block: lanes are agents of one world.

Source: docs/spec/economy.md, section 2; docs/batch.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled
from sim_economy.batch.decisions.family import (
    BURN_ABOVE,
    BURN_TOKENS,
    JOB_BELOW,
    STAKE_ABOVE,
    STAKE_MAX,
    STAKE_TOKENS,
    STUDY_ABOVE,
    TRANSFER_ABOVE,
    TRANSFER_FEE,
    TRANSFER_TOKENS,
    find_poorest,
)
from sim_economy.batch.lanes import (
    ACTION,
    AMOUNT,
    BALANCE,
    GUARD,
    INCOME,
    LANES,
    LIMIT,
    OUTSIDE,
    POOREST,
    ROWS,
    STAKED,
    TARGET,
    TIP,
    TIPS_WAITING,
    WAITING_BURN,
    WAITING_IN,
    WAITING_OUT,
    WAITING_STAKE,
    WAITING_TIP,
    WINNER,
    Bytes,
    Int32s,
    Int64s,
    Uint64s,
)
from sim_economy.batch.results.digest_lanes import OF_AGENTS, PENDING, coefficient
from sim_economy.batch.steps.action_lanes import (
    BURN,
    JOB,
    MINE,
    STAKE,
    STUDY,
    TRANSFER,
    UNSTAKE,
    WITHOUT_AMOUNT,
)

ZERO: Final = np.int32(0)


@compiled
def add_across(row: Int64s) -> np.int64:
    """The sum over lanes."""
    total = np.int64(0)
    for lane in range(LANES):
        total += row[lane]
    return total


@compiled
def find_poorest_agent(turn: Int32s, all_rows: Int32s, agents: np.int64) -> None:
    """Keep who has the lowest balance, the first of equals, in every lane."""
    poorest, lowest = np.int64(-1), np.int64(1) << 32
    whole = agents // LANES
    if whole > 0:
        find_poorest(turn, all_rows, ROWS, whole)
        for lane in range(LANES):
            agent = np.int64(turn[POOREST + lane]) * LANES + lane
            balance = np.int64(turn[TARGET + lane])
            if balance < lowest or (balance == lowest and agent < poorest):
                poorest, lowest = agent, balance
    for agent in range(whole * LANES, agents):
        balance = np.int64(all_rows[whole * ROWS + BALANCE + agent - whole * LANES])
        if balance < lowest:
            poorest, lowest = agent, balance
    for lane in range(LANES):
        turn[POOREST + lane] = np.int32(poorest)


@compiled
def mark_due(row: Int32s, first: np.int64, period: np.int64) -> None:
    """Mark the lanes in which the sum of turn and agent is a multiple of a period.

    Args:
        first: The sum in the first lane.
    """
    row[:] = ZERO
    if period > 0:
        for lane in range(-first % period, LANES, period):
            row[lane] = np.int32(1)


@compiled
def decide_by_clocks(
    turn: Int32s,
    rows: Int32s,
    parameters: Int32s,
    unstakes: bool,
    transfers: bool,
    studies: bool,
    clocks: Int32s,
    first: np.int64,
) -> None:
    """Decide for 64 agents as `decisions.family.decide` does for one.

    Args:
        clocks: Whether stakes, then burns, are due, `[lane]` each.
        first: The agent in the first lane.
    """
    for lane in range(LANES):
        balance = rows[BALANCE + lane]
        poorest = turn[POOREST + lane]
        action = STUDY if studies & (balance > parameters[STUDY_ABOVE + lane]) else MINE
        own = np.int32(first + lane)
        gives = transfers & (balance > parameters[TRANSFER_ABOVE + lane]) & (poorest != own)
        action = TRANSFER if gives else action
        amount = parameters[TRANSFER_TOKENS + lane] if gives else ZERO
        tip = parameters[TRANSFER_FEE + lane] if gives else ZERO
        burned = (clocks[LANES + lane] != 0) & (balance > parameters[BURN_ABOVE + lane])
        action = BURN if burned else action
        amount = parameters[BURN_TOKENS + lane] if burned else amount
        tip = ZERO if burned else tip
        staked = rows[STAKED + lane]
        more = (clocks[lane] != 0) & (balance > parameters[STAKE_ABOVE + lane])
        more &= staked < parameters[STAKE_MAX + lane]
        action = STAKE if more else action
        amount = parameters[STAKE_TOKENS + lane] if more else amount
        tip = ZERO if more else tip
        released = unstakes & (staked > ZERO)
        action = UNSTAKE if released else action
        amount = WITHOUT_AMOUNT if released else amount
        action = JOB if balance < parameters[JOB_BELOW + lane] else action
        rows[ACTION + lane] = action
        turn[AMOUNT + lane] = amount
        turn[TIP + lane] = tip
        turn[TARGET + lane] = poorest


@compiled
def address_transfers_across(turn: Int32s, rows: Int32s, all_rows: Int32s, waits: Bytes) -> None:
    """Let what is transferred wait for its recipient, in the recipient's lane."""
    for lane in range(LANES):
        if rows[ACTION + lane] == TRANSFER:
            group, own = divmod(np.int64(turn[TARGET + lane]), np.int64(LANES))
            at = group * ROWS + WAITING_IN + own
            all_rows[at] += turn[AMOUNT + lane]
            waits[group] = np.uint8(1)
            turn[GUARD + own] |= all_rows[at]


@compiled
def top_up_agent(turn: Int32s, all_rows: Int32s, agent: np.int64, tokens: np.int32) -> None:
    """I5: tokens given once to one agent."""
    group, lane = divmod(agent, np.int64(LANES))
    at = group * ROWS + BALANCE + lane
    all_rows[at] += tokens
    turn[INCOME + lane] += tokens
    turn[GUARD + lane] |= tokens | max(all_rows[at], ZERO)


@compiled
def pay(turn: Int32s, all_rows: Int32s, winner: np.int64, tokens: np.int64) -> None:
    """Pay the winner of a block, if the sum is in range."""
    if tokens >= LIMIT:
        turn[GUARD] |= OUTSIDE
        return
    group, lane = divmod(winner, np.int64(LANES))
    all_rows[group * ROWS + BALANCE + lane] += np.int32(tokens)
    turn[GUARD] |= max(all_rows[group * ROWS + BALANCE + lane], ZERO)


@compiled
def pay_all_tips(turn: Int32s, all_rows: Int32s) -> None:
    """L5: the winner receives the tips of the block."""
    tips = np.int64(0)
    for lane in range(LANES):
        tips += turn[TIPS_WAITING + lane]
        turn[TIPS_WAITING + lane] = ZERO
    pay(turn, all_rows, np.int64(turn[WINNER]), tips)


@compiled
def add_by_lane(
    sums: Uint64s, row: Int32s, part: np.uint64, first: np.int64, number: np.int64
) -> None:
    """Add a row of numbers, each with the coefficient of its own agent.

    Args:
        first: The agent in the first lane.
    """
    for lane in range(LANES):
        factor = coefficient(part, first + lane, number)
        sums[lane] += np.uint64(np.int64(row[lane])) * factor


@compiled
def add_agents(sums: Uint64s, rows: Int32s, first: np.int64) -> None:
    """Add all that 64 agents have."""
    none = np.int64(0)
    for part, row in OF_AGENTS:
        add_by_lane(sums, rows[row : row + LANES], part, first, none)
    for waiting in (WAITING_STAKE, WAITING_BURN, WAITING_OUT, WAITING_TIP):
        add_by_lane(sums, rows[waiting : waiting + LANES], PENDING, first, none)
