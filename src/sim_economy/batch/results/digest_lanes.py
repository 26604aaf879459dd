"""The digest of the last state, for all lanes.

Source: `batch.state_digest`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled, mixed
from sim_economy.batch.lanes import (
    BALANCE,
    BLOCK_KIND,
    BLOCK_TURN,
    BLOCK_WINNER,
    BURNED,
    BURNS,
    CORES,
    EMPLOYED,
    FLOWS,
    INTEREST,
    LANES,
    LOST,
    PLATFORM,
    STAKED,
    STUDIES,
    STUDY_COSTS,
    UNSTAKING,
    WAITING_BURN,
    WAITING_IN,
    WAITING_OUT,
    WAITING_STAKE,
    WAITING_TIP,
    Int32s,
    Int64s,
    Uint64s,
)
from sim_economy.batch.state_digest import Part

PART_SHIFT: Final = np.uint64(56)
ODD: Final = np.uint64(1)

TURN: Final = np.uint64(Part.TURN)
PLATFORM_PART: Final = np.uint64(Part.PLATFORM)
DESTROYED: Final = np.uint64(Part.DESTROYED)
NEWEST_TURN: Final = np.uint64(Part.BLOCK_TURN)
NEWEST_WINNER: Final = np.uint64(Part.BLOCK_WINNER)
NEWEST_KIND: Final = np.uint64(Part.BLOCK_KIND)
PENDING: Final = np.uint64(Part.PENDING)
BURN: Final = np.uint64(Part.BURN)
RELEASE: Final = np.uint64(Part.RELEASE)
OF_AGENTS: Final = (
    (np.uint64(Part.BALANCE), BALANCE),
    (np.uint64(Part.STAKED), STAKED),
    (np.uint64(Part.UNSTAKING), UNSTAKING),
    (np.uint64(Part.STUDIES), STUDIES),
    (np.uint64(Part.EMPLOYED), EMPLOYED),
    (np.uint64(Part.BURNED), BURNED),
    (np.uint64(Part.CORES), CORES),
    (np.uint64(Part.WAITING_STAKE), WAITING_STAKE),
    (np.uint64(Part.WAITING_BURN), WAITING_BURN),
    (np.uint64(Part.WAITING_TRANSFER), WAITING_IN),
    (np.uint64(Part.WAITING_TIP), WAITING_TIP),
)


@compiled
def coefficient(part: np.uint64, agent: np.int64, number: np.int64) -> np.uint64:
    """The odd factor of a number; see `state_digest.coefficient`."""
    of_agent = mixed((part << PART_SHIFT) + np.uint64(agent))
    return mixed(of_agent + np.uint64(number)) | ODD


@compiled
def add_row(sums: Uint64s, row: Int32s, factor: np.uint64) -> None:
    """Add a row of numbers, each with the same coefficient."""
    for lane in range(LANES):
        sums[lane] += np.uint64(np.int64(row[lane])) * factor


@compiled
def add_agent(sums: Uint64s, rows: Int32s, agent: np.int64) -> None:
    """Add all that an agent has."""
    for part, row in OF_AGENTS:
        add_row(sums, rows[row : row + LANES], coefficient(part, agent, np.int64(0)))
    pending = coefficient(PENDING, agent, np.int64(0))
    for waiting in (WAITING_STAKE, WAITING_BURN, WAITING_OUT, WAITING_TIP):
        add_row(sums, rows[waiting : waiting + LANES], pending)


@compiled
def add_world(sums: Uint64s, turn: Int32s, totals: Int64s, number: np.int64) -> None:
    """Add what is the world's, and mix."""
    none = np.int64(0)
    of_turn = coefficient(TURN, none, none) * np.uint64(number)
    of_platform = coefficient(PLATFORM_PART, none, none)
    of_destroyed = coefficient(DESTROYED, none, none)
    of_block = coefficient(NEWEST_TURN, none, none)
    of_winner = coefficient(NEWEST_WINNER, none, none)
    of_kind = coefficient(NEWEST_KIND, none, none)
    for lane in range(LANES):
        destroyed = (
            totals[INTEREST - FLOWS + lane]
            + totals[STUDY_COSTS - FLOWS + lane]
            + totals[BURNS - FLOWS + lane]
            + totals[LOST + lane]
        )
        sums[lane] = mixed(
            sums[lane]
            + of_turn
            + of_platform * np.uint64(totals[PLATFORM + lane])
            + of_destroyed * np.uint64(destroyed)
            + of_block * np.uint64(np.int64(turn[BLOCK_TURN + lane]))
            + of_winner * np.uint64(np.int64(turn[BLOCK_WINNER + lane]))
            + of_kind * np.uint64(np.int64(turn[BLOCK_KIND + lane]))
        )
