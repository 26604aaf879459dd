"""The lottery of a turn's block, for all lanes.

Tickets weigh millionths, as floats. Without burns they are whole numbers below 2^53, and sums and
comparisons are exact. Where they are not, an error band is kept; a world whose threshold or draw
falls into it is marked, and the core plays it.

Source: docs/spec/economy.md, L2 to L4 and L8; docs/batch.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import chosen, compiled, mixed
from sim_economy.batch.lanes import (
    ACTION,
    BLOCK,
    BLOCK_KIND,
    BLOCK_TURN,
    BLOCK_WINNER,
    BURN_ERROR,
    BURN_KEEP,
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
    PASSED,
    POINT_HIGH,
    POINT_LOW,
    REACHED,
    STAKE_WEIGHT,
    STAKED,
    THRESHOLD,
    WINNER,
    WINNER_HIGH,
    Floats,
    Int32s,
    Uint64s,
)
from sim_economy.batch.steps.action_lanes import MINE

EXACT_BELOW: Final = 2.0**53
ROUNDING: Final = 2.0**-51
"""Bounds the rounding of one sum or product, with room."""
UNIT_INTERVAL: Final = 2.0**-64
ZERO: Final = np.int32(0)

MINE_KIND: Final = np.int32(1)
STAKE_KIND: Final = np.int32(2)
BURN_KIND: Final = np.int32(3)


@compiled
def decay(weights: Floats, rates: Floats) -> None:
    """L3: mature burns of one agent lose a part of their weight."""
    for lane in range(LANES):
        weights[BURN_WEIGHT + lane] *= rates[BURN_KEEP + lane]


@compiled
def catch_up(weights: Floats, rates: Floats, turns: np.int64) -> None:
    """L3: mature burns of one agent lose a part of their weight, so many turns in a row."""
    for _ in range(turns):
        decay(weights, rates)


@compiled
def mature(weights: Floats, burned: Int32s) -> None:
    """L3: burns that mature in this turn begin to weigh."""
    for lane in range(LANES):
        weights[BURN_WEIGHT + lane] += np.float64(burned[lane])


@compiled
def begin_tickets(draws: Floats) -> None:
    """Nobody holds a ticket yet."""
    for lane in range(LANES):
        draws[EXACT_WEIGHT + lane] = 0.0
        draws[BURN_PART + lane] = 0.0


@compiled
def add_mining_tickets(
    draws: Floats, rows: Int32s, weights: Floats, rates: Floats, with_burns: bool
) -> None:
    """L2, `miners`: one agent's ticket by mining, stake and burns, if it mined."""
    for lane in range(LANES):
        mined = np.float64(rows[ACTION + lane] == MINE)
        weight = rates[MINE_WEIGHT + lane] + rates[STAKE_WEIGHT + lane] * rows[STAKED + lane]
        reached = draws[EXACT_WEIGHT + lane] + weight * mined
        draws[EXACT_WEIGHT + lane] = reached
        if with_burns:
            burned = rates[BURN_WEIGHT_RATE + lane] * weights[BURN_WEIGHT + lane]
            burned = draws[BURN_PART + lane] + burned * mined
            draws[BURN_PART + lane] = burned
            reached += burned
        weights[REACHED + lane] = reached


@compiled
def add_separate_tickets(
    draws: Floats, turn: Int32s, rows: Int32s, weights: Floats, rates: Floats
) -> None:
    """L2, `mine_stake_burn`: one agent's tickets for each, stake and burns where they count."""
    for lane in range(LANES):
        counts = np.float64(turn[COUNTING + lane] != 0)
        burned = rates[BURN_WEIGHT_RATE + lane] * weights[BURN_WEIGHT + lane] * counts
        counted = rates[STAKE_WEIGHT + lane] * rows[STAKED + lane] * counts
        draws[BURN_PART + lane] += burned
        mined = rates[MINE_WEIGHT + lane] if rows[ACTION + lane] == MINE else 0.0
        draws[EXACT_WEIGHT + lane] += mined + counted


@compiled
def decide_whether_stake_counts(turn: Int32s, number: np.int32, window: np.int32) -> None:
    """L2: mining is the clock, but not for ever."""
    for lane in range(LANES):
        clock = turn[BLOCK_KIND + lane] <= MINE_KIND
        waited = np.int32(number - turn[BLOCK_TURN + lane]) > window
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
        exact = draws[EXACT_WEIGHT + lane]
        total = exact + draws[BURN_PART + lane]
        margin = 0.0 if total < EXACT_BELOW else total * tickets * ROUNDING
        if with_burns:
            lost = rates[BURN_ERROR + lane] * draws[BURNED_SUM + lane]
            inexact = (lost > 0.0) & (draws[BURN_PART + lane] > 0.0)
            margin += lost + total * tickets * ROUNDING if inexact else 0.0
        short = total - rates[THRESHOLD + lane]
        block = (total > 0.0) & (short >= 0.0)
        # Burns add to what is exact: where that alone suffices, their error does not matter.
        alone = (exact >= rates[THRESHOLD + lane]) & (total < EXACT_BELOW)
        if (abs(short) < margin) & ~alone:
            turn[GUARD + lane] |= OUTSIDE
        point = np.float64(mixed(keys[lane])) * UNIT_INTERVAL * total
        band = margin + total * tickets * ROUNDING
        draws[POINT_LOW + lane] = point - band
        draws[POINT_HIGH + lane] = point + band
        turn[BLOCK + lane] = np.int32(-np.int32(block))
        turn[WINNER + lane] = ZERO
        turn[WINNER_HIGH + lane] = ZERO
        turn[KIND + lane] = MINE_KIND
        any_block |= np.int32(block)
    return any_block != 0


@compiled
def pass_mining_ticket(draws: Floats, turn: Int32s, weights: Floats) -> None:
    """Go past one agent: who wins is as many agents on as sums stay below the point."""
    for lane in range(LANES):
        reached = weights[REACHED + lane]
        turn[WINNER + lane] += np.int32(reached <= draws[POINT_LOW + lane])
        turn[WINNER_HIGH + lane] += np.int32(reached <= draws[POINT_HIGH + lane])


@compiled
def begin_passing(draws: Floats) -> None:
    """No ticket has been passed."""
    for lane in range(LANES):
        draws[PASSED + lane] = 0.0


@compiled
def pass_separate_ticket(
    draws: Floats, turn: Int32s, rows: Int32s, weights: Floats, rates: Floats, kind: np.int32
) -> None:
    """Go past one agent's ticket of a kind, as `pass_mining_ticket` does."""
    for lane in range(LANES):
        counts = turn[COUNTING + lane] != 0
        if kind == MINE_KIND:
            weight = rates[MINE_WEIGHT + lane] if rows[ACTION + lane] == MINE else 0.0
        elif kind == STAKE_KIND:
            weight = rates[STAKE_WEIGHT + lane] * rows[STAKED + lane] if counts else 0.0
        else:
            weight = rates[BURN_WEIGHT_RATE + lane] * weights[BURN_WEIGHT + lane]
            weight = weight if counts else 0.0
        reached = draws[PASSED + lane] + weight
        draws[PASSED + lane] = reached
        turn[WINNER + lane] += np.int32(reached <= draws[POINT_LOW + lane])
        turn[WINNER_HIGH + lane] += np.int32(reached <= draws[POINT_HIGH + lane])


@compiled
def tell_kinds_apart(turn: Int32s, agents: np.int32) -> None:
    """Make of how many tickets were passed the winner's kind and who it is."""
    for lane in range(LANES):
        passed = turn[WINNER + lane]
        stakes = np.int32(passed >= agents)
        burns = np.int32(passed >= np.int32(2 * agents))
        turn[KIND + lane] = np.int32(MINE_KIND + stakes + burns)
        before = np.int32(agents * np.int32(stakes + burns))
        turn[WINNER + lane] = np.int32(passed - before)
        turn[WINNER_HIGH + lane] -= before


@compiled
def settle_draw(turn: Int32s, number: np.int32) -> None:
    """Keep the newest block; a draw too near to an edge is the core's to decide."""
    for lane in range(LANES):
        block = turn[BLOCK + lane]
        near = np.int32(turn[WINNER_HIGH + lane] - turn[WINNER + lane])
        turn[GUARD + lane] |= np.int32(-near) & block
        turn[BLOCK_TURN + lane] = chosen(block, number, turn[BLOCK_TURN + lane])
        winner = np.int32(turn[WINNER + lane] + np.int32(1))
        turn[BLOCK_WINNER + lane] = chosen(block, winner, turn[BLOCK_WINNER + lane])
        turn[BLOCK_KIND + lane] = chosen(block, turn[KIND + lane], turn[BLOCK_KIND + lane])
