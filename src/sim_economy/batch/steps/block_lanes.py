"""A turn's block in all lanes: what waited reaches its goal, the winner is paid.

Source: docs/spec/economy.md, L5, L6 and S3.
"""

from __future__ import annotations

import numpy as np

from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import (
    BALANCE,
    BLOCK,
    BLOCKS,
    BONUS,
    BONUSES,
    BURN_BLOCKS,
    BURNED,
    BURNED_SUM,
    BURNS,
    BURNS_DONE,
    BURNS_WAITING,
    GUARD,
    KIND,
    LANES,
    RELEASES_DONE,
    ROWS,
    SPENT_AGE,
    STAKE_BLOCKS,
    STAKED,
    STAKES_DONE,
    STAKES_WAITING,
    TIPS_WAITING,
    TRANSFERS_DONE,
    TRANSFERS_WAITING,
    UNSTAKING,
    WAITING_BURN,
    WAITING_IN,
    WAITING_OUT,
    WAITING_STAKE,
    WAITING_TIP,
    WINNER,
    Floats,
    Int32s,
    Uint64s,
)
from sim_economy.batch.steps.lottery_lanes import BURN_KIND, STAKE_KIND

ZERO = np.int32(0)


@compiled
def release(turn: Int32s, rows: Int32s, released: Int32s) -> None:
    """S3: stake on its way returns to its balance."""
    for lane in range(LANES):
        turn[RELEASES_DONE + lane] += np.int32(released[lane] != 0)
        rows[BALANCE + lane] += released[lane]
        rows[UNSTAKING + lane] -= released[lane]
        turn[GUARD + lane] |= max(rows[BALANCE + lane], ZERO)


@compiled
def finalise(turn: Int32s, draws: Floats, rows: Int32s, burned: Int32s) -> tuple[bool, bool]:
    """L6: what one agent submitted, and what is transferred to it, reaches its goal.

    Args:
        burned: Gets what the agent's burns of this block are.

    Returns:
        Whether anything still waits, and whether anything was burned.
    """
    waits = burns = ZERO
    for lane in range(LANES):
        block = turn[BLOCK + lane]
        stake = np.int32(rows[WAITING_STAKE + lane] & block)
        burn = np.int32(rows[WAITING_BURN + lane] & block)
        rows[STAKED + lane] += stake
        rows[BURNED + lane] += burn
        rows[BALANCE + lane] += np.int32(rows[WAITING_IN + lane] & block)
        turn[BURNS + lane] += burn
        turn[GUARD + lane] |= rows[STAKED + lane] | rows[BURNED + lane]
        burned[lane] = burn
        burns = np.int32(burns | burn)
        for waiting in (WAITING_STAKE, WAITING_BURN, WAITING_IN, WAITING_OUT, WAITING_TIP):
            left = np.int32(rows[waiting + lane] & ~block)
            rows[waiting + lane] = left
            waits = np.int32(waits | left)
    if burns != 0:
        for lane in range(LANES):
            draws[BURNED_SUM + lane] += np.float64(burned[lane])
    return waits != 0, burns != 0


@compiled
def give_back(rows: Int32s) -> None:
    """What still waits as a run ends returns to the agent that submitted it (T9)."""
    for lane in range(LANES):
        rows[BALANCE + lane] += np.int32(
            rows[WAITING_STAKE + lane]
            + rows[WAITING_BURN + lane]
            + rows[WAITING_OUT + lane]
            + rows[WAITING_TIP + lane]
        )
        rows[WAITING_STAKE + lane] = ZERO
        rows[WAITING_BURN + lane] = ZERO
        rows[WAITING_OUT + lane] = ZERO
        rows[WAITING_TIP + lane] = ZERO
        rows[WAITING_IN + lane] = ZERO


@compiled
def has_tips(turn: Int32s) -> bool:
    """Whether tips wait for a winner in any lane."""
    waiting = ZERO
    for lane in range(LANES):
        waiting = np.int32(waiting | turn[TIPS_WAITING + lane])
    return waiting != 0


@compiled
def digest_burns(
    sums: Uint64s, burned: Int32s, parameters: Int32s, age: np.int32, factor: np.uint64
) -> None:
    """Add one agent's burns of a turn to the digest, where they still weigh at the end.

    Args:
        age: Turns from here to the end.
        factor: The coefficient of burns of this agent and turn.
    """
    for lane in range(LANES):
        kept = burned[lane] if age < parameters[SPENT_AGE + lane] else ZERO
        sums[lane] += np.uint64(np.int64(kept)) * factor


@compiled
def count_finalised(turn: Int32s) -> None:
    """Count the transactions of a block."""
    for lane in range(LANES):
        block = turn[BLOCK + lane]
        for waiting, done in (
            (STAKES_WAITING, STAKES_DONE),
            (BURNS_WAITING, BURNS_DONE),
            (TRANSFERS_WAITING, TRANSFERS_DONE),
        ):
            finalised = np.int32(turn[waiting + lane] & block)
            turn[done + lane] += finalised
            turn[waiting + lane] -= finalised


@compiled
def pay_tips(turn: Int32s, all_rows: Int32s) -> None:
    """L5: the winner receives the tips of its block."""
    for lane in range(LANES):
        if turn[BLOCK + lane] != 0:
            all_rows[turn[WINNER + lane] * ROWS + BALANCE + lane] += turn[TIPS_WAITING + lane]
            turn[TIPS_WAITING + lane] = ZERO


@compiled
def pay_winner(turn: Int32s, rows: Int32s, parameters: Int32s, agent: np.int32) -> None:
    """L5 under `per_block`: the signing bonus, where this agent won."""
    for lane in range(LANES):
        won = np.int32(-np.int32(turn[WINNER + lane] == agent)) & turn[BLOCK + lane]
        bonus = np.int32(parameters[BONUS + lane] & won)
        rows[BALANCE + lane] += bonus
        turn[BONUSES + lane] += bonus


@compiled
def count_blocks(turn: Int32s) -> None:
    """Count blocks by the kind of the ticket that won; the others are mined."""
    for lane in range(LANES):
        block = turn[BLOCK + lane]
        kind = turn[KIND + lane]
        turn[BLOCKS + lane] -= block
        turn[STAKE_BLOCKS + lane] -= np.int32(-np.int32(kind == STAKE_KIND)) & block
        turn[BURN_BLOCKS + lane] -= np.int32(-np.int32(kind == BURN_KIND)) & block
