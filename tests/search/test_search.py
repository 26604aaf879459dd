"""A search finds the front that enumeration finds, and comes to the same bytes in any session."""

from __future__ import annotations

import json
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from sim_economy.core.errors import ExtraMissingError, FolderError, ScenarioError
from sim_economy.experiments.search.pareto_front import pareto_front
from sim_economy.experiments.search.played_search import search
from sim_economy.experiments.search.search import lacking, run_search
from sim_economy.experiments.search.search_results import PointOutcome
from sim_economy.experiments.search.search_study import (
    ChanceConstraint,
    SearchStudy,
    load_search,
)
from sim_economy.experiments.sweeps.core_player import play_world
from sim_economy.statistics.intervals import wilson_interval
from tests.sweeps.small_studies import files_of

SMALL: dict[str, Any] = {
    "name": "small",
    "turns": 6,
    "generations": 6,
    "points": 8,
    "seeds": 4,
    "holdout_seeds": 4,
    "set": {"num_agents": 3},
    "objectives": [
        {"metric": "mean_balance_final", "direction": "max"},
        {"metric": "platform_final", "direction": "max"},
    ],
    "constraints": [{"metric": "min_balance_final", "at_least": 0, "percent": 40}],
    "vary": {"base_inference_rate": [0.5, 1, 2, 4], "policy.job_below": [-200, 400, 900]},
}


def small_search(**changes: Any) -> SearchStudy:
    return load_search({**SMALL, **changes})


def played_points(study: SearchStudy) -> dict[tuple[int, ...], PointOutcome]:
    """Every point, each world by itself on the core."""
    found = {}
    first = study.seed + study.holdout_seeds
    for point in product(*(key.values for key in study.keys)):
        settings = {
            key.name: key.setting(held) for key, held in zip(study.keys, point, strict=True)
        }
        scenario = study.scenario.at(settings, seed=first)
        worlds = [play_world(scenario, replicate).metrics for replicate in range(1, 5)]
        found[point] = PointOutcome(
            objectives=tuple(
                sum(world[own.metric] for world in worlds) / len(worlds) for own in study.objectives
            ),
            holds=(sum(world["min_balance_final"] >= 0 for world in worlds),),
        )
    return found


def test_the_front_is_that_of_enumeration(tmp_path: Path) -> None:
    study = small_search(generations=10)
    known = played_points(study)
    feasible = [
        point
        for point, outcome in known.items()
        if (wilson_interval(outcome.holds[0], 4).low or 0) >= 0.4
    ]
    values = [known[point].objectives for point in feasible]
    front = {feasible[index] for index in pareto_front(values, ["max", "max"])}
    assert 1 < len(front) < len(feasible) < len(known) == 12
    found = run_search(study, tmp_path).result
    assert found is not None
    assert {own.point for own in found.front} == front
    assert all(own.searched == known[own.point] for own in found.front)
    assert (found.tried, found.feasible) == (len(known), len(feasible))


def test_no_point_of_a_front_is_beaten() -> None:
    values = [(1, 5), (2, 4), (2, 5), (3, 3), (3, 3), (4, 4)]
    assert pareto_front(values, ["min", "max"]) == [0]
    assert pareto_front(values, ["min", "min"]) == [0, 1, 3, 4]
    assert pareto_front(values, ["max", "max"]) == [2, 5]


def test_a_constraint_holds_by_the_lower_end_of_its_interval() -> None:
    study = small_search(
        seeds=100, constraints=[{"metric": "platform_final", "at_least": 0, "percent": 95}]
    )
    held = {
        count: lacking(study, PointOutcome(objectives=(), holds=(count,)), 100)[0]
        for count in (95, 98, 99, 100)
    }
    assert held[100] == 0
    assert held[95] > held[98] > held[99] > 0
    assert held[98] == pytest.approx(0.95 - (wilson_interval(98, 100).low or 0))


@pytest.mark.parametrize("percent", [1, 40, 50, 80, 95, 99])
def test_seeds_that_can_never_show_a_chance_are_refused(percent: int) -> None:
    constraint = ChanceConstraint(at_least=0, percent=percent)
    least = constraint.seeds_min
    assert (wilson_interval(least, least).low or 0) >= percent / 100
    if least > 1:
        assert (wilson_interval(least - 1, least - 1).low or 0) < percent / 100
        given = [{"metric": "platform_final", "at_least": 0, "percent": percent}]
        with pytest.raises(ScenarioError, match=f"{least} is the least that can"):
            small_search(seeds=least - 1, constraints=given)


def test_where_nothing_is_feasible_the_answer_says_so(tmp_path: Path) -> None:
    impossible = [{"metric": "min_balance_final", "at_least": 10**6, "percent": 40}]
    played = search(SMALL, tmp_path, generations=2, constraints=impossible)
    assert played.result.feasible == 0
    assert played.answer.startswith("None of ")
    assert "in 0.0 % of runs" in played.answer
    assert len(played.front) == 1


def test_the_front_is_played_on_fresh_seeds_and_other_behaviours(tmp_path: Path) -> None:
    played = search(SMALL, tmp_path, behaviours=["worker"])
    study = played.study
    for own in played.result.front:
        settings = {
            key.name: key.setting(held) for key, held in zip(study.keys, own.point, strict=True)
        }
        scenario = study.scenario.at(settings)
        others = study.scenario.at(
            {"base_inference_rate": settings["base_inference_rate"], "policy": "worker"}
        )
        for world, found in ((scenario, own.holdout), (others, own.behaviours["worker"])):
            metrics = [play_world(world, replicate).metrics for replicate in range(1, 5)]
            assert found.objectives[1] == sum(one["platform_final"] for one in metrics) / 4
    page = played.report()
    text = (page.parent / "search.md").read_text("utf-8")
    assert "## Other behaviours" in text


def test_an_interrupted_search_ends_with_the_same_bytes(tmp_path: Path) -> None:
    study = small_search(generations=4)
    run_search(study, tmp_path / "whole")
    seen: list[int] = []

    def interrupt(runs: int) -> None:
        seen.append(runs)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_search(study, tmp_path / "parts", progress=interrupt)
    stopped = run_search(study, tmp_path / "parts", seconds_max=1e-9)
    assert (len(stopped.generations), stopped.resumed, stopped.result) == (2, 2, None)
    resumed = run_search(study, tmp_path / "parts", jobs=2)
    assert (len(resumed.generations), resumed.resumed) == (4, 2)
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "whole")


def test_a_generation_with_other_points_is_refused(tmp_path: Path) -> None:
    study = small_search(generations=2)
    run_search(study, tmp_path)
    path = tmp_path / "generations/generation-000001.json"
    kept = json.loads(path.read_bytes())
    path.write_text(json.dumps({**kept, "points": kept["points"][::-1]}))
    with pytest.raises(FolderError, match="start over with --fresh"):
        run_search(study, tmp_path)


def test_one_objective_has_a_front_of_its_best_points(tmp_path: Path) -> None:
    best = [{"metric": "platform_final", "direction": "max"}]
    given = {key: held for key, held in SMALL.items() if key != "constraints"}
    played = search(given, tmp_path, objectives=best)
    reached = [own.searched.objectives[0] for own in played.result.front]
    tried = [
        outcome.objectives[0]
        for generation in played.outcome.generations
        for outcome in generation.outcomes
    ]
    assert {*reached} == {max(tried)}
    assert played.report().exists()


def test_a_library_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ExtraMissingError, match=r"a search needs optuna.*sim-economy\[search\]"):
        run_search(small_search(), tmp_path)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"objectives": []}, "objectives: "),
        ({"objectives": [{"metric": "rent"}]}, "objectives[0].metric: must be one of"),
        ({"constraints": [{"metric": "rent_total"}]}, "needs at_least or at_most"),
        ({"vary": {}}, "vary: is missing"),
        ({"behaviours": ["nobody"]}, "behaviours: nobody: policy: there is no nobody"),
        ({"vary": {"base_inference_rat": [1]}}, "did you mean base_inference_rate"),
    ],
)
def test_a_wrong_search_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        small_search(**changes)
    assert problem in str(refused.value)
