"""Chunks of worlds with interventions."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim_economy.batch.arrays import BlockWorlds, Shared, Workspace, aligned
from sim_economy.batch.chunk import Chunk, copy_metrics, read_block
from sim_economy.batch.compiling import compiled_apart
from sim_economy.batch.governance.governance_arrays import Governance, governance_of
from sim_economy.batch.governance.governance_block import play_governed_block
from sim_economy.batch.governance.governance_lanes import DOSES
from sim_economy.batch.lanes import LANES, Int64s
from sim_economy.batch.packing import Packed
from sim_economy.batch.results.metric_lanes import read_metrics
from sim_economy.batch.results.series_lanes import add_series
from sim_economy.batch.results.series_sums import SeriesSums
from sim_economy.batch.shape import AGENTS, TURNS


class GovernedChunk(Chunk):
    """Blocks of worlds with interventions, as a chunk; their code is compiled apart."""

    def __init__(
        self, packed: Packed, worlds: int, allowances: list[Any], series: SeriesSums | None = None
    ) -> None:
        """Make room for so many worlds at once."""
        super().__init__(packed, worlds, allowances, series)
        blocks = self._blocks(worlds)
        doses = aligned((blocks, DOSES // LANES, LANES), np.int64)
        for row, values in packed.doses.items():
            self._write(doses[:, row // LANES], values)
        self._doses = doses.reshape(blocks, -1)
        assert packed.shocks is not None
        self._governance = governance_of(packed.shared.shape, packed.rules, packed.shocks)

    def _play_blocks(self, *arrays: Any) -> None:
        """Play packed blocks under their doses."""
        play_governed_blocks(self._governance, self._doses, *arrays)


@compiled_apart
def play_governed_blocks(
    governance: Governance,
    doses: Any,
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
    """The same for worlds with interventions."""
    agents, turns = shared.shape[AGENTS], shared.shape[TURNS]
    for block in range(len(keys)):
        worlds = BlockWorlds(
            parameters[block],
            rates[block],
            usage[block],
            keys[block],
            allowances[block],
        )
        for number in range(DOSES):
            governance.doses[number] = doses[block, number]
        play_governed_block(shared, worlds, work, governance)
        read_metrics(work, agents, turns, of_block)
        copy_metrics(of_block, block, found)
        read_block(work, block, digests, guards, held)
        if len(points) > 0:
            own = points[block * LANES : (block + 1) * LANES]
            add_series(work.series, guards[block], own, points[0], sums)
