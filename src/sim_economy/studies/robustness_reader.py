"""Robustness checks of a study: its world with one factor changed, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sim_economy.core.table_reader import attempt
from sim_economy.experiments.sweeps.point_scenarios import swept_scenario
from sim_economy.studies.study_tables import RobustnessTable, read_entries
from sim_economy.studies.treatment_study import RobustnessCheck, StudyBehaviour

_SHOCKS: Final = "governance.shocks"


def read_robustness(
    values: Mapping[str, Any], first: StudyBehaviour, folder: Path, problems: list[str]
) -> tuple[RobustnessCheck, ...]:
    """The checks that a study names, each under its first behaviour.

    Args:
        values: The study's own.
        problems: What is wrong with them is added.
    """
    found = []
    for own in read_entries(RobustnessTable, values["robustness"], "robustness", problems):
        path = f"robustness.{own.name}: "
        limit = own.turns_max or first.horizons[-1].turns
        horizons = tuple(each for each in first.horizons if each.turns <= limit)
        if not horizons:
            problems.append(f"{path}turns_max is below the first horizon")
            continue
        if misstated := _misstated(own.entries, path):
            problems += misstated
            continue
        turns = horizons[-1].turns
        settings = {**first.settings, **own.set, "turns": turns, "runs": horizons[0].seeds}
        if own.entries:
            settings[_SHOCKS] = repeated_entries(own.entries, own.every, turns)
        source = own.scenario or values["scenario"]
        scenario = attempt(
            problems, path, swept_scenario, source, folder, settings, values["seed"], None
        )
        if scenario is not None:
            behaviour = StudyBehaviour(
                name=f"{first.name}, {own.name}",
                scenario=scenario,
                horizons=horizons,
                settings=settings,
            )
            found.append(RobustnessCheck(own.name, behaviour))
    return tuple(found)


def repeated_entries(given: Any, every: int | None, turns: int) -> list[dict[str, Any]]:
    """Entries of `governance.shocks` that start over, up to the last turn.

    Args:
        every: Turns after which they start over; None where they do not.
    """
    found = []
    for start in range(0, turns, every or turns):
        for entry in given:
            first = start + entry["turn"]
            last = min(turns, start + entry.get("until", entry["turn"]))
            if first <= turns:
                found.append({**entry, "turn": first, "until": last})
    return found


def _misstated(given: Any, path: str) -> list[str]:
    """What keeps entries from being repeated; the rest of them is checked as a scenario's."""
    return [
        f"{path}entries[{index}]: must be a table with a turn, and until if it lasts, as integers"
        for index, entry in enumerate(given)
        if not isinstance(entry, Mapping)
        or not isinstance(entry.get("turn"), int)
        or not isinstance(entry.get("until", 1), int)
    ]
