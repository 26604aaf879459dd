"""What the kernel is timed on: a row of the table each."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np

from sim_economy.batch.play import LARGE_AGENTS, play_batch
from sim_economy.batch.world_batch import BatchResult, UniformUsage, WorldBatch
from sim_economy.core.governance_config import (
    ConcentrationMonitor,
    DebtRails,
    FeeCap,
    GovernanceConfig,
    MonitorResponse,
    ReinvestmentRebate,
)
from sim_economy.core.units import MILLION, Millionths
from sim_economy.core.world_config import parse_world_config
from sim_economy.scenarios.presets import preset

TURNS, AGENTS = 60, 8
USAGE = UniformUsage(thinking=(50, 350), output=(40, 280))
LARGE_BATCH = 8
"""Times as many worlds where two threads play: of a few, what is done once takes a tenth."""
REPLICATES = 64
SWEPT = {
    "base_inference_rate": (0, 2 * MILLION),
    "commons_threshold_per_turn": (0, 300),
    "interest_rate_per_turn": (0, 30_000),
    "signing_bonus": (0, 150),
}
"""Least and greatest values of the parameters that differ from world to world."""
CAP = FeeCap(cap_ratio=Millionths(1_500_000))
RAILS = DebtRails(debt_cap=0)
LEVY = ConcentrationMonitor(response=MonitorResponse.LEVY)
INTERVENTIONS = {
    "fee cap": GovernanceConfig(fee_cap=CAP),
    "rebate": GovernanceConfig(reinvestment_rebate=ReinvestmentRebate()),
    "debt rails": GovernanceConfig(debt_rails=RAILS),
    "levy": GovernanceConfig(concentration_monitor=LEVY),
    "all four": GovernanceConfig(
        fee_cap=CAP,
        reinvestment_rebate=ReinvestmentRebate(),
        debt_rails=RAILS,
        concentration_monitor=LEVY,
    ),
}


class KernelRow(NamedTuple):
    """Worlds under a name, and how they are played.

    Attributes:
        every_turn: Whether four metrics of every turn are added up over the worlds of a point.
    """

    name: str
    batch: WorldBatch
    threads: int = 1
    every_turn: bool = False


def batches(worlds: int) -> list[KernelRow]:
    """Every row; a new one is a line here."""
    rows = []
    for rules in ("as-run", "as-written"):
        shared, swept = _batch(rules, worlds, swept=False), _batch(rules, worlds, swept=True)
        many = [_batch(rules, LARGE_BATCH * worlds, swept=own) for own in (False, True)]
        rows += [
            KernelRow(f"kernel, {rules}, parameters shared", shared),
            KernelRow(f"kernel, {rules}, four parameters swept", swept),
            KernelRow(f"kernel, {rules}, shared, every turn", shared, every_turn=True),
            KernelRow(f"kernel, {rules}, swept, every turn", swept, every_turn=True),
            KernelRow(f"kernel, {rules}, shared, two threads", many[0], 2),
            KernelRow(f"kernel, {rules}, swept, two threads", many[1], 2),
        ]
        rows += [
            KernelRow(
                f"kernel, {rules}, {name}",
                replace(shared, config=msgspec.structs.replace(shared.config, governance=own)),
            )
            for name, own in INTERVENTIONS.items()
        ]
    return rows


def _batch(rules: str, worlds: int, *, swept: bool) -> WorldBatch:
    steps = np.arange(worlds)
    varied = {
        name: low + (high - low) * (steps * (index + 3) % worlds) // worlds
        for index, (name, (low, high)) in enumerate(SWEPT.items())
    }
    return WorldBatch(
        config=preset(rules),
        turns=TURNS,
        seeds=np.arange(1001, 1001 + worlds),
        usage=USAGE,
        varied=varied if swept else {},
    )


def agents_batch(agents: int, worlds: int) -> KernelRow:
    """Worlds of so many agents, together about as many agent-turns as `worlds` usual ones."""
    usual = worlds * AGENTS // agents
    held = max(64, usual // 64 * 64) if agents < LARGE_AGENTS else max(1, usual)
    turns = TURNS if held * agents * TURNS <= worlds * AGENTS * TURNS else 10
    batch = WorldBatch(
        config=parse_world_config({"num_agents": agents}),
        turns=turns,
        seeds=np.arange(1001, 1001 + held),
        usage=USAGE,
    )
    return KernelRow(f"{agents} agents", batch)


def play(row: KernelRow) -> BatchResult:
    """Play a row's worlds."""
    points = np.arange(len(row.batch.seeds)) // REPLICATES if row.every_turn else None
    return play_batch(row.batch, threads=row.threads, points=points)
