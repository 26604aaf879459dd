"""The way back: an experiment's folder is a scenario, and its runs come out byte for byte."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import sim_economy as se
from sim_economy.core.errors import ScenarioError
from sim_economy.experiments.experiment import run_experiment
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.replay_command import replay_command
from sim_economy.scenarios.scenario import SHIPPED, load_scenario

MIXED = """
name = "mixed"
turns = 12
runs = 2
seed = 40
[world]
preset = "as-written"
num_agents = 4
interest_rate_per_turn = 0.025
base_inference_rate = 2
thinking_length_max = 77
[[population]]
policy = "lender"
agents = 1
rate = 0.25
[[population]]
policy = "borrower"
agents = ["agent_0"]
[[population]]
policy = "random"
agents = "rest"
[usage]
source = "distribution"
thinking = {distribution = "exponential", mean = 90.5}
output = {distribution = "uniform", low = 5, high = 300}
"""
TRACED = """
name = "traced"
turns = 6
runs = 1
policy = "idle"
[world]
agent_ids = ["x", "y"]
[usage]
source = "trace"
path = "logs/trace.csv"
repeat = true
"""


def check_way_back(source: str | Path, folder: Path, changes: Any = ()) -> None:
    scenario = load_scenario(source, changes)
    runs = run_experiment(scenario, folder).runs
    back = load_scenario(folder)
    assert back.settings == scenario.settings
    assert back.config == scenario.config
    assert [play_run(back, run.run).head for run in runs] == [run.head for run in runs]


@pytest.fixture
def traced(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/trace.csv").write_text("turn,agent,thinking,output\n1,x,5,60\n2,y,7,300\n")
    (tmp_path / "traced.toml").write_text(TRACED)
    return tmp_path


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_comes_back(name: str, tmp_path: Path) -> None:
    check_way_back(name, tmp_path, {"turns": 8, "runs": 2})


def test_a_population_with_parameters_in_a_changed_world_comes_back(tmp_path: Path) -> None:
    (tmp_path / "mixed.toml").write_text(MIXED)
    check_way_back(tmp_path / "mixed.toml", tmp_path / "out", ["study_discount=0.125"])


def test_a_policy_that_was_set_comes_back(tmp_path: Path) -> None:
    check_way_back("as-run", tmp_path, {"policy": "worker", "turns": 4, "runs": 1})


def test_a_trace_comes_back_wherever_the_folder_is(traced: Path, tmp_path: Path) -> None:
    check_way_back(traced / "traced.toml", traced / "out")
    (traced / "logs/trace.csv").unlink()
    moved = tmp_path / "elsewhere"
    shutil.copytree(traced / "out", moved)
    head = json.loads((moved / "manifest.json").read_text())["runs"][0]["head"]
    assert se.play(moved).run.head == head


def test_another_trace_is_refused(traced: Path) -> None:
    run_experiment(load_scenario(traced / "traced.toml"), traced / "out")
    (traced / "out/usage.csv").write_text("turn,agent,thinking,output\n1,x,5,61\n")
    with pytest.raises(ScenarioError, match=r"usage\.csv is not the trace that the runs of .*out"):
        load_scenario(traced / "out")


def test_the_rules_version_is_kept(tmp_path: Path) -> None:
    run_experiment(load_scenario("as-run", {"turns": 3, "runs": 1}), tmp_path)
    path = tmp_path / "manifest.json"
    path.write_text(path.read_text().replace('"rules_version": "3"', '"rules_version": "2"'))
    assert load_scenario(tmp_path).config.rules_version == "2"
    path.write_text(path.read_text().replace('"rules_version": "2"', '"rules_version": "99"'))
    with pytest.raises(ScenarioError, match="under rules version 99, which is not known here"):
        load_scenario(tmp_path)


def test_changes_go_over_what_was_kept(tmp_path: Path) -> None:
    run_experiment(load_scenario("as-run", {"turns": 3, "runs": 1}), tmp_path)
    changed = load_scenario(tmp_path, {"study_cost": 9, "policy": "miner"})
    assert (changed.turns, changed.config.study_cost, changed.policy_name) == (3, 9, "miner")


class Saver(se.Policy, frozen=True):
    """A policy that no catalogue has."""

    def decide(self, view: se.View) -> se.Action:
        return se.Mine()


def test_a_policy_from_python_is_asked_for_again(tmp_path: Path) -> None:
    played = se.play(policy=Saver, turns=3)
    run_experiment(load_scenario("as-run", {"policy": Saver, "turns": 3, "runs": 1}), tmp_path)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "Saver came from Python" in str(caught.value)
    assert se.play(tmp_path, policy=Saver).run.head == played.run.head


@pytest.mark.parametrize(
    ("manifest", "problem"),
    [
        (None, "is a folder without the manifest.json of an experiment"),
        ("{", "keeps no settings of an experiment"),
        ("[" * 100_000, "keeps no settings of an experiment"),
        ('{"settings": {"rules_version": "3"}}', "keeps no settings of an experiment"),
        ('{"settings": [1]}', "keeps no settings of an experiment"),
    ],
)
def test_another_folder_is_refused_by_name(
    manifest: str | None, problem: str, tmp_path: Path
) -> None:
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("turns", "x"), ("world", {"study_cost": []}), ("agent_ids", 3), ("population", [3])],
)
def test_a_strangers_manifest_is_one_clear_error(key: str, value: Any, tmp_path: Path) -> None:
    run_experiment(load_scenario("as-run", {"turns": 3, "runs": 1}), tmp_path)
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["settings"][key] = value
    path.write_text(json.dumps(manifest))
    with pytest.raises(ScenarioError, match=r"must be|policy"):
        load_scenario(tmp_path)


def test_the_command_that_replays_a_run(tmp_path: Path) -> None:
    scenario = load_scenario("as-run", {"turns": 3, "runs": 2})
    run = run_experiment(scenario, tmp_path).runs[1]
    assert replay_command(scenario, run) == (
        "sim-economy run . --seed 1002 --ledger run-0002.sqlite && "
        "sim-economy replay run-0002.sqlite"
    )
    assert replay_command(scenario, run, folder="a b", ledgers=True) == (
        "sim-economy replay 'a b/runs/run-0002.sqlite'"
    )
    given = load_scenario("as-run", {"policy": Saver, "turns": 3, "runs": 2})
    assert replay_command(given, run) is None
