"""The lottery in floats of 32 bits, which decide all draws but those near an edge.

Twice as many lanes an instruction. Tickets weigh multiples of a unit that divides all weights and
the threshold; whole numbers below 2^24 and their sums are exact. Elsewhere a band bounds what is
lost. What falls into it, `lottery_lanes` decides.

Source: docs/spec/economy.md, L2 to L4 and L8; docs/batch.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled, mixed
from sim_economy.batch.lanes import (
    ACTION,
    BLOCK,
    BURN_ERROR,
    BURN_KEEP,
    BURN_WEIGHT,
    BURN_WEIGHT_RATE,
    BURNED_SUM,
    COUNTING,
    KIND,
    LANES,
    MINE_WEIGHT,
    SHORT_BURN_PART,
    SHORT_BURN_RATE,
    SHORT_EXACT,
    SHORT_HIGH,
    SHORT_KEEP,
    SHORT_LOST,
    SHORT_LOW,
    SHORT_MINE,
    SHORT_PASSED,
    SHORT_STAKE,
    SHORT_THRESHOLD,
    STAKE_WEIGHT,
    STAKED,
    THRESHOLD,
    WINNER,
    WINNER_HIGH,
    Floats,
    Int32s,
    ShortFloats,
    Uint64s,
)
from sim_economy.batch.steps.action_lanes import MINE
from sim_economy.batch.steps.lottery_lanes import MINE_KIND, STAKE_KIND

SHORT_AGENTS_MAX: Final = 64
"""Agents of a world up to which few draws fall into the band."""
EXACT_BELOW: Final = np.float32(2.0**24)
ROUNDING: Final = 1.25 * 2.0**-24
"""Bounds the rounding of one sum or product, with room."""
BEHIND_MAX: Final = 8
"""Turns that burns decay in 32 bits before 64 bits are asked again."""
ROUNDINGS: Final = 20.0 + 4.0 * BEHIND_MAX
ROUNDINGS_OF_AN_AGENT: Final = 4.0
"""Of weights, of the sums that lead to a ticket and to the total, and of the point."""
DRAWN_BITS: Final = np.uint64(40)
DRAWN_UNIT: Final = np.float32(2.0**-24)
NONE: Final = np.float32(0.0)
ZERO: Final = np.int32(0)
PASSED_BOTH: Final = np.int32((1 << 16) + 1)
PASSED_HIGH: Final = np.int32(1 << 16)
LOWER_HALF: Final = np.int32((1 << 16) - 1)


@compiled
def shorten_rates(points: ShortFloats, rates: Floats, unit: float) -> None:
    """The weights of tickets in units, and what a burned token's weight may be off by."""
    for lane in range(LANES):
        points[SHORT_MINE + lane] = np.float32(rates[MINE_WEIGHT + lane] / unit)
        points[SHORT_STAKE + lane] = np.float32(rates[STAKE_WEIGHT + lane] / unit)
        points[SHORT_BURN_RATE + lane] = np.float32(rates[BURN_WEIGHT_RATE + lane] / unit)
        points[SHORT_THRESHOLD + lane] = np.float32(rates[THRESHOLD + lane] / unit)
        points[SHORT_KEEP + lane] = np.float32(rates[BURN_KEEP + lane])
        points[SHORT_LOST + lane] = np.float32(2.0 * rates[BURN_ERROR + lane] / unit)


@compiled
def decay_shortly(points: ShortFloats, short_burns: ShortFloats) -> None:
    """L3: mature burns of one agent lose a part of their weight."""
    for lane in range(LANES):
        short_burns[lane] *= points[SHORT_KEEP + lane]


@compiled
def shorten_burns(points: ShortFloats, short_burns: ShortFloats, weights: Floats) -> None:
    """What mature burns of one agent weigh in units."""
    for lane in range(LANES):
        burned = np.float32(weights[BURN_WEIGHT + lane])
        short_burns[lane] = points[SHORT_BURN_RATE + lane] * burned


@compiled
def begin_short_tickets(points: ShortFloats) -> None:
    """Nobody holds a ticket yet."""
    for lane in range(LANES):
        points[SHORT_EXACT + lane] = NONE
        points[SHORT_BURN_PART + lane] = NONE


@compiled
def add_short_mining_tickets(
    points: ShortFloats,
    reached: ShortFloats,
    rows: Int32s,
    short_burns: ShortFloats,
    with_burns: bool,
) -> None:
    """L2, `miners`: one agent's ticket by mining, stake and burns, if it mined.

    Args:
        reached: Gets the sum of tickets up to this agent's.
    """
    for lane in range(LANES):
        mines = rows[ACTION + lane] == MINE
        staked = np.float32(rows[STAKED + lane])
        weight = points[SHORT_MINE + lane] + points[SHORT_STAKE + lane] * staked
        exact = points[SHORT_EXACT + lane] + (weight if mines else NONE)
        points[SHORT_EXACT + lane] = exact
        if with_burns:
            burned = short_burns[lane] if mines else NONE
            burned = points[SHORT_BURN_PART + lane] + burned
            points[SHORT_BURN_PART + lane] = burned
            exact = exact + burned
        reached[lane] = exact


@compiled
def add_short_separate_tickets(
    points: ShortFloats,
    turn: Int32s,
    rows: Int32s,
    short_burns: ShortFloats,
    with_burns: bool,
) -> None:
    """L2, `mine_stake_burn`: one agent's tickets for each, stake and burns where they count."""
    for lane in range(LANES):
        counts = turn[COUNTING + lane] != 0
        mined = points[SHORT_MINE + lane] if rows[ACTION + lane] == MINE else NONE
        staked = points[SHORT_STAKE + lane] * np.float32(rows[STAKED + lane])
        points[SHORT_EXACT + lane] += mined + (staked if counts else NONE)
        if with_burns:
            points[SHORT_BURN_PART + lane] += short_burns[lane] if counts else NONE


@compiled
def draw_short_point(
    points: ShortFloats, draws: Floats, turn: Int32s, keys: Uint64s, agents: np.int64
) -> tuple[bool, bool]:
    """L4: test the threshold, and draw where in the sum of all weights the winner is.

    Args:
        keys: Of this turn and the purpose `lottery`, `[lane]`.

    Returns:
        Whether there is a block in any lane, and whether all thresholds are decided.
    """
    any_block = any_near = ZERO
    roundings = np.float32((ROUNDINGS + ROUNDINGS_OF_AN_AGENT * np.float64(agents)) * ROUNDING)
    for lane in range(LANES):
        exact, burned = points[SHORT_EXACT + lane], points[SHORT_BURN_PART + lane]
        total = exact + burned
        lost = points[SHORT_LOST + lane] * np.float32(draws[BURNED_SUM + lane])
        band = lost + total * roundings
        whole = (total < EXACT_BELOW) & (burned == NONE)
        margin = lost if whole else band
        threshold = points[SHORT_THRESHOLD + lane]
        short = total - threshold
        block = (total > NONE) & (short >= NONE)
        # Burns add to what is exact: where that alone suffices, their error does not matter.
        alone = (exact >= threshold) & (total < EXACT_BELOW) & (exact > NONE)
        any_near = np.int32(any_near | np.int32((abs(short) < margin) & ~alone))
        drawn = np.float32(np.int32(mixed(keys[lane]) >> DRAWN_BITS)) * DRAWN_UNIT
        point = drawn * total
        points[SHORT_LOW + lane] = point - band
        points[SHORT_HIGH + lane] = point + band
        turn[BLOCK + lane] = np.int32(-np.int32(block))
        turn[WINNER + lane] = ZERO
        turn[KIND + lane] = MINE_KIND
        any_block = np.int32(any_block | np.int32(block))
    return any_block != 0, any_near == 0


@compiled
def pass_short_ticket(points: ShortFloats, turn: Int32s, reached: ShortFloats) -> None:
    """Go past one agent; the lower half of a number counts what is below the least point."""
    for lane in range(LANES):
        below = reached[lane] <= points[SHORT_LOW + lane]
        within = reached[lane] <= points[SHORT_HIGH + lane]
        turn[WINNER + lane] += PASSED_BOTH if below else (PASSED_HIGH if within else ZERO)


@compiled
def begin_short_passing(points: ShortFloats) -> None:
    """No ticket has been passed."""
    for lane in range(LANES):
        points[SHORT_PASSED + lane] = NONE


@compiled
def pass_short_separate_ticket(
    points: ShortFloats, turn: Int32s, rows: Int32s, short_burns: ShortFloats, kind: np.int32
) -> None:
    """Go past one agent's ticket of a kind, as `pass_short_ticket` does."""
    for lane in range(LANES):
        counts = turn[COUNTING + lane] != 0
        if kind == MINE_KIND:
            weight = points[SHORT_MINE + lane] if rows[ACTION + lane] == MINE else NONE
        elif kind == STAKE_KIND:
            weight = points[SHORT_STAKE + lane] * np.float32(rows[STAKED + lane])
            weight = weight if counts else NONE
        else:
            weight = short_burns[lane] if counts else NONE
        reached = points[SHORT_PASSED + lane] + weight
        points[SHORT_PASSED + lane] = reached
        below = reached <= points[SHORT_LOW + lane]
        within = reached <= points[SHORT_HIGH + lane]
        turn[WINNER + lane] += PASSED_BOTH if below else (PASSED_HIGH if within else ZERO)


@compiled
def read_short_draw(turn: Int32s) -> bool:
    """Make of what was passed how many tickets; whether both points fall on one in each lane."""
    near = ZERO
    for lane in range(LANES):
        passed = turn[WINNER + lane]
        below = np.int32(passed & LOWER_HALF)
        apart = np.int32((passed >> np.int32(16)) ^ below)
        near = np.int32(near | np.int32(apart & turn[BLOCK + lane]))
        turn[WINNER + lane] = below
        turn[WINNER_HIGH + lane] = below
    return near == 0
