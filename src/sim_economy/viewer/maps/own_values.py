"""Where the scenario of a sweep lies on each of its axes: the world in which nothing is varied."""

from __future__ import annotations

from typing import Any, Final

from sim_economy.agents.catalogue import settings_of
from sim_economy.reports.maps.map_sentences import PAPER_WORLD
from sim_economy.scenarios.scenario import Scenario, load_scenario
from sim_economy.viewer.maps.swept_rows import SweptAxis, SweptRows

_PAPER: Final = "as-run"
_FREE: Final = frozenset({"name", "runs", "seed", "turns"})
"""Settings that are no part of what the paper's world is."""


def mark_of(rows: SweptRows) -> str:
    """What the world is called in which nothing is varied."""
    base = rows.plan.study.scenario.base
    varied = {key.name for key in rows.plan.study.keys}
    if _stated(base, varied) == _stated(load_scenario(_PAPER), varied):
        return PAPER_WORLD.name
    return f"{base.name} as it stands"


def _stated(scenario: Scenario, varied: set[str]) -> dict[str, Any]:
    """The settings of a scenario without those that are varied."""
    settings = {key: value for key, value in scenario.settings.items() if key not in _FREE}
    world = {key: value for key, value in settings.pop("world").items() if key not in varied}
    policies = [
        (
            group.policy_name,
            {
                name: value
                for name, value in settings_of(group.policy, every=True).items()
                if f"policy.{name}" not in varied
            },
        )
        for group in scenario.population
        if group.agents
    ]
    for key in ("policy", "population"):
        settings.pop(key, None)
    kept = {key: value for key, value in settings.items() if key not in varied}
    return {**kept, "world": world, "policies": None if "policy" in varied else policies}


def own_step(rows: SweptRows, axis: SweptAxis) -> float | None:
    """Where the scenario's own value lies on an axis, in steps from the first; None outside."""
    import numpy as np  # noqa: PLC0415 - not for a command that opens something else

    value = _own_value(rows.plan.study.scenario.base, axis.name)
    if value is None:
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if axis.numbers is None:
        return float(axis.texts.index(text)) if text in axis.texts else None
    try:
        number = float(text)
    except ValueError:
        return None
    if not axis.numbers[0] <= number <= axis.numbers[-1]:
        return None
    return float(np.interp(number, axis.numbers, range(len(axis.numbers))))


def _own_value(base: Scenario, name: str) -> Any:
    """What the scenario states for a key; None where it states nothing."""
    table, _, own = name.partition(".")
    if own and table == "policy":
        groups = [group for group in base.population if group.agents]
        return settings_of(groups[0].policy, every=True).get(own) if len(groups) == 1 else None
    if own:
        held = base.settings.get(table)
        return held.get(own) if isinstance(held, dict) else None
    return base.settings["world"].get(name, base.settings.get(name))
