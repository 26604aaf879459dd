"""What a study may say, and what is said of one that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import sim_economy as se
from sim_economy.core.errors import ScenarioError
from sim_economy.experiments.sweeps.study import DESIGNS, load_study
from sim_economy.experiments.sweeps.sweep_plan import SweepPlan
from sim_economy.scenarios.scenario import load_scenario

STUDY = """
name = "small"
scenario = "as-run"
turns = 5
seeds = 2

[set]
policy = "investor"
world.study_cost = 40

[vary]
base_inference_rate = { from = 0.5, to = 1.0, steps = 3 }
policy.work_below = [0, 200]
lottery_rule = ["miners", "mine_stake_burn"]
"""


def problems_of(given: dict[str, Any], **changes: Any) -> list[str]:
    with pytest.raises(ScenarioError) as raised:
        load_study(given, changes)
    return raised.value.problems


def test_a_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(STUDY, encoding="utf-8")
    study = load_study(path)
    assert [key.name for key in study.keys] == [
        "base_inference_rate",
        "policy.work_below",
        "lottery_rule",
    ]
    assert [key.values for key in study.keys] == [(500_000, 750_000, 1_000_000), (0, 200), (0, 1)]
    assert study.scenario.base.turns == 5
    assert study.scenario.base.config.study_cost == 40
    assert (study.seed, study.seeds) == (load_scenario("as-run").seed, 2)


def test_a_study_from_python_is_the_files(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(STUDY, encoding="utf-8")
    given = {
        "name": "small",
        "turns": 5,
        "seeds": 2,
        "set": {"policy": "investor", "study_cost": 40},
        "vary": {
            "base_inference_rate": [0.5, 0.75, 1],
            "policy.work_below": [0, 200],
            "lottery_rule": ["miners", "mine_stake_burn"],
        },
    }
    assert load_study(given).settings == load_study(path).settings
    assert load_study(given).hash == load_study(path).hash
    assert load_study(given, {"seeds": 3}).hash != load_study(path).hash


def test_each_point_is_the_scenario_with_its_values_set(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(STUDY, encoding="utf-8")
    plan = SweepPlan(load_study(path))
    assert (plan.points, plan.rows) == (12, 24)
    row = 15  # point 7, replicate 2
    scenario = plan.scenario_of(row)
    changes = {"turns": 5, "runs": 1, "study_cost": 40, "base_inference_rate": 0.75}
    population = [{"policy": "investor", "agents": "rest", "work_below": 200}]
    by_hand = load_scenario(
        "as-run", {**changes, "lottery_rule": "mine_stake_burn", "population": population}
    )
    assert scenario.config_of_run(1) == by_hand.config_of_run(2)
    assert scenario.policies == by_hand.policies
    assert plan.seed_of(row) == scenario.config_of_run(1).seed == by_hand.seed + 2


def test_replicates_have_the_same_seeds_at_every_point() -> None:
    plan = SweepPlan(load_study({"seeds": 3, "seed": 70, "vary": {"study_cost": [1, 2]}}))
    assert [plan.seed_of(row) for row in range(6)] == [71, 72, 73, 71, 72, 73]
    assert plan.row_columns(range(6))["seed"].tolist() == [71, 72, 73, 71, 72, 73]


@pytest.mark.parametrize(
    ("vary", "problem"),
    [
        ({"base_inference_rat": [1]}, "unknown key; did you mean base_inference_rate?"),
        ({"study_cost": [-1]}, "-1: must be an integer from 0 to 2147483647"),
        ({"burn_decay_rate": [0.5, 2]}, "2: must be from 0 to 1"),
        ({"burn_decay_rate": {"from": 0, "to": 2, "steps": 3}}, "to: must be from 0 to 1"),
        ({"study_cost": {"from": 1, "to": 3}}, "steps is missing"),
        ({"study_cost": {"from": 3, "to": 1, "steps": 3}}, "from must be below to"),
        ({"study_cost": {"from": 1, "to": 3, "steps": 1}}, "steps must be an integer from 2"),
        ({"study_cost": [1, 1]}, "1 stands twice"),
        ({"study_cost": []}, "must be a list of values, or a table with from and to"),
        ({"study_cost": 3}, "must be a list of values, or a table with from and to"),
        ({"lottery_rule": ["miner"]}, "miner: must be one of miners, mine_stake_burn"),
        ({"lottery_rule": {"from": 0, "to": 1}}, "has no range; list its values"),
        ({"policy.work_below": [1]}, "unknown key"),
        ({"policy": ["minr"]}, "did you mean miner?"),
        ({"seed": [1, 2]}, "replicate r has the seed + r"),
        ({"preset": ["as-runs"]}, "must be one of as-run, as-written"),
        ({"income.allowanc": [1]}, "unknown key; did you mean allowance?"),
        ({"slash_both_on_timeout": ["yes"]}, "yes: must be true or false"),
        ({"num_agents": [0]}, "0: must be an integer from 1 to 1000000"),
    ],
    ids=str,
)
def test_a_key_that_cannot_be_varied_so_is_refused(vary: dict[str, Any], problem: str) -> None:
    (found,) = problems_of({"vary": vary})
    assert found.startswith("vary")
    assert problem in found


def test_every_problem_is_found_at_once() -> None:
    found = problems_of(
        {
            "desing": "grid",
            "seeds": 0,
            "size": 8,
            "metrics": ["insolvent_percnt"],
            "vary": {"study_cost": [-1], "num_core": [4]},
        }
    )
    assert [text.partition(":")[0] for text in found] == [
        "desing",
        "seeds",
        "metrics",
        "vary.study_cost",
        "vary.num_core",
        "size",
    ]
    assert "did you mean design?" in found[0]
    assert "did you mean insolvent_percent?" in found[2]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"design": "sobol", "size": 100}, "size: must be a power of two for sobol, such as 128"),
        ({"design": "morris"}, "size: is missing; a morris needs it"),
        ({"design": "sobol", "size": 8, "vary": {}}, "vary: is missing; a sobol draws values of"),
        ({"scenario": "as-rn"}, "no such scenario file"),
        ({"turns": 5, "vary": {"turns": [5, 6]}}, "turns: is varied; leave it out"),
        ({"set": {"study_cost": 1}}, "study_cost: is varied"),
        ({"scenario": "market", "vary": {"policy.reserve": [1]}}, "no one policy for all agents"),
        (
            {"design": "list", "vary": {"study_cost": [1, 2], "num_cores": [1]}},
            "vary: a list needs as many values of each key; there are study_cost 2, num_cores 1",
        ),
        (
            {"vary": {"income.period_turns": [1, 7]}, "set": {"income": {"allowance": 5}}},
            None,
        ),
        (
            {
                "vary": {"income.period_turns": [7, 1]},
                "set": {"income": {"allowance": 5, "period_turns": 3, "when_empty": "stop"}},
            },
            "income.when_empty: stop needs periods of at least two turns",
        ),
    ],
    ids=str,
)
def test_what_does_not_go_together_is_refused(given: dict[str, Any], problem: str | None) -> None:
    stated = {"vary": {"study_cost": [1, 2]}, **given}
    if problem is None:
        found = problems_of(stated)
        assert found == ["income.period_turns: is missing; allowances are granted period by period"]
        return
    assert problem in "; ".join(problems_of(stated))


def test_a_setting_goes_over_the_study_and_fixes_what_is_varied(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(STUDY, encoding="utf-8")
    study = load_study(path, ["seeds=7", "base_inference_rate=0.25", "vary.study_cost=[1, 2]"])
    assert study.seeds == 7
    assert study.scenario.base.config.base_inference_rate == 250_000
    with pytest.raises(ScenarioError, match="must be key=value"):
        load_study(path, ["seeds"])
    names = [key.name for key in study.keys]
    assert names == ["policy.work_below", "lottery_rule", "study_cost"]
    fixed = load_study({"vary": {"turns": [5, 6], "study_cost": [1]}}, ["turns=9"])
    assert [key.name for key in fixed.keys] == ["study_cost"]
    assert fixed.scenario.base.turns == 9


def test_a_file_that_is_wrong_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(STUDY + "\n[wrong]\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"own\.toml") as raised:
        load_study(path)
    assert raised.value.problems == ["wrong: unknown key"]
    with pytest.raises(ScenarioError, match="shipped are tariff-caution, paper-sensitivity"):
        load_study(tmp_path / "missing.toml")
    with pytest.raises(ScenarioError, match="is a scenario, not a study"):
        load_study("as-run")


def test_metrics_that_are_named_are_kept_and_those_that_say_solvency() -> None:
    study = load_study({"metrics": ["mean_debt"], "vary": {"study_cost": [1]}})
    assert study.metrics == ("platform_final", "insolvent_percent", "mean_debt")


def test_policies_of_one_name_are_told_apart_by_their_parameters() -> None:
    rules = [se.Rules((("balance < 3", "job"), ("", "mine"))), se.Rules((("", "mine"),))]
    family = [se.Published, se.Published(job_below=1), se.Published(job_below=2, stake_max=0)]
    (of_rules,), (of_family,) = (
        load_study({"vary": {"policy": policies}}).keys for policies in (rules, family)
    )
    named = [of_family.text(index) for index in range(3)]
    assert named == ["Published", "Published(job_below=1)", "Published(job_below=2, stake_max=0)"]
    assert [of_family.held(name) for name in named] == [0, 1, 2]
    assert of_rules.settings["values"][1] == "Rules(rules=[{'do': 'mine'}], numbers={})"
    assert problems_of({"vary": {"policy": [rules[1], rules[1]]}})[0].endswith("stands twice")


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"seedz": 200}, ["seedz: unknown key; did you mean seed or seeds?"]),
        (
            {"vary": {"tariff": [1, 2]}},
            ["vary.tariff: unknown key; did you mean base_inference_rate?"],
        ),
        (
            {"vary": {"caution": [1, 2]}},
            ["vary.caution: unknown key; did you mean policy.job_below?"],
        ),
        (
            {"set": {"sise": 4}},
            [
                "sise: unknown key; did you mean size? Keys of the study stand above its tables",
            ],
        ),
        (
            {"design": "sobel", "size": 4, "vary": {"study_cost": {"from": 0, "to": 9}}},
            [f"design: must be one of {', '.join(DESIGNS)}; did you mean sobol?"],
        ),
    ],
)
def test_a_slip_is_answered_with_what_was_meant_and_nothing_else(
    given: dict[str, object], problems: list[str]
) -> None:
    with pytest.raises(ScenarioError) as raised:
        load_study(given)
    assert raised.value.problems == problems


def test_a_study_is_no_scenario_and_the_command_that_plays_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[vary]\nstudy_cost = [1, 2]\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="play this file with `sim-economy sweep`"):
        load_scenario(tmp_path / "mine.toml")
