"""Treatments compared: paired by seed, honest about what they have in common."""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path

import pytest

from sim_economy.reports.comparison import (
    COMPARED_METRICS,
    MetricDifference,
    TreatmentRuns,
    differences,
    unpaired_sides,
    write_comparison,
)
from sim_economy.reports.published.later_report import LATER
from sim_economy.runs.policy_loop import play_run
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.scenarios.shipped import REGIMES
from tests.cli.shell import sim_economy
from tests.reports.played import played


def side(name: str, *changes: str) -> TreatmentRuns:
    here = played(name, *changes)
    return TreatmentRuns(here.scenario, here.runs)


def test_a_treatment_does_not_differ_from_itself() -> None:
    own = side("baseline")
    for row in differences([own, own]):
        assert (row.mean, row.low, row.high, row.is_clear) == (0, 0, 0, False)


def test_differences_are_of_runs_with_the_same_seed() -> None:
    first, second = side("baseline"), side("high_compute_cost")
    (fees,) = [row for row in differences([first, second]) if row.column == "fees"]
    ours = [
        b - a
        for a, b in zip(first.values("fees").values(), second.values("fees").values(), strict=True)
    ]
    assert fees.pairs == 12
    assert fees.mean == statistics.mean(ours)
    assert fees.low is not None
    assert fees.high is not None
    assert fees.low < fees.mean < fees.high
    assert fees.is_clear


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("num_agents=4", "agents"),
        ('agent_ids=["a", "b", "c", "d", "e", "f", "g", "h"]', "agents"),
        ("turns=4", "turns"),
        ('usage.source="distribution"', "usage"),
    ],
)
def test_runs_that_cannot_be_paired_are_not(tmp_path: Path, change: str, part: str) -> None:
    usage = ['usage.thinking={distribution="constant", value=1}'] * (part == "usage")
    outputs = ['usage.output={distribution="constant", value=1}'] * (part == "usage")
    first = side("baseline", "turns=5", "runs=2")
    everyone = ['population=[{policy="published"}]'] * ("num_agents" in change)
    settings = (change, *usage, *outputs, *everyone)
    other = side("coordination_push", "turns=5", "runs=2", *settings)
    like = side("high_compute_cost", "turns=5", "runs=2")
    found = differences([first, other, like])
    assert {(row.treatment, row.pairs) for row in found} == {
        ("coordination_push", 0),
        ("high_compute_cost", 2),
    }
    assert {row.mean for row in found if not row.pairs} == {None}
    said = f"coordination_push differs from baseline in {part}, so their runs are not paired"
    assert unpaired_sides([first, other, like]) == {"coordination_push": said}
    write_comparison(tmp_path, [first, other, like])
    text = (tmp_path / "comparison.md").read_text()
    assert said in text.replace("\\", "")
    assert "2 pairs with high_compute_cost" in text.replace("\\", "")


def test_one_trace_in_two_folders_is_one_usage(tmp_path: Path) -> None:
    sides = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.csv").write_text("turn,agent,thinking,output\n1,agent_0,1,1\n")
        file = tmp_path / name / f"{name}.toml"
        file.write_text('turns = 1\nruns = 2\n[usage]\nsource = "trace"\npath = "t.csv"\n')
        sides.append(side(str(file)))
        sides[0].treatment.settings["usage"]["path"] = "elsewhere.csv"
    assert {row.pairs for row in differences(sides)} == {2}


def test_a_constant_difference_that_is_not_zero_is_certain() -> None:
    def difference(low: float | None, high: float | None) -> MetricDifference:
        return MetricDifference(
            column="fees", treatment="other", pairs=3, mean=low, low=low, high=high
        )

    clear = [(2.0, 2.0), (-2.0, -2.0), (1.0, 3.0)]
    unclear = [(0.0, 0.0), (-1.0, 3.0), (None, None)]
    assert [difference(*bounds).is_clear for bounds in clear] == [True] * 3
    assert [difference(*bounds).is_clear for bounds in unclear] == [False] * 3


def test_runs_without_a_common_seed_are_not_paired(tmp_path: Path) -> None:
    other = side("baseline", "seed=9000", "runs=2", "turns=5")
    rows = differences([side("baseline"), other])
    assert {(row.pairs, row.mean, row.low, row.is_clear) for row in rows} == {
        (0, None, None, False)
    }
    write_comparison(tmp_path, [side("baseline"), other])
    assert "nothing can be paired" in (tmp_path / "comparison.md").read_text()


def test_the_regimes_are_compared_with_the_later_report(tmp_path: Path) -> None:
    *_, page = write_comparison(tmp_path, [side(name) for name in REGIMES])
    assert page.name == "comparison.html"
    text = (tmp_path / "comparison.md").read_text()
    section = text.partition("## Beside a later report")[2]
    for figure in ("21.40", "1.60", "3.70", "0.159", "30.50", "41,151", "2,726", "0.468"):
        assert f"| {figure} |" in section
    assert "nothing here was fitted to them" in section
    assert {column for figures in LATER.values() for column in figures} <= {*COMPARED_METRICS}


def test_a_changed_regime_is_not_compared_with_the_later_report(tmp_path: Path) -> None:
    changed = side("baseline", "runs=2", "turns=5")
    write_comparison(tmp_path, [changed, side("coordination_push", "runs=2", "turns=5")])
    assert "later report" not in (tmp_path / "comparison.md").read_text()


def test_the_command_plays_compares_and_goes_on(tmp_path: Path) -> None:
    arguments = ("compare", "--runs", "3", "--turns", "8", "--json")
    first = sim_economy(*arguments, cwd=tmp_path)
    assert (first.returncode, first.stderr) == (0, "")
    found = json.loads(first.stdout)
    assert [*found["means"]["fees"]] == [*REGIMES]
    assert {row["pairs"] for row in found["differences"]} == {3}
    shown = sim_economy(*arguments[:-1], cwd=tmp_path).stdout
    (proposed,) = re.findall(r"contracts proposed +(.*)", shown)
    assert proposed.split()[0] == f"{found['means']['contracts_proposed']['baseline']:.0f}"
    kept = tmp_path / "out/compare/baseline/runs/run-0002.json"
    before = kept.stat().st_mtime_ns
    again = sim_economy(*arguments, cwd=tmp_path)
    assert json.loads(again.stdout) == found
    assert kept.stat().st_mtime_ns == before
    run = play_run(load_scenario("baseline", ["runs=3", "turns=8"]), 2)
    assert json.loads(kept.read_text().partition("\n")[2])["head"] == run.head


def test_the_command_wants_two_different_names(tmp_path: Path) -> None:
    for names in (("baseline",), ("baseline", "baseline")):
        ended = sim_economy("compare", *names, cwd=tmp_path)
        assert ended.returncode == 2
        assert "are not two or more different names" in ended.stderr


@pytest.mark.parametrize("metric", COMPARED_METRICS)
def test_every_metric_is_there(metric: str) -> None:
    assert len(side("baseline").values(metric)) == 12
