"""Training finds what is known to be best, and comes to the same bytes in any session."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sim_economy.agents.catalogue import policy_named
from sim_economy.agents.policies.linear_policy import Linear
from sim_economy.core.errors import ExtraMissingError, FolderError, ScenarioError
from sim_economy.experiments.sweeps.core_player import play_world
from sim_economy.experiments.sweeps.point_player import PointPlayer, mean
from sim_economy.experiments.training.evolution import Evolution
from sim_economy.experiments.training.played_training import train
from sim_economy.experiments.training.trained_numbers import TrainedNumber
from sim_economy.experiments.training.training import run_training
from sim_economy.experiments.training.training_study import load_training
from sim_economy.scenarios.scenario import load_scenario
from tests.architecture.source import ROOT
from tests.sweeps.small_studies import files_of
from tests.training.small_trainings import PLANTED, small_training


def by_enumeration() -> dict[int, float]:
    """Mean wealth on the hold-out seeds of thresholds from end to end."""
    study = small_training()
    thresholds = range(-400, 4001, 200)
    keys = study.family.keys([(own,) for own in thresholds])
    played = PointPlayer(1).play(
        study.trained, keys, study.seed, study.holdout_seeds, (), wealth=True
    )
    return {
        own: mean([sum(wealth) / len(wealth) for wealth in row])
        for own, row in zip(thresholds, played.wealth, strict=True)
    }


def test_training_finds_the_policy_that_enumeration_finds(tmp_path: Path) -> None:
    known = by_enumeration()
    best = max(known.values())
    assert known[-200] < 0.9 * best
    found = run_training(small_training(), tmp_path / "planted").result
    assert found is not None
    assert mean(found.own.objective) < 0.9 * best
    assert mean(found.trained.objective) >= 0.98 * best


def test_less_is_better_where_the_file_says_so(tmp_path: Path) -> None:
    study = small_training(direction="min", generations=8)
    found = run_training(study, tmp_path / "worst").result
    assert found is not None
    assert mean(found.trained.objective) <= 1.02 * min(by_enumeration().values())


def test_a_linear_policy_learns_to_work(tmp_path: Path) -> None:
    played = train(
        {key: held for key, held in PLANTED.items() if key != "numbers"},
        tmp_path / "linear",
        policy="linear",
        parameters={"actions": ["mine", "job"]},
        features=["bias", "balance"],
        objective="actions_job",
    )
    assert mean(played.result.trained.objective) == 3 * 10
    policy = played.policy
    assert isinstance(policy, Linear)
    assert policy.actions == ("mine", "job")
    assert [*played.result.numbers] == [
        "mine: bias", "mine: balance", "job: bias", "job: balance",
    ]  # fmt: skip


def test_numbers_of_rules_are_trained_by_name(tmp_path: Path) -> None:
    rules = [{"when": "balance < floor", "do": "job"}, {"do": "mine"}]
    played = train(
        PLANTED,
        tmp_path / "rules",
        policy="rules",
        parameters={"rules": rules, "numbers": {"floor": 0}},
        numbers={"floor": {"from": -400, "to": 4000}},
    )
    assert mean(played.result.trained.objective) >= 0.98 * max(by_enumeration().values())
    assert "job when balance < floor" in (played.report().parent / "training.md").read_text("utf-8")


def test_an_interrupted_training_ends_with_the_same_bytes(tmp_path: Path) -> None:
    study = small_training(generations=4)
    run_training(study, tmp_path / "whole")
    seen: list[int] = []

    def interrupt(runs: int) -> None:
        seen.append(runs)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(study, tmp_path / "parts", progress=interrupt)
    assert len([*(tmp_path / "parts/generations").iterdir()]) == 2
    stopped = run_training(study, tmp_path / "parts", seconds_max=1e-9)
    assert (len(stopped.generations), stopped.resumed, stopped.result) == (2, 2, None)
    resumed = run_training(study, tmp_path / "parts", jobs=2)
    assert (len(resumed.generations), resumed.resumed) == (4, 2)
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "whole")
    again = run_training(study, tmp_path / "parts")
    assert (again.resumed, again.result) == (4, resumed.result)


def test_a_generation_that_was_changed_is_refused(tmp_path: Path) -> None:
    study = small_training(generations=2)
    run_training(study, tmp_path)
    path = tmp_path / "generations/generation-000001.json"
    kept = json.loads(path.read_bytes())
    for changed in ({**kept, "outcomes": kept["outcomes"][::-1]}, {**kept, "number": 2}, {}):
        path.write_text(json.dumps(changed))
        with pytest.raises(FolderError, match="start over with --fresh"):
            run_training(study, tmp_path)
    run_training(study, tmp_path, fresh=True)
    assert json.loads(path.read_bytes()) == kept


def test_another_training_does_not_go_on_in_the_folder(tmp_path: Path) -> None:
    run_training(small_training(generations=1), tmp_path)
    with pytest.raises(FolderError, match="seeds was 2, is now 3"):
        run_training(small_training(generations=1, seeds=3), tmp_path)


def test_the_scenario_with_the_trained_policy_plays_as_it_was_trained(tmp_path: Path) -> None:
    governance = {"fee_cap": {"cap_ratio": 1.5}}
    played = train(PLANTED, tmp_path, generations=2, governance=governance)
    scenario = load_scenario(played.scenario)
    assert scenario.policies == [played.policy] * 3
    assert scenario.config.governance is not None
    wealth = play_world(scenario, 1).wealth
    assert sum(wealth) / 3 == played.result.trained.objective[0]


def test_one_agent_is_trained_among_those_of_the_scenario(tmp_path: Path) -> None:
    played = train(PLANTED, tmp_path, trained_agents="one")
    first, *others = load_scenario(played.scenario).policies
    assert first == played.policy != policy_named("published")
    assert others == [policy_named("published")] * 2
    own = mean(played.result.own.objective)
    alone = PointPlayer(1).play(played.study.own, (), 1000, 4, (), wealth=True)
    assert own == mean([wealth[0] for wealth in alone.wealth[0]])
    assert mean(played.result.trained.objective) > own
    assert played.answer.startswith("Trained for 12 generations, agent_0 ends with ")


def test_what_debt_rails_lent_is_no_wealth() -> None:
    rails = {"debt_rails": {"debt_cap": 0}}
    study = small_training(turns=30, set={"num_agents": 3, "governance": rails})
    played = PointPlayer(1).play(study.own, (), 0, 1, ("platform_final",), wealth=True)
    balances = play_world(study.own.base, -999)
    assert [*balances.wealth] == [*played.wealth[0][0]]
    free = small_training(turns=30)
    unlent = PointPlayer(1).play(free.own, (), 0, 1, (), wealth=True)
    assert sum(played.wealth[0][0]) != sum(unlent.wealth[0][0])


@pytest.mark.parametrize("trained_agents", ["all", "one"])
@pytest.mark.parametrize("rule", [None, "fee_cap", "debt_rails"])
def test_kernel_and_core_give_the_same_outcomes(trained_agents: str, rule: str | None) -> None:
    table = {"cap_ratio": 1.5} if rule == "fee_cap" else {"debt_cap": 0}
    governance = {"governance": {rule: table}} if rule else {}
    study = small_training(trained_agents=trained_agents, set={"num_agents": 3, **governance})
    keys = study.family.keys([(-400,), (300,), (2000,)])
    metrics = ("platform_final", "actions_job")
    core, kernel = (
        PointPlayer(rows).play(study.trained, keys, 5, 3, metrics, wealth=True)
        for rows in (1, 10**6)
    )
    assert PointPlayer(1).core_reason(study.trained)
    reason = PointPlayer(10**6).core_reason(study.trained)
    assert ("debt rails" in reason) if rule == "debt_rails" else reason == ""
    assert kernel.metrics == core.metrics
    assert [[[*own] for own in row] for row in kernel.wealth] == [
        [[*own] for own in row] for row in core.wealth
    ]


def test_the_search_is_the_same_with_any_number_of_threads() -> None:
    code = (
        "from tests.training.test_training import searched; "
        "import hashlib; print(hashlib.sha256(repr(searched()).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(found) == 1


def searched() -> list[Any]:
    """Candidates of 91 numbers: as many as a linear policy has of seven actions."""
    numbers = [
        TrainedNumber(name=f"n{index}", low=-(10**6), high=10**6, start=0, scale=1)
        for index in range(91)
    ]
    search = Evolution(numbers, 17, 3)
    found: list[Any] = []
    for _ in range(12):
        asked = search.ask()
        found += [asked, search.mean]
        search.tell([float(sum(own * own for own in candidate)) for candidate in asked])
    return found


def test_a_library_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cmaes", None)
    with pytest.raises(ExtraMissingError, match=r"training needs cmaes.*sim-economy\[training\]"):
        run_training(small_training(), tmp_path)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"numbers": {}}, "numbers: is missing; name what is trained"),
        ({"numbers": {"job_belo": {"from": 0, "to": 1}}}, "did you mean job_below"),
        ({"numbers": {"job_below": [1, 2]}}, "numbers.job_below: has no range"),
        ({"features": ["bias"]}, "features: only the policy linear weighs features"),
        ({"policy": "linear", "numbers": {}}, "features: is missing; name what it weighs"),
        ({"objective": "welth"}, "objective"),
        ({"candidates": 3}, "candidates: must be"),
        ({"policy": "publishd"}, "policy: there is no publishd"),
    ],
)
def test_a_wrong_training_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        load_training({**PLANTED, **changes})
    assert problem in str(refused.value)
