"""The way back: an experiment's folder is a scenario, and its runs come out byte for byte."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

import pytest

import sim_economy as se
from sim_economy.core.errors import ScenarioError
from sim_economy.experiments.experiment import run_experiment
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.replay_command import replay_command
from sim_economy.scenarios.scenario import SHIPPED, load_scenario
from tests.usage.logs import csv_log, log_row

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
DATED: Final = """
name = "dated"
runs = 1
policy = "idle"
[usage]
source = "trace"
path = "log.csv"
turn_length = "1d"
start = 2026-03-27T09:00:00
timezone = "Europe/Berlin"
[usage.units]
currency = "USD"
per = 3
[usage.units."model-*"]
input = 0.5
output = 2.25
[usage.units.default]
thinking = 0.333333
[world]
agent_ids = "from usage"
"""
INCOME: Final = """
[world]
agent_ids = "from usage"
genesis_tokens_per_agent = 0
base_inference_rate = 0.75
[income]
allowance = 50
allowances = {b_triage = 700}
period = "month"
carryover_max = 20
overdraft = "forgiven"
when_empty = "clip"
top_ups = [{date = 2026-03-31, agent = "a_triage", tokens = 9}]
[cores]
owners = {b_triage = 2}
"""
GOVERNED: Final = """
turns = 6
runs = 2
[governance.fee_cap]
cap_ratio = 1.25
[governance.debt_rails]
repayment_share = 0.125
[governance.concentration_monitor]
from_turn = 2
response = "levy"
[[governance.shocks]]
turn = 2
until = 3
target = "usage"
factor = 2.5
[[governance.shocks]]
turn = 3
target = "study_discount"
value = 0.25
[[governance.shocks]]
turn = 4
target = "loss"
agents = ["agent_5", "agent_1"]
tokens = 70
"""
LOGGED: Final = (
    log_row("2026-03-20T10:00:00Z", "early", output=1),
    log_row("2026-03-28T10:00:00Z", "triage", team="a", model="model-x", input=101, output=310),
    log_row("2026-03-28T11:00:00Z", "triage", team="b", model="other", cache_read=9, output=503),
    log_row("2026-03-31T23:10:00Z", "schöne =agentin|", model="other", thinking=700),
    log_row("2026-04-02T10:00:00Z", "triage", team="a", model="model-y", output=10**9),
)


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
    (tmp_path / "logs/trace.csv").write_text(
        "turn,agent,thinking,output\n1,y,4,9\n1,x,5,60\n2,y,7,300\n"
    )
    (tmp_path / "traced.toml").write_text(TRACED)
    return tmp_path


@pytest.fixture
def logged(tmp_path: Path) -> Path:
    csv_log(tmp_path / "log.csv", LOGGED)
    (tmp_path / "dated.toml").write_text(DATED)
    (tmp_path / "income.toml").write_text(DATED.partition("[world]")[0] + INCOME)
    return tmp_path


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_comes_back(name: str, tmp_path: Path) -> None:
    check_way_back(name, tmp_path, {"turns": 8, "runs": 2})


def test_interventions_come_back(tmp_path: Path) -> None:
    (tmp_path / "governed.toml").write_text(GOVERNED)
    check_way_back(tmp_path / "governed.toml", tmp_path / "out", ["governance.wages=full"])


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


@pytest.mark.parametrize("name", ["dated", "income"])
def test_a_log_of_dates_units_and_names_comes_back(name: str, logged: Path) -> None:
    check_way_back(logged / f"{name}.toml", logged / "out")


@pytest.mark.parametrize("name", ["dated", "income"])
def test_all_that_is_said_of_a_log_comes_back_without_it(name: str, logged: Path) -> None:
    scenario = load_scenario(logged / f"{name}.toml")
    run_experiment(scenario, logged / "out")
    (logged / "log.csv").unlink()
    moved = logged / "elsewhere" / "out"
    shutil.copytree(logged / "out", moved)
    back = load_scenario(moved)
    assert back.usage_log == scenario.usage_log
    assert [back.turn_name(turn) for turn in (1, 7)] == ["27 March 2026", "2 April 2026"]
    read, kept = str(logged / "log.csv"), str(moved / "usage.csv")
    assert back.usage_warnings == [said.replace(read, kept) for said in scenario.usage_warnings]
    assert back.usage_facts == [said.replace(read, kept) for said in scenario.usage_facts]
    assert len(back.usage_warnings) > 2
    assert se.play(moved).run.head == se.play(scenario).run.head


def test_an_experiment_of_a_log_resumes_from_its_folder(logged: Path) -> None:
    first = run_experiment(load_scenario(logged / "income.toml"), logged / "out")
    manifest = (logged / "out/manifest.json").read_bytes()
    again = run_experiment(load_scenario(logged / "out"), logged / "out")
    assert (first.resumed, again.resumed) == (0, 1)
    assert (logged / "out/manifest.json").read_bytes() == manifest
    third = run_experiment(load_scenario(logged / "income.toml"), logged / "out")
    assert third.resumed == 1


def test_a_trace_of_units_keeps_no_log(traced: Path) -> None:
    run_experiment(load_scenario(traced / "traced.toml"), traced / "out")
    assert not (traced / "out/usage_log.json").exists()


@pytest.mark.parametrize(
    "content",
    [None, "{", "[" * 100_000, "[]", "{}", '{"agents": {"a": ["a"]}}', '{"sums": {"lost": 1}}'],
)
def test_a_damaged_log_is_one_clear_error(content: str | None, logged: Path) -> None:
    run_experiment(load_scenario(logged / "dated.toml"), logged / "out")
    path = logged / "out/usage_log.json"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(logged / "out")
    (problem,) = caught.value.problems
    assert f"{path} is not what an experiment keeps of its usage" in problem


def test_more_left_out_than_there_was_is_a_damaged_log(logged: Path) -> None:
    run_experiment(load_scenario(logged / "dated.toml"), logged / "out")
    path = logged / "out/usage_log.json"
    kept = json.loads(path.read_text())
    kept["sums"] |= {"exact": 0, "lost": 1}
    path.write_text(json.dumps(kept))
    with pytest.raises(ScenarioError, match="is not what an experiment keeps"):
        load_scenario(logged / "out")


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
