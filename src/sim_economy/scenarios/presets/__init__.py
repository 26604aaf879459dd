"""The two worlds that ship: the economy as it was run, and as its paper describes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final

from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import attempt, read_choice, read_toml
from sim_economy.core.world_config import WorldConfig, parse_world_config

PRESETS: Final = ("as-run", "as-written")


def preset_text(name: str) -> str:
    """The shipped file of a preset."""
    return resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")


def preset(name: str) -> WorldConfig:
    """A preset's world.

    Raises:
        ScenarioError: There is no such preset.
    """
    if name not in PRESETS:
        raise ScenarioError([f"preset: there is no {name}; there are {', '.join(PRESETS)}"])
    return _read_preset(name)


@cache
def _read_preset(name: str) -> WorldConfig:
    return parse_world_config(read_toml(preset_text(name))["world"])


def preset_world_config(
    config: Mapping[str, Any], agent_ids: Sequence[str] | None = None
) -> WorldConfig:
    """A world from a flat configuration that may name the preset it starts from.

    Raises:
        ScenarioError: With every problem found.
    """
    given = dict(config)
    problems = []
    name = "as-run"
    try:
        name = read_choice(given.pop("preset", name), PRESETS)
    except ValueError as error:
        problems.append(f"preset: {error}")
    found = attempt(problems, "", parse_world_config, given, preset(name), agent_ids)
    if problems or found is None:
        raise ScenarioError(problems)
    return found
