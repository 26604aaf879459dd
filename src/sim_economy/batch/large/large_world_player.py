"""Large worlds, one after the other: packed, played and read.

Source: docs/batch.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from sim_economy.batch import lanes
from sim_economy.batch import shape as at
from sim_economy.batch.arrays import BlockWorlds, Workspace, aligned, work_of
from sim_economy.batch.chunk import mix_seeds, read_guard
from sim_economy.batch.decisions import family
from sim_economy.batch.lanes import BALANCE, LANES, LIMIT, ROWS, STAKED
from sim_economy.batch.large.large_world import play_large
from sim_economy.batch.large.large_world_arrays import OWN_NUMBERS, LargeWorld
from sim_economy.batch.large.large_world_lottery import KINDS
from sim_economy.batch.packing import Packed
from sim_economy.batch.results.metric_lanes import METRICS, read_metrics
from sim_economy.batch.worker_threads import Player, play_in_threads, threads_of
from sim_economy.batch.world_batch import BatchResult, WorldBatch

NO_AGENT: Final = {
    lanes.COMMONS: 2 * LIMIT,
    lanes.THINKING_LOW: 0,
    lanes.THINKING_COUNT: 0,
    lanes.OUTPUT_LOW: 0,
    lanes.OUTPUT_COUNT: 0,
    lanes.USAGE_INDEX: 0,
    family.JOB_BELOW: -LIMIT,
    family.STAKE_ABOVE: LIMIT,
    family.BURN_ABOVE: LIMIT,
    family.TRANSFER_ABOVE: LIMIT,
    family.STUDY_ABOVE: LIMIT,
}
"""Numbers of a lane beyond the last agent: it mines without a ticket, and uses nothing."""


def play_large_worlds(
    batch: WorldBatch,
    *,
    threads: int | None = None,
    accounts: bool = False,
    progress: Callable[[int], None] = lambda worlds: None,
) -> BatchResult:
    """Play worlds from genesis to their last turn, 64 agents of one side by side.

    The arguments are those of `play.play_batch`; the policy is one of the published family.
    """
    packed = Packed(batch)
    worlds, agents = packed.worlds, batch.config.num_agents
    found = np.empty((len(METRICS), worlds), np.int64)
    digests = np.empty(worlds, np.uint64)
    held = np.empty((2, agents, worlds), np.int32) if accounts else None
    allowances = packed.allowances()
    beyond = packed.beyond

    def player() -> Player:
        work = work_of(_grouped_shape(packed))

        def play(world: int) -> None:
            played = _large_world(packed, allowances, world, work)
            play_large(played)
            found[:, world] = _metrics(played)
            digests[world] = work.digests[0]
            guards = np.zeros(LANES, np.uint8)
            read_guard(work, guards)
            beyond[world] |= guards[0] != 0
            if held is not None:
                held[0, :, world] = _of_agents(played, BALANCE)
                held[1, :, world] = _of_agents(played, STAKED)
            progress(1)

        return play

    play_in_threads(range(worlds), threads_of(threads), player, "large worlds")
    return BatchResult(
        metrics=dict(zip(METRICS, found, strict=True)),
        digests=digests,
        beyond=beyond,
        balances=None if held is None else held[0],
        staked=None if held is None else held[1],
    )


def _grouped_shape(packed: Packed) -> Any:
    """The shape of a batch with 64 agents for one."""
    shape = packed.shared.shape.copy()
    shape[at.AGENTS] = -(-packed.batch.config.num_agents // LANES)
    shape[at.SUMS_EVERY_TURN] = True
    shape[at.TICKET_UNIT] = 0
    return shape


def _large_world(packed: Packed, allowances: list[Any], world: int, work: Workspace) -> LargeWorld:
    """One world of a batch as numbers by lane."""
    shape, agents = _grouped_shape(packed), packed.batch.config.num_agents
    groups = int(shape[at.AGENTS])
    shared = packed.shared
    parameters = aligned((lanes.POLICY // LANES + packed.policy_rows, LANES), np.int32)
    rates = aligned((lanes.RATES // LANES, LANES), np.float64)
    usage = aligned((lanes.USAGE_ROWS // LANES, LANES), np.int64)
    for rows, target in (
        (packed.integers, parameters),
        (packed.floats, rates),
        (packed.usage, usage),
    ):
        for row, values in rows.items():
            target[row // LANES] = _own(values, world)
    first_pair = int(parameters[lanes.USAGE_INDEX // LANES, 0]) * int(shape[at.USAGE_STRIDE])
    parameters[lanes.USAGE_INDEX // LANES] = np.arange(LANES)
    key = np.zeros(1, np.uint64)
    mix_seeds(packed.batch.seeds[world : world + 1].astype(np.uint64), key)
    keys = aligned(LANES, np.uint64)
    keys[:] = key
    granted = aligned(groups * LANES if allowances else 0, np.int32)
    granted[: len(allowances)] = [_own(values, world) for values in allowances]
    worlds = BlockWorlds(
        parameters.reshape(-1), rates.reshape(-1), usage.reshape(-1), keys, granted
    )
    return LargeWorld(
        shared=shared._replace(
            shape=shape, cores=np.zeros(groups, np.int32), usage=shared.usage[2 * first_pair :]
        ),
        worlds=worlds,
        last=_last_group(worlds, agents - (groups - 1) * LANES),
        work=work,
        agents=np.int64(agents),
        cores=shared.cores,
        own=np.zeros(OWN_NUMBERS, np.int64),
        tickets=np.zeros(groups * KINDS, np.float64),
        owners=np.zeros(groups, np.uint8),
        clocks=aligned(2 * LANES, np.int32),
    )


def _own(values: Any, world: int) -> Any:
    """A number of one world, from one for all or one for each."""
    return values if np.ndim(values) == 0 else np.asarray(values)[world]


def _last_group(worlds: BlockWorlds, agents: int) -> BlockWorlds:
    """The numbers of the last group, in which only so many lanes have an agent."""
    parameters, rates, usage = (
        rows.copy() for rows in (worlds.parameters, worlds.rates, worlds.usage)
    )
    for row, value in NO_AGENT.items():
        parameters[row + agents : row + LANES] = value
    rates[lanes.MINE_WEIGHT + agents : lanes.MINE_WEIGHT + LANES] = 0.0
    usage.reshape(-1, LANES)[:, agents:] = 0
    usage[lanes.FREE_UNITS + agents : lanes.FREE_UNITS + LANES] = NO_AGENT[lanes.COMMONS]
    return worlds._replace(parameters=parameters, rates=rates, usage=usage)


def _of_agents(played: LargeWorld, row: int) -> Any:
    """A row of every agent, `[agent]`."""
    groups = played.work.rows.reshape(-1, ROWS // LANES, LANES)
    return groups[:, row // LANES].reshape(-1)[: int(played.agents)]


def _metrics(played: LargeWorld) -> Any:
    """The metrics of a world; all but those of balances lie in the first lane."""
    groups, turns = (int(played.shared.shape[of]) for of in (at.AGENTS, at.TURNS))
    by_lane = np.zeros((len(METRICS), LANES), np.int64)
    read_metrics(played.work, groups, turns, by_lane.reshape(-1))
    found = by_lane[:, 0].copy()
    balances = _of_agents(played, BALANCE)
    for name, value in {
        "token_supply_final": by_lane[METRICS.index("token_supply_final")].sum(),
        "negative_balance_agents": (balances < 0).sum(),
        "min_balance_final": balances.min(),
        "max_balance_final": balances.max(),
    }.items():
        found[METRICS.index(name)] = value
    found[METRICS.index("actions_mine")] += (int(played.agents) - groups) * turns
    return found
