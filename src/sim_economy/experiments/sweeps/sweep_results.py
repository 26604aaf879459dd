"""What a sweep's rows come to: points, turns, histograms, a summary."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim_economy.experiments.sweeps.row_frames import added_frames, whole_series, write_frame
from sim_economy.experiments.sweeps.sweep_folder import SweepFolder
from sim_economy.experiments.sweeps.sweep_plan import SweepPlan
from sim_economy.ledger.sidecars.run_folder import write_whole
from sim_economy.runs.row_metrics import ROW_METRICS, WHOLE
from sim_economy.runs.run_metrics import table_csv
from sim_economy.statistics.moments import Moments, real_moments, whole_moments

if TYPE_CHECKING:
    import polars


def write_sweep_results(folder: SweepFolder, plan: SweepPlan) -> dict[str, int]:
    """Write points, turns, histograms and the summary of a sweep that is played to its end.

    Returns:
        How many rows have each status.
    """
    import polars  # noqa: PLC0415 - not for a study that is refused

    paths = folder.part_paths()
    points = points_frame(plan, paths)
    write_frame(folder.path / "points.parquet", points)
    write_whole(folder.path / "summary.csv", table_csv(summary_rows(plan, points)).encode())
    if plan.study.per_turn:
        sums = [polars.read_parquet(path) for path in folder.turns_paths()]
        write_frame(folder.path / "turns.parquet", added_frames(sums))
    if plan.study.histograms:
        write_frame(folder.path / "histograms.parquet", histograms_frame(plan, paths))
    ((_, statuses),) = _columns(paths, ["status"])
    return dict(statuses.value_counts(sort=True).rows())


def _columns(paths: Sequence[Path], names: Sequence[str]) -> Iterator[tuple[str, polars.Series]]:
    """Columns of all rows, of which a few are held at once."""
    import polars  # noqa: PLC0415

    for first in range(0, len(names), _COLUMNS):
        several = names[first : first + _COLUMNS]
        frame = polars.read_parquet([*paths], columns=[*several])
        yield from ((name, frame[name]) for name in several)


_COLUMNS: Final = 6
"""Read at once: fewer take longer, more take memory."""


def points_frame(plan: SweepPlan, paths: Sequence[Path]) -> polars.DataFrame:
    """Each point with the mean and variance of each metric over its replicates.

    Exact sums, and sums of squares, stand beside them where a metric is a whole number.
    """
    import numpy as np  # noqa: PLC0415
    import polars  # noqa: PLC0415

    shape = plan.points, plan.study.seeds
    ((_, statuses),) = _columns(paths, ["status"])
    finished = (statuses != "failed").to_numpy().reshape(shape)
    everything = np.arange(plan.points)
    columns: dict[str, Any] = {
        "point": polars.Series(everything),
        **plan.frame_of(everything).to_dict(),
        "runs": polars.Series(finished.sum(axis=1), dtype=polars.Int64),
    }
    for name, column in _columns(paths, plan.study.metrics):
        values = column.fill_null(0).to_numpy().reshape(shape)
        own = (whole_moments if name in WHOLE else real_moments)(values, finished)
        columns |= _moment_columns(name, own)
    return polars.DataFrame(columns)


def _moment_columns(name: str, moments: Moments) -> dict[str, Any]:
    import polars  # noqa: PLC0415

    found = {
        f"{name}_mean": polars.Series(moments.means, dtype=polars.Float64),
        f"{name}_variance": polars.Series(moments.variances, dtype=polars.Float64),
    }
    if moments.sums is not None and moments.squares is not None:
        for kind, totals in (("sum", moments.sums), ("sum_of_squares", moments.squares)):
            found[f"{name}_{kind}"] = whole_series(totals)
    return found


def histograms_frame(plan: SweepPlan, paths: Sequence[Path]) -> polars.DataFrame:
    """How many replicates of each point have each value of each metric that is a whole number."""
    import polars  # noqa: PLC0415

    found = []
    for name in plan.study.metrics:
        if name not in WHOLE:
            continue
        rows = polars.concat(
            [polars.read_parquet(path, columns=["point", name]) for path in paths]
        ).drop_nulls()
        counted = rows.group_by("point", polars.col(name).alias("value")).agg(
            polars.len().cast(polars.Int64).alias("count")
        )
        metric = polars.lit(name).alias("metric")
        found.append(counted.sort("point", "value").select(metric, "point", "value", "count"))
    return polars.concat(found)


def summary_rows(plan: SweepPlan, points: polars.DataFrame) -> list[dict[str, Any]]:
    """Each metric over the points: the mean of their means, the least and the greatest, and where.

    Points of which every replicate failed are left out.
    """
    played = points.filter(points["runs"] > 0)
    rows = []
    for name in plan.study.metrics:
        means = played[f"{name}_mean"]
        row: dict[str, Any] = {"metric": name, "meaning": ROW_METRICS[name], "points": means.len()}
        if means.len():
            least, greatest = means.arg_min(), means.arg_max()
            assert least is not None, name
            assert greatest is not None, name
            row |= {
                "mean": math.fsum(means) / means.len(),
                "least": means[least],
                "greatest": means[greatest],
            }
            row |= {
                "least_at": _at(plan, played, least),
                "greatest_at": _at(plan, played, greatest),
            }
        else:
            row |= dict.fromkeys(_ENDS)
        rows.append(row)
    return rows


_ENDS: Final = ("mean", "least", "greatest", "least_at", "greatest_at")


def _at(plan: SweepPlan, played: polars.DataFrame, index: int) -> str:
    shown = plan.shown(int(played["point"][index]))
    return ", ".join(f"{name} = {value}" for name, value in shown.items())
