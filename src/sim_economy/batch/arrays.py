"""The arrays that the kernel works on, in groups."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from sim_economy.batch.lanes import (
    DRAW_ROWS,
    LANES,
    POINT_ROWS,
    ROWS,
    SERIES,
    TOTAL_ROWS,
    TURN_ROWS,
    WEIGHTS,
    Bytes,
    Floats,
    Int32s,
    Int64s,
    ShortFloats,
    Uint64s,
)
from sim_economy.batch.shape import AGENTS, DELAY, EVERY_TURN, MATURITY, TURNS

SCRATCH_ROWS: Final = 16
"""Rows for a decision: one for each column of a linear policy, and some."""
TWO_LISTS: Final = 0
"""Whether every lane reads the usage of the first lane or that of the last."""
OWNERS: Final = 1
"""Whether anybody owns a core share in any lane."""
WAITING: Final = 2
"""Whether anything waits for a block in any lane."""
FLAGS: Final = 3
"""What is known of all lanes of a block."""


class Shared(NamedTuple):
    """What all worlds of a batch share.

    Attributes:
        shape: See `shape`.
        periods: Of the policy.
        clocks: Which periods a number of a turn, or of turn and agent, is due in; bits.
        table: Integers of the policy; see `decisions`.
        usage: Tables of quantiles, or lists of pairs.
        income: By turn, whether a period begins; see `income_lanes`.
        top_ups: Turn, agent and tokens of each, in order.
        cores: Core shares at genesis, `[agent]`.
    """

    shape: Int64s
    periods: Int32s
    clocks: Bytes
    table: Int32s
    usage: Int32s
    income: Bytes
    top_ups: Int64s
    cores: Int32s


class BlockWorlds(NamedTuple):
    """What differs between the 64 worlds of a block, `[number, lane]`, flat.

    Attributes:
        keys: Of the draws, `[lane]`.
        allowances: `[agent, lane]`; empty without income.
    """

    parameters: Int32s
    rates: Floats
    usage: Int64s
    keys: Uint64s
    allowances: Int32s


class Workspace(NamedTuple):
    """What a block of 64 worlds is played on.

    Attributes:
        rows: `[agent, number, lane]`, as `weights`.
        turn: `[number, lane]`, as `draws` and `totals`.
        points: Of the lottery in 32 bits, `[number, lane]`.
        short_burns: What mature burns weigh in 32 bits, `[agent, lane]`.
        behind: Turns by which the weight in 64 bits has not decayed yet, `[agent]`.
        reached: Sums of tickets in 32 bits, `[agent, lane]`.
        keys: Of this turn's draws of usage, then of its lottery.
        released: Stake that returns, `[turn that is due, agent, lane]`, a ring.
        releases: Whether a row of it holds anything, `[turn, agent]`.
        burned: Burns that do not weigh yet, `[turn, agent, lane]`, a ring; `burns` as `releases`.
        prices: A unit's price by `exact_lanes.scaled_price`, `[agent, lane]`.
        scaled: Whether an agent has such a price in every lane, `[agent]`.
        waits: Whether anything of an agent waits for a block, `[agent]`.
        weighs: Whether an agent has mature burns, `[agent]`.
        flags: Of the block; see `block`.
        digests: `[lane]`.
        scratch: Rows that a decision may use as it likes, as `scores`.
    """

    rows: Int32s
    weights: Floats
    prices: Int64s
    scaled: Bytes
    turn: Int32s
    draws: Floats
    points: ShortFloats
    short_burns: ShortFloats
    behind: Bytes
    reached: ShortFloats
    totals: Int64s
    keys: Uint64s
    released: Int32s
    releases: Bytes
    burned: Int32s
    burns: Bytes
    waits: Bytes
    weighs: Bytes
    flags: Bytes
    digests: Uint64s
    series: Int64s
    scratch: Int32s
    scores: Int64s


ALIGNMENT: Final = 64
"""Bytes of the widest register: what crosses such a border takes twice as long."""


def aligned(shape: int | tuple[int, ...], kind: type[np.generic]) -> Any:
    """An array of zeros that begins where a cache line does."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    held = np.zeros(size + ALIGNMENT, np.uint8)
    start = -held.ctypes.data % ALIGNMENT
    return held[start : start + size].view(kind).reshape(shape)


def ring_size(turns: int, ahead: int) -> int:
    """Slots of a ring for what is due up to `ahead` turns later, within a run."""
    return min(ahead, turns) + 1


def work_of(shape: Int64s) -> Workspace:
    """The arrays for blocks of a shape, to be used again for block after block."""
    agents, turns = int(shape[AGENTS]), int(shape[TURNS])
    releases = ring_size(turns, int(shape[DELAY])) * agents
    burns = ring_size(turns, int(shape[MATURITY])) * agents
    return Workspace(
        rows=aligned(agents * ROWS, np.int32),
        weights=aligned(agents * WEIGHTS, np.float64),
        prices=aligned(agents * LANES, np.int64),
        scaled=aligned(agents, np.uint8),
        turn=aligned(TURN_ROWS, np.int32),
        draws=aligned(DRAW_ROWS, np.float64),
        points=aligned(POINT_ROWS, np.float32),
        short_burns=aligned(agents * LANES, np.float32),
        behind=aligned(agents, np.uint8),
        reached=aligned(agents * LANES, np.float32),
        totals=aligned(TOTAL_ROWS, np.int64),
        keys=aligned(2 * LANES, np.uint64),
        released=aligned(releases * LANES, np.int32),
        releases=aligned(releases, np.uint8),
        burned=aligned(burns * LANES, np.int32),
        burns=aligned(burns, np.uint8),
        waits=aligned(agents, np.uint8),
        weighs=aligned(agents, np.uint8),
        flags=aligned(FLAGS, np.uint8),
        digests=aligned(LANES, np.uint64),
        series=aligned(turns * SERIES * LANES if shape[EVERY_TURN] else 0, np.int64),
        scratch=aligned(SCRATCH_ROWS * LANES, np.int32),
        scores=aligned(2 * LANES, np.int64),
    )
