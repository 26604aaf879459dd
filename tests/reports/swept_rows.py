"""Tidy frames of sweeps, for tests: played by the core, or made up where classes are given."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl

from sim_economy.reports.played_run import play

ACROSS = "base_inference_rate"
UP = "policy.job_below"


def played_rows(
    values: Sequence[Mapping[str, Any]], replicates: int = 2, turns: int = 12
) -> pl.DataFrame:
    """Rows of points that the core plays, with metrics under the names of a sweep."""
    rows: list[dict[str, Any]] = []
    for point, own in enumerate(values):
        for replicate in range(1, replicates + 1):
            settings: dict[str, Any] = {"turns": turns, **own}
            found = play("as-run", seed=1000 + replicate, **settings)
            metrics = found.metrics
            balances = found.run.series.balances[1:]
            agent_turns = len(found.run.agent_ids) * settings["turns"]
            rows.append(
                {
                    "row": len(rows),
                    "point": point,
                    "replicate": replicate,
                    "seed": 1000 + replicate,
                    **own,
                    "fees_total": metrics["fees"],
                    "dividends_total": metrics["dividends"],
                    "job_credits_total": metrics["job_credits"],
                    "relief_total": metrics["interest_relief"],
                    "bonuses_total": metrics["signing_bonuses"],
                    "interest_total": metrics["interest"],
                    "destroyed_final": metrics["destroyed"],
                    "actions_job": metrics["actions_job"],
                    "token_supply_final": metrics["token_supply_final"],
                    "platform_final": found.run.series.platform[-1],
                    "insolvent_percent": 100
                    * sum(held < 0 for turn in balances for held in turn)
                    / agent_turns,
                    "mean_debt": sum(max(0, -held) for turn in balances for held in turn)
                    / agent_turns,
                    "rent_total": metrics["platform_rent"],
                    "gini_wealth_shifted": metrics["gini_wealth_shifted"],
                    "status": "core",
                }
            )
    return pl.DataFrame(rows)


def made_up_rows(
    across: Sequence[float],
    up: Sequence[int],
    outcome: Callable[[float, int, int], tuple[float, int]],
    replicates: int = 4,
    turns: int = 60,
) -> pl.DataFrame:
    """Rows of a full grid, with what `outcome` says of each value and replicate.

    Args:
        outcome: Percent of agent-turns below zero, and what the platform ends with.
    """
    rows: list[dict[str, Any]] = []
    for point, (one, other) in enumerate(product(across, up)):
        for replicate in range(1, replicates + 1):
            percent, platform = outcome(one, other, replicate)
            rows.append(
                {
                    "row": len(rows),
                    "point": point,
                    "replicate": replicate,
                    "seed": replicate,
                    "turns": turns,
                    ACROSS: one,
                    UP: other,
                    "insolvent_percent": percent,
                    "platform_final": platform,
                    **FLOWS,
                    "status": "kernel",
                }
            )
    return pl.DataFrame(rows)


FLOWS = {
    "fees_total": 4800,
    "dividends_total": 0,
    "job_credits_total": 2400,
    "relief_total": 0,
    "bonuses_total": 400,
    "interest_total": 48,
    "destroyed_final": 96,
    "actions_job": 120,
}
"""Of 8 agents over 60 turns: a fee of 10 an agent-turn."""


def write_sweep_folder(
    folder: Path,
    frame: pl.DataFrame,
    inputs: Sequence[str],
    design: str = "grid",
    *,
    turns: int = 60,
    finished: bool = True,
) -> Path:
    """The files of a sweep's folder that reports read."""
    (folder / "rows").mkdir(parents=True)
    half = frame.height // 2
    for part, rows in enumerate((frame[:half], frame[half:])):
        rows.write_parquet(folder / "rows" / f"part-{part:05d}.parquet")
    scenario: dict[str, Any] = {"world": {"num_agents": 8}}
    if "turns" not in inputs:
        scenario["turns"] = turns
    manifest: dict[str, Any] = {
        "settings": {"name": "made-up", "scenario": scenario},
        "study_hash": "0" * 64,
        "results": {"statuses": {}} if finished else None,
    }
    problem = {"names": [*inputs], "design": design, "num_levels": 4}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "problem.json").write_text(json.dumps(problem), encoding="utf-8")
    return folder
