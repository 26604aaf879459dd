from __future__ import annotations

import statistics
from pathlib import Path

import polars
import pytest
import scipy.stats
from msgspec.structs import replace

from sim_economy.core.accounts import PostingReason
from sim_economy.reports.tables import paper_tables
from sim_economy.reports.token_flows import STEPS
from sim_economy.runs.extended_metrics import (
    EXTENDED_METRICS,
    SUPPLY_SIGNS,
    all_alike,
    extended_metrics,
    extended_summary,
    first_negative_turns,
    series_columns,
    supply_changes,
    write_series,
)
from sim_economy.runs.run import Run
from tests.reports.played import played

GENESIS = 8000
AMONG_AGENTS = {
    PostingReason.GENESIS, PostingReason.TRANSACTION_SUBMITTED, PostingReason.UNSTAKE_STARTED,
    PostingReason.STAKE_RELEASED, PostingReason.STAKE, PostingReason.TRANSFER,
    PostingReason.LEVY, PostingReason.TIP,
    PostingReason.RUN_ENDED, PostingReason.CORE_BID, PostingReason.BID_RETURNED,
    PostingReason.COLLATERAL_LOCKED, PostingReason.COLLATERAL_RETURNED,
    PostingReason.COLLATERAL_FORFEITED, PostingReason.PAYMENT_LOCKED,
    PostingReason.PAYMENT_RETURNED, PostingReason.CONTRACT_PRICE, PostingReason.FORWARD_PRICE,
    PostingReason.INSURANCE_PREMIUM, PostingReason.INSURANCE_PAYOUT, PostingReason.LOAN_PRINCIPAL,
    PostingReason.LOAN_REPAYMENT, PostingReason.LOAN_PREMIUM, PostingReason.LOAN_RECOVERY,
    PostingReason.ARBITRATOR_FEE,
}  # fmt: skip
PUBLISHED = [
    ("fees", 24314.0), ("job_credits", 15550.5), ("interest_relief", 217.8),
    ("signing_bonuses", 400.0), ("interest", 503.6), ("study_costs", 129.2), ("burns", 93.8),
    ("dividends", 0.0), ("tips", 0.0),
]  # fmt: skip


def mean(column: str) -> float:
    values = [extended_metrics(run)[column] for run in played().runs]
    return statistics.mean(value for value in values if value is not None)


@pytest.mark.parametrize("preset", ["as-run", "as-written"])
def test_the_tokens_of_every_run_add_up_to_its_final_supply(preset: str) -> None:
    _, runs, rows = played(preset)
    assert len(runs) == 24
    for run, row in zip(runs, rows, strict=True):
        assert GENESIS + sum(supply_changes(run).values()) == row["token_supply_final"]


def test_every_posting_reason_either_changes_the_supply_or_stays_among_agents() -> None:
    changing = set(SUPPLY_SIGNS)
    assert changing | AMONG_AGENTS == set(PostingReason)
    assert not changing & AMONG_AGENTS


def test_a_report_names_every_reason_that_changes_the_supply() -> None:
    assert STEPS.keys() == {reason.value for reason in SUPPLY_SIGNS}


def test_platform_and_destroyed_hold_what_the_agents_lost() -> None:
    for run in played().runs:
        measured = extended_metrics(run)
        lost = GENESIS - run.series.token_supply[-1]
        assert lost == (measured["platform_rent"] or 0) + (measured["destroyed"] or 0)


@pytest.mark.parametrize(("column", "expected"), PUBLISHED)
def test_the_mean_flows_are_those_of_the_published_rows(column: str, expected: float) -> None:
    assert mean(column) == pytest.approx(expected, abs=0.0501)


def test_the_mean_rent_and_final_supply_are_those_of_the_published_rows() -> None:
    assert mean("platform_rent") == 8145.75
    supply = statistics.mean(row["token_supply_final"] for row in played().rows)
    assert supply == pytest.approx(-872.3, abs=0.05)


def test_covered_and_uncovered_fees_are_all_fees() -> None:
    for run in played().runs:
        found = extended_metrics(run)
        assert (found["fees_covered"] or 0) + (found["fees_uncovered"] or 0) == found["fees"]
        assert found["fees_waived"] == found["job_credits"]


def test_a_runs_measures_are_its_number_and_the_named_ones() -> None:
    assert list(extended_metrics(played().runs[0])) == ["run_id", *EXTENDED_METRICS]


def with_balances(table: list[list[int]]) -> Run:
    run = played("as-run", "runs=1", "turns=3").runs[0]
    agents = len(table[0])
    staked = [[0] * agents for _ in table]
    series = replace(run.series, balances=table, staked=staked)
    names = [f"agent_{agent}" for agent in range(agents)]
    return Run(
        run=1, seed=1, agent_ids=names, series=series, counts=run.counts, head="", state_digest=""
    )


def test_the_first_negative_turn_counts_from_one_and_zero_is_not_negative() -> None:
    run = with_balances([[5, 0, 9], [-1, 0, 9], [3, -2, 9]])
    assert first_negative_turns(run) == [2, 3, None]
    found = extended_metrics(run)
    assert found["insolvent_share"] == pytest.approx(2 / 9)
    assert found["first_negative_turn"] == 2
    assert found["median_first_negative_turn"] == 3.0


@pytest.mark.parametrize("table", [[[1, 1]] * 3, [[-1, 1]] * 3])
def test_the_median_first_negative_turn_is_empty_where_half_stay_solvent(
    table: list[list[int]],
) -> None:
    assert extended_metrics(with_balances(table))["median_first_negative_turn"] is None


def test_the_summary_leaves_out_runs_that_do_not_define_a_measure() -> None:
    rows = [{"run_id": 1, "turn": 4, "never": None}, {"run_id": 2, "turn": None, "never": None}]
    turn, never = extended_summary(rows)
    assert (turn["measure"], turn["runs"], turn["mean"]) == ("turn", 1, 4.0)
    assert (never["measure"], never["runs"], never["mean"]) == ("never", 0, None)


def test_one_run_says_nothing_of_the_spread() -> None:
    (row, *_) = extended_summary([extended_metrics(played().runs[0])])
    unknown = ("std", "ci95", "student_low", "student_high", "bootstrap_low", "bootstrap_high")
    assert [row[name] for name in unknown] == [None] * 6
    assert (row["measure"], row["runs"], row["mean"]) == ("fees", 1, row["min"])
    aggregates = paper_tables(played().scenario, played().rows[:1])[2]
    assert {row[2:4] for row in aggregates.rows} == {(None, None)}


def test_runs_are_alike_only_in_every_measure() -> None:
    first, second = played().runs[:2]
    again = replace(first, run=2, seed=second.seed)
    assert all_alike([first, again])
    assert not all_alike([first])
    flows = [dict(turn) for turn in first.series.flows]
    flows[-1]["dividend"] = 1
    assert not all_alike([first, replace(again, series=replace(first.series, flows=flows))])


def test_the_summary_holds_three_intervals_for_each_mean() -> None:
    measured = [extended_metrics(run) for run in played().runs]
    summary = {row["measure"]: row for row in extended_summary(measured)}
    assert list(summary) == list(EXTENDED_METRICS)
    fees = summary["fees"]
    values = [float(row["fees"] or 0) for row in measured]
    expected = scipy.stats.t.interval(
        0.95, 23, loc=statistics.mean(values), scale=scipy.stats.sem(values)
    )
    assert (fees["student_low"], fees["student_high"]) == pytest.approx(expected)
    assert fees["ci95"] == pytest.approx(277.5519, abs=1e-4)
    assert fees["student_high"] - fees["mean"] > fees["ci95"]
    assert fees["bootstrap_low"] < fees["mean"] < fees["bootstrap_high"]
    assert extended_summary(measured) == list(summary.values())


def test_the_series_have_a_row_for_every_turn_of_every_run() -> None:
    runs = played().runs
    columns = series_columns(runs)
    assert {len(values) for values in columns.values()} == {24 * 60}
    assert columns["run_id"][:61] == [1] * 60 + [2]
    assert columns["turn"][58:62] == [59, 60, 1, 2]
    assert sum(columns["flow_inference_fee"]) == sum(row["fees_total"] for row in played().rows)
    counted = [columns[name] for name in columns if name.startswith("actions_")]
    assert {sum(turn) for turn in zip(*counted, strict=True)} == {8}


def test_a_runs_last_row_of_the_series_holds_its_final_measures() -> None:
    _, runs, rows = played()
    columns = series_columns(runs[:1])
    last = {name: values[-1] for name, values in columns.items()}
    measured = extended_metrics(runs[0])
    for column in ("gini_normalised", "gini_absolute", "winner_hhi"):
        assert last[column] == measured[column]
    assert last["gini_wealth_shifted"] == rows[0]["gini_wealth_shifted"]
    assert last["top1_wealth_shifted_share"] == rows[0]["top1_wealth_shifted_share_final"]
    assert last["platform"] == measured["platform_rent"]
    assert last["balance_mean"] == rows[0]["mean_balance_final"]


def test_an_action_no_rule_knows_has_a_column_too() -> None:
    run = with_balances([[1] * 8] * 3)
    run.series.actions = [{"zap": 1, "mine": 7}, {"mine": 8}, {"mine": 8}]
    columns = series_columns([run])
    assert columns["actions_zap"] == [1, 0, 0]


def test_the_series_file_is_the_same_bytes_again_and_keeps_types(tmp_path: Path) -> None:
    runs = played().runs[:3]
    first, second = tmp_path / "a.parquet", tmp_path / "b.parquet"
    write_series(runs, first)
    write_series(runs, second)
    assert first.read_bytes() == second.read_bytes()
    frame = polars.read_parquet(first)
    assert frame.to_dict(as_series=False) == series_columns(runs)
    assert frame.schema["winner"] == polars.String
    assert frame.schema["flow_dividend"] == polars.Int64
    assert frame.schema["gini_normalised"] == polars.Float64
