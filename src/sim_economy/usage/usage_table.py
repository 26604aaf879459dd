"""Usage rows as turns: a table of calls or of sums, with times or turns, counted once.

Source: docs/spec/usage.md, T1 to T9.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

import sim_economy.usage.table_files as files
from sim_economy.core.errors import ScenarioError
from sim_economy.usage.civil_time import SECOND, TurnCalendar, TurnLength, turn_calendar
from sim_economy.usage.counted_usage import (
    CountedUsage,
    Counts,
    LoggedAgent,
    added,
    counts_of,
)
from sim_economy.usage.row_rules import (
    EARLIEST,
    LATEST,
    NEEDED,
    TEXTS,
    CutRows,
    RowGroup,
    read_cell,
)
from sim_economy.usage.usage_form import KINDS
from sim_economy.usage.usage_rows import is_usage_file


class CivilTurns(Struct, frozen=True):
    """What a scenario says of the dates of turns.

    Attributes:
        start: An instant of the first turn; that of the earliest row when None.
    """

    length: TurnLength
    zone: ZoneInfo
    start: int | None = None


def is_usage_table(columns: Iterable[str]) -> bool:
    """Test whether a table has rows of calls rather than units by agent-turn."""
    return ("turn" not in columns and "time" in columns) or {"calls", "input"} <= {*columns}


def read_counts(path: Path, civil: CivilTurns | None) -> CountedUsage:
    """The counts of a table of usage rows, in CSV or Parquet, by turn, agent and model.

    Args:
        civil: None where the rows give turns.

    Raises:
        ScenarioError: It is missing, has other columns, rows that make no sense or that no turn
            holds whole.
    """
    columns = files.columns_of(path)
    when = "turn" if civil is None else "time"
    if when == "turn" and "turn" not in columns and "time" in columns:
        raise ScenarioError(
            [f"usage.turn_length: is missing; {path} has times; state 10m, 1h, 1d, 1w or 1mo"]
        )
    files.check_columns(path, columns, (when, *NEEDED))
    read = [when, *(name for name in (*TEXTS, *KINDS, "seconds") if name in columns)]
    source = _source(path, read)
    calendar = None if civil is None else _calendar(source, civil)
    problems: list[str] = []
    counted = _counted(str(path), source.groups(calendar, problems), calendar)
    files.raise_problems(path, problems)
    return counted


class _UsageRows(Protocol):
    """The rows of a file."""

    def span(self) -> tuple[int, int]:
        """The earliest and the latest instant, of rows that have one."""

    def groups(self, calendar: TurnCalendar | None, problems: list[str]) -> Iterator[RowGroup]:
        """Rows with their turns; a problem for those that are wrong or that no turn holds whole."""


def _source(path: Path, columns: Sequence[str]) -> _UsageRows:
    if path.suffix != ".parquet":
        return _CsvRows(path, columns)
    from sim_economy.usage.parquet_rows import ParquetRows  # noqa: PLC0415 - needs polars

    return ParquetRows(path, columns)


def _calendar(source: _UsageRows, civil: CivilTurns) -> TurnCalendar:
    """The dates of turns, up to that of the latest row."""
    earliest, latest = source.span()
    start = earliest if civil.start is None else civil.start
    return turn_calendar(civil.length, civil.zone, start, latest)


def _counted(path: str, groups: Iterable[RowGroup], calendar: TurnCalendar | None) -> CountedUsage:
    counts: dict[int, dict[LoggedAgent, dict[str, Counts]]] = {}
    rows: Counter[int] = Counter()
    for group in groups:
        rows[group.turn] += group.rows
        if group.turn > 0:
            models = counts.setdefault(group.turn, {}).setdefault(group.agent, {})
            models[group.model] = added(models.get(group.model), group.counts)
    before = rows.pop(0, 0)
    return CountedUsage(
        path=path, counts=counts, rows_by_turn=dict(rows), rows_before=before, calendar=calendar
    )


class _CsvRows:
    """The rows of a CSV file, read twice: once for their span, once for their counts."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self.path = path
        self.columns = columns

    def span(self) -> tuple[int, int]:
        """The earliest and the latest instant; those of a wrong row are told in the second go."""
        earliest, latest = LATEST, EARLIEST
        for _, (instant,) in files.csv_rows(self.path, ["time"], read_cell, []):
            earliest, latest = min(earliest, instant), max(latest, instant)
        return min(earliest, latest), latest

    def groups(self, calendar: TurnCalendar | None, problems: list[str]) -> Iterator[RowGroup]:
        """A group of each row."""
        cut = CutRows(calendar)
        blank: dict[str, Any] = {
            "team": "",
            "model": "",
            "seconds": None,
            **dict.fromkeys(KINDS, 0),
        }
        # What we wrote ourselves has an apostrophe before texts that a spreadsheet would calculate.
        escaped = is_usage_file(self.path)
        for line, cells in files.csv_rows(self.path, self.columns, read_cell, problems):
            row = blank | dict(zip(self.columns, cells, strict=True))
            if escaped:
                row |= {name: row[name].removeprefix("'") for name in TEXTS}
            turn = row["turn"] if calendar is None else calendar.turn_at(row["time"])
            if calendar is not None and row["seconds"]:
                end = row["time"] + row["seconds"] * SECOND - 1
                if calendar.turn_at(end) != turn:
                    cut.found(line, row["seconds"], row["time"])
            counts = counts_of(row)
            agent = LoggedAgent(row["agent"], row["team"])
            yield RowGroup(turn, agent, row["model"], counts)
        problems += cut.problems()
