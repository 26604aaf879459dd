"""Rows of usage: their columns, the values of a cell, and what is said of others.

Source: docs/spec/usage.md, T7 to T9.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from sim_economy.core.units import INPUT_LIMIT
from sim_economy.usage.civil_time import SECOND, YEARS, TurnCalendar, instant_of
from sim_economy.usage.counted_usage import Counts, LoggedAgent
from sim_economy.usage.usage_form import KINDS
from sim_economy.usage.usage_rows import COUNT_MAX

NEEDED: Final = ("agent", "thinking", "output")
"""Columns that a table has beside `time` or `turn`; others that it lacks are zero or empty."""
TEXTS: Final = ("agent", "team", "model")


class RowGroup(NamedTuple):
    """Rows of one turn, agent and model; turn 0 is all before the first."""

    turn: int
    agent: LoggedAgent
    model: str
    counts: Counts
    rows: int = 1


_SECONDS_MAX: Final = 366 * 86_400
EARLIEST: Final = instant_of(datetime(YEARS[0], 1, 1, tzinfo=UTC))
LATEST: Final = instant_of(datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC)) - 1
_MUST: Final = {
    "agent": "must be a name",
    "team": "must be a text",
    "model": "must be a text",
    "time": f"must be a time with a zone, such as 2026-03-01T09:30:00Z, from {YEARS[0]} to "
    f"{YEARS[-1]}",
}
RANGES: Final = {
    "turn": (1, INPUT_LIMIT),
    "seconds": (1, _SECONDS_MAX),
    **dict.fromkeys(KINDS, (0, COUNT_MAX)),
}
_RFC_3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_WHOLE: Final = re.compile(r"(\d{1,16})(\.0*)?", re.ASCII)


def cell_problem(column: str) -> str:
    """What a cell of a column must be."""
    if column in _MUST:
        return f"{column} {_MUST[column]}"
    low, high = RANGES[column]
    return f"{column} must be an integer from {low} to {high}"


def read_cell(column: str, text: str) -> Any:
    """The value of a cell of CSV.

    Raises:
        ValueError: What it must be.
    """
    if column in TEXTS:
        if text or column != "agent":
            return text
    elif column == "time":
        if _RFC_3339.fullmatch(text):
            return _instant(text)
    elif column == "seconds" and not text:
        return None
    elif found := _WHOLE.fullmatch(text.strip()):
        low, high = RANGES[column]
        if low <= int(found[1]) <= high:
            return int(found[1])
    raise ValueError(cell_problem(column))


def _instant(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(cell_problem("time")) from None
    if moment.year not in YEARS:
        raise ValueError(cell_problem("time"))
    return instant_of(moment)


class CutRows:
    """Rows that last longer than what is left of their turn: the first one, and how many."""

    def __init__(self, calendar: TurnCalendar | None) -> None:
        self.calendar = calendar
        self.rows = 0
        self.first = ("", 0, 0)

    def found(self, line: str, seconds: int, start: int, rows: int = 1) -> None:
        """Count rows that no turn holds whole."""
        self.first = self.first if self.rows else (line, seconds, start)
        self.rows += rows

    def problems(self) -> list[str]:
        """What is said of them; nothing if there are none."""
        if not self.rows or self.calendar is None:
            return []
        line, seconds, start = self.first
        moment = datetime.fromtimestamp(start // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        row = f"{line}: " if line else ""
        more = f", so too {self.rows - 1:,} more rows" if self.rows > 1 else ""
        return [f"{row}a row of {seconds} seconds from {moment} {self._reason(seconds)}{more}"]

    def _reason(self, seconds: int) -> str:
        assert self.calendar is not None
        length, zone = self.calendar.length, self.calendar.zone.key
        if seconds > length.shortest_seconds:
            return f"is longer than a turn of {length.text} (set a longer usage.turn_length)"
        return (
            f"is cut by the bound of a turn in {zone} (set usage.timezone to the zone of the "
            "log's days, or a longer usage.turn_length)"
        )
