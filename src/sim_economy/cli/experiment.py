"""`experiment`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
from msgspec import to_builtins

from sim_economy.cli.agent_tables import (
    agents_json,
    show_agents,
    show_collectors,
    show_interventions,
)
from sim_economy.cli.experiment_output import (
    SHOWN_METRICS,
    rounded,
    show_files,
    show_warnings,
    write_experiment_report,
)
from sim_economy.cli.options import (
    fresh_option,
    json_option,
    out_option,
    report_option,
    seed_option,
    set_option,
    turns_option,
)
from sim_economy.cli.output import print_json, print_table, progress_bar, say, say_wrapped
from sim_economy.cli.scenario_options import chosen_scenario, policy_option, scenario_argument
from sim_economy.experiments.experiment import Outcome, run_experiment
from sim_economy.ledger.sidecars.run_folder import output_folder
from sim_economy.reports.page.document import plain
from sim_economy.reports.sentences import answer
from sim_economy.runs.agent_outcomes import agent_outcomes, collectors
from sim_economy.runs.extended_metrics import doubts
from sim_economy.runs.replay_command import replay_command
from sim_economy.runs.run_metrics import aggregate
from sim_economy.scenarios.scenario import Scenario, played_folder


@click.command()
@scenario_argument
@policy_option
@turns_option
@click.option("--runs", type=int, help="Replicates.")
@seed_option
@set_option
@out_option
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--ledgers", is_flag=True, help="Keep each run's ledger file.")
@fresh_option
@report_option
@json_option
def experiment(
    scenario: str,
    policy: str | None,
    turns: int | None,
    runs: int | None,
    seed: int | None,
    changes: tuple[str, ...],
    out: Path | None,
    jobs: int,
    ledgers: bool,
    fresh: bool,
    report: bool,
    as_json: bool,
) -> int:
    """Play many runs of SCENARIO into a folder: of a file, or of a shipped one.

    The same command resumes an interrupted one, as does the folder instead of SCENARIO.
    Exits with 1 if a run failed.
    """
    chosen = chosen_scenario(scenario, changes, policy, turns=turns, runs=runs, seed=seed)
    folder = out or played_folder(scenario)
    if folder is None:
        folder = output_folder(chosen.name, "experiment", foreign="settings.json")
    with progress_bar(chosen.name, chosen.runs) as progress:
        outcome = run_experiment(
            chosen, folder, jobs=jobs, ledgers=ledgers, fresh=fresh, progress=progress
        )
    written = write_experiment_report(folder, chosen, outcome) if report else []
    show_warnings(doubts(chosen, outcome.runs))
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "runs": len(outcome.runs),
                "resumed": outcome.resumed,
                "failures": to_builtins(outcome.failures),
                "missing": outcome.missing,
                "report": [str(path) for path in written],
                "rows": outcome.rows,
                **agents_json(chosen, outcome.runs),
            }
        )
    else:
        if outcome.runs:
            say_wrapped(plain(answer(chosen, outcome.runs)))
            show_agents(agent_outcomes(outcome.runs, chosen), _title(chosen, outcome))
            show_collectors(collectors(outcome.runs, chosen.config))
            show_interventions(outcome.runs)
            _show_metrics(outcome)
        if outcome.resumed:
            say(f"{outcome.resumed} runs were there already")
        show_files(outcome, folder, written)
        _show_replay(chosen, outcome, folder, ledgers=ledgers)
    return 1 if outcome.failures else 0


def _show_replay(chosen: Scenario, outcome: Outcome, folder: Path, *, ledgers: bool) -> None:
    """Say how the first run is played again; the others differ in their seed."""
    if not outcome.runs:
        return
    first = outcome.runs[0]
    if command := replay_command(chosen, first, folder=folder, ledgers=ledgers):
        lines = command.replace(" && ", " &&\n  ")
        say(f"run {first.run} again, with its ledger:\n  {lines}")


def _title(chosen: Scenario, outcome: Outcome) -> str:
    count = len(outcome.runs)
    return f"{chosen.name}: {count} {'run' if count == 1 else 'runs'} of {chosen.turns} turns"


def _show_metrics(outcome: Outcome) -> None:
    """Each run's metrics; where there are many, their mean, least and greatest."""
    if len(outcome.rows) <= _RUNS_SHOWN:
        columns = ("run_id", *SHOWN_METRICS)
        rows = [[rounded(row[column]) for column in columns] for row in outcome.rows]
        print_table("metrics by run", columns, rows)
        return
    summary = aggregate(outcome.rows)
    cells = [
        (name, *(rounded(summary[name][column]) for column in ("mean", "min", "max")))
        for name in SHOWN_METRICS
    ]
    title = f"metrics over {len(outcome.rows)} runs; run_metrics.csv has each"
    print_table(title, ("measure", "mean", "min", "max"), cells)


_RUNS_SHOWN: Final = 12
