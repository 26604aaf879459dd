"""What one world of many agents is played on.

Source: docs/batch.md.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from sim_economy.batch import shape as at
from sim_economy.batch.arrays import BlockWorlds, Shared, Workspace
from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import (
    Bytes,
    Floats,
    Int32s,
    Int64s,
)

LEAST_PLATFORM: Final = 0
PLATFORM_TURN: Final = 1
NEXT_TOP_UP: Final = 2
OWN_NUMBERS: Final = 3
"""Numbers of the world that no lane has: the platform's least balance, the first turn that ends
with it below zero, and the first top-up that is not given yet."""


class LargeWorld(NamedTuple):
    """One world, and what it is played on.

    Attributes:
        shared: Of the block's steps; its `AGENTS` are groups, its core shares none.
        worlds: The same numbers in every lane; `last` those of the last group, where lanes
            beyond the last agent hold tokens, usage and tickets of none.
        agents: How many there are.
        cores: Core shares at genesis, `[agent]`.
        own: Numbers of the world that no lane has.
        tickets: Sums of their weights, `[group, kind]`.
        owners: Whether any agent of a group owns a core share, `[group]`.
        clocks: Room for whether stakes, then burns, are due, `[lane]` each.
    """

    shared: Shared
    worlds: BlockWorlds
    last: BlockWorlds
    work: Workspace
    agents: np.int64
    cores: Int32s
    own: Int64s
    tickets: Floats
    owners: Bytes
    clocks: Int32s


@compiled
def numbers_of(world: LargeWorld, group: np.int64) -> BlockWorlds:
    """The numbers of a group."""
    return world.last if group == world.shared.shape[at.AGENTS] - 1 else world.worlds
