"""Ten million usage records of a thousand agents to sums by day and to bills under tariffs.

Beside them a plain group-by of the same file.

Run `python -m benchmarks.usage`; each measurement has a process of its own, for its peak memory.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from sim_economy.tariffs.logged_turns import read_log
from sim_economy.tariffs.tariff_comparison import compare_tariffs
from sim_economy.usage.intake import ImportOptions
from sim_economy.usage.usage_import import write_usage

BLOCK = 1 << 20
DAYS = 30
COLUMNS = {
    "time": "started",
    "agent": "agent",
    "team": "team",
    "model": "model",
    "id": "call",
    "input": "prompt_tokens",
    "cache_read": "cached_tokens",
    "thinking": "reasoning_tokens",
    "output": "completion_tokens",
}


def block(first: int, rows: int, agents: int) -> pl.DataFrame:
    """Records with ids, of which one in a hundred comes again."""
    at = pl.int_range(first, first + rows, dtype=pl.Int64)
    drawn = at.hash(7)
    start = pl.datetime(2026, 10, 1, time_zone="UTC").dt.cast_time_unit("us")
    moment = drawn % (DAYS * 86_400 * 1000)
    agent = drawn // 1000 % agents
    return pl.select(
        (start + pl.duration(milliseconds=moment)).alias("started"),
        pl.format("agent-{}", agent).alias("agent"),
        pl.format("team-{}", agent % 12).alias("team"),
        pl.format("model-{}", drawn % 7).alias("model"),
        pl.format("call-{}", at - (at % 100 == 99).cast(pl.Int64) * (at % 1000)).alias("call"),
        (2000 + drawn % 3000).cast(pl.Int64).alias("prompt_tokens"),
        (drawn % 2000).cast(pl.Int64).alias("cached_tokens"),
        (drawn % 100).cast(pl.Int64).alias("reasoning_tokens"),
        (100 + drawn % 900).cast(pl.Int64).alias("completion_tokens"),
    )


def write(path: Path, rows: int, agents: int) -> None:
    with TemporaryDirectory(dir=path.parent) as folder:
        for first in range(0, rows, BLOCK):
            some = block(first, min(BLOCK, rows - first), agents)
            some.write_parquet(Path(folder) / f"{first:012}.parquet")
        pl.scan_parquet(Path(folder) / "*.parquet").sink_parquet(path)


def grouped(path: Path) -> int:
    """The group-by alone: no record is judged, none found to be repeated."""
    day = pl.col(COLUMNS["time"]).dt.date().alias("day")
    who = [COLUMNS[name] for name in ("team", "agent", "model")]
    counts = [COLUMNS[name] for name in ("input", "cache_read", "thinking", "output")]
    sums = (
        pl.scan_parquet(path)
        .select(*who, day, *counts)
        .group_by(*who, "day")
        .agg(pl.col(counts).sum())
        .collect(engine="streaming")
    )
    return sums.height


def imported(path: Path) -> int:
    """The import, then sums by day, agent and model of what it wrote."""
    out = path.with_name("usage.parquet")
    reckoning = write_usage([path], out, ImportOptions(columns=COLUMNS))
    assert reckoning.read == reckoning.kept + sum(reckoning.dropped.values())
    days = read_log(out).counted.counts.values()
    return sum(len(models) for agents in days for models in agents.values())


def billed(path: Path) -> int:
    """What was imported, under three tariffs and an allowance a month: bills of all agents."""
    folder = path.parent
    rates = {"low": 0.5, "usual": 1, "high": 2.5}
    tariffs = [folder / f"{name}.toml" for name in rates]
    for tariff, rate in zip(tariffs, rates.values(), strict=True):
        tariff.write_text(f"base_inference_rate = {rate}\n[units]\nper = 1000\ninput = 0.25\n")
    allowances = folder / "allowances.toml"
    allowances.write_text('allowance = 3000\nperiod = "month"\nwhen_empty = "clip"\n')
    return len(compare_tariffs(folder / "usage.parquet", tariffs, allowances).rows)


WORK: dict[str, Callable[[Path], int]] = {
    "import": imported,
    "group-by": grouped,
    "what-if": billed,
}


def peak_mb() -> float:
    """The most memory this process has held; `ru_maxrss` would count its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def measure(work: str, path: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.usage", "--work", work, "--path", str(path)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--work", choices=WORK)
    parser.add_argument("--path", type=Path)
    given = parser.parse_args()
    if given.work:
        started = time.perf_counter()
        sums = WORK[given.work](given.path)
        seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "peak_mb": peak_mb(), "sums": sums}))
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log.parquet"
        write(path, given.rows, given.agents)
        print(f"{given.rows:,} records, {path.stat().st_size / 1e6:,.0f} MB")
        for work in WORK:
            found = measure(work, path)
            print(
                f"{work:>8}: {found['seconds']:6.1f} s, peak {found['peak_mb']:6,.0f} MB, "
                f"{found['sums']:,} sums"
            )


if __name__ == "__main__":
    main()
