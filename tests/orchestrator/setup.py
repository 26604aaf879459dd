"""Runs to be played in tests."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from sim_economy.agents.usage_model import PublishedUsage
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.orchestrator.session import SessionResult, orchestrate
from sim_economy.orchestrator.settings import parse_plan
from sim_economy.orchestrator.task import Task
from tests.orchestrator.server import ModelServer

HOSTILE = "</pre></details><script>document.title='owned'</script><img src=x onerror=alert(1)>&\"'"
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


def play_hostile(folder: Path) -> None:
    """A run of three turns in which everything that a model can write is markup."""

    def brain(turn: int, agent: int, agent_id: str, shown: object) -> str:
        if agent == 1:
            return HOSTILE
        return json.dumps(
            {"action": {"action": "transfer", "to": HOSTILE, "amount": 5}, "speech": HOSTILE,
             "thinking": HOSTILE + "\x1b[31m\u202e"}
        )  # fmt: skip

    def rejects(turn: int, agent: int, attempt: int) -> str:
        return "rejected" if agent == 2 else "reasoning_text"

    with ModelServer(rejects, brain=brain) as server:
        play(folder, served(server.address, 3))


def poor(turns: int, **loop: Any) -> Task:
    """A run of four traders to whom thinking is so dear that they go below zero."""
    table = {
        "seed": 7,
        "num_agents": 4,
        "genesis_tokens_per_agent": 300,
        "base_inference_rate": 6,
        "commons_threshold_per_turn": 40,
        "dividend_rule": "stake_and_burn",
    }
    names = ["ann", "bob", "cy", "dot"]
    return mocked(turns, parse_world_config(table, agent_ids=names), **loop)
