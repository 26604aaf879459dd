"""What was compared: treatments, the parameters in which they differ, and how to play each run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Final

from sim_economy.agents.population import described
from sim_economy.core.codec import canonical
from sim_economy.core.world_config import config_values
from sim_economy.ledger.readers.plain_text import markdown_text
from sim_economy.ledger.sidecars.run_folder import folder_name
from sim_economy.reports.comparisons.comparison import TreatmentRuns
from sim_economy.reports.page.document import Section
from sim_economy.reports.tables import Code, Table, Value, changed_parameters
from sim_economy.scenarios.scenario import Scenario, load_scenario

_COMMANDS: Final = (
    "Each command, typed in this folder, plays one run again into a ledger and checks every byte "
    "of it."
)


def provenance(sides: Sequence[TreatmentRuns]) -> list[Section]:
    """What was run, in what the treatments differ, and the command that plays each run again."""
    return [
        Section(title="What was run", blocks=[_what_was_run(sides)]),
        Section(title="In what they differ", blocks=[_parameters(sides)]),
        Section(
            title="Every run",
            blocks=[
                _COMMANDS,
                _runs(sides),
            ],
        ),
    ]


def _what_was_run(sides: Sequence[TreatmentRuns]) -> str:
    lines = []
    for side in sides:
        treatment = side.treatment
        groups = "; ".join(described(group) for group in treatment.population if group.agents)
        seeds = [run.seed for run in side.runs]
        runs = f"{len(seeds)} runs" if len(seeds) > 1 else "1 run"
        span = f"seeds {min(seeds)} to {max(seeds)}" if len(seeds) > 1 else f"seed {seeds[0]}"
        lines.append(
            f"- **{markdown_text(treatment.name)}**: {runs} of {treatment.turns} turns, "
            f"{span}. Population: {groups}. {_world(sides[0], side)}"
        )
        lines += [f"  - {markdown_text(doubt)}" for doubt in side.doubts()]
    rules = ", ".join(
        str(rules) for rules in dict.fromkeys(side.treatment.config.rules_version for side in sides)
    )
    lines.append(f"- sim-economy {version('sim-economy')}, rules version {rules}.")
    return "\n".join(lines)


def _world(first: TreatmentRuns, side: TreatmentRuns) -> str:
    base, name = first.treatment, "that of the first"
    if side is first:
        base, name = load_scenario("as-run"), "as-run"
    changed = changed_parameters(base, side.treatment)
    return f"World: {name}{' with ' if changed else ''}{changed}."


def _parameters(sides: Sequence[TreatmentRuns]) -> Table:
    """The settings that are not the same for all treatments."""
    settings = [_settings(side.treatment) for side in sides]
    names = dict.fromkeys(name for own in settings for name in own)
    rows: list[tuple[Value, ...]] = []
    for name in names:
        values = [own.get(name) for own in settings]
        if any(value != values[0] for value in values):
            rows.append((name, *values))
    columns = ("parameter", *(side.name for side in sides))
    return Table("parameters", "Parameters that differ", columns, tuple(rows))


def _settings(scenario: Scenario) -> dict[str, str]:
    """What decides its runs, by name, as text."""
    groups = "; ".join(described(group) for group in scenario.population if group.agents)
    usage = scenario.settings["usage"]
    return {
        "turns": str(scenario.turns),
        "runs": str(scenario.runs),
        "seed": str(scenario.seed),
        "population": groups.replace("`", ""),
        "usage": canonical(usage).decode(),
        **{name: _text(value) for name, value in config_values(scenario.config).items()},
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _runs(sides: Sequence[TreatmentRuns]) -> Table:
    rows = [
        (side.name, run.run, run.seed, run.head[:12], Code(_command(side.name, run.seed)))
        for side in sides
        for run in side.runs
    ]
    columns = ("treatment", "run", "seed", "chain head", "command that plays it again")
    return Table("runs", "Runs", columns, tuple(rows))


def _command(name: str, seed: int) -> str:
    folder = folder_name(name)
    ledger = shlex.quote(f"{folder}-{seed}.sqlite")
    return (
        f"sim-economy run {shlex.quote(f'./{folder}')} --seed {seed} --ledger {ledger} "
        f"&& sim-economy replay {ledger}"
    )
