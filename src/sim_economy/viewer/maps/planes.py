"""A plane of a sweep: what its rows say of each cell of two axes, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec import Struct

from sim_economy.core.errors import InputError
from sim_economy.reports.maps.solvency_cells import INSOLVENT_MIN, ROUNDED
from sim_economy.viewer.maps.swept_rows import SweptRows

if TYPE_CHECKING:
    import numpy as np

Array: TypeAlias = "np.ndarray[Any, Any]"

SOLVENCY: Final = "solvency"
"""What is shown where no metric is chosen: who is insolvent."""
UNPLAYED: Final = 255
"""The class of a cell without a run."""
ROW_MISSING: Final = -1
"""The row of a cell without a run."""


class PlaneChoice(Struct, frozen=True, kw_only=True):
    """What a plane shows.

    Attributes:
        across: The axis from left to right; empty where nothing varies, as `up` from below.
        metric: One that the sweep has kept, or `SOLVENCY`.
        held: The step of every other axis that is held; those that are missing are averaged over.
    """

    across: str
    up: str
    metric: str
    held: Mapping[str, int]


class MetricCells(Struct, frozen=True, kw_only=True):
    """A metric in each cell; arrays are `[cell]`.

    Attributes:
        means: Over the runs; NaN where there are none.
        halves: Half-widths of the 95 % intervals of the means; 0 of a single run.
    """

    name: str
    means: Array
    halves: Array


class SweptPlane(Struct, frozen=True, kw_only=True):
    """The cells, row by row from the lowest; arrays are `[cell]`.

    Attributes:
        columns: The metric; of `SOLVENCY` the two that decide.
        runs: Those that were played and did not fail.
        classes: Who is insolvent: 0 nobody, 1 agents, 2 the platform, 3 both.
        agreement: Percent of the runs in which the same are insolvent as in the mean.
        noisy: 1 where an interval covers the threshold that decides, else 0.
        rows: The first row that agrees with its cell.
    """

    width: int
    height: int
    columns: Sequence[MetricCells]
    runs: Array
    classes: Array
    agreement: Array
    noisy: Array
    rows: Array


def plane_of(rows: SweptRows, choice: PlaneChoice) -> SweptPlane:
    """The plane of a choice.

    Raises:
        InputError: An axis, a metric or a step is not there.
    """
    import numpy as np  # noqa: PLC0415 - not for a command that opens something else

    width, height = (len(rows.axis(name).texts) if name else 1 for name in _sides(rows, choice))
    count = width * height
    chosen = chosen_rows(rows, choice)
    insolvent, platform = rows.column("insolvent_percent"), rows.column("platform_final")
    numbers = np.nonzero(chosen & ~np.isnan(insolvent))[0]
    cell = cells_of(rows, choice)[numbers]
    runs = np.bincount(cell, minlength=count)
    below = _cells("insolvent_percent", insolvent[numbers], cell, runs)
    ends = _cells("platform_final", platform[numbers], cell, runs)
    classes = classes_of(below.means.round(ROUNDED), ends.means.round(ROUNDED))
    agrees = classes_of(insolvent[numbers].round(ROUNDED), platform[numbers]) == classes[cell]
    shares = np.bincount(cell, weights=agrees, minlength=count) / np.maximum(runs, 1)
    near = abs(below.means - INSOLVENT_MIN) < below.halves
    columns = [below, ends]
    if choice.metric != SOLVENCY:
        columns = [_cells(choice.metric, rows.column(choice.metric)[numbers], cell, runs)]
    return SweptPlane(
        width=width,
        height=height,
        columns=columns,
        runs=runs,
        classes=np.where(runs > 0, classes, UNPLAYED).astype(np.uint8),
        agreement=(100 * shares).round().astype(np.uint8),
        noisy=(near | (abs(ends.means) < ends.halves)).astype(np.uint8),
        rows=_first_rows(numbers, cell, agrees, count),
    )


def cells_of(rows: SweptRows, choice: PlaneChoice) -> Array:
    """The cell of each row."""
    import numpy as np  # noqa: PLC0415

    across, up = _sides(rows, choice)
    cell = rows.steps(up) if up else np.zeros(rows.plan.rows, np.int64)
    if across:
        cell = cell * len(rows.axis(across).texts) + rows.steps(across)
    return cell


def chosen_rows(rows: SweptRows, choice: PlaneChoice) -> Array:
    """Whether each row lies in the plane."""
    import numpy as np  # noqa: PLC0415

    chosen = np.ones(rows.plan.rows, bool)
    for name, step in choice.held.items():
        steps = len(rows.axis(name).texts)
        if not 0 <= step < steps:
            raise InputError("held", f"{name} has the steps 0 to {steps - 1}")
        chosen &= rows.steps(name) == step
    return chosen


def _sides(rows: SweptRows, choice: PlaneChoice) -> tuple[str, str]:
    for name in filter(None, (choice.across, choice.up)):
        rows.axis(name)
        if name in choice.held:
            raise InputError("held", f"{name} is an axis; it cannot be held too")
    if choice.across and choice.across == choice.up:
        raise InputError("up", f"{choice.up} is the other axis already")
    return choice.across, choice.up


def _cells(name: str, values: Array, cell: Array, runs: Array) -> MetricCells:
    """A metric of runs, over those of each cell."""
    import numpy as np  # noqa: PLC0415

    count = len(runs)
    means = np.full(count, np.nan)
    there = runs > 0
    means[there] = np.bincount(cell, weights=values, minlength=count)[there] / runs[there]
    squares = np.bincount(cell, weights=(values - means[cell]) ** 2, minlength=count)
    halves = 1.96 * np.sqrt(squares / np.maximum(runs - 1, 1) / np.maximum(runs, 1))
    return MetricCells(name=name, means=means, halves=np.where(runs > 1, halves, 0.0))


def classes_of(insolvent: Array, platform: Array) -> Array:
    """Who is insolvent by the two metrics that decide; of single numbers too."""
    return (insolvent >= INSOLVENT_MIN) + 2 * (platform < 0)


def _first_rows(numbers: Array, cell: Array, agrees: Array, count: int) -> Array:
    """The first row of each cell that agrees with it; its first one where none does."""
    import numpy as np  # noqa: PLC0415

    found = np.full(count, ROW_MISSING, np.int64)
    # Of several values for one cell, the last that is assigned stays: so from the last row on.
    found[cell[::-1]] = numbers[::-1]
    found[cell[agrees][::-1]] = numbers[agrees][::-1]
    return found
