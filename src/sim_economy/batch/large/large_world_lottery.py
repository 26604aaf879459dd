"""The lottery of a large world: tickets in genesis order across lanes.

Where all weights are whole millionths and their sum stays below 2^53, every sum is exact, in any
order, and only the point is rounded. Elsewhere a band bounds what sums may be off by.

Source: docs/spec/economy.md, L2 to L4 and L8; docs/batch.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np

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
from sim_economy.batch.steps.action_lanes import MINE
from sim_economy.batch.steps.lottery_lanes import (
    EXACT_BELOW,
    MINE_KIND,
    ROUNDING,
    UNIT_INTERVAL,
)

OF_MINING: Final = 0
OF_STAKE: Final = 1
OF_BURNS: Final = 2
KINDS: Final = 3
"""Sums of the tickets of 64 agents, `[group, kind]`; of stake and burns that count."""


@compiled
def add_floats(row: Floats) -> float:
    """The sum over lanes; the row is used up."""
    for lane in range(32):
        row[lane] += row[lane + 32]
    for lane in range(16):
        row[lane] += row[lane + 16]
    for lane in range(8):
        row[lane] += row[lane + 8]
    total = 0.0
    for lane in range(8):
        total += row[lane]
    return total


@compiled
def weigh_group(
    sums: Floats,
    work: Workspace,
    group: np.int64,
    rates: Floats,
    separate: bool,
    has_burns: bool,
) -> None:
    """L2: add up the tickets of 64 agents by kind."""
    rows = work.rows[group * ROWS : (group + 1) * ROWS]
    weights = work.weights[group * WEIGHTS : (group + 1) * WEIGHTS]
    row = work.draws[EXACT_WEIGHT : EXACT_WEIGHT + LANES]
    counts = separate and work.turn[COUNTING] != 0
    own = sums[group * KINDS : (group + 1) * KINDS]
    own[:] = 0.0
    weigh_mining(row, rows, rates, separate)
    own[OF_MINING] = add_floats(row)
    if counts:
        weigh_stake(row, rows, rates)
        own[OF_STAKE] = add_floats(row)
    if has_burns and (counts or not separate):
        weigh_burn(row, rows, weights, rates, separate)
        own[OF_BURNS] = add_floats(row)


@compiled
def draw_winner(
    worlds: BlockWorlds,
    last: BlockWorlds,
    work: Workspace,
    sums: Floats,
    agents: np.int64,
    separate: bool,
) -> bool:
    """L4: test the threshold, and find the winner; both hold in every lane.

    Args:
        last: The numbers of the last 64 agents.
        sums: Of tickets, `[group, kind]`.
        separate: Whether mining, stake and burns have tickets of their own.

    Returns:
        Whether there is a block.
    """
    draws, turn = work.draws, work.turn
    exact, burned, destroyed = 0.0, 0.0, 0.0
    for at in range(0, len(sums), KINDS):
        exact += sums[at + OF_MINING] + sums[at + OF_STAKE]
        burned += sums[at + OF_BURNS]
    for lane in range(LANES):
        destroyed += draws[BURNED_SUM + lane]
    lost = worlds.rates[BURN_ERROR] * destroyed
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
    low, high = point - band, point + band
    winner, kind, certain = find_ticket(worlds, last, work, sums, low, high, separate)
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
    sums: Floats,
    low: float,
    high: float,
    separate: bool,
) -> tuple[np.int64, np.int64, bool]:
    """Find the first ticket whose sum lies above the least point.

    Returns:
        The agent, the kind of its ticket, and whether the greatest point finds it too.
    """
    groups = len(sums) // KINDS
    row = work.draws[EXACT_WEIGHT : EXACT_WEIGHT + LANES]
    reached = 0.0
    for kind in range(KINDS if separate else 1):
        for group in range(groups):
            before = reached
            reached += sums[group * KINDS + kind]
            if not separate:
                reached += sums[group * KINDS + OF_BURNS]
            if reached <= low:
                continue
            rates = last.rates if group == groups - 1 else worlds.rates
            weigh_again(row, work, group, rates, kind, separate)
            for lane in range(LANES):
                before += row[lane]
                if before > low:
                    return group * LANES + lane, np.int64(kind + MINE_KIND), before > high
    return np.int64(0), np.int64(MINE_KIND), False


@compiled
def weigh_again(
    row: Floats,
    work: Workspace,
    group: np.int64,
    rates: Floats,
    kind: np.int64,
    separate: bool,
) -> None:
    """Weigh each ticket of 64 agents whose sum is known."""
    rows = work.rows[group * ROWS : (group + 1) * ROWS]
    weights = work.weights[group * WEIGHTS : (group + 1) * WEIGHTS]
    burns = work.draws[BURN_PART : BURN_PART + LANES]
    if kind == OF_STAKE:
        weigh_stake(row, rows, rates)
    elif kind == OF_BURNS:
        weigh_burn(row, rows, weights, rates, separate)
    else:
        weigh_mining(row, rows, rates, separate)
        if not separate:
            weigh_burn(burns, rows, weights, rates, separate)
            for lane in range(LANES):
                row[lane] += burns[lane]


@compiled
def weigh_mining(row: Floats, rows: Int32s, rates: Floats, separate: bool) -> None:
    """L2: tickets by mining; with the miner's stake where kinds are not separate."""
    for lane in range(LANES):
        mined = np.float64(rows[ACTION + lane] == MINE)
        stake = rates[STAKE_WEIGHT + lane] * np.float64(rows[STAKED + lane])
        row[lane] = (rates[MINE_WEIGHT + lane] + (0.0 if separate else stake)) * mined


@compiled
def weigh_stake(row: Floats, rows: Int32s, rates: Floats) -> None:
    """L2: tickets by stake, as all who staked have them."""
    for lane in range(LANES):
        row[lane] = rates[STAKE_WEIGHT + lane] * np.float64(rows[STAKED + lane])


@compiled
def weigh_burn(row: Floats, rows: Int32s, weights: Floats, rates: Floats, separate: bool) -> None:
    """L2: tickets by burns; a miner's alone where kinds are not separate."""
    for lane in range(LANES):
        holds = np.float64(separate | (rows[ACTION + lane] == MINE))
        row[lane] = rates[BURN_WEIGHT_RATE + lane] * weights[BURN_WEIGHT + lane] * holds
