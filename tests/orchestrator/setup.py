"""Runs to be played in tests."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from sim_economy.agents.usage_model import PublishedUsage
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.orchestrator.session import SessionResult, orchestrate
from sim_economy.orchestrator.settings import parse_plan
from sim_economy.orchestrator.task import Task

SCENARIO = parse_world_config({"seed": 7})


def task(
    tables: dict[str, Any],
    turns: int = 3,
    config: WorldConfig = SCENARIO,
    folder: Path | None = None,
    name: str = "test",
) -> Task:
    plan = parse_plan(tables, config, folder or Path())
    return Task(name=name, turns=turns, config=config, plan=plan, usage={"source": "published"})


def mocked(turns: int = 3, config: WorldConfig = SCENARIO, **loop: Any) -> Task:
    """A run of traders that need no server."""
    tables = {
        "orchestrator": loop,
        "models": {"m": {"provider": "mock"}},
        "minds": [{"model": "m"}],
    }
    return task(tables, turns, config)


def served(
    address: str,
    turns: int = 3,
    config: WorldConfig = SCENARIO,
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
    return task(tables, turns, config, folder)


def play(folder: Path, wanted: Task, **options: Any) -> SessionResult:
    return asyncio.run(orchestrate(folder, wanted, PublishedUsage(), **options))
