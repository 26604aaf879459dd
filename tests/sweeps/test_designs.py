"""Designs: their points lie where the study says, and are the same everywhere."""

from __future__ import annotations

import time
from itertools import product
from typing import Any

import numpy as np
import pytest

from sim_economy.experiments.sweeps.designs import points_count, salib_problem
from sim_economy.experiments.sweeps.study import SIZED, load_study
from sim_economy.experiments.sweeps.sweep_plan import SweepPlan

VARY: dict[str, Any] = {
    "base_inference_rate": {"from": 0.25, "to": 3},
    "commons_threshold_per_turn": {"from": 0, "to": 300},
    "job_rule": ["credit_usage", "waive_usage"],
    "num_agents": [2, 3, 5],
}


def plan_of(design: str, size: int | None = None, **given: Any) -> SweepPlan:
    sized = {} if size is None else {"size": size}
    return SweepPlan(load_study({"design": design, **sized, "vary": VARY, **given}))


def test_a_grid_has_every_combination_and_the_last_key_changes_fastest() -> None:
    vary = {"study_cost": [3, 1], "job_rule": ["credit_usage", "waive_usage"], "num_cores": [1, 2]}
    plan = plan_of("grid", vary=vary)
    points = list(zip(*(column.tolist() for column in plan.columns.values()), strict=True))
    assert points == list(product([3, 1], [0, 1], [1, 2]))
    assert plan.shown(2) == {"study_cost": "3", "job_rule": "waive_usage", "num_cores": "1"}


def test_a_list_goes_through_its_keys_together() -> None:
    vary = {"study_cost": [3, 1, 3], "base_inference_rate": [0.5, 1, 0.25]}
    plan = plan_of("list", vary=vary)
    assert [plan.shown(point)["base_inference_rate"] for point in range(3)] == ["0.5", "1", "0.25"]
    assert plan.columns["study_cost"].tolist() == [3, 1, 3]


@pytest.mark.parametrize("design", SIZED)
def test_what_is_drawn_lies_in_its_range_and_is_drawn_again(design: str) -> None:
    plan = plan_of(design, 64)
    keys = {key.name: key for key in plan.study.keys}
    for name, column in plan.columns.items():
        assert column.dtype == np.int64
        assert (len(column), len(column)) == (plan.points, points_count(plan.study))
        assert keys[name].low <= column.min() <= column.max() <= keys[name].high
        assert len(np.unique(column)) > 1
    assert set(plan.columns["num_agents"].tolist()) == {2, 3, 5}
    again, other = plan_of(design, 64), plan_of(design, 64, seed=5)
    assert all((plan.columns[name] == again.columns[name]).all() for name in keys)
    assert any((plan.columns[name] != other.columns[name]).any() for name in keys)


KNOWN = {
    "latin_hypercube": [388971, 297, 0, 5],
    "sobol_sequence": [2038674, 276, 0, 5],
    "sobol": [1842965, 222, 1, 5],
    "morris": [250000, 0, 0, 2],
}


@pytest.mark.parametrize("design", SIZED)
def test_a_design_is_the_same_on_every_machine(design: str) -> None:
    plan = plan_of(design, 4, seed=7)
    assert [int(column[0]) for column in plan.columns.values()] == KNOWN[design]


def test_a_latin_hypercube_has_one_point_in_each_stratum() -> None:
    plan = plan_of("latin_hypercube", 275)
    strata = (plan.columns["base_inference_rate"] - 250_000) * 275 // 2_750_001
    assert sorted(strata.tolist()) == list(range(275))


def test_designs_for_indices_have_their_shape() -> None:
    sobol = plan_of("sobol", 8)
    assert sobol.points == 8 * (4 + 2)
    base = np.stack([column.reshape(8, 6) for column in sobol.columns.values()])
    for key in range(4):
        changed = (base[:, :, 0] != base[:, :, key + 1]).any(axis=1)
        assert not changed[[other for other in range(4) if other != key]].any()
    morris = plan_of("morris", 8)
    assert morris.points == 8 * (4 + 1)
    steps = np.stack([column.reshape(8, 5) for column in morris.columns.values()])
    assert ((np.diff(steps, axis=2) != 0).sum(axis=0) == 1).all()
    problem = salib_problem(morris.study)
    assert (problem["num_vars"], problem["num_levels"]) == (4, 4)
    assert problem["bounds"] == [[0.25, 3.0], [0.0, 300.0], [0.0, 1.0], [2.0, 5.0]]


@pytest.mark.parametrize(
    "given",
    [
        {"design": "grid", "seeds": 50, "vary": {
            "base_inference_rate": {"from": 0, "to": 3, "steps": 200},
            "interest_rate_per_turn": {"from": 0, "to": 0.03, "steps": 100},
        }},
        {"design": "latin_hypercube", "seeds": 1, "size": 1_000_000, "vary": {
            "base_inference_rate": {"from": 0, "to": 3},
            "interest_rate_per_turn": {"from": 0, "to": 0.03},
        }},
    ],
    ids=["grid", "latin_hypercube"],
)  # fmt: skip
def test_a_million_runs_are_planned_within_a_second(given: dict[str, Any]) -> None:
    plan_of("latin_hypercube", 4)  # what imports take is no part of a plan
    started = time.process_time()
    plan = SweepPlan(load_study(given))
    columns = plan.row_columns(np.arange(plan.rows))
    assert plan.rows == len(columns["seed"]) == 1_000_000
    assert time.process_time() - started < 1
