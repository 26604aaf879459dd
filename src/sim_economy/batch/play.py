"""The kernel's door: worlds in, what became of them out.

Source: docs/batch.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np

from sim_economy.batch import lanes
from sim_economy.batch.arrays import BlockWorlds, Shared, Workspace, work_of
from sim_economy.batch.block import play_block
from sim_economy.batch.compiling import compiled, mixed
from sim_economy.batch.lanes import GUARD, LANES, LIMIT, Bytes, Uint64s
from sim_economy.batch.metric_lanes import METRICS, read_metrics
from sim_economy.batch.packing import Packed
from sim_economy.batch.shape import AGENTS, TURNS
from sim_economy.batch.world_batch import BatchResult, WorldBatch
from sim_economy.core.randomness import SEED_STEP

BLOCKS_A_CHUNK: Final = 64
"""Blocks that are packed at once; results do not depend on it."""
IN_RANGE: Final = np.int32(LIMIT - 1)
FIRST_STEP: Final = np.uint64(SEED_STEP)


def play_batch(
    batch: WorldBatch,
    *,
    threads: int | None = None,
    accounts: bool = False,
    progress: Callable[[int], None] = lambda worlds: None,
) -> BatchResult:
    """Play worlds from genesis to their last turn.

    Args:
        threads: As many as there are processors when None; results do not depend on it.
        accounts: Whether to give each agent's balance and stake at the end.
        progress: Called with how many worlds were finished since it was called last.
    """
    packed = Packed(batch)
    worlds, agents = packed.worlds, batch.config.num_agents
    found = np.empty((len(METRICS), worlds), np.int64)
    digests = np.empty(worlds, np.uint64)
    beyond = packed.beyond
    held = np.empty((2, agents, worlds), np.int32) if accounts else None
    allowances = packed.allowances()

    def play_part(part: int, parts: int) -> None:
        chunk = _Chunk(packed, allowances)
        size = BLOCKS_A_CHUNK * LANES
        for first in range(part * size, worlds, parts * size):
            end = min(first + size, worlds)
            chunk.fill(first, end)
            chunk.play(found[:, first:end], digests[first:end], beyond[first:end])
            if held is not None:
                chunk.copy_accounts(held[:, :, first:end])
            progress(end - first)

    parts = min(threads or os.cpu_count() or 1, -(-worlds // (BLOCKS_A_CHUNK * LANES)) or 1)
    with ThreadPoolExecutor(parts) as pool:
        for done in [pool.submit(play_part, part, parts) for part in range(parts)]:
            done.result()
    return BatchResult(
        metrics=dict(zip(METRICS, found, strict=True)),
        digests=digests,
        beyond=beyond,
        balances=None if held is None else held[0],
        staked=None if held is None else held[1],
    )


class _Chunk:
    """Blocks that one thread packs, plays and reads, again and again."""

    def __init__(self, packed: Packed, allowances: list[Any]) -> None:
        self._packed = packed
        agents = packed.batch.config.num_agents
        integers, floats = lanes.POLICY // LANES + packed.policy_rows, lanes.RATES // LANES
        blocks = min(BLOCKS_A_CHUNK, -(-packed.worlds // LANES))
        self.parameters = np.zeros((blocks, integers, LANES), np.int32)
        self.rates = np.zeros((blocks, floats, LANES), np.float64)
        self.keys = np.zeros((blocks, LANES), np.uint64)
        self.allowances = np.zeros((blocks, agents if allowances else 0, LANES), np.int32)
        self.found = np.zeros((blocks, len(METRICS), LANES), np.int64)
        self.digests = np.zeros((blocks, LANES), np.uint64)
        self.guards = np.zeros((blocks, LANES), np.uint8)
        self.held = np.zeros((blocks, 2, agents, LANES), np.int32)
        self.work = work_of(packed.shared.shape)
        self._varied: list[tuple[Any, Any]] = []
        for rows, target in ((packed.integers, self.parameters), (packed.floats, self.rates)):
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
        worlds = np.arange(first, first + self._blocks(end - first) * LANES)
        worlds[worlds >= end] = first
        blocks = len(worlds) // LANES
        for target, values in self._varied:
            target[:blocks] = values[worlds].reshape(blocks, LANES)
        seeds = self._packed.batch.seeds[worlds].astype(np.uint64)
        mix_seeds(seeds, self.keys.reshape(-1))

    @staticmethod
    def _blocks(worlds: int) -> int:
        return -(-worlds // LANES)

    def play(self, found: Any, digests: Any, beyond: Any) -> None:
        """Play what is packed, and read it."""
        worlds = len(digests)
        blocks = self._blocks(worlds)
        play_blocks(
            self._packed.shared,
            self.parameters[:blocks].reshape(blocks, -1),
            self.rates[:blocks].reshape(blocks, -1),
            self.keys[:blocks],
            self.allowances[:blocks].reshape(blocks, -1),
            self.work,
            self.found.reshape(len(self.found), -1),
            self.digests,
            self.guards,
            self.held,
        )
        flat = self.found[:blocks].transpose(1, 0, 2).reshape(len(METRICS), -1)
        found[:] = flat[:, :worlds]
        digests[:] = self.digests[:blocks].reshape(-1)[:worlds]
        beyond |= self.guards[:blocks].reshape(-1)[:worlds] != 0

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
    keys: Any,
    allowances: Any,
    work: Workspace,
    found: Any,
    digests: Any,
    guards: Any,
    held: Any,
) -> None:
    """Play block after block on the same arrays; each argument's first axis is the block."""
    agents, turns = shared.shape[AGENTS], shared.shape[TURNS]
    for block in range(len(keys)):
        worlds = BlockWorlds(
            parameters[block],
            rates[block],
            keys[block],
            allowances[block],
        )
        play_block(shared, worlds, work)
        read_metrics(work, agents, turns, found[block])
        for lane in range(LANES):
            digests[block, lane] = work.digests[lane]
        read_guard(work, guards[block])
        for agent in range(agents):
            rows = work.rows[agent * lanes.ROWS : (agent + 1) * lanes.ROWS]
            for lane in range(LANES):
                held[block, 0, agent, lane] = rows[lanes.BALANCE + lane]
                held[block, 1, agent, lane] = rows[lanes.STAKED + lane]


@compiled
def read_guard(work: Workspace, guards: Bytes) -> None:
    """Mark the worlds that left the exact range."""
    for lane in range(LANES):
        guards[lane] = np.uint8((work.turn[GUARD + lane] & ~IN_RANGE) != 0)
