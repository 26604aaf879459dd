"""The lottery of a turn's block, for all lanes.

Tickets weigh millionths, as floats. Without burns they are whole numbers below 2^53, and sums and
comparisons are exact. Where they are not, an error band is kept; a world whose threshold or draw
falls into it is marked, and the core plays it.

Source: docs/spec/economy.md, L2 to L4 and L8; docs/batch.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.action_lanes import MINE
from sim_economy.batch.compiling import compiled, mixed
from sim_economy.batch.lanes import (
    ACTION,
    BLOCK,
    BLOCK_KIND,
    BLOCK_TURN,
    BLOCK_WINNER,
    BURN_ERROR,
    BURN_KEEP,
    BURN_WEIGHT,
    BURN_WEIGHT_RATE,
    BURNED_SUM,
    COUNTING,
    GUARD,
    KIND,
    LANES,
    MARGIN,
    MINE_WEIGHT,
    NEAREST,
    OUTSIDE,
    POINT,
    REACHED,
    ROWS,
    STAKE_WEIGHT,
    STAKED,
    THRESHOLD,
    TOTAL_WEIGHT,
    WEIGHTS,
    WINNER,
    Floats,
    Int32s,
    Uint64s,
)

EXACT_BELOW: Final = 2.0**53
ROUNDING: Final = 2.0**-51
"""Bounds the rounding of one sum or product, with room."""
UNIT_INTERVAL: Final = 2.0**-64
ZERO: Final = np.int32(0)

MINE_KIND: Final = 1
STAKE_KIND: Final = 2
BURN_KIND: Final = 3


@compiled
def decay(weights: Floats, rates: Floats) -> None:
    """L3: mature burns of one agent lose a part of their weight."""
    for lane in range(LANES):
        weights[BURN_WEIGHT + lane] *= rates[BURN_KEEP + lane]


@compiled
def mature(weights: Floats, burned: Int32s) -> None:
    """L3: burns that mature in this turn begin to weigh."""
    for lane in range(LANES):
        weights[BURN_WEIGHT + lane] += np.float64(burned[lane])


@compiled
def begin_tickets(draws: Floats) -> None:
    """Nobody holds a ticket yet."""
    for lane in range(LANES):
        draws[TOTAL_WEIGHT + lane] = 0.0


@compiled
def add_mining_tickets(
    draws: Floats, rows: Int32s, weights: Floats, rates: Floats, with_burns: bool
) -> None:
    """L2, `miners`: one agent's ticket by mining, stake and burns, if it mined."""
    for lane in range(LANES):
        weight = rates[MINE_WEIGHT + lane] + rates[STAKE_WEIGHT + lane] * rows[STAKED + lane]
        if with_burns:
            weight += rates[BURN_WEIGHT_RATE + lane] * weights[BURN_WEIGHT + lane]
        draws[TOTAL_WEIGHT + lane] += weight * np.float64(rows[ACTION + lane] == MINE)


@compiled
def add_separate_tickets(
    draws: Floats, turn: Int32s, rows: Int32s, weights: Floats, rates: Floats
) -> None:
    """L2, `mine_stake_burn`: one agent's tickets for each, stake and burns where they count."""
    for lane in range(LANES):
        held = rates[STAKE_WEIGHT + lane] * rows[STAKED + lane]
        held += rates[BURN_WEIGHT_RATE + lane] * weights[BURN_WEIGHT + lane]
        counted = held if turn[COUNTING + lane] != 0 else 0.0
        mined = rates[MINE_WEIGHT + lane] if rows[ACTION + lane] == MINE else 0.0
        draws[TOTAL_WEIGHT + lane] += mined + counted


@compiled
def decide_whether_stake_counts(turn: Int32s, number: np.int32, window: np.int32) -> None:
    """L2: mining is the clock, but not for ever."""
    for lane in range(LANES):
        clock = turn[BLOCK_KIND + lane] <= MINE_KIND
        waited = number - turn[BLOCK_TURN + lane] > window
        turn[COUNTING + lane] = np.int32(clock | waited)


@compiled
def draw_point(
    draws: Floats, turn: Int32s, rates: Floats, keys: Uint64s, tickets: float, with_burns: bool
) -> bool:
    """L4: test the threshold, and draw where in the sum of all weights the winner is.

    Args:
        keys: Of this turn and the purpose `lottery`, `[lane]`.
        tickets: How many there can be.

    Returns:
        Whether there is a block in any lane.
    """
    any_block = ZERO
    for lane in range(LANES):
        total = draws[TOTAL_WEIGHT + lane]
        margin = 0.0 if total < EXACT_BELOW else total * tickets * ROUNDING
        if with_burns:
            margin += rates[BURN_ERROR + lane] * draws[BURNED_SUM + lane]
            margin += total * tickets * ROUNDING * (rates[BURN_ERROR + lane] > 0.0)
        short = total - rates[THRESHOLD + lane]
        block = (total > 0.0) & (short >= 0.0)
        if abs(short) < margin:
            turn[GUARD + lane] |= OUTSIDE
        drawn = mixed(keys[lane])
        draws[POINT + lane] = np.float64(drawn) * UNIT_INTERVAL * total
        draws[MARGIN + lane] = margin + total * tickets * ROUNDING
        draws[REACHED + lane] = 0.0
        draws[NEAREST + lane] = total + 1.0
        turn[BLOCK + lane] = np.int32(block)
        turn[WINNER + lane] = ZERO
        turn[KIND + lane] = MINE_KIND
        any_block |= np.int32(block)
    return any_block != 0


@compiled
def pass_mining_tickets(
    draws: Floats, turn: Int32s, rows: Int32s, weights: Floats, rates: Floats, with_burns: bool
) -> None:
    """Go past one agent's ticket: who wins is as many agents on as sums stay below the point."""
    for lane in range(LANES):
        weight = rates[MINE_WEIGHT + lane] + rates[STAKE_WEIGHT + lane] * rows[STAKED + lane]
        if with_burns:
            weight += rates[BURN_WEIGHT_RATE + lane] * weights[BURN_WEIGHT + lane]
        reached = draws[REACHED + lane] + weight * np.float64(rows[ACTION + lane] == MINE)
        draws[REACHED + lane] = reached
        beyond = reached - draws[POINT + lane]
        draws[NEAREST + lane] = min(draws[NEAREST + lane], abs(beyond))
        turn[WINNER + lane] += np.int32(beyond <= 0.0)


@compiled
def pick_separate_ticket(
    draws: Floats,
    turn: Int32s,
    all_rows: Int32s,
    all_weights: Floats,
    rates: Floats,
    agents: np.int64,
) -> None:
    """Find the winner among mine, then stake, then burn tickets, each in genesis order."""
    for lane in range(LANES):
        if turn[BLOCK + lane] == 0:
            continue
        point = draws[POINT + lane]
        reached, nearest = 0.0, draws[NEAREST + lane]
        winner, kind = -1, MINE_KIND
        for ticket in range(MINE_KIND, BURN_KIND + 1):
            if ticket > MINE_KIND and turn[COUNTING + lane] == 0:
                break
            for agent in range(agents):
                row = agent * ROWS + lane
                if ticket == MINE_KIND:
                    mined = all_rows[row + ACTION] == MINE
                    weight = rates[MINE_WEIGHT + lane] if mined else 0.0
                elif ticket == STAKE_KIND:
                    weight = rates[STAKE_WEIGHT + lane] * all_rows[row + STAKED]
                else:
                    burned = all_weights[agent * WEIGHTS + BURN_WEIGHT + lane]
                    weight = rates[BURN_WEIGHT_RATE + lane] * burned
                reached += weight
                nearest = min(nearest, abs(reached - point))
                if winner < 0 and reached > point:
                    winner, kind = agent, ticket
        turn[WINNER + lane] = max(winner, 0)
        turn[KIND + lane] = kind
        draws[NEAREST + lane] = nearest


@compiled
def settle_draw(draws: Floats, turn: Int32s, number: np.int32) -> None:
    """Keep the newest block; a draw too near to an edge is the core's to decide."""
    for lane in range(LANES):
        block = turn[BLOCK + lane] != 0
        near = draws[NEAREST + lane] < draws[MARGIN + lane]
        turn[GUARD + lane] |= OUTSIDE if block & near else ZERO
        turn[BLOCK_TURN + lane] = number if block else turn[BLOCK_TURN + lane]
        winner = np.int32(turn[WINNER + lane] + 1)
        turn[BLOCK_WINNER + lane] = winner if block else turn[BLOCK_WINNER + lane]
        kind = turn[KIND + lane]
        turn[BLOCK_KIND + lane] = kind if block else turn[BLOCK_KIND + lane]
