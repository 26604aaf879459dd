"""A run to be orchestrated: all that decides it."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

from msgspec import Struct

from sim_economy.core.codec import canonical
from sim_economy.core.world_config import WorldConfig, config_values
from sim_economy.orchestrator.dialogue.system_prompt import PROMPT_VERSION
from sim_economy.orchestrator.record.call_log import FORMAT
from sim_economy.orchestrator.settings import Plan


class Task(Struct, frozen=True, kw_only=True):
    """A run to be played: everything that decides it.

    Attributes:
        usage: The scenario's usage table, for its scripted agents.
        world_backend: `world`, or `engine` where a server keeps the ledger.
        prompt_version: The prompts of a new run, or those that a resumed one began with.
    """

    name: str
    turns: int
    config: WorldConfig
    plan: Plan
    usage: dict[str, Any]
    world_backend: str = "world"
    prompt_version: int = PROMPT_VERSION

    @property
    def world_id(self) -> str:
        """The name of the world in its genesis record."""
        return "default" if self.world_backend == "engine" else f"{self.name}/{self.config.seed}"

    @property
    def settings(self) -> dict[str, Any]:
        """As plain values, to be kept and compared."""
        world: dict[str, Any] = json.loads(canonical(config_values(self.config, seed=True)))
        settings = {
            "sim_economy": version("sim-economy"),
            "format": FORMAT,
            "rules_version": self.config.rules_version,
            "prompt_version": self.prompt_version,
            "name": self.name,
            "turns": self.turns,
            "door": self.world_backend,
            "usage": self.usage,
            "agent_ids": list(self.config.agent_ids),
            "world": {key: world[key] for key in world if key != "secret" or world[key]},
            **self.plan.deciding,
        }
        # As JSON gives it back, so that it compares equal with what a folder kept.
        return json.loads(json.dumps(settings))  # type: ignore[no-any-return]
