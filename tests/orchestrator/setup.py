"""Runs to be played in tests."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from sim_economy.agents.usage_model import PublishedUsage
from sim_economy.core.world_config import Scenario, parse_scenario
from sim_economy.orchestrator.session import Ending, orchestrate
from sim_economy.orchestrator.settings import parse_plan
from sim_economy.orchestrator.task import Task

SCENARIO = parse_scenario({"seed": 7})


def task(
    tables: dict[str, Any],
    turns: int = 3,
    scenario: Scenario = SCENARIO,
    folder: Path | None = None,
    name: str = "test",
) -> Task:
    plan = parse_plan(tables, scenario, folder or Path())
    return Task(name=name, turns=turns, scenario=scenario, plan=plan, usage={"source": "published"})


def mocked(turns: int = 3, scenario: Scenario = SCENARIO, **loop: Any) -> Task:
    """A run of traders that need no server."""
    tables = {
        "orchestrator": loop,
        "models": {"m": {"provider": "mock"}},
        "minds": [{"model": "m"}],
    }
    return task(tables, turns, scenario)


def served(
    address: str,
    turns: int = 3,
    scenario: Scenario = SCENARIO,
    model: dict[str, Any] | None = None,
    folder: Path | None = None,
    **loop: Any,
) -> Task:
    """A run of models behind a server."""
    table = {"provider": "openai-compatible", "model": "small", "base_url": address}
    tables = {
        "orchestrator": {"backoff_seconds": 1, **loop},
        "models": {"m": {**table, **(model or {})}},
        "minds": [{"model": "m"}],
    }
    return task(tables, turns, scenario, folder)


def play(folder: Path, wanted: Task, **options: Any) -> Ending:
    return asyncio.run(orchestrate(folder, wanted, PublishedUsage(), **options))
