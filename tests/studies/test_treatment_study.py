"""The file of a study of treatments: what it may say, and what is said of mistakes."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from sim_economy.core.errors import ScenarioError
from sim_economy.studies.robustness_reader import repeated_entries
from sim_economy.studies.study_arms import ArmKind, planned_cells
from sim_economy.studies.study_reader import read_treatment_study
from tests.studies.small_study import SMALL, small_study


def problems_of(**changes: Any) -> list[str]:
    with pytest.raises(ScenarioError) as raised:
        small_study(**changes)
    return raised.value.problems


def test_the_shipped_study_is_whole() -> None:
    study = read_treatment_study("paper-questions")
    assert [own.turns for own in study.horizons] == [60, 600, 1500]
    assert study.behaviours[0].scenario.base.config == _published_config()
    assert {own.key for own in study.references} == {"base_inference_rate", "grant"}
    assert all(len(own.doses) >= 5 for own in study.treatments)


def _published_config() -> object:
    from sim_economy.scenarios.scenario import load_scenario  # noqa: PLC0415

    return load_scenario("as-run").config


def test_every_arm_is_planned_once() -> None:
    cells = planned_cells(small_study())
    names = [cell.name for cell in cells]
    assert len(names) == len(set(names))
    kinds = [cell.arm.kind for cell in cells if cell.behaviour.name == "cautious"]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        ArmKind.OFF: 1,
        ArmKind.DOSE: 8,  # fee cap 2 x 2 wages, rails 2, tariff 1, grant 1
        ArmKind.TOGETHER: 1,
        ArmKind.SHOCKED: 3,
        ArmKind.FIXED: 2,
    }


def test_a_full_factorial_has_every_combination_once() -> None:
    study = read_treatment_study("paper-questions")
    names = {
        cell.arm.name
        for cell in planned_cells(study)
        if cell.behaviour.name == "market" and cell.arm.kind is ArmKind.TOGETHER
    }
    five = [own for own in study.treatments if own.name in study.full_factorial]
    assert len(five) == 5
    for size in range(2, 6):
        for group in combinations(five, size):
            assert " + ".join(own.name for own in group) in names
    # Both are responses of one monitor: together they would be the second alone.
    assert "relief + levy" not in names
    threshold = study.combined(study.behaviours[0])
    assert [own.name for own in threshold] == ["fee cap", "rebate", "debt rails", "relief"]


def test_robustness_checks_change_one_factor_under_the_first_behaviour() -> None:
    tariff, waves = SMALL["robustness"]
    study = small_study(robustness=[{**tariff, "turns_max": 20}, waves])
    tariff, waves = study.robustness
    assert tariff.behaviour.scenario.base.config.base_inference_rate == 2_000_000
    assert [own.turns for own in tariff.behaviour.horizons] == [20]
    assert [own.turns for own in waves.behaviour.horizons] == [20, 30]
    arms = [
        cell.arm.name
        for cell in planned_cells(study)
        if cell.behaviour.name == "published, twice the tariff"
    ]
    assert arms == ["off", "fee cap 1.5", "rails 500"]


def test_entries_start_over_and_end_with_the_last_turn() -> None:
    given = [{"turn": 1, "until": 4, "target": "usage", "factor": 2}, {"turn": 5, "target": "x"}]
    found = repeated_entries(given, 10, 23)
    spans = [(own["turn"], own["until"]) for own in found]
    assert spans == [(1, 4), (5, 5), (11, 14), (15, 15), (21, 23)]
    assert [own["target"] for own in found] == ["usage", "x", "usage", "x", "usage"]
    assert repeated_entries(given, None, 3) == [{**given[0], "until": 3}]


def test_a_slice_leaves_out_the_longer_horizon_of_the_curve_and_what_it_does_not_try() -> None:
    study = read_treatment_study(SMALL, is_slice=True)
    assert study.threshold is not None
    assert [own.turns for own in study.threshold.horizons] == [10]
    assert [own.turns for own in small_study().threshold_behaviours[0].horizons] == [10, 20]
    market = {**SMALL["treatments"][1], "behaviours": ["cautious"]}
    treatments = [SMALL["treatments"][0], market, *SMALL["treatments"][2:]]
    sliced = read_treatment_study({**SMALL, "treatments": treatments}, is_slice=True)
    assert sliced.factorial == sliced.full_factorial == ("fee cap",)


def test_a_slice_plays_one_horizon_and_the_behaviours_it_names() -> None:
    study = read_treatment_study(SMALL, is_slice=True)
    assert [own.name for own in study.behaviours] == ["published"]
    assert [(own.turns, own.seeds) for own in study.horizons] == [(10, 2)]
    assert study.name == "small-slice"
    assert study.hash != small_study().hash


def test_a_study_without_a_slice_says_so() -> None:
    with pytest.raises(ScenarioError, match="slice: the study names none"):
        read_treatment_study({**SMALL, "slice": None}, is_slice=True)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"vary": {}}, "vary: is a sweep's"),
        ({"factorial": ["fee cp"]}, "factorial: there is no treatment fee cp; did you mean"),
        ({"outcomes": [{"name": "insolvnt_percent", "smallest_effect": 1}]}, "did you mean"),
        ({"outcomes": [{"name": "platform", "smallest_effect": 0}]}, "must be above 0"),
        (
            {"horizons": [{"turns": 10, "seeds": 2}, {"turns": 20, "seeds": 3}]},
            "a longer one may not have more seeds",
        ),
        ({"behaviours": [{"name": "a"}, {"name": "a"}]}, "behaviours: a stands twice"),
        (
            {"behaviours": [{"name": "a", "set": {"policy.job_bellow": 1}}]},
            "behaviours.a: ",
        ),
        ({"behaviours": [{"name": "a", "turns_max": 5}]}, "turns_max is below"),
        (
            {"treatments": [{**SMALL["treatments"][0], "dose": 3}]},
            "treatments.fee cap.dose: 3 is none of its doses 4, 1.5",
        ),
        (
            {"treatments": [{**SMALL["treatments"][0], "is_reference": True}]},
            "tokens can be matched by base_inference_rate or grant alone",
        ),
        ({"treatments": [{**SMALL["treatments"][0], "doses": ["much"]}]}, "much"),
        ({"threshold": {**SMALL["threshold"], "published": 7}}, "7 is none of its values"),
        ({"threshold": {**SMALL["threshold"], "key": "policy.no"}}, "threshold.values: -180: "),
        ({"question": 3}, "question: "),
        ({"full_factorial": ["fee cp"]}, "full_factorial: there is no treatment fee cp; did you"),
        (
            {
                "treatments": [
                    {
                        "name": name,
                        "key": f"governance.concentration_monitor.{key}",
                        "doses": [0.4],
                        "dose": 0.4,
                        "set": {"governance.concentration_monitor.response": name},
                    }
                    for name, key in (("relief", "gini_max"), ("levy", "levy_share"))
                ],
                "factorial": ["levy"],
                "full_factorial": ["relief", "levy"],
            },
            "full_factorial: relief and levy set one key to different values; name one",
        ),
        ({"robustness": [{"name": "a", "set": {"num_agent": 2}}]}, "robustness.a: "),
        (
            {"robustness": [{"name": "a", "entries": [{"target": "usage", "factor": 2}]}]},
            "robustness.a: entries[0]: must be a table with a turn, and until if it lasts, as int",
        ),
        ({"robustness": [{"name": "a", "entries": [5]}]}, "robustness.a: entries[0]: must be a"),
        (
            {"robustness": [{"name": "a", "entries": [{"turn": 1, "target": "usge"}]}]},
            "robustness.a: ",
        ),
        ({"robustness": [{"name": "a", "turns_max": 5}]}, "turns_max is below the first horizon"),
        ({"robustness": [{"name": "a"}, {"name": "a"}]}, "robustness: a stands twice"),
        (
            {"threshold": {**SMALL["threshold"], "window_turns": 10}},
            "threshold.window_turns: must be above turns, 10",
        ),
        (
            {"threshold": {**SMALL["threshold"], "window_seeds": 3}},
            "threshold.window_seeds: must not be above seeds, 2",
        ),
    ],
)
def test_a_mistake_is_named(changes: dict[str, Any], problem: str) -> None:
    found = problems_of(**changes)
    assert any(problem in own for own in found), found


def test_all_problems_come_at_once() -> None:
    found = problems_of(factorial=["no"], outcomes=[{"name": "no", "smallest_effect": 1}])
    assert len(found) == 2


def test_a_file_that_is_not_there_names_what_ships(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="shipped are paper-questions; did you mean"):
        read_treatment_study(str(tmp_path / "x") and "paper-question")


def test_a_file_is_read_with_its_name_in_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text("question = 'x'\nscenaro = 'as-run'\n")
    with pytest.raises(ScenarioError) as raised:
        read_treatment_study(path)
    assert str(path) in str(raised.value)
    assert "did you mean scenario" in str(raised.value)
