"""`reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from msgspec import to_builtins

from sim_economy.cli.experiment_output import show_files, write_experiment_report
from sim_economy.cli.options import json_option, report_option
from sim_economy.cli.output import print_json, print_table, progress_bar, say_wrapped
from sim_economy.experiments.experiment import run_experiment
from sim_economy.experiments.resume import check_same_scenario
from sim_economy.reports.published.rows import Comparison, compare
from sim_economy.scenarios.scenario import load_scenario


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out/reproduce"),
    show_default=True,
    help="Folder for the files.",
)
@report_option
@json_option
def reproduce(out: Path, report: bool, as_json: bool) -> int:
    """Run the published experiment anew and compare every cell with the published one.

    Exits with 1 if a cell differs.
    """
    chosen = load_scenario("as-run")
    check_same_scenario(out, chosen)
    with progress_bar("published experiment", chosen.runs) as progress:
        outcome = run_experiment(chosen, out, fresh=True, progress=progress)
    comparison = compare(
        (out / "run_metrics.csv").read_text(encoding="utf-8") if outcome.rows else "",
        (out / "summary.json").read_text(encoding="utf-8") if outcome.rows else "",
    )
    written = write_experiment_report(out, chosen, outcome, comparison) if report else []
    if as_json:
        print_json(
            {
                "cells": comparison.cells,
                "exact": comparison.exact,
                "informative_cells": comparison.informative_cells,
                "informative_columns": comparison.informative_columns,
                "first_difference": to_builtins(comparison.first_difference),
                "summary_equal": comparison.summary_equal,
                "failures": to_builtins(outcome.failures),
                "folder": str(out),
                "report": [str(path) for path in written],
                "answer": _answer(comparison),
            }
        )
    else:
        say_wrapped(_answer(comparison))
        _show_comparison(comparison, len(outcome.runs), chosen.turns)
        show_files(outcome, out, written)
    return 0 if comparison.holds else 1


def _answer(comparison: Comparison) -> str:
    """Whether the published experiment came out again, in one sentence."""
    if comparison.holds:
        return f"All {comparison.cells} published cells came out again, to the last printed digit."
    if comparison.exact == comparison.cells:
        return f"All {comparison.cells} published cells came out again, but summary.json differs."
    different = comparison.cells - comparison.exact
    return f"{different} of the {comparison.cells} published cells did not come out again."


def _show_comparison(comparison: Comparison, runs: int, turns: int) -> None:
    first = comparison.first_difference
    rows: list[list[Any]] = [
        ["runs x turns", f"{runs} x {turns}"],
        ["cells compared", comparison.cells],
        ["cells exact", comparison.exact],
        ["informative cells", f"{comparison.informative_cells} (the rest is constant or repeats)"],
        ["summary.json", "equal byte for byte" if comparison.summary_equal else "differs"],
    ]
    if first is not None:
        where = f"run {first.run_id}, {first.column}"
        rows.append(["first difference", f"{where}: {first.published}, ours {first.ours}"])
    print_table("the published experiment, reproduced", ("", ""), rows)
