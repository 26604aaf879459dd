"""Lists of points played on the same seeds: by the batch kernel where it can, else by the core."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Final

from msgspec import Struct

from sim_economy.core.errors import ScenarioError
from sim_economy.experiments.sweeps.core_player import CorePlayer, play_task, span_task
from sim_economy.experiments.sweeps.kernel_player import kernel_player
from sim_economy.experiments.sweeps.played_rows import PlayedRows
from sim_economy.experiments.sweeps.point_scenarios import SweptScenario
from sim_economy.experiments.sweeps.study import SweepStudy
from sim_economy.experiments.sweeps.sweep_plan import RowSpan, SweepPlan
from sim_economy.experiments.sweeps.swept_keys import SweptKey

_CHUNK_ROWS: Final = 16


class PlayedPoints(Struct, frozen=True, kw_only=True):
    """Points as they were played, `[point][seed]` each.

    Attributes:
        wealth: Of each agent at the end, `[point][seed][agent]`; empty where nobody asked.
    """

    metrics: Mapping[str, list[list[int | float]]]
    wealth: list[list[Sequence[int]]]


class PointPlayer:
    """Plays lists of points of a scenario on the same seeds.

    Attributes:
        rows: Of all work, which decides whether the kernel is worth its start.
    """

    def __init__(self, rows: int, executor: Executor | None = None) -> None:
        self.rows = rows
        self._executor = executor

    def play(
        self,
        scenario: SweptScenario,
        keys: Sequence[SweptKey],
        first_seed: int,
        seeds: int,
        metrics: Sequence[str],
        *,
        wealth: bool = False,
    ) -> PlayedPoints:
        """Play each point on each seed.

        Args:
            keys: What the points vary, a value each; none for the scenario as it is.
            first_seed: The seed before the first.

        Raises:
            ScenarioError: A run ended in an error.
        """
        plan = SweepPlan(_listed(scenario, keys, first_seed, seeds, metrics, wealth=wealth))
        found: dict[int, tuple[PlayedRows, int]] = {}
        for played in self._played(plan):
            if played.failures:
                _refuse(plan, played)
            found |= {int(row): (played, index) for index, row in enumerate(played.rows)}
        assert len(found) == plan.rows, (len(found), plan.rows)

        def by_point(value: Any) -> list[list[Any]]:
            rows = [value(*found[row]) for row in range(plan.rows)]
            return [rows[first : first + seeds] for first in range(0, plan.rows, seeds)]

        return PlayedPoints(
            metrics={
                name: by_point(lambda played, at, own=name: _plain(played.metrics[own][at]))
                for name in metrics
            },
            wealth=by_point(lambda played, at: played.wealth[at]) if wealth else [],
        )

    def core_reason(self, scenario: SweptScenario) -> str:
        """Why the core plays the scenario, in words; empty where the kernel does."""
        plan = SweepPlan(_listed(scenario, (), 0, 1, (), wealth=True))
        player = kernel_player(plan, self.rows)
        return player if isinstance(player, str) else ""

    def _played(self, plan: SweepPlan) -> Iterator[PlayedRows]:
        left: Sequence[int] = range(plan.rows)
        kernel = kernel_player(plan, max(self.rows, plan.rows))
        if not isinstance(kernel, str):
            played = kernel.play(RowSpan(0, plan.rows))
            left = sorted(played.left)
            yield played
        spans = list(_spans(left))
        if self._executor is None:
            core = CorePlayer(plan)
            yield from map(core.play, spans)
        else:
            yield from self._executor.map(play_task, [span_task(plan, span) for span in spans])


def mean(values: Sequence[float]) -> float:
    """The mean of outcomes, rounded once."""
    return math.fsum(values) / len(values)


def _plain(value: Any) -> int | float:
    """A number of Python, of whatever held it."""
    number: int | float = value.item() if hasattr(value, "item") else value
    return number


def _listed(
    scenario: SweptScenario,
    keys: Sequence[SweptKey],
    first_seed: int,
    seeds: int,
    metrics: Sequence[str],
    *,
    wealth: bool,
) -> SweepStudy:
    """The points as a study that plays a list."""
    return SweepStudy(
        name=scenario.base.name,
        seeds=seeds,
        seed=first_seed,
        design="list",
        size=0,
        levels=4,
        metrics=tuple(metrics),
        per_turn=False,
        histograms=False,
        keys=tuple(keys),
        scenario=scenario,
        given={},
        wealth=wealth,
    )


def _spans(rows: Sequence[int]) -> Iterator[RowSpan]:
    """Consecutive rows as spans that a process plays at once."""
    first = before = None
    for row in rows:
        if first is None or before is None or row != before + 1 or row - first >= _CHUNK_ROWS:
            if first is not None and before is not None:
                yield RowSpan(first, before + 1)
            first = row
        before = row
    if first is not None and before is not None:
        yield RowSpan(first, before + 1)


def _refuse(plan: SweepPlan, played: PlayedRows) -> None:
    row, trace = min(played.failures.items())
    where = ", ".join(f"{key} = {text}" for key, text in plan.shown(plan.point_of(row)).items())
    failed = f"the run with seed {plan.seed_of(row)} failed at {where or 'the scenario itself'}"
    cause = trace.strip().rpartition("\n")[2]
    raise ScenarioError([f"{failed}: {cause}; change the scenario or the ranges"])
