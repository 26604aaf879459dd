"""Sensitivity of a sweep's outcomes: indices of every input, from the tidy frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from sim_economy.core.errors import ScenarioError, needing
from sim_economy.core.suggestions import suggestion
from sim_economy.reports.sweep_files import KeptSweep
from sim_economy.runs.row_metrics import ROW_METRICS
from sim_economy.statistics.elementary_effects import ElementaryEffect, elementary_effects
from sim_economy.statistics.noise_share import NoiseShare, noise_share
from sim_economy.statistics.variance_indices import SobolIndex, has_second_order, sobol_indices

if TYPE_CHECKING:
    import polars

OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    "insolvent_percent": ("insolvency", "agent-turns below zero (%)"),
    "mean_debt": ("depth of debt", "debt of an agent in a turn (tokens)"),
    "rent_total": ("platform rent", "covered fees less dividends (tokens)"),
    "platform_final": ("platform solvency", "balance of the platform at the end (tokens)"),
    "gini_wealth_shifted": ("inequality", "shifted Gini coefficient at the end"),
}
"""The outcomes of the paper's question by metric: a word for sentences, and what it is."""


class SensitivityMethod(StrEnum):
    """How a sweep's points were chosen, and so what can be estimated from them."""

    SOBOL = "sobol"
    MORRIS = "morris"


class OutcomeSensitivity(Struct, frozen=True, kw_only=True):
    """What decides one outcome.

    Attributes:
        metric: Its column.
        mean: Over points; as `deviation` the standard deviation of their means.
        sobol: Of each input, in order; None under Morris, or where the outcome does not vary.
        morris: Likewise, under Morris.
        noise: Between seeds; None where points have one run each or nothing varies.
    """

    metric: str
    mean: float
    deviation: float
    sobol: Sequence[SobolIndex] | None
    morris: Sequence[ElementaryEffect] | None
    noise: NoiseShare | None


class SweepSensitivity(Struct, frozen=True, kw_only=True):
    """What decides the outcomes of a sweep.

    Attributes:
        inputs: Varied keys, in the order of the design.
        ranges: The least and greatest value of each that the study states; of a frame without a
            study, those that were played.
        points: How many; `runs` those that were played, `failed` those that were not.
    """

    method: SensitivityMethod
    inputs: Sequence[str]
    ranges: Sequence[tuple[Any, Any]]
    outcomes: Sequence[OutcomeSensitivity]
    points: int
    runs: int
    failed: int


def sensitivity_of(
    frame: polars.DataFrame,
    inputs: Sequence[str],
    method: SensitivityMethod,
    *,
    outcomes: Sequence[str] = tuple(OUTCOMES),
    ranges: Mapping[str, tuple[Any, Any]] | None = None,
    levels: int = 4,
    seed: int = 1,
) -> SweepSensitivity:
    """Sensitivity of outcomes from the tidy frame of a Sobol or Morris sweep.

    Args:
        inputs: Its varied keys, in the order of the design.
        outcomes: Columns of the frame.
        ranges: Of inputs, as the study states them.
        levels: Of a Morris design.
        seed: Of the bootstrap behind the intervals.

    Raises:
        ScenarioError: The frame is not one of such a design, or lacks columns.
        ExtraMissingError: A library of the extra `sensitivity` is not installed.
    """
    with needing("sensitivity", "sensitivity"):
        stated = ranges or {}
        played, failed = _played(frame, inputs, outcomes)
        points = _points(played, frame, inputs, outcomes)
        _check_design(points, inputs, method)
        design = [_scaled(points[name].to_list()) for name in inputs]
        rows = [*zip(*design, strict=True)]
        return SweepSensitivity(
            method=method,
            inputs=[*inputs],
            ranges=[
                stated[name] if name in stated else _range(points[name].to_list())
                for name in inputs
            ],
            outcomes=[
                _outcome(points, name, len(inputs), rows, method, levels, seed) for name in outcomes
            ],
            points=points.height,
            runs=played.height,
            failed=failed,
        )


def _played(
    frame: polars.DataFrame, inputs: Sequence[str], outcomes: Sequence[str]
) -> tuple[polars.DataFrame, int]:
    """The rows that were played, and how many were not."""
    import polars as pl  # noqa: PLC0415

    missing = [name for name in ("point", *inputs, *outcomes) if name not in frame.columns]
    if missing:
        kept = [name for name in ROW_METRICS if name in frame.columns]
        raise ScenarioError(
            [
                f"the rows have no column {name}{suggestion(name, kept)}; kept are "
                f"{', '.join(kept)}"
                for name in missing
            ]
        )
    if "status" not in frame.columns:
        return frame, 0
    played = frame.filter(pl.col("status").cast(pl.String) != "failed")
    return played, frame.height - played.height


def _points(
    played: polars.DataFrame,
    frame: polars.DataFrame,
    inputs: Sequence[str],
    outcomes: Sequence[str],
) -> polars.DataFrame:
    """A row for each point, in the order of the design: its inputs, and means and variances."""
    import polars as pl  # noqa: PLC0415

    values = [pl.col(name).cast(pl.Float64) for name in outcomes]
    means = [each.mean().name.suffix(_MEAN) for each in values]
    variances = [each.var().name.suffix(_VARIANCE) for each in values]
    found = (
        played.group_by("point")
        .agg(*(pl.col(name).first() for name in inputs), *means, *variances, pl.len().alias(_RUNS))
        .sort("point")
    )
    lost = frame["point"].n_unique() - found.height
    if lost:
        raise ScenarioError(
            [f"{lost} points have no run that was played; indices need the whole design"]
        )
    return found


_MEAN: Final = "__mean"
_VARIANCE: Final = "__variance"
_RUNS: Final = "__runs"


def _check_design(
    points: polars.DataFrame, inputs: Sequence[str], method: SensitivityMethod
) -> None:
    if not inputs:
        raise ScenarioError(["the sweep varies nothing"])
    if method is SensitivityMethod.MORRIS:
        if points.height % (len(inputs) + 1):
            problem = f"{points.height} points are no trajectories of {len(inputs)} inputs"
            raise ScenarioError([problem])
        return
    try:
        has_second_order(points.height, len(inputs))
    except ValueError as error:
        raise ScenarioError([str(error)]) from None


def _range(values: Sequence[Any]) -> tuple[Any, Any]:
    if all(isinstance(each, int | float) for each in values):
        return min(values), max(values)
    texts = sorted({str(each) for each in values})
    return texts[0], texts[-1]


def _scaled(values: Sequence[Any]) -> list[float]:
    """Values from 0 to 1; variants of a rule by their order."""
    if not all(isinstance(each, int | float) for each in values):
        order = sorted({str(each) for each in values})
        values = [order.index(str(each)) for each in values]
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.0 for value in values]


def _outcome(
    points: polars.DataFrame,
    metric: str,
    inputs: int,
    rows: Sequence[Sequence[float]],
    method: SensitivityMethod,
    levels: int,
    seed: int,
) -> OutcomeSensitivity:
    means = points[f"{metric}{_MEAN}"].to_list()
    variances = points[f"{metric}{_VARIANCE}"].fill_null(0).to_list()
    is_sobol = method is SensitivityMethod.SOBOL
    deviation: Any = points[f"{metric}{_MEAN}"].std() or 0
    return OutcomeSensitivity(
        metric=metric,
        mean=sum(means) / len(means),
        deviation=float(deviation),
        sobol=sobol_indices(means, inputs, seed) if is_sobol else None,
        morris=None if is_sobol else elementary_effects(rows, means, levels, seed),
        noise=noise_share(points[_RUNS].to_list(), means, variances, seed),
    )


def sensitivity_of_sweep(sweep: KeptSweep, outcomes: Sequence[str] = ()) -> SweepSensitivity:
    """Sensitivity of a finished sweep.

    Args:
        outcomes: Metrics beside those of the paper's question that the sweep has kept.

    Raises:
        ScenarioError: Its design gives no indices, or it has not kept an outcome.
        ExtraMissingError: A library of the extra `sensitivity` is not installed.
    """
    if sweep.design not in {*SensitivityMethod}:
        problem = (
            f"design: {sweep.design} gives no indices; it must be sobol or morris: play the study "
            'with design = "sobol" and a size'
        )
        raise ScenarioError([problem], str(sweep.folder))
    kept = [name for name in OUTCOMES if name in sweep.frame.columns]
    return sensitivity_of(
        sweep.frame,
        sweep.inputs,
        SensitivityMethod(sweep.design),
        outcomes=list(dict.fromkeys([*kept, *outcomes])),
        ranges=sweep.ranges,
        levels=sweep.levels,
    )
