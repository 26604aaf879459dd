"""Usage rows of a Parquet file, summed by polars block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import polars as pl

import sim_economy.usage.table_files as files
from sim_economy.usage.civil_time import SECOND, TurnCalendar
from sim_economy.usage.counted_usage import LoggedAgent, counts_of
from sim_economy.usage.row_rules import (
    EARLIEST,
    LATEST,
    RANGES,
    TEXTS,
    CutRows,
    RowGroup,
    cell_problem,
)
from sim_economy.usage.usage_form import KINDS

_BLOCK_ROWS: Final = 1 << 20


class ParquetRows:
    """The rows of a Parquet file, grouped by polars block by block."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self.columns = columns
        self.frame = files.scanned(path).select(columns)
        self.types: pl.Schema = self.frame.collect_schema()

    def span(self) -> tuple[int, int]:
        """The earliest and the latest instant."""
        if not self._is_time(self.types["time"]):
            return EARLIEST, EARLIEST
        time = self._instants()
        earliest, latest = self._collected(
            self.frame.select(earliest=time.min(), latest=time.max())
        ).row(0)
        if earliest is None:
            return EARLIEST, EARLIEST
        return max(earliest, EARLIEST), min(latest, LATEST)

    def groups(self, calendar: TurnCalendar | None, problems: list[str]) -> Iterator[RowGroup]:
        """A group of each turn, agent and model; none where a column is wrong."""
        problems += self._wrong_columns()
        if problems:
            return
        turn = pl.col("turn").cast(pl.Int64) if calendar is None else self._turns(calendar, 0)
        ends, start, seconds = turn, pl.lit(0), pl.lit(0)
        if calendar is not None and "seconds" in self.columns:
            seconds = pl.col("seconds").cast(pl.Int64).fill_null(0)
            last = (seconds * SECOND - 1).clip(lower_bound=0)
            ends, start = self._turns(calendar, last), self._instants()
        keys = [turn.alias("turn"), ends.alias("ends"), *(self._text(text) for text in TEXTS)]
        sums = [self._count(kind).sum() for kind in KINDS]
        example = [start.min().alias("start"), seconds.max().alias("seconds")]
        cut = CutRows(calendar)
        counted = pl.len().cast(pl.Int64).alias("rows")
        for row in self._grouped(keys, [*sums, *example, counted]).iter_rows(named=True):
            if row["ends"] != row["turn"]:
                cut.found("", row["seconds"], row["start"], row["rows"])
            agent = LoggedAgent(row["agent"], row["team"])
            yield RowGroup(row["turn"], agent, row["model"], counts_of(row), row["rows"])
        problems += cut.problems()

    def _grouped(self, keys: Sequence[pl.Expr], sums: Sequence[pl.Expr]) -> pl.DataFrame:
        """Groups in order, block by block: a group-by of all rows at once would hold many."""
        names = ("turn", "ends", *TEXTS)
        again = [pl.col(kind).sum() for kind in KINDS]
        again += [pl.col("start").min(), pl.col("seconds").max(), pl.col("rows").sum()]
        rows = self._collected(self.frame.select(pl.len())).item()
        parts = (self.frame.slice(first, _BLOCK_ROWS) for first in range(0, rows, _BLOCK_ROWS))
        found = self._collected(self.frame.head(0).group_by(keys).agg(sums))
        for part in parts:
            both = pl.concat([found, self._collected(part.group_by(keys).agg(sums))])
            found = both.group_by(names).agg(again)
        return found.sort("turn", *TEXTS)

    def _collected(self, frame: pl.LazyFrame) -> pl.DataFrame:
        return files.collected(self.path, frame)

    def _instants(self) -> pl.Expr:
        return pl.col("time").cast(pl.Datetime("us", "UTC")).to_physical()

    def _turns(self, calendar: TurnCalendar, later: pl.Expr | int) -> pl.Expr:
        """The turn of each row, or of what lies so many microseconds later."""
        bounds = pl.Series(calendar.bounds, dtype=pl.Int64)
        return (self._instants() + later).map_batches(
            lambda instants: bounds.search_sorted(instants, side="right").cast(pl.Int64),
            return_dtype=pl.Int64,
            is_elementwise=True,
        )

    def _text(self, column: str) -> pl.Expr:
        held = pl.col(column).cast(pl.String).fill_null("")
        return (held if column in self.columns else pl.lit("")).alias(column)

    def _count(self, kind: str) -> pl.Expr:
        # 128 bits: 64 would pass over silently where a log adds up to more.
        held = pl.col(kind).cast(pl.Int128)
        return (held if kind in self.columns else pl.lit(0, pl.Int128)).alias(kind)

    def _wrong_columns(self) -> list[str]:
        """One problem for each column with cells that are none of its values."""
        found = {}
        for column in self.columns:
            wrong = self._is_wrong(column)
            found[f"{column}.rows"] = wrong.sum()
            found[f"{column}.first"] = pl.col("row").filter(wrong).min()
        checked = self._collected(self.frame.with_row_index("row", 1).select(**found))
        row = checked.row(0, named=True)
        problems = []
        for column in self.columns:
            rows, first = row[f"{column}.rows"], row[f"{column}.first"]
            more = f", so too in {rows - 1} more rows" if rows > 1 else ""
            if rows:
                problems.append(f"row {first}: {cell_problem(column)}{more}")
        return problems

    def _is_wrong(self, column: str) -> pl.Expr:
        own, kind = pl.col(column), self.types[column]
        # Of the frame's own length, whatever the type of the column.
        every = own.is_null() | own.is_not_null()
        if column in TEXTS:
            is_text = kind.is_(pl.Null) or isinstance(kind, pl.String | pl.Categorical | pl.Enum)
            lacking = own.is_null() | (own.cast(pl.String) == "") if is_text else every
            return lacking if column == "agent" or not is_text else ~every
        if column == "time":
            time = self._instants()
            outside = (time < EARLIEST) | (time > LATEST)
            return (own.is_null() | outside) if self._is_time(kind) else every
        if kind.is_(pl.Null) or not kind.is_numeric():
            return ~every if kind.is_(pl.Null) and column == "seconds" else every
        low, high = RANGES[column]
        wrong = (own < low) | (own > high) | (own % 1 != 0)
        return wrong.fill_null(value=column != "seconds")

    def _is_time(self, kind: pl.DataType) -> bool:
        return isinstance(kind, pl.Datetime) and kind.time_zone is not None
