"""A chunk: blocks that one thread packs, plays and reads, again and again."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sim_economy.batch import lanes
from sim_economy.batch.arrays import BlockWorlds, Shared, Workspace, aligned, work_of
from sim_economy.batch.block import play_block
from sim_economy.batch.compiling import compiled, mixed
from sim_economy.batch.lanes import GUARD, LANES, LIMIT, SERIES, Bytes, Int64s, Uint64s
from sim_economy.batch.packing import Packed
from sim_economy.batch.results.metric_lanes import METRICS, read_metrics
from sim_economy.batch.results.series_lanes import PARTS, add_series
from sim_economy.batch.results.series_sums import SeriesSums
from sim_economy.batch.shape import AGENTS, TURNS
from sim_economy.core.randomness import SEED_STEP

CHUNK_WORLDS: Final = 64 * LANES
"""Worlds that are packed at once, at most; results do not depend on it."""
IN_RANGE: Final = np.int32(LIMIT - 1)
FIRST_STEP: Final = np.uint64(SEED_STEP)


class Chunk:
    """Blocks that one thread packs, plays and reads, again and again."""

    def __init__(
        self, packed: Packed, worlds: int, allowances: list[Any], series: SeriesSums | None = None
    ) -> None:
        """Make room for so many worlds at once."""
        self._packed = packed
        self._series = series
        self._first = self._end = 0
        agents = packed.batch.config.num_agents
        integers, floats = lanes.POLICY // LANES + packed.policy_rows, lanes.RATES // LANES
        blocks = self._blocks(worlds)
        self.parameters = aligned((blocks, integers, LANES), np.int32)
        self.rates = aligned((blocks, floats, LANES), np.float64)
        self.usage = aligned((blocks, lanes.USAGE_ROWS // LANES, LANES), np.int64)
        self.keys = aligned((blocks, LANES), np.uint64)
        self.allowances = aligned((blocks, agents if allowances else 0, LANES), np.int32)
        self.found = aligned(len(METRICS) * LANES, np.int64)
        self.digests = aligned((blocks, LANES), np.uint64)
        self.guards = aligned((blocks, LANES), np.uint8)
        self.held = aligned((blocks, 2, agents, LANES), np.int32)
        self.work = work_of(packed.shared.shape)
        self._varied: list[tuple[Any, Any]] = []
        for rows, target in (
            (packed.integers, self.parameters),
            (packed.floats, self.rates),
            (packed.usage, self.usage),
        ):
            for row, values in rows.items():
                self._write(target[:, row // LANES], values)
        for agent, values in enumerate(allowances):
            self._write(self.allowances[:, agent], values)

    def _write(self, target: Any, values: Any) -> None:
        """Write one value for all, or remember to write those of each world."""
        if np.ndim(values) == 0:
            target[:] = values
        else:
            self._varied.append((target, np.asarray(values)))

    def fill(self, first: int, end: int) -> None:
        """Pack the worlds from `first` on; lanes beyond the last hold some of them again."""
        self._first, self._end = first, end
        self.guards.reshape(-1)[: end - first] = self._packed.beyond[first:end]
        blocks = self._blocks(end - first)
        worlds: Any = slice(first, end)
        if (end - first) % LANES:
            worlds = np.arange(first, first + blocks * LANES)
            worlds[worlds >= end] = first
        for target, values in self._varied:
            target[:blocks] = values[worlds].reshape(blocks, LANES)
        seeds = self._packed.batch.seeds[worlds].astype(np.uint64)
        mix_seeds(seeds, self.keys.reshape(-1))

    @staticmethod
    def _blocks(worlds: int) -> int:
        return -(-worlds // LANES)

    def play(self, found: Any, digests: Any, beyond: Any) -> None:
        """Play what is packed, and read it.

        Args:
            found: Gets the metrics, `[metric, world]`, in whole blocks.
        """
        worlds = len(digests)
        blocks = self._blocks(worlds)
        points, sums = self._points()
        self._play_blocks(
            self._packed.shared,
            self.parameters[:blocks].reshape(blocks, -1),
            self.rates[:blocks].reshape(blocks, -1),
            self.usage[:blocks].reshape(blocks, -1),
            self.keys[:blocks],
            self.allowances[:blocks].reshape(blocks, -1),
            self.work,
            self.found,
            found,
            self.digests,
            self.guards,
            self.held,
            points,
            sums,
        )
        if self._series is not None:
            self._series.add(int(points[0]), sums)
        digests[:] = self.digests[:blocks].reshape(-1)[:worlds]
        beyond |= self.guards[:blocks].reshape(-1)[:worlds] != 0

    def _play_blocks(self, *arrays: Any) -> None:
        """Play packed blocks; the arguments are those of `play_blocks`."""
        play_blocks(*arrays)

    def _points(self) -> tuple[Any, Any]:
        """The points of the worlds that are packed, and their empty sums."""
        if self._series is None:
            return np.zeros(0, np.int64), np.zeros((0, PARTS, SERIES, 0), np.int64)
        points = self._series.points[self._first : self._end]
        return points, self._series.empty(int(points[-1] - points[0]) + 1)

    def copy_accounts(self, held: Any) -> None:
        """Copy balances and stake of the worlds just played."""
        worlds = held.shape[2]
        blocks = self._blocks(worlds)
        flat = self.held[:blocks].transpose(1, 2, 0, 3).reshape(2, held.shape[1], -1)
        held[:] = flat[:, :, :worlds]


@compiled
def mix_seeds(seeds: Uint64s, keys: Uint64s) -> None:
    """The key of each world's draws (L8)."""
    for world in range(len(seeds)):
        keys[world] = mixed(seeds[world] + FIRST_STEP)


@compiled
def play_blocks(
    shared: Shared,
    parameters: Any,
    rates: Any,
    usage: Any,
    keys: Any,
    allowances: Any,
    work: Workspace,
    of_block: Int64s,
    found: Any,
    digests: Any,
    guards: Any,
    held: Any,
    points: Int64s,
    sums: Any,
) -> None:
    """Play block after block on the same arrays.

    Args:
        of_block: Room for the metrics of a block.
        found: Gets those of all, `[metric, world]`; of other arguments the first axis is the block.
    """
    agents, turns = shared.shape[AGENTS], shared.shape[TURNS]
    for block in range(len(keys)):
        worlds = BlockWorlds(
            parameters[block],
            rates[block],
            usage[block],
            keys[block],
            allowances[block],
        )
        play_block(shared, worlds, work)
        read_metrics(work, agents, turns, of_block)
        copy_metrics(of_block, block, found)
        read_block(work, block, digests, guards, held)
        if len(points) > 0:
            own = points[block * LANES : (block + 1) * LANES]
            add_series(work.series, guards[block], own, points[0], sums)


@compiled
def copy_metrics(of_block: Int64s, block: np.int64, found: Any) -> None:
    """Copy the metrics of a block beside those of the others."""
    for metric in range(len(found)):
        own = found[metric, block * LANES : (block + 1) * LANES]
        for lane in range(LANES):
            own[lane] = of_block[metric * LANES + lane]


@compiled
def read_block(work: Workspace, block: np.int64, digests: Any, guards: Any, held: Any) -> None:
    """Read digests, guards, balances and stakes of a block."""
    for lane in range(LANES):
        digests[block, lane] = work.digests[lane]
    read_guard(work, guards[block])
    for agent in range(held.shape[2]):
        rows = work.rows[agent * lanes.ROWS : (agent + 1) * lanes.ROWS]
        for lane in range(LANES):
            held[block, 0, agent, lane] = rows[lanes.BALANCE + lane]
            held[block, 1, agent, lane] = rows[lanes.STAKED + lane]


@compiled
def read_guard(work: Workspace, guards: Bytes) -> None:
    """Mark the worlds that left the exact range."""
    for lane in range(LANES):
        guards[lane] |= np.uint8((work.turn[GUARD + lane] & ~IN_RANGE) != 0)
