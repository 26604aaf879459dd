"""The command that plays a run of an experiment again, and checks its ledger."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from sim_economy.runs.run import Run
from sim_economy.scenarios.scenario import Scenario


def replay_command(
    scenario: Scenario, run: Run, *, folder: str | Path = ".", ledgers: bool = False
) -> str | None:
    """The command line that plays a run again with its ledger; None where none can.

    Policies that Python handed over are not found by a command.

    Args:
        folder: The experiment's, as seen from where the command is typed.
        ledgers: Whether the experiment kept the ledgers of its runs.
    """
    name = f"run-{run.run:04d}.sqlite"
    if ledgers:
        return f"sim-economy replay {quote(str(Path(folder) / 'runs' / name))}"
    if "policy_sources" in scenario.settings:
        return None
    played = f"sim-economy run {quote(str(folder))} --seed {run.seed} --ledger {name}"
    return f"{played} && sim-economy replay {name}"
