"""Experiments and comparisons as a notebook plays them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest

import sim_economy as se
from sim_economy.core.errors import FolderError, InputError, ScenarioError
from sim_economy.runs.extended_metrics import all_metrics
from sim_economy.runs.policy_loop import play_run
from sim_economy.scenarios.scenario import load_scenario


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> se.PlayedExperiment:
    return se.experiment("as-run", tmp_path_factory.mktemp("out") / "here", runs=3, turns=4)


def test_an_experiment_is_the_commands_read_as_data_frames(played: se.PlayedExperiment) -> None:
    scenario = load_scenario("as-run", ["runs=3", "turns=4"])
    rows = [all_metrics(play_run(scenario, run)) for run in (1, 2, 3)]
    assert played.metrics.to_dicts() == rows
    assert (played.folder / "run_metrics.csv").exists()
    assert played.series.height == 12
    fees = played.summary.filter(polars.col("measure") == "fees")
    assert fees["runs"].to_list() == [3]
    assert played.warnings == []


def test_the_same_call_resumes(played: se.PlayedExperiment) -> None:
    again = se.experiment("as-run", str(played.folder), runs=3, turns=4)
    assert (again.outcome.resumed, again.metrics.equals(played.metrics)) == (3, True)
    with pytest.raises(FolderError, match="other settings"):
        se.experiment("as-run", played.folder, runs=3, turns=5)


def test_an_experiment_is_shown_in_a_line_and_as_a_table(played: se.PlayedExperiment) -> None:
    assert repr(played) == f"<Experiment as-run: 3 runs of 4 turns in {played.folder}>"
    html = played._repr_html_()
    assert "<td>fees</td>" in html
    assert html.startswith(f"<p>{played.answer}</p><p><b>Experiment as-run: 3 runs")


def test_answers_by_agent_are_data_frames_and_files(played: se.PlayedExperiment) -> None:
    assert played.agents["agent_id"].to_list() == [f"agent_{index}" for index in range(8)]
    assert played.agents["final"].to_list() == [
        sum(run.series.balances[-1][index] for run in played.runs) / 3 for index in range(8)
    ]
    by_run = played.agents_by_run
    assert by_run.height == 3 * 8
    last = by_run.filter(polars.col("run_id") == 3)["final"].to_list()
    assert last == played.runs[2].series.balances[-1]
    assert played.collectors["role"][0] == "platform"
    for name, frame in (
        ("agents", played.agents),
        ("agents_by_run", by_run),
        ("collectors", played.collectors),
    ):
        kept = polars.read_csv(played.folder / f"{name}.csv", schema=frame.schema)
        assert kept.equals(frame), name
    policies = polars.read_csv(played.folder / "agents_by_policy.csv")
    assert policies["policy"].to_list() == ["published"]
    assert policies["final"][0] == pytest.approx(played.agents["final"].mean())


def test_a_report_is_written_when_asked_for(played: se.PlayedExperiment) -> None:
    assert played.report() == played.folder / "report.html"
    assert played.report().exists()


def test_runs_that_failed_are_counted(tmp_path: Path) -> None:
    class Failing(se.Policy, frozen=True):
        def decide(self, view: se.View) -> se.Action:
            raise RuntimeError(view.agent_id)

    failed = se.experiment("as-run", tmp_path / "x", runs=2, turns=1, policy=Failing, jobs=2)
    assert repr(failed).startswith("<Experiment as-run: 0 runs of 1 turns, 2 failed in ")
    assert "<table>" in failed._repr_html_()
    with pytest.raises(InputError, match="none has finished"):
        failed.report()
    with pytest.raises(ScenarioError, match="no run finished: "):
        se.compare("as-run", "as-written", folder=tmp_path / "y", turns=1, policy=Failing)


def test_the_seed_is_the_first_runs_as_on_the_command_line(tmp_path: Path) -> None:
    played = se.experiment("as-run", tmp_path / "x", runs=2, turns=1, seed=np.int64(7))  # type: ignore[arg-type]
    assert [run.seed for run in played.runs] == [7, 8]


def test_alike_runs_are_warned_of(tmp_path: Path) -> None:
    usage = {"source": "distribution", **dict.fromkeys(("thinking", "output"), ZERO)}
    played = se.experiment("as-run", tmp_path / "x", runs=2, turns=1, policy="idle", usage=usage)
    (warning,) = played.warnings
    assert "all runs came out alike" in warning
    assert warning in repr(played)


ZERO = {"distribution": "constant", "value": np.int64(0)}


def test_scenarios_are_compared(tmp_path: Path) -> None:
    changed = load_scenario("as-run", {"name": "dear", "study_cost": 90, "runs": 2, "turns": 12})
    first = load_scenario("as-run", {"runs": 2, "turns": 12})
    compared = se.compare(first, changed, folder=tmp_path / "c")
    assert compared.means.columns == ["measure", "as-run", "dear"]
    assert set(compared.differences["pairs"]) == {2}
    assert compared.page == tmp_path / "c" / "comparison.html"
    assert repr(compared) == f"<Comparison of as-run, dear: read {compared.page}>"
    assert "<th>dear</th>" in compared._repr_html_()


def test_metrics_that_are_named_come_first(tmp_path: Path) -> None:
    sides = [load_scenario("as-run", {"runs": 2, "turns": 2, "name": name}) for name in "ab"]
    compared = se.compare(*sides, folder=tmp_path / "c", metrics=["burns", "tips"])
    assert compared.means["measure"].to_list()[:2] == ["burns", "tips"]
    with pytest.raises(InputError, match="'fess' is not known; did you mean fees"):
        se.compare(*sides, folder=tmp_path / "c", metrics=["fess"])
    with pytest.raises(InputError, match="metrics: must be a list of names, not 'fees'"):
        se.compare(*sides, folder=tmp_path / "c", metrics="fees")


def test_what_cannot_be_paired_is_warned_of(tmp_path: Path) -> None:
    sides = [load_scenario("as-run", {"runs": 2, "turns": 2})]
    sides += [load_scenario("as-run", {"runs": 2, "turns": 3, "name": "long"})]
    compared = se.compare(*sides, folder=tmp_path / "c")
    assert compared.warnings == ["long differs from as-run in turns, so their runs are not paired"]
    assert set(compared.differences["mean"]) == {None}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"folder": 3}, "folder: must be a path, not int"),
        ({"jobs": 0}, "jobs: must be an integer from 1 on"),
        ({"jobs": 1.5}, "jobs: must be an integer from 1 on"),
        ({"seed": "7"}, "seed: must be an integer, not '7'"),
        ({"seed": True}, "seed: must be an integer, not True"),
        ({"runs": "3"}, "runs: must be an integer from 1 to 1000000"),
        ({"source": None}, "scenario: must be the name of a file or a preset, not of NoneType"),
        ({"rusn": 3}, "rusn: unknown key; did you mean runs?"),
    ],
)
def test_a_wrong_argument_is_one_clear_error(
    tmp_path: Path, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(se.SimEconomyError) as caught:
        se.experiment(**{"folder": tmp_path / "x", **arguments})
    assert str(caught.value) == problem
