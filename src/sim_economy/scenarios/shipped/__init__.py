"""Scenarios that ship: mixed populations and what comes of them."""

from __future__ import annotations

from importlib import resources
from typing import Final

REGIMES: Final = ("baseline", "coordination_push", "high_compute_cost")
"""The second published experiment: one population, three regimes."""

SCENARIOS: Final = (*REGIMES, "market", "rentiers")
"""The shipped scenarios by name."""


def scenario_text(name: str) -> str:
    """The shipped file of a scenario."""
    return resources.files(__name__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
