"""Small logs, tariffs and allowances as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim_economy.tariffs.tariff_comparison import TariffComparison, compare_tariffs
from tests.usage.logs import csv_log, log_row

Use = Mapping[tuple[int, str], int]
"""Output tokens by day of March 2026 and agent, `team/name` or `name`."""


def march(path: Path, use: Use, **cells: Any) -> Path:
    """A log of one row for each day and agent."""
    rows = []
    for (day, agent), output in use.items():
        team, _, name = agent.rpartition("/")
        time = f"2026-03-{day:02}T09:00:00Z"
        rows.append(log_row(time, name, team=team, model="m", output=output, **cells))
    return csv_log(path, rows)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def compared(
    folder: Path,
    use: Use,
    tariffs: Sequence[str] = ("",),
    allowances: str | None = None,
    **options: Any,
) -> TariffComparison:
    """A small log under tariffs that are named A, B, ..."""
    log = march(folder / "log.csv", use)
    files = [
        written(folder / f"{chr(65 + index)}.toml", text) for index, text in enumerate(tariffs)
    ]
    granted = None if allowances is None else written(folder / "allowances.toml", allowances)
    return compare_tariffs(log, files, granted, **options)
