"""Output of finished runs, shared by `experiment`, `reproduce` and `run`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim_economy.cli.output import say
from sim_economy.core.errors import ExtraMissingError
from sim_economy.experiments.experiment import Outcome
from sim_economy.reports.published.rows import Comparison
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run_metrics import run_metrics
from sim_economy.scenarios.scenario import Scenario, load_scenario

SHOWN_METRICS = (
    "token_supply_final",
    "fees_total",
    "turns_with_block",
    "negative_balance_agents",
    "gini_wealth_shifted",
    "actions_mine",
    "actions_job",
)


def show_files(outcome: Outcome, folder: Path, written: list[Path]) -> None:
    """Print failures, what was left out, and where the files are."""
    for failure in outcome.failures:
        say(f"run {failure.run} failed: {failure.error}; see {failure.path}", err=True)
    for note in outcome.missing:
        say(f"left out: {note}", err=True)
    say(f"files in {folder}" + (f"; read {written[-1]}" if written else ""))


def show_warnings(warnings: Sequence[str]) -> None:
    """Say, beside the output, why runs say less than they seem to."""
    for warning in warnings:
        say(f"warning: {warning}", err=True)


def write_experiment_report(
    folder: Path, chosen: Scenario, outcome: Outcome, comparison: Comparison | None = None
) -> list[Path]:
    """The report of runs, if any finished; with a comparison, the economy as written in it too."""
    if not outcome.rows:
        return []
    from sim_economy.reports.report import write_report  # noqa: PLC0415

    others = []
    if comparison is not None:
        other = load_scenario("as-written")
        runs = [play_run(other, run) for run in range(1, other.runs + 1)]
        others = [(other, runs, [run_metrics(run) for run in runs])]
    try:
        return write_report(
            folder, chosen, outcome.runs, outcome.rows, comparison=comparison, others=others
        )
    except ExtraMissingError as error:
        outcome.missing.append(str(error))
        return []


def rounded(value: float) -> int | str:
    """A metric for a terminal: three decimals, whole numbers whole."""
    return int(value) if value == int(value) else f"{value:.3f}"
