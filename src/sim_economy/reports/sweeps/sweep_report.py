"""The report of a sweep: which points are solvent, and what each metric is over them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from sim_economy.core.errors import InputError, needing
from sim_economy.core.suggestions import suggestion
from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.ledger.readers.plain_text import markdown_code
from sim_economy.reports.page.document import Figure, KeyFigure, Report, Section
from sim_economy.reports.page.files import write_files
from sim_economy.reports.sweeps.sweep_picture import shown_value, sweep_picture
from sim_economy.reports.tables import Table, Value
from sim_economy.runs.row_metrics import ROW_METRICS

if TYPE_CHECKING:
    import polars

INSOLVENT_PERCENT_MAX: Final = 5.0
"""Of the agent-turns of a solvent point that end below zero."""
INSOLVENT: Final = "insolvent_percent"
"""The metric of a picture if nobody names another."""
_ENDS_SHOWN: Final = 8
_KEYS_MAX: Final = 4
"""Keys of a point that a sentence has room for."""


class SweepFrames(Struct, frozen=True, kw_only=True):
    """A sweep as its report reads it.

    Attributes:
        keys: Whether each key that was varied is a number, in order.
        points: Each point with the means and variances of its metrics.
        provenance: What it was played with, by name.
    """

    name: str
    keys: dict[str, bool]
    metrics: Sequence[str]
    points: polars.DataFrame
    seeds: int
    provenance: Mapping[str, str]

    @property
    def played(self) -> polars.DataFrame:
        """Points with a run that finished, those with fewer agent-turns below zero first.

        Raises:
            InputError: There is none.
        """
        found = self.points.filter(self.points["runs"] > 0)
        if not found.height:
            raise InputError("sweep", "no run has finished; see failures/")
        return found.sort("insolvent_percent_mean", "point")

    @property
    def solvent(self) -> polars.DataFrame:
        """Points at which neither the agents nor the platform are insolvent."""
        played = self.played
        agents = played["insolvent_percent_mean"] < INSOLVENT_PERCENT_MAX
        return played.filter(agents & (played["platform_final_mean"] >= 0))

    def described(self, point: Mapping[str, Any]) -> str:
        """A point in words, as Markdown; its number where it has too many keys for a sentence."""
        if len(self.keys) > _KEYS_MAX:
            return f"point {point['point']:,}"
        return ", ".join(markdown_code(f"{key} = {shown_value(point[key])}") for key in self.keys)


def write_sweep_report(folder: Path, frames: SweepFrames, picture: str = INSOLVENT) -> list[Path]:
    """Write `sweep.md`, `sweep.html`, figures and tables, the page last.

    Args:
        picture: The metric that the picture shows.

    Raises:
        InputError: The sweep has not kept that metric.
        ExtraMissingError: A library of the extra `report` is not installed.
        FolderError: The folder cannot be written.
    """
    with needing("the report", "report"):
        return write_files(folder, "sweep", sweep_report(frames, picture))


def sweep_answer(frames: SweepFrames) -> str:
    """Which share of the points is solvent, the best and the worst, in a sentence; Markdown."""
    played = frames.played.to_dicts()
    if not frames.keys:
        return _answer_of_seeds(frames, played[0])
    solvent, all_of_them = frames.solvent.height, len(played)
    share = number(100 * solvent / all_of_them, 0)
    best, worst = (
        f"{number(point['insolvent_percent_mean'], 1)} % at {frames.described(point)}"
        for point in (played[0], played[-1])
    )
    return (
        f"**{solvent:,} of {all_of_them:,} points ({share} %)** are solvent; agents spend "
        f"the least of their turns below zero, {best}, and the most, {worst}."
    )


def _answer_of_seeds(frames: SweepFrames, point: Mapping[str, Any]) -> str:
    """Of a sweep of seeds alone: whether agents and platform are solvent, on average."""
    below, platform = point["insolvent_percent_mean"], point["platform_final_mean"]
    solvent = "are solvent" if frames.solvent.height else "are not both solvent"
    return (
        f"Agents and platform **{solvent}**, on average over {point['runs']:,} seeds: agents spend "
        f"{number(below, 1)} % of their turns below zero, and the platform ends at "
        f"{number(platform, 0)} tokens."
    )


def sweep_figure(frames: SweepFrames, metric: str = INSOLVENT) -> Figure:
    """What a metric is at each point.

    Raises:
        InputError: The sweep has not kept it, or varies nothing.
    """
    check_metric(frames.metrics, metric)
    if not frames.keys:
        raise InputError("picture", "there is none of seeds alone; name a key in [vary]")
    return sweep_picture(frames.points, frames.keys, metric, ROW_METRICS[metric])


def check_metric(metrics: Sequence[str], metric: str) -> None:
    """Refuse a metric that a sweep has not kept.

    Raises:
        InputError: With the one that may have been meant.
    """
    if metric not in metrics:
        near = suggestion(metric, metrics)
        raise InputError("picture", f"there is no {metric} in this sweep{near}")


def sweep_report(frames: SweepFrames, picture: str = INSOLVENT) -> Report:
    """A sweep, as a report."""
    return Report(
        title=f"Sweep {frames.name}",
        answer=sweep_answer(frames),
        picture=sweep_figure(frames, picture) if frames.keys else None,
        key_figures=_key_figures(frames),
        evidence=[
            Section(title="Points", blocks=[_ends(frames)]),
            Section(title="Metrics", blocks=[_metrics(frames)]),
            Section(title="Open a row", blocks=[_way_back(frames)]),
            Section(title="Files", blocks=[_FILES]),
        ],
        provenance=[Section(title="Parameters", blocks=[_provenance(frames)])],
    )


def _key_figures(frames: SweepFrames) -> list[KeyFigure]:
    limit = f"{INSOLVENT_PERCENT_MAX:.0f} % of their turns or more below zero"
    played = frames.played
    agents = (played["insolvent_percent_mean"] >= INSOLVENT_PERCENT_MAX).sum()
    platform = (played["platform_final_mean"] < 0).sum()
    runs = int(frames.points["runs"].sum())
    failed = frames.points.height * frames.seeds - runs
    return [
        KeyFigure(
            value=f"{agents:,} of {played.height:,}",
            label="points with insolvent agents",
            note=limit,
        ),
        KeyFigure(
            value=f"{platform:,} of {played.height:,}",
            label="points with an insolvent platform",
            note="it ends below zero, on average",
        ),
        KeyFigure(
            value=f"{runs:,}",
            label="runs",
            note=f"{failed:,} failed: see `failures/`" if failed else "all finished",
        ),
    ]


def _ends(frames: SweepFrames) -> Table:
    """The points where agents are below zero least, and most."""
    played = frames.played
    few = played.height <= 2 * _ENDS_SHOWN
    shown = played if few else played.head(_ENDS_SHOWN).vstack(played.tail(_ENDS_SHOWN))
    title = "Points" if few else f"The {_ENDS_SHOWN} points least, and most, below zero"
    rows = []
    for point in shown.to_dicts():
        variance = point["insolvent_percent_variance"]
        deviation = None if variance is None else math.sqrt(variance)
        cells: tuple[Value, ...] = (
            point["point"],
            *(point[key] for key in frames.keys),
            point["insolvent_percent_mean"],
            deviation,
            point["platform_final_mean"],
        )
        rows.append(cells)
    columns = ("point", *frames.keys, "below zero (%)", "deviation", "platform at the end")
    return Table("ends", title, columns, tuple(rows))


def _metrics(frames: SweepFrames) -> Table:
    played = frames.played
    rows = []
    for name in frames.metrics:
        means = played[f"{name}_mean"]
        mean = math.fsum(means) / means.len()
        rows.append((ROW_METRICS[name], mean, means.min(), means.max()))
    columns = ("metric", "mean of points", "least", "greatest")
    return Table("metrics", "Metrics over the points", columns, tuple(rows))  # type: ignore[arg-type]


def _way_back(frames: SweepFrames) -> str:
    point = int(frames.played["point"][-1])
    row = point * frames.seeds
    command = f"sim-economy open FOLDER --row {row}"
    return (
        "Every row can be played again by the core with its ledger, and must end in the state that "
        "the row's digest names. The first run of the point where agents are below zero most: "
        f"{markdown_code(command)}."
    )


_FILES: Final = (
    "`rows/` has a row for each run, `points.parquet` mean, variance and exact sums of each point, "
    "`summary.csv` each metric over the points, `design.parquet` and `problem.json` what SALib "
    "needs; where the study asks for them, `turns.parquet` has sums by turn and "
    "`histograms.parquet` the count of each value."
)


def _provenance(frames: SweepFrames) -> Table:
    return Table("played_with", "Played with", ("what", "value"), tuple(frames.provenance.items()))
