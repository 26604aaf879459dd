"""The published policy and its family, and the one key for a parameter of the one policy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields

import sim_economy as se
from sim_economy.agents.catalogue import settings_of
from sim_economy.agents.policies.published_policy import Published
from sim_economy.agents.policy import views
from sim_economy.core.accounts import BALANCE, STAKED, WIDTH
from sim_economy.core.actions import Action, Burn, Job, Mine, Stake, Study, Transfer, Unstake
from sim_economy.core.errors import ScenarioError
from sim_economy.core.state import genesis
from sim_economy.core.world_config import parse_world_config
from sim_economy.scenarios.scenario import Scenario, load_scenario

CONFIG = parse_world_config({"num_agents": 3})


def decided(policy: Published, turn: int, agent: int, balance: int, staked: int = 0) -> Action:
    """The decision of an agent in a turn, the others having 100 tokens."""
    state, _ = genesis(CONFIG)
    state.turn = turn - 1
    for each in range(3):
        state.accounts[BALANCE + WIDTH * each] = balance if each == agent else 100
    state.accounts[STAKED + WIDTH * agent] = staked
    return policy.decide(views(state, CONFIG)[agent])


@pytest.mark.parametrize(
    ("given", "turn", "balance", "staked", "found"),
    [
        ({"job_below": -100}, 1, -101, 0, Job()),
        ({"job_below": -100}, 1, -100, 0, Mine()),
        ({"unstake_period": 4}, 8, 0, 1, Unstake()),
        ({"unstake_period": 0}, 15, 0, 1, Mine()),
        ({"stake_above": 9, "stake_period": 3, "stake_tokens": 4}, 3, 10, 0, Stake(4)),
        ({"stake_above": 9, "stake_max": 5, "stake_period": 3}, 3, 10, 5, Mine()),
        ({"stake_period": 0}, 7, 400, 0, Mine()),
        ({"burn_above": 20, "burn_period": 2, "burn_tokens": 3}, 2, 21, 0, Burn(3)),
        ({"burn_period": 0}, 11, 700, 0, Mine()),
        ({"transfer_above": 150, "transfer_period": 3, "transfer_tokens": 7, "transfer_fee": 2},
         3, 151, 0, Transfer("agent_1", 7, 2)),
        ({"transfer_period": 0}, 13, 500, 0, Mine()),
        ({"study_above": 5, "study_period": 3}, 3, 6, 0, Study()),
        ({"study_period": 0}, 10, 300, 0, Mine()),
    ],
)  # fmt: skip
def test_each_parameter_moves_the_rule_it_is_named_after(
    given: dict[str, int], turn: int, balance: int, staked: int, found: Action
) -> None:
    assert decided(Published(**given), turn, 0, balance, staked) == found


def test_the_defaults_are_the_published_ones_and_are_stated_nowhere() -> None:
    assert settings_of(Published()) == {}
    assert len(settings_of(Published(), every=True)) == len(fields(Published)) == 15
    assert settings_of(Published(job_below=-5)) == {"job_below": -5}


# The one key


def population(scenario: Scenario) -> Any:
    return scenario.settings.get("population")


def test_a_parameter_of_the_one_policy_is_set_by_one_key() -> None:
    stated: list[Any] = [["policy.job_below=-300"], {"policy.job_below": -300}]
    for changes in stated:
        changed = load_scenario("as-run", changes)
        assert {*changed.policies} == {Published(job_below=-300)}
        assert population(changed)[0]["job_below"] == -300
    assert not load_scenario("as-run", ["policy.job_below=-300"]).is_published


def test_a_parameter_at_its_default_leaves_the_published_experiment_as_it_is() -> None:
    assert load_scenario("as-run", ["policy.job_below=-180"]).is_published
    assert load_scenario("as-run", {"policy": {"name": "published"}}).is_published


def test_a_parameter_is_set_after_the_policy_whatever_comes_first() -> None:
    first = load_scenario("as-run", ["policy.stake_tokens=7", "policy=published"])
    second = load_scenario("as-run", ["policy=published", "policy.stake_tokens=7"])
    assert first.policies == second.policies == [Published(stake_tokens=7)] * 8
    given = {"policy.stake_tokens": 7, "policy": Published(burn_tokens=3)}
    assert load_scenario("as-run", given).policies[0] == Published(stake_tokens=7, burn_tokens=3)


def test_a_population_of_one_entry_has_one_policy(tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text('[[population]]\npolicy = "published"\nagents = 8\nburn_tokens = 9\n')
    changed = load_scenario(path, ["policy.job_below=-3"])
    assert changed.policies == [Published(burn_tokens=9, job_below=-3)] * 8


@pytest.mark.parametrize(
    ("source", "changes", "problem"),
    [
        ("as-run", ["policy.jobbelow=3"], "policy.jobbelow: unknown key; did you mean job_below?"),
        ("as-run", ["policy.job_below=low"], "policy.job_below: must be an integer from -21474"),
        ("as-run", ["policy.stake_tokens=0"], "policy.stake_tokens: must be an integer from 1 to "),
        ("as-run", ["policy.name=miner"], "policy.name: set policy"),
        ("as-run", ["policy.agents=3"], "policy.agents: set policy"),
        ("as-run", {"policy": {"job_below": 3}}, "policy.name: must be a text that names a policy"),
        ("as-run", {"policy": {"name": "published", "x": 1}}, "policy.x: unknown key"),
        ("as-run", {"policy": {"name": "publish"}}, "policy: there is no publish"),
        ("baseline", ["policy.job_below=3"],
         "policy.job_below: the population has no one policy for all agents; set population"),
        ("as-run", {"population": [{"policy": {"name": "miner"}}]},
         "population[0].policy: must be a text that names a policy"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_of_the_one_policy_is_named_by_its_key(
    source: str, changes: Any, problem: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(source, changes)
    (found,) = caught.value.problems
    assert found.startswith(problem)


def test_a_folder_keeps_the_parameters_and_takes_others(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    changes: Any = {"policy.job_below": -7, "turns": 3, "runs": 1}
    se.experiment("as-run", folder, **changes)
    kept = json.loads((folder / "manifest.json").read_text())["settings"]
    assert kept["population"][0]["job_below"] == -7
    assert load_scenario(folder).policies == [Published(job_below=-7)] * 8
    again = load_scenario(folder, ["policy.burn_tokens=2"])
    assert again.policies == [Published(job_below=-7, burn_tokens=2)] * 8
