"""`compare`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from sim_economy.cli.experiment_output import show_warnings
from sim_economy.cli.options import (
    fresh_option,
    json_option,
    numbers_as_changes,
    seed_option,
    turns_option,
)
from sim_economy.cli.output import print_json, print_table, progress_bar, say, say_wrapped
from sim_economy.cli.scenario_options import scenario_names
from sim_economy.experiments.experiment import run_experiment
from sim_economy.experiments.resume import is_experiment_folder
from sim_economy.ledger.sidecars.run_folder import claimed, folder_name
from sim_economy.reports.comparisons.comparison import (
    MetricDifference,
    TreatmentComparison,
    TreatmentRuns,
    check_names,
    compared,
    plain_comparison,
    reservations,
)
from sim_economy.reports.comparisons.comparison_differences import (
    amount,
    equal_text,
    in_units,
    percent_text,
    shown_differences,
)
from sim_economy.reports.comparisons.comparison_report import (
    REPORT_BEGINNING,
    answer_text,
    write_compared,
)
from sim_economy.reports.comparisons.insolvency import AGENTS_CSV, broke_table, outcome_rows
from sim_economy.reports.comparisons.metric_names import METRIC_NAMES, check_metrics
from sim_economy.scenarios.scenario import Scenario, load_scenario
from sim_economy.scenarios.shipped import REGIMES


def _metric_names(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Metrics, for completion in a shell."""
    del ctx, param
    return [
        CompletionItem(column, help=name)
        for column, name in METRIC_NAMES.items()
        if column.startswith(begun)
    ]


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
@fresh_option
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    shell_complete=_metric_names,
    help="A metric to name first; may be given often.",
)
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
    metrics: tuple[str, ...],
    as_json: bool,
) -> int:
    """Play several SCENARIOS and compare each with the first, run by run with the same seed.

    Without SCENARIOS: baseline, coordination_push and high_compute_cost. The same command resumes
    where an interrupted one stopped. Exits with 1 if a run failed.
    """
    given = numbers_as_changes(runs=runs, turns=turns, seed=seed)
    treatments = [load_scenario(name, [*changes, *given]) for name in scenarios or REGIMES]
    check_names(treatments)
    check_metrics(metrics)
    with claimed(out, "comparison", _is_comparison_folder):
        sides, failed = _played(treatments, out, jobs=jobs, fresh=fresh)
        if len(sides) < len(treatments):
            return 1
        found = compared(sides, metrics)
        written = write_compared(out, found)
    _show(found, written, as_json=as_json)
    return 1 if failed else 0


def _played(
    treatments: list[Scenario], out: Path, *, jobs: int, fresh: bool
) -> tuple[list[TreatmentRuns], int]:
    """The treatments of which runs finished, and how many runs failed."""
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
    return sides, failed


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


def _show(found: TreatmentComparison, written: list[Path], *, as_json: bool) -> None:
    show_warnings(reservations(found.sides))
    if as_json:
        report = [str(path) for path in written]
        print_json(
            {
                "answer": answer_text(found),
                **plain_comparison(found),
                "agents": outcome_rows(found.outcomes),
                "report": report,
            }
        )
        return
    say_wrapped(answer_text(found))
    first, *others = found.sides
    for side in others:
        _show_differences(first.name, side.name, found)
    _show_insolvency(found)
    say(f"read {written[-1]}")


def _show_differences(first: str, other: str, found: TreatmentComparison) -> None:
    """Each metric under two treatments; where nothing is paired, the means alone."""
    means = found.means()
    differences = found.against(other)
    rows = [
        [METRIC_NAMES[row.column], *_cells(row, means[row.column][first], means[row.column][other])]
        for row in shown_differences(found, differences)
    ]
    columns = ("metric", first, other, "difference", "%", "certainty")
    if rows:
        print_table(f"{other} against {first}, means of the runs", columns, rows)
    if equal := equal_text(differences):
        say_wrapped(equal)


def _cells(row: MetricDifference, first: float | None, other: float | None) -> list[str]:
    """Of the pairs, if there are any; else of all runs."""
    if row.mean is None:
        return [_amount(first), _amount(other), "-", "-", row.certainty]
    percent = percent_text(row).removesuffix(" %")
    difference = in_units(row)
    return [_amount(row.first), _amount(row.other), difference, percent, row.certainty]


def _amount(mean: float | None) -> str:
    return "-" if mean is None else amount(mean)


def _show_insolvency(found: TreatmentComparison) -> None:
    """Who goes broke and when, the earliest first; of many agents some."""
    table = broke_table(found.outcomes)
    rows = [
        [_amount(cell) if isinstance(cell, float | int) else cell or "-" for cell in row]
        for row in table.rows[:_AGENTS_SHOWN]
    ]
    if rows:
        print_table(table.title, table.columns, rows)
    agents = {own.agent_id for under in found.outcomes.values() for own in under}
    if len(rows) < len(agents):
        say(f"all {len(agents):,} agents are in {AGENTS_CSV}")


_AGENTS_SHOWN = 20
