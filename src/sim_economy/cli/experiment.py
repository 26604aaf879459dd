"""`experiment`."""

from __future__ import annotations

from pathlib import Path

import click
from msgspec import to_builtins

from sim_economy.cli.experiment_output import (
    SHOWN_METRICS,
    rounded,
    show_files,
    show_warnings,
    write_experiment_report,
)
from sim_economy.cli.options import (
    json_option,
    report_option,
    seed_option,
    set_option,
    turns_option,
)
from sim_economy.cli.output import print_json, print_table, progress_bar, say
from sim_economy.cli.scenario_options import chosen_scenario, policy_option, scenario_argument
from sim_economy.experiments.experiment import run_experiment
from sim_economy.ledger.sidecars.run_folder import output_folder
from sim_economy.runs.extended_metrics import doubts


@click.command()
@scenario_argument
@policy_option
@turns_option
@click.option("--runs", type=int, help="Replicates.")
@seed_option
@set_option
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for the files.  [default: out/NAME]"
)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--ledgers", is_flag=True, help="Keep each run's ledger file.")
@click.option("--fresh", is_flag=True, help="Start over instead of resuming.")
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
    """Play many runs of SCENARIO, a file or a shipped one, into a folder.

    The same command resumes an interrupted one. Exits with 1 if a run failed.
    """
    chosen = chosen_scenario(scenario, changes, policy, turns=turns, runs=runs, seed=seed)
    folder = out or output_folder(chosen.name, "experiment", foreign="settings.json")
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
            }
        )
    else:
        columns = ("run_id", *SHOWN_METRICS)
        rows = [[rounded(row[column]) for column in columns] for row in outcome.rows]
        print_table(f"{chosen.name}: {len(rows)} runs of {chosen.turns} turns", columns, rows)
        if outcome.resumed:
            say(f"{outcome.resumed} runs were there already")
        show_files(outcome, folder, written)
    return 1 if outcome.failures else 0
