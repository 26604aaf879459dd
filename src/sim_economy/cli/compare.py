"""`compare`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from sim_economy.cli.experiment_output import rounded, show_warnings
from sim_economy.cli.options import json_option, numbers_as_changes, seed_option, turns_option
from sim_economy.cli.output import print_json, print_table, progress_bar, say, say_wrapped
from sim_economy.cli.scenario_options import scenario_names
from sim_economy.experiments.experiment import run_experiment
from sim_economy.experiments.resume import is_experiment_folder
from sim_economy.ledger.sidecars.run_folder import claimed, folder_name
from sim_economy.reports.comparison import (
    COMPARED_METRICS,
    REPORT_BEGINNING,
    TreatmentRuns,
    check_names,
    differences,
    outcomes_of,
    reservations,
    unpaired_sides,
    write_comparison,
)
from sim_economy.reports.insolvency import outcome_rows, reading_of_insolvency
from sim_economy.scenarios.scenario import Scenario, load_scenario
from sim_economy.scenarios.shipped import REGIMES


@click.command()
@click.argument("scenarios", nargs=-1, shell_complete=scenario_names)
@click.option("--runs", type=int, help="Replicates of each.")
@turns_option
@seed_option
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change all of them.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out/compare"),
    show_default=True,
    help="Folder; each scenario gets one in it.",
)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--fresh", is_flag=True, help="Start over instead of resuming.")
@json_option
def compare(
    scenarios: tuple[str, ...],
    runs: int | None,
    turns: int | None,
    seed: int | None,
    changes: tuple[str, ...],
    out: Path,
    jobs: int,
    fresh: bool,
    as_json: bool,
) -> int:
    """Play several SCENARIOS and compare each with the first, run by run with the same seed.

    Without SCENARIOS: baseline, coordination_push and high_compute_cost. The same command resumes
    where an interrupted one stopped. Exits with 1 if a run failed.
    """
    given = numbers_as_changes(runs=runs, turns=turns, seed=seed)
    treatments = [load_scenario(name, [*changes, *given]) for name in scenarios or REGIMES]
    check_names(treatments)
    with claimed(out, "comparison", _is_comparison_folder):
        return _compare(treatments, out, jobs=jobs, fresh=fresh, as_json=as_json)


def _compare(
    treatments: list[Scenario], out: Path, *, jobs: int, fresh: bool, as_json: bool
) -> int:
    sides: list[TreatmentRuns] = []
    failed = 0
    for treatment in treatments:
        folder = out / folder_name(treatment.name)
        with progress_bar(treatment.name, treatment.runs) as progress:
            outcome = run_experiment(treatment, folder, jobs=jobs, fresh=fresh, progress=progress)
        for failure in outcome.failures:
            text = (
                f"{treatment.name}, run {failure.run} failed: {failure.error}; see {failure.path}"
            )
            say(text, err=True)
        failed += len(outcome.failures)
        if outcome.runs:
            sides.append(TreatmentRuns(treatment, outcome.runs))
    if len(sides) < len(treatments):
        return 1
    written = write_comparison(out, sides)
    _show(sides, written, as_json=as_json)
    return 1 if failed else 0


def _is_comparison_folder(folder: Path) -> bool:
    """Test whether the folder is empty, or holds a comparison, or the experiments of one."""
    report = folder / "comparison.md"
    if report.exists():
        with suppress(OSError), report.open("rb") as file:
            return file.read(len(REPORT_BEGINNING)) == REPORT_BEGINNING
        return False
    return all(
        path.name in {".lock", "comparison.md.part"}
        or (path.is_dir() and is_experiment_folder(path))
        for path in folder.iterdir()
    )


def _show(sides: list[TreatmentRuns], written: list[Path], *, as_json: bool) -> None:
    show_warnings(reservations(sides))
    if as_json:
        print_json(_plain_comparison(sides, written))
        return
    for name, outcomes in outcomes_of(sides).items():
        say_wrapped(reading_of_insolvency(name, outcomes))
    by_side = {side.treatment.name: side.means() for side in sides}
    rows = [
        [name, *(_rounded(own[column]) for own in by_side.values())]
        for column, name in COMPARED_METRICS.items()
    ]
    print_table("means over the runs", ("measure", *by_side), rows)
    say(f"read {written[-1]}")


def _plain_comparison(sides: list[TreatmentRuns], written: list[Path]) -> dict[str, Any]:
    by_side = {side.treatment.name: side.means() for side in sides}
    return {
        "means": {
            column: {name: own[column] for name, own in by_side.items()}
            for column in COMPARED_METRICS
        },
        "differences": [row.plain for row in differences(sides)],
        "unpaired": unpaired_sides(sides),
        "agents": outcome_rows(outcomes_of(sides)),
        "report": [str(path) for path in written],
    }


def _rounded(mean: float | None) -> int | str:
    return "-" if mean is None else rounded(mean)
