"""The lottery of a large world: tickets in genesis order across lanes.

Where all weights are whole millionths and their sum stays below 2^53, every sum is exact, in any
order, and only the point is rounded. Elsewhere a band bounds what sums may be off by.

Source: docs/spec/economy.md, L2 to L4 and L8; docs/batch.md.
"""

from __future__ import annotations

import numpy as np

from sim_economy.batch.action_lanes import MINE
from sim_economy.batch.arrays import BlockWorlds, Workspace
from sim_economy.batch.compiling import compiled, mixed
from sim_economy.batch.lanes import (
    ACTION,
    BLOCK,
    BURN_ERROR,
    BURN_PART,
    BURN_WEIGHT,
    BURN_WEIGHT_RATE,
    BURNED_SUM,
    COUNTING,
    EXACT_WEIGHT,
    GUARD,
    KIND,
    LANES,
    MINE_WEIGHT,
    OUTSIDE,
    ROWS,
    STAKE_WEIGHT,
    STAKED,
    THRESHOLD,
    WEIGHTS,
    WINNER,
    WINNER_HIGH,
    Floats,
    Int32s,
)
from sim_economy.batch.lottery_lanes import (
    BURN_KIND,
    EXACT_BELOW,
    MINE_KIND,
    ROUNDING,
    STAKE_KIND,
    UNIT_INTERVAL,
)


@compiled
def add_floats(row: Floats) -> float:
    """The sum over lanes."""
    total = 0.0
    for lane in range(LANES):
        total += row[lane]
    return total


@compiled
def draw_winner(
    worlds: BlockWorlds, last: BlockWorlds, work: Workspace, agents: np.int64, separate: bool
) -> bool:
    """L4: test the threshold, and find the winner; both hold in every lane.

    Args:
        last: The numbers of the last 64 agents.
        separate: Whether mining, stake and burns have tickets of their own.

    Returns:
        Whether there is a block.
    """
    draws, turn = work.draws, work.turn
    exact = add_floats(draws[EXACT_WEIGHT : EXACT_WEIGHT + LANES])
    burned = add_floats(draws[BURN_PART : BURN_PART + LANES])
    lost = worlds.rates[BURN_ERROR] * add_floats(draws[BURNED_SUM : BURNED_SUM + LANES])
    total, threshold = exact + burned, worlds.rates[THRESHOLD]
    is_exact = total < EXACT_BELOW and not (lost > 0.0 and burned > 0.0)
    rounding = total * (8.0 + 3.0 * np.float64(agents)) * ROUNDING
    margin = 0.0 if is_exact else lost + rounding
    alone = exact >= threshold and total < EXACT_BELOW
    if abs(total - threshold) < margin and not alone:
        turn[GUARD] |= OUTSIDE
    block = total > 0.0 and total >= threshold
    for lane in range(LANES):
        turn[BLOCK + lane] = np.int32(-np.int32(block))
    if not block:
        return False
    point = np.float64(mixed(work.keys[LANES])) * UNIT_INTERVAL * total
    band = point * ROUNDING if is_exact else margin + rounding
    winner, kind, certain = find_ticket(worlds, last, work, point - band, point + band, separate)
    for lane in range(LANES):
        turn[WINNER + lane] = np.int32(winner)
        turn[WINNER_HIGH + lane] = np.int32(winner) + np.int32(not certain)
        turn[KIND + lane] = np.int32(kind)
    return True


@compiled
def find_ticket(
    worlds: BlockWorlds,
    last: BlockWorlds,
    work: Workspace,
    low: float,
    high: float,
    separate: bool,
) -> tuple[np.int64, np.int64, bool]:
    """Find the first ticket whose sum lies above the least point.

    Returns:
        The agent, the kind of its ticket, and whether the greatest point finds it too.
    """
    kinds = np.int64(MINE_KIND)
    if separate and work.turn[COUNTING] != 0:
        kinds = np.int64(BURN_KIND)
    groups = len(work.rows) // ROWS
    reached = 0.0
    for kind in range(np.int64(MINE_KIND), kinds + 1):
        for group in range(groups):
            rows = work.rows[group * ROWS : (group + 1) * ROWS]
            weights = work.weights[group * WEIGHTS : (group + 1) * WEIGHTS]
            rates = last.rates if group == groups - 1 else worlds.rates
            tickets = work.draws[EXACT_WEIGHT : EXACT_WEIGHT + LANES]
            weigh_tickets(tickets, rows, weights, rates, kind, separate)
            before = reached
            reached += add_floats(tickets)
            if reached <= low:
                continue
            for lane in range(LANES):
                before += tickets[lane]
                if before > low:
                    return group * LANES + lane, kind, before > high
    return np.int64(0), np.int64(MINE_KIND), False


@compiled
def weigh_tickets(
    tickets: Floats, rows: Int32s, weights: Floats, rates: Floats, kind: np.int64, separate: bool
) -> None:
    """L2: the tickets of one kind of 64 agents; one for all where kinds are not separate."""
    for lane in range(LANES):
        mined = np.float64(rows[ACTION + lane] == MINE)
        mining = rates[MINE_WEIGHT + lane] * mined
        stake = rates[STAKE_WEIGHT + lane] * np.float64(rows[STAKED + lane])
        burn = rates[BURN_WEIGHT_RATE + lane] * weights[BURN_WEIGHT + lane]
        if not separate:
            tickets[lane] = mining + (stake + burn) * mined
        elif kind == MINE_KIND:
            tickets[lane] = mining
        elif kind == STAKE_KIND:
            tickets[lane] = stake
        else:
            tickets[lane] = burn
