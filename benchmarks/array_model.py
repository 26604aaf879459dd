"""The as-run rules as NumPy would have them: one array operation a step, over [world, agent].

Draws and money are exact; weights of the lottery are floats, which would miss the winner of one
block in 10^15.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sim_economy.core.randomness import INDEX_STEP, SEED_STEP, TURN_STEP, purpose_number
from sim_economy.core.units import Millionths, compounded

GENESIS, BONUS, STUDY_COST, CREDIT_MAX, FREE = 1000, 50, 50, 1000, 100
FACTOR_ONE = 10**12
MATURITY = 3
SHIFT, HALF = np.uint64(31), np.uint64(32)
LOWER = np.uint64(2**32 - 1)
ACTIONS = ("mine", "stake", "unstake", "burn", "study", "job", "transfer")
MINE, STAKE, UNSTAKE, BURN, STUDY, JOB, TRANSFER = range(7)


class Worlds(NamedTuple):
    """Worlds after their last turn, `[world, agent]` and `[world]`."""

    balances: Any
    staked: Any
    fees: Any
    blocks: Any


def mixed(numbers: Any) -> Any:
    """`core.randomness.mixed` of an array."""
    numbers = (numbers ^ numbers >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ numbers >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return numbers ^ numbers >> SHIFT


def play(seeds: Any, turns: int = 60, agents: int = 8) -> Worlds:
    """Runs of the published policy with uniform usage, one a seed."""
    with np.errstate(over="ignore"):
        return _play(np.asarray(seeds, np.uint64), turns, agents)


def _play(seeds: Any, turns: int, agents: int) -> Worlds:
    shape = (len(seeds), agents)
    balances = np.full(shape, GENESIS, np.int64)
    staked, studies = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    factors = np.full(shape, FACTOR_ONE, np.int64)
    employed = np.zeros(shape, bool)
    waiting = {kind: np.zeros(shape, np.int64) for kind in (STAKE, BURN, TRANSFER)}
    owed_in = np.zeros(shape, np.int64)
    burned: list[tuple[int, Any]] = []
    fees, blocks = np.zeros(len(seeds), np.int64), np.zeros(len(seeds), np.int64)
    keys = mixed(seeds + np.uint64(SEED_STEP))
    steps = np.arange(agents, dtype=np.uint64) * np.uint64(INDEX_STEP)
    index, rows = np.arange(agents), np.arange(len(seeds))
    for turn in range(1, turns + 1):
        of_turn = mixed(keys + np.uint64(turn) * np.uint64(TURN_STEP))
        drawn = mixed(of_turn[:, None] + np.uint64(purpose_number("usage")) + steps)
        thinking = 50 + ((drawn >> HALF) * np.uint64(301) >> HALF).astype(np.int64)
        output = 40 + ((drawn & LOWER) * np.uint64(241) >> HALF).astype(np.int64)
        poorest = balances.argmin(axis=1)
        action = _decisions(balances, staked, turn, index, poorest)
        spends = action == STUDY
        balances -= spends * STUDY_COST
        studies += spends
        factors = np.where(spends, factors * 950_000 // 10**6, factors)
        units = np.maximum(0, thinking // 10 + output - FREE)
        owed = units * factors // FACTOR_ONE
        works = action == JOB
        balances += works * np.minimum(owed, CREDIT_MAX)
        balances += works * (np.maximum(0, -balances) // 100)
        balances += (works & ~employed) * BONUS
        employed |= works
        for kind, amount in ((STAKE, 80), (BURN, 50), (TRANSFER, 20)):
            chosen = action == kind
            balances -= chosen * (amount + (kind == TRANSFER))
            waiting[kind] += chosen * amount
            if kind == TRANSFER:
                np.add.at(owed_in, (rows, poorest), chosen.sum(axis=1) * amount)
        charged = np.where(works, 0, owed)
        balances -= charged
        fees += charged.sum(axis=1)
        balances -= np.maximum(0, -balances) // 100
        weights = (action == MINE) * (10.0 + 0.01 * staked + 0.05 * _burn_weights(burned, turn))
        total = weights.sum(axis=1)
        made = total >= 20.0
        point = mixed(of_turn + np.uint64(purpose_number("lottery"))) / 2.0**64 * total
        winner = (weights.cumsum(axis=1) > point[:, None]).argmax(axis=1)
        blocks += made
        tips = waiting[TRANSFER].sum(axis=1) // 20
        balances[rows, winner] += made * tips
        balances += made[:, None] * owed_in
        staked += made[:, None] * waiting[STAKE]
        burned.append((turn, made[:, None] * waiting[BURN]))
        for held in (*waiting.values(), owed_in):
            held[made] = 0
    balances += sum(waiting.values()) + waiting[TRANSFER] // 20
    return Worlds(balances, staked, fees, blocks)


def _decisions(balances: Any, staked: Any, turn: int, index: Any, poorest: Any) -> Any:
    """The published policy; the first rule that matches."""
    return np.select(
        [
            balances < -180,
            (staked > 0) & (turn % 15 == 0),
            (balances > 360) & (staked < 220) & ((turn + index) % 7 == 0),
            (balances > 600) & ((turn + index) % 11 == 0),
            (balances > 450) & (turn % 13 == 0) & (index != poorest[:, None]),
            (balances > 250) & (turn % 10 == 0),
        ],
        [JOB, UNSTAKE, STAKE, BURN, TRANSFER, STUDY],
        MINE,
    )


def _burn_weights(burned: list[tuple[int, Any]], turn: int) -> Any:
    """Burned tokens as they weigh, `[world, agent]`."""
    ripe = [(turn - MATURITY - then, tokens) for then, tokens in burned if then <= turn - MATURITY]
    kept = [tokens * (compounded(Millionths(20_000), age) / FACTOR_ONE) for age, tokens in ripe]
    return sum(kept) if kept else 0.0
