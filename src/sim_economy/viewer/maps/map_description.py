"""Planes and cells of a sweep as the answers that a page reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sim_economy.core.errors import InputError
from sim_economy.reports.drawings.colours import THEMED
from sim_economy.reports.drawings.map_figures import CLASS_COLOURS
from sim_economy.reports.drawings.sweep_figures import scale_colours
from sim_economy.reports.maps.map_sentences import label_of, word_of
from sim_economy.runs.row_metrics import ROW_METRICS
from sim_economy.viewer.answer_rows import facts
from sim_economy.viewer.maps.map_answers import (
    AxisAnswer,
    CellAnswer,
    CellMeans,
    ClassAnswer,
    MapAnswer,
    MetricAnswer,
    PlaneAnswer,
    RowAnswer,
    SweepAnswer,
)
from sim_economy.viewer.maps.map_words import CLASSES, cell_answer, metric_answer, plane_answer
from sim_economy.viewer.maps.own_values import mark_of, own_step
from sim_economy.viewer.maps.planes import (
    ROW_MISSING,
    PlaneChoice,
    SweptPlane,
    cells_of,
    chosen_rows,
    classes_of,
)
from sim_economy.viewer.maps.swept_rows import (
    FAILED_ROW,
    SEED,
    UNPLAYED_ROW,
    SweptAxis,
    SweptRows,
)

_FAVOURED: Final = ("base_inference_rate", "policy.job_below")
"""Axes to begin with where a sweep varies them: those of the map that ships."""


def map_description(title: str, sweeps: Sequence[SweptRows]) -> MapAnswer:
    """What can be shown of some sweeps."""
    names = _names(sweeps)
    return MapAnswer(
        title=title,
        sweeps=tuple(_sweep(rows, name) for rows, name in zip(sweeps, names, strict=True)),
        classes=tuple(
            ClassAnswer(name=str(kind), colour=THEMED[colour])
            for kind, colour in zip(CLASSES, CLASS_COLOURS, strict=True)
        ),
        scale=scale_colours(),
    )


def _names(sweeps: Sequence[SweptRows]) -> list[str]:
    """Names of sweeps that tell them apart: their horizons, if these do, else their folders."""
    if len(sweeps) == 1:
        return [""]
    horizons = [_horizon(rows) for rows in sweeps]
    if None not in horizons and len({*horizons}) == len(sweeps):
        return [f"{horizon:,} turns" for horizon in horizons]
    return [rows.folder.name for rows in sweeps]


def _horizon(rows: SweptRows) -> int | None:
    """The turns of every run; None where they vary."""
    for axis in rows.axes:
        if axis.name == "turns":
            return int(axis.texts[0]) if len(axis.texts) == 1 else None
    return rows.plan.study.scenario.base.turns


def _sweep(rows: SweptRows, name: str) -> SweepAnswer:
    across, up = first_axes(rows.axes)
    drawn = rows.plan.study.design not in {"grid", "list"}
    return SweepAnswer(
        name=name,
        rows=rows.plan.rows,
        points=rows.plan.points,
        seeds=rows.plan.study.seeds,
        design=rows.plan.study.design,
        axes=tuple(_axis(rows, axis, is_drawn=drawn) for axis in rows.axes),
        metrics=tuple(MetricAnswer(name=each, meaning=ROW_METRICS[each]) for each in rows.metrics),
        across=across,
        up=up,
        mark=mark_of(rows),
    )


def first_axes(axes: Sequence[SweptAxis]) -> tuple[str, str]:
    """The axes to begin with: those of the map that ships, else those with the most steps."""
    varied = [axis for axis in axes if len(axis.texts) > 1]
    varied.sort(key=lambda axis: (axis.name == SEED, axis.numbers is None, -len(axis.texts)))
    names = [axis.name for axis in varied]
    if {*_FAVOURED} <= {*names}:
        return _FAVOURED
    across, up, *_ = [*names, "", ""]
    return across, up


def _axis(rows: SweptRows, axis: SweptAxis, *, is_drawn: bool) -> AxisAnswer:
    own = own_step(rows, axis)
    start: int | None = len(axis.texts) - 1 if axis.name == "turns" else round(own or 0)
    if axis.name == SEED or (is_drawn and axis.numbers is not None):
        start = None
    return AxisAnswer(
        name=axis.name,
        word=word_of(axis.name),
        label=label_of(axis.name),
        texts=tuple(axis.texts),
        numbers=None if axis.numbers is None else tuple(axis.numbers),
        own=own,
        start=start,
    )


def plane_description(rows: SweptRows, choice: PlaneChoice, plane: SweptPlane) -> PlaneAnswer:
    """A plane, as it is drawn."""
    import numpy as np  # noqa: PLC0415 - not for a command that opens something else

    one, *others = plane.columns
    runs = plane.runs[:1] if (plane.runs == plane.runs[0]).all() else plane.runs
    statuses = rows.statuses[chosen_rows(rows, choice)]
    return PlaneAnswer(
        width=plane.width,
        height=plane.height,
        answer=plane_answer(rows, choice, plane),
        metric_answer="" if others else metric_answer(rows, choice, plane, one),
        failed=int((statuses == FAILED_ROW).sum()),
        unplayed=int((statuses == UNPLAYED_ROW).sum()),
        classes=plane.classes.tobytes(),
        agreement=plane.agreement.tobytes(),
        noisy=plane.noisy.tobytes(),
        runs=runs.astype("<i4").tobytes(),
        columns=tuple(
            CellMeans(
                name=cells.name,
                meaning=ROW_METRICS[cells.name],
                means=cells.means.astype("<f4").tobytes(),
                halves=cells.halves.astype("<f4").tobytes(),
                least=float(np.nanmin(cells.means)) if plane.runs.any() else None,
                greatest=float(np.nanmax(cells.means)) if plane.runs.any() else None,
            )
            for cells in plane.columns
        ),
    )


def cell_description(
    rows: SweptRows, choice: PlaneChoice, plane: SweptPlane, cell: int, after: int, limit: int
) -> CellAnswer:
    """A page of the runs of a cell.

    Raises:
        InputError: There is no such cell.
    """
    if not 0 <= cell < plane.width * plane.height:
        raise InputError("cell", f"must be from 0 to {plane.width * plane.height - 1}")
    numbers = (chosen_rows(rows, choice) & (cells_of(rows, choice) == cell)).nonzero()[0]
    shown = numbers[after : after + limit]
    representative = int(plane.rows[cell])
    return CellAnswer(
        answer=cell_answer(rows, choice, plane, cell),
        representative=None if representative == ROW_MISSING else representative,
        total=len(numbers),
        rows=tuple(_rows(rows, [cells.name for cells in plane.columns], shown)),
        next=after + limit if after + limit < len(numbers) else None,
    )


def _rows(rows: SweptRows, names: Sequence[str], numbers: Any) -> list[RowAnswer]:
    kept = rows.kept(numbers.tolist(), [*_DECIDING, *names])
    return [_row(rows, names, int(number), kept.get(int(number))) for number in numbers]


def _row(
    rows: SweptRows, names: Sequence[str], row: int, kept: Mapping[str, Any] | None
) -> RowAnswer:
    """A row; one that failed or was not played has no numbers."""
    plan = rows.plan
    finished = kept is not None and kept["digest"] is not None
    values = [kept[name] for name in (*_DECIDING, *names)] if kept and finished else []
    return RowAnswer(
        row=row,
        point=plan.point_of(row),
        seed=plan.seed_of(row),
        settings=facts(dict(plan.shown(plan.point_of(row)))),
        solvency=int(classes_of(*values[:2])) if values else None,
        values=tuple(map(str, values[2:])),
        digest=f"{kept['digest']:016x}" if kept and finished else "",
        played_by=kept["status"] if kept else "",
    )


_DECIDING: Final = ("insolvent_percent", "platform_final")
