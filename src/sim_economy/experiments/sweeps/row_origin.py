"""What a row that was opened belongs to: its point with the means, and its sweep."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from msgspec import Struct

from sim_economy.experiments.sweeps.compared_rows import MEANS_THAT_DECIDE, mean_of, point_rows
from sim_economy.experiments.sweeps.sweep_plan import SweepPlan
from sim_economy.ledger.readers.plain_numbers import MINUS
from sim_economy.ledger.readers.plain_text import markdown_code, markdown_text
from sim_economy.reports.maps.solvency_cells import (
    INSOLVENT_MIN,
    INSOLVENT_OR_BROKE,
    solvency_of,
)
from sim_economy.reports.report import RunOrigin


class PointMeans(Struct, frozen=True, kw_only=True):
    """What decides who is insolvent at a point, over its runs.

    Attributes:
        insolvent_percent: Mean of agent-turns below zero; `platform_final` of its last balance.
    """

    point: int
    runs: int
    insolvent_percent: float
    platform_final: float

    @classmethod
    def of(cls, folder: Path, point: int) -> PointMeans:
        """The means over the finished runs of a point."""
        rows = point_rows(folder, point)
        below, held = (mean_of(rows[name]) for name in MEANS_THAT_DECIDE)
        return cls(point=point, runs=rows.height, insolvent_percent=below, platform_final=held)

    @property
    def sentence(self) -> str:
        """Who is insolvent at the point on average, with both numbers."""
        held = f"{self.platform_final:,.1f}".replace("-", MINUS)
        who = solvency_of(self.insolvent_percent, self.platform_final)
        return (
            f"It is one of {self.runs:,} runs of its point, in which on average "
            f"{self.insolvent_percent:.2f} % of agent-turns end below zero and the platform ends "
            f"at {held} tokens: {who} (agents are insolvent from {INSOLVENT_MIN:g} % of "
            "agent-turns on, and broke from the first one)."
        )


def row_origin(plan: SweepPlan, folder: Path, row: int, digest: int) -> RunOrigin:
    """Which row of which sweep a report is of."""
    point, seed = plan.point_of(row), plan.seed_of(row)
    at = ", ".join(f"{key} = {value}" for key, value in plan.shown(point).items())
    where = at or "the scenario itself"
    which = (
        f"Row {row} of the sweep {markdown_code(plan.study.name)} in "
        f"{markdown_code(str(folder))}: point {point} ({markdown_text(where)}), replicate "
        f"{plan.replicate_of(row)} with seed {seed}. The core ended in the state that the row "
        f"names, digest {markdown_code(f'{digest:016x}')}."
    )
    whole = markdown_code(f"sim-economy open {quote(str(folder))} --row {row} --every-seed")
    means = (
        f"{PointMeans.of(folder, point).sentence} {whole} plays all of them again and compares "
        f"the means. {INSOLVENT_OR_BROKE}"
    )
    return RunOrigin(
        title=f"Row {row} of the sweep {plan.study.name}: {where}, seed {seed}",
        heading="Which row of which sweep this is",
        blocks=[which, means],
        command="sim-economy replay world.sqlite",
    )
