"""Traces of units: a row for each agent-turn with turn, agent, thinking, output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import sim_economy.usage.table_files as files
from sim_economy.core.errors import ScenarioError
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.usage.unit_weights import Usage

_Row: TypeAlias = tuple[Any, ...]
"""Turn, agent, thinking units, output units."""

_LEAST: Final[Mapping[str, int | None]] = {"turn": 1, "agent": None, "thinking": 0, "output": 0}
"""The columns of a trace, each with its least number; None where it is a text."""

COLUMNS: Final = tuple(_LEAST)
"""The columns of a trace, in order."""


def read_units(path: Path) -> dict[int, dict[str, Usage]]:
    """Units by turn and agent id, from a CSV or Parquet file.

    Raises:
        ScenarioError: It is missing, has other columns, or rows that make no sense.
    """
    files.check_file(path)
    problems: list[str] = []
    by_turn: dict[int, dict[str, Usage]] = {}
    for row_name, (turn, agent_id, thinking, output) in _rows(path, problems):
        agents = by_turn.setdefault(turn, {})
        if agent_id in agents:
            problems.append(f"{row_name}: {agent_id} has turn {turn} twice")
        agents[agent_id] = thinking, output
    if not by_turn and not problems:
        raise ScenarioError([f"usage.path: {path} has no rows"])
    files.raise_problems(path, problems)
    return by_turn


def _rows(path: Path, problems: list[str]) -> Iterator[tuple[str, _Row]]:
    if path.suffix == ".parquet":
        return _parquet_rows(path, problems)
    return files.csv_rows(path, list(COLUMNS), _cell, problems)


def _cell(column: str, value: Any) -> Any:
    """The value of a cell.

    Raises:
        ValueError: What it must be.
    """
    low = _LEAST[column]
    if low is None:
        if not isinstance(value, str):
            raise ValueError(f"{column} must be a name")
        return value
    text = str(int(value) if files.is_whole_number(value) else value).strip()
    whole = text.isascii() and text.isdigit() and len(text) <= 12
    if not whole or not low <= int(text) <= INPUT_LIMIT:
        raise ValueError(f"{column} must be an integer from {low} to {INPUT_LIMIT}")
    return int(text)


def _parquet_rows(path: Path, problems: list[str]) -> Iterator[tuple[str, _Row]]:
    """Each row with its number; nothing where a column is wrong, which is said once."""
    lazy = files.scanned(path)
    files.check_columns(path, list(lazy.collect_schema()), _LEAST)
    frame = files.collected(path, lazy.select(*_LEAST))
    columns = [_column(column, frame[column], problems) for column in _LEAST]
    if not problems:
        for index, row in enumerate(zip(*columns, strict=True), 1):
            yield f"row {index}", row


def _column(column: str, values: Iterable[Any], problems: list[str]) -> list[Any]:
    """The cells of a column that are right; one problem where some are not."""
    cells, wrong = [], []
    for index, value in enumerate(values, 1):
        try:
            cells.append(_cell(column, value))
        except ValueError as error:
            wrong.append(f"row {index}: {error}")
    if wrong:
        more = f", so too in {len(wrong) - 1} more rows" if len(wrong) > 1 else ""
        problems.append(wrong[0] + more)
    return cells
