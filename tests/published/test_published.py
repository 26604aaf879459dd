"""The published experiment: 24 runs of 60 turns, every cell and every byte."""

from __future__ import annotations

import csv
import io
from typing import Final

import pytest

from sim_economy.reports.published.rows import compare, published_text
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run_metrics import metrics_csv, run_metrics, summary_json
from sim_economy.scenarios.scenario import load_scenario

PUBLISHED_CSV: Final = published_text("run_metrics.csv")
PUBLISHED_SUMMARY: Final = published_text("summary.json")
MEASURED: Final = tuple(PUBLISHED_CSV.splitlines()[0].split(",")[1:])
INFORMATIVE: Final = (
    "token_supply_final",
    "fees_total",
    "turns_with_block",
    "mean_balance_final",
    "median_balance_final",
    "min_balance_final",
    "max_balance_final",
    "negative_balance_agents",
    "gini_wealth_final",
    "wealth_shift_used",
    "gini_wealth_shifted",
    "top1_wealth_shifted_share_final",
    "tx_stake",
    "tx_burn",
    "actions_mine",
    "actions_unstake",
    "actions_study",
    "actions_job",
)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def altered(run_id: str, column: str, value: str) -> str:
    """The published rows with one cell changed."""
    cells = rows(PUBLISHED_CSV)
    for row in cells:
        if row["run_id"] == run_id:
            row[column] = value
    return written(cells)


def written(cells: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(cells[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(cells)
    return text.getvalue()


@pytest.fixture(scope="module")
def played() -> tuple[str, str]:
    """Our `run_metrics.csv` and `summary.json`, played anew."""
    scenario = load_scenario("as-run")
    measured = [run_metrics(play_run(scenario, run)) for run in range(1, 25)]
    return metrics_csv(measured), summary_json(scenario, measured)


@pytest.mark.parametrize("column", MEASURED)
def test_a_measured_column_of_all_24_runs_is_the_published_one(
    played: tuple[str, str], column: str
) -> None:
    ours = [(row["run_id"], row[column]) for row in rows(played[0])]
    assert ours == [(row["run_id"], row[column]) for row in rows(PUBLISHED_CSV)]


def test_there_are_33_measured_columns_in_24_rows() -> None:
    assert len(MEASURED) == 33
    assert [row["run_id"] for row in rows(PUBLISHED_CSV)] == [str(run) for run in range(1, 25)]


def test_both_files_are_the_published_ones_byte_for_byte(played: tuple[str, str]) -> None:
    assert played[0].encode() == PUBLISHED_CSV.encode()
    assert played[1].encode() == PUBLISHED_SUMMARY.encode()


def test_the_comparison_finds_all_792_cells_exact(played: tuple[str, str]) -> None:
    comparison = compare(*played)
    assert (comparison.exact, comparison.cells) == (792, 792)
    assert comparison.first_difference is None
    assert comparison.summary_equal
    assert comparison.holds


def test_432_cells_in_18_columns_are_informative(played: tuple[str, str]) -> None:
    comparison = compare(*played)
    assert comparison.informative_columns == INFORMATIVE
    assert comparison.informative_cells == 432


@pytest.mark.parametrize("column", sorted({*MEASURED} - {*INFORMATIVE}))
def test_a_column_that_is_not_informative_is_constant_or_repeats_an_earlier_one(
    column: str,
) -> None:
    cells = rows(PUBLISHED_CSV)
    values = [row[column] for row in cells]
    earlier = [[row[other] for row in cells] for other in MEASURED[: MEASURED.index(column)]]
    assert len({*values}) == 1 or values in earlier


@pytest.mark.parametrize(
    ("run_id", "column", "value", "published"),
    [
        ("1", "turns", "61", "60"),
        ("2", "mean_balance_final", "-197.3750", "-197.375"),
        ("4", "mean_balance_final", "-191.0", "-191"),
        ("24", "actions_transfer", "1", "0"),
        ("1", "gini_wealth_final", "-0.5677655677655678", "-0.5677655677655677"),
    ],
)
def test_one_altered_cell_leaves_791_exact_and_is_named(
    run_id: str, column: str, value: str, published: str
) -> None:
    comparison = compare(altered(run_id, column, value), PUBLISHED_SUMMARY)
    assert (comparison.exact, comparison.cells) == (791, 792)
    assert comparison.summary_equal
    assert not comparison.holds
    first = comparison.first_difference
    assert first is not None
    assert (first.run_id, first.column, first.published, first.ours) == (
        run_id,
        column,
        published,
        value,
    )


def test_the_first_difference_is_the_first_in_reading_order() -> None:
    both = altered("3", "fees_total", "1")
    comparison = compare(both.replace("\n7,60,", "\n7,59,"), PUBLISHED_SUMMARY)
    assert comparison.exact == 790
    assert comparison.first_difference is not None
    assert comparison.first_difference.run_id == "3"


def test_a_missing_run_misses_all_its_cells() -> None:
    cells = [row for row in rows(PUBLISHED_CSV) if row["run_id"] != "5"]
    comparison = compare(written(cells), PUBLISHED_SUMMARY)
    assert comparison.exact == 792 - 33
    assert comparison.first_difference is not None
    assert comparison.first_difference.ours == "missing"


def test_a_missing_column_misses_a_cell_of_each_run() -> None:
    cells = [
        {column: value for column, value in row.items() if column != "tx_burn"}
        for row in rows(PUBLISHED_CSV)
    ]
    assert compare(written(cells), PUBLISHED_SUMMARY).exact == 792 - 24


def test_nothing_at_all_is_no_cell_exact() -> None:
    comparison = compare("", "")
    assert comparison.exact == 0
    assert not comparison.holds


@pytest.mark.parametrize(
    "summary", [PUBLISHED_SUMMARY + "\n", PUBLISHED_SUMMARY.replace("24", "25", 1), ""]
)
def test_a_summary_that_differs_in_one_byte_does_not_hold(summary: str) -> None:
    comparison = compare(PUBLISHED_CSV, summary)
    assert comparison.exact == 792
    assert not comparison.summary_equal
    assert not comparison.holds
