"""Small logs of usage as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import polars

COLUMNS: Final = (
    "time", "agent", "team", "model", "id", "calls",
    "input", "cache_read", "cache_write", "thinking", "output", "cost", "seconds",
)  # fmt: skip


def log_row(time: str, agent: str = "ann", **cells: Any) -> dict[str, Any]:
    blank = dict.fromkeys(COLUMNS, "") | dict.fromkeys(COLUMNS[5:11], 0)
    return blank | {"time": time, "agent": agent, "calls": 1} | cells


def csv_log(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    lines = [",".join(rows[0]), *(",".join(str(cell) for cell in row.values()) for row in rows)]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def parquet_log(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    frame = polars.DataFrame(
        {name: [None if cell == "" else cell for cell in cells] for name, cells in columns.items()},
        strict=False,
    )
    if "time" in columns:
        parsed = polars.col("time").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
        frame = frame.with_columns(parsed)
    frame.write_parquet(path)
    return path
