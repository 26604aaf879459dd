"""Rows and sums by turn as data frames and Parquet files, the same bytes however they came."""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sim_economy.experiments.sweeps.played_rows import PlayedRows, RowStatus, TurnSums
from sim_economy.experiments.sweeps.sweep_plan import RowSpan, SweepPlan
from sim_economy.ledger.sidecars.run_folder import write_whole
from sim_economy.runs.row_metrics import WHOLE
from sim_economy.runs.world_totals import TURN_METRICS

if TYPE_CHECKING:
    import polars

SUM_MAX: Final = 10**38 - 1
"""Of a decimal number of a Parquet file; a sum beyond it is left out."""
_SUMS: Final = tuple(
    f"{metric}_{kind}" for metric in TURN_METRICS for kind in ("sum", "sum_of_squares")
)


def rows_frame(plan: SweepPlan, played: PlayedRows) -> polars.DataFrame:
    """Rows as the tidy frame has them."""
    import polars  # noqa: PLC0415 - not for a study that is refused

    numbers = plan.row_columns(played.rows)
    columns = [polars.Series(name, values) for name, values in numbers.items()]
    keys = plan.frame_of(numbers["point"])
    finished = polars.Series(played.statuses) != RowStatus.FAILED
    for name in plan.study.metrics:
        kind = polars.Int64 if name in WHOLE else polars.Float64
        columns.append(polars.Series(name, played.metrics[name], dtype=kind))
    columns.append(polars.Series("digest", played.digests, dtype=polars.UInt64))
    names = [status.name.lower() for status in RowStatus]
    status = polars.Series([names[held] for held in played.statuses], dtype=polars.String)
    frame = polars.DataFrame([*columns[:4], *keys.get_columns(), *columns[4:-1]])
    frame = frame.with_columns(status.alias("status"), columns[-1])
    hidden = [*plan.study.metrics, "digest"]
    return frame.with_columns(
        polars.when(finished).then(polars.col(name)).otherwise(None).alias(name) for name in hidden
    )


def turns_frame(sums: Sequence[TurnSums]) -> polars.DataFrame:
    """Sums by turn, a row for each point and turn."""
    import polars  # noqa: PLC0415

    columns: dict[str, list[int]] = {name: [] for name in ("point", "turn", "count", *_SUMS)}
    for one in sums:
        turns = len(one.sums[0])
        columns["point"] += [one.point] * turns
        columns["turn"] += range(1, turns + 1)
        columns["count"] += [one.runs] * turns
        for metric, total, squares in zip(TURN_METRICS, one.sums, one.squares, strict=True):
            columns[f"{metric}_sum"] += total
            columns[f"{metric}_sum_of_squares"] += squares
    narrow = {
        name: polars.Series(columns[name], dtype=polars.Int64)
        for name in ("point", "turn", "count")
    }
    return polars.DataFrame(narrow | {name: whole_series(columns[name]) for name in _SUMS})


def whole_series(totals: Sequence[int]) -> polars.Series:
    """Whole numbers of up to 38 digits; larger ones are missing."""
    import polars  # noqa: PLC0415

    kept = polars.Decimal(38, 0)
    if all(abs(total) < 1 << 63 for total in totals):
        return polars.Series(totals, dtype=polars.Int64).cast(kept)
    # A list of small and large whole numbers is refused where the first is small.
    held = [Decimal(total) if abs(total) <= SUM_MAX else None for total in totals]
    return polars.Series(held, dtype=kept)


def added_frames(frames: Sequence[polars.DataFrame]) -> polars.DataFrame:
    """Sums by turn of several frames, added up."""
    import polars  # noqa: PLC0415

    whole = polars.concat(frames)
    totals = [
        polars.when(polars.col(name).is_null().any())
        .then(None)
        .otherwise(polars.col(name).cast(polars.Int128).sum())
        .cast(polars.Decimal(38, 0))
        .alias(name)
        for name in _SUMS
    ]
    grouped = whole.group_by("point", "turn").agg(polars.col("count").sum(), *totals)
    return grouped.sort("point", "turn")


def parquet_bytes(frame: polars.DataFrame) -> bytes:
    """A frame as a Parquet file; its bytes depend on nothing but its values."""
    content = io.BytesIO()
    frame.rechunk().write_parquet(
        content, compression="zstd", compression_level=1, row_group_size=65_536
    )
    return content.getvalue()


def write_frame(path: Path, frame: polars.DataFrame) -> None:
    """Write a frame as a Parquet file, whole."""
    write_whole(path, parquet_bytes(frame))


def read_rows(path: Path) -> polars.DataFrame | None:
    """The rows of a file; None where it is not whole."""
    import polars  # noqa: PLC0415

    try:
        frame = polars.read_parquet(path)
    except (OSError, polars.exceptions.PolarsError):
        return None
    return frame if frame.height and "row" in frame.columns else None


def holds_span(path: Path, span: RowSpan) -> bool:
    """Test whether a file holds the rows of a span, in order."""
    import polars  # noqa: PLC0415

    try:
        numbers = polars.read_parquet(path, columns=["row"])["row"]
    except (OSError, polars.exceptions.PolarsError):
        return False
    return numbers.to_list() == list(range(span.first, span.end))
