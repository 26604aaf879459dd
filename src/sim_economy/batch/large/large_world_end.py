"""The end of a turn and of a run of a large world: sums over lanes, and the digest.

Source: docs/spec/economy.md, section 2; docs/batch.md.
"""

from __future__ import annotations

import numpy as np

from sim_economy.batch import shape as at
from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import (
    COUNTS,
    FIRST_NEGATIVE,
    FLOW_COUNT,
    FLOWS,
    GUARD,
    LANES,
    PLATFORM,
    PLATFORM_MIN,
    PLATFORM_NEGATIVE,
    REJECTED,
    ROWS,
)
from sim_economy.batch.large.large_world_arrays import (
    LEAST_PLATFORM,
    PLATFORM_TURN,
    LargeWorld,
)
from sim_economy.batch.large.large_world_lanes import (
    add_across,
    add_agents,
    add_by_lane,
)
from sim_economy.batch.results.digest_lanes import RELEASE, add_world
from sim_economy.batch.steps.income_lanes import (
    STOP_RULE,
)


@compiled
def watch_platform(world: LargeWorld, number: np.int64) -> None:
    """Keep the platform's least balance, and when it was first below zero."""
    platform = add_across(world.work.totals[PLATFORM : PLATFORM + LANES])
    world.own[LEAST_PLATFORM] = min(world.own[LEAST_PLATFORM], platform)
    if platform < 0 and world.own[PLATFORM_TURN] == 0:
        world.own[PLATFORM_TURN] = number


@compiled
def close_large(world: LargeWorld) -> None:
    """Gather what lanes added up in the first lane, and close the digest."""
    work, shape = world.work, world.shared.shape
    totals, turn = work.totals, work.turn
    groups, turns = shape[at.AGENTS], shape[at.TURNS]
    for row in range(0, FLOW_COUNT * LANES, LANES):
        totals[row] = add_across(totals[row : row + LANES])
    totals[PLATFORM] = add_across(totals[PLATFORM : PLATFORM + LANES])
    totals[PLATFORM_MIN] = world.own[LEAST_PLATFORM]
    turn[PLATFORM_NEGATIVE] = np.int32(world.own[PLATFORM_TURN])
    for lane in range(1, LANES):
        turn[GUARD] |= turn[GUARD + lane] | (turn[GUARD + lane] >> np.int32(31))
        first = turn[FIRST_NEGATIVE + lane]
        if first != 0 and (turn[FIRST_NEGATIVE] == 0 or first < turn[FIRST_NEGATIVE]):
            turn[FIRST_NEGATIVE] = first
        for row in range(COUNTS, FLOWS, LANES):
            turn[row] += turn[row + lane]
    if shape[at.HAS_INCOME] and shape[at.EMPTY_RULE] == STOP_RULE:
        # Lanes beyond the last agent are empty, and were stopped in every turn.
        turn[REJECTED] -= np.int32((groups * LANES - world.agents) * turns)
    close_large_digest(world)


@compiled
def close_large_digest(world: LargeWorld) -> None:
    """The digest of the last state, in the first lane."""
    work, shape = world.work, world.shared.shape
    groups, turns, delay = shape[at.AGENTS], shape[at.TURNS], shape[at.DELAY]
    slots = min(delay, turns) + 1
    for group in range(groups):
        first = group * LANES
        add_agents(work.digests, work.rows[group * ROWS : (group + 1) * ROWS], first)
        for started in range(max(1, turns - delay + 1), turns + 1):
            flag = (started + delay) % slots * groups + group
            if work.releases[flag] != 0:
                released = work.released[flag * LANES : (flag + 1) * LANES]
                add_by_lane(work.digests, released, RELEASE, first, started + delay)
    for lane in range(1, LANES):
        work.digests[0] += work.digests[lane]
    add_world(work.digests, work.turn, work.totals, turns)
