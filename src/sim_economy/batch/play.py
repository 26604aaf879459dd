"""The kernel's door: worlds in, what became of them out.

Source: docs/batch.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from sim_economy.batch.chunk import CHUNK_WORLDS, Chunk
from sim_economy.batch.lanes import LANES
from sim_economy.batch.packing import Packed, plain_policy
from sim_economy.batch.results.metric_lanes import METRICS
from sim_economy.batch.results.series_sums import SeriesSums
from sim_economy.batch.worker_threads import Player, play_in_threads, threads_of
from sim_economy.batch.world_batch import BatchResult, FamilyPolicy, WorldBatch

LARGE_AGENTS: Final = 2_000
"""Agents of a world from which on lanes are its agents: 64 such worlds leave the caches."""

_PARTS: Final = 16
"""Of a thread's worlds: it waits at the end for less than one of them."""


def plays_large(batch: WorldBatch) -> bool:
    """Test whether lanes can be the agents of a world: all follow one published policy."""
    return isinstance(plain_policy(batch), FamilyPolicy)


def play_batch(
    batch: WorldBatch,
    *,
    threads: int | None = None,
    accounts: bool = False,
    points: Any = None,
    progress: Callable[[int], None] = lambda worlds: None,
) -> BatchResult:
    """Play worlds from genesis to their last turn.

    Args:
        threads: As many as there are processors when None; results do not depend on it.
        accounts: Whether to give each agent's balance and stake at the end.
        points: To which point each world belongs, `[world]`, from 0 on and never falling: what
            stands at the end of each turn is added up over the worlds of a point.
        progress: Called with how many worlds were finished since it was called last.
    """
    large = batch.config.governance is None and points is None
    if large and batch.config.num_agents >= LARGE_AGENTS and plays_large(batch):
        # Compiled apart, and only where it is asked for.
        from sim_economy.batch.large.large_world_player import play_large_worlds  # noqa: PLC0415

        return play_large_worlds(batch, threads=threads, accounts=accounts, progress=progress)
    packed = Packed(batch, every_turn=points is not None)
    worlds, agents = packed.worlds, batch.config.num_agents
    found = np.empty((len(METRICS), -(-worlds // LANES) * LANES), np.int64)
    digests = np.empty(worlds, np.uint64)
    beyond = packed.beyond
    held = np.empty((2, agents, worlds), np.int32) if accounts else None
    allowances = packed.allowances()

    series = None if points is None else SeriesSums.of(points, batch.turns)

    most = threads_of(threads)
    share = -(-worlds // (most * _PARTS * LANES)) * LANES
    size = max(LANES, min(CHUNK_WORLDS, share))

    def player() -> Player:
        chunk = _chunk_of(packed, size, allowances, series)

        def play(first: int) -> None:
            end = min(first + size, worlds)
            chunk.fill(first, end)
            blocks_end = -(-end // LANES) * LANES
            chunk.play(found[:, first:blocks_end], digests[first:end], beyond[first:end])
            if held is not None:
                chunk.copy_accounts(held[:, :, first:end])
            progress(end - first)

        return play

    code = "blocks" if packed.rules is None else "governed blocks"
    play_in_threads(range(0, worlds, size), most, player, code)
    return BatchResult(
        metrics=dict(zip(METRICS, found[:, :worlds], strict=True)),
        digests=digests,
        beyond=beyond,
        balances=None if held is None else held[0],
        staked=None if held is None else held[1],
        series=series,
    )


def _chunk_of(
    packed: Packed, worlds: int, allowances: list[Any], series: SeriesSums | None
) -> Chunk:
    """What plays so many worlds of a batch at once."""
    if packed.rules is None:
        return Chunk(packed, worlds, allowances, series)
    # Compiled apart, and only where it is asked for.
    from sim_economy.batch.governance.governed_chunk import GovernedChunk  # noqa: PLC0415

    return GovernedChunk(packed, worlds, allowances, series)
