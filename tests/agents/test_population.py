"""Who follows which policy: what a scenario file may say, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim_economy.agents.policies.published_policy import Published
from sim_economy.agents.policies.simple import Miner, Worker
from sim_economy.agents.population import parse_population, policies_by_agent
from sim_economy.core.errors import ScenarioError
from sim_economy.core.world_config import parse_world_config
from sim_economy.scenarios.scenario import Scenario, load_scenario

FIT = 'agents for num_agents = 4; change a count, or let one entry take the "rest"'


def world(agents: int = 4) -> Any:
    return parse_world_config(
        {"num_agents": agents}, agent_ids=["ann", "bob", "cleo", "dan", "eve", "fay"][:agents]
    )


def problems(given: Any, agents: int = 4) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        parse_population(given, world(agents))
    return caught.value.problems


def seats(given: Any, agents: int = 4) -> list[tuple[str, tuple[int, ...]]]:
    return [(group.policy_name, group.agents) for group in parse_population(given, world(agents))]


@pytest.mark.parametrize(
    ("agents", "shares"),
    [
        ([1, 3], [(0,), (1, 2, 3)]),
        ([1, "rest"], [(0,), (1, 2, 3)]),
        (["rest", 1], [(0, 1, 2), (3,)]),
        ([["bob", "dan"], 2], [(1, 3), (0, 2)]),
        ([2, ["ann", "bob"]], [(2, 3), (0, 1)]),
        ([["dan", "ann"], "rest"], [(0, 3), (1, 2)]),
        ([4, "rest"], [(0, 1, 2, 3), ()]),
    ],
)
def test_agents_are_shared_out_in_genesis_order(
    agents: list[Any], shares: list[tuple[int, ...]]
) -> None:
    given = [{"policy": "miner", "agents": wanted} for wanted in agents]
    assert seats(given) == [("miner", share) for share in shares]


def test_each_agent_follows_the_policy_of_its_group() -> None:
    given = [
        {"policy": "worker", "agents": ["cleo"]},
        {"policy": "miner", "agents": 1},
        {"policy": "published", "agents": "rest"},
    ]
    policies = policies_by_agent(parse_population(given, world()))
    assert policies == [Miner(), Published(), Worker(), Published()]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["miner"], ["population[0]: must be a table"]),
        ([{"agents": 4}], ["population[0]: must name a policy or a model"]),
        ([{"policy": "miner", "model": "small", "agents": 4}],
         ["population[0]: must name a policy or a model, not both"]),
        ([{"model": "small"}], ["population[0].model: only `sim-economy orchestrate` asks models"]),
        ([{"policy": "miner", "persona": "meek"}],
         ["population[0].persona: is for models; a policy does not read it"]),
        ([{"policy": "miner", "agents": 4, "speed": 1}], ["population[0].speed: unknown key"]),
        ([{"policy": "miner", "agents": 3}], [f"population: 3 {FIT}"]),
        ([{"policy": "miner", "agents": 4}, {"policy": "worker", "agents": ["bob"]}],
         [f"population: 5 {FIT}"]),
        ([{"policy": "miner", "agents": ["zoe", "bob", "bob"]}, {"policy": "miner", "agents": 1}],
         ["population: there is no agent zoe", "population: bob is named twice"]),
        ([{"policy": "miner", "agents": "rest"}, {"policy": "worker", "agents": "rest"}],
         ['population: only one entry may take the "rest"']),
    ],
)  # fmt: skip
def test_a_population_that_does_not_fit_is_refused(given: Any, found: list[str]) -> None:
    assert problems(given) == found


@pytest.mark.parametrize("agents", [0, -1, True, 1.5, "all", [], ["ann", 3], None])
def test_what_is_no_number_of_agents_is_refused(agents: Any) -> None:
    (problem,) = problems([{"policy": "miner", "agents": agents}])
    assert problem.startswith("population[0].agents: must be how many agents")


def test_all_problems_of_all_entries_are_found_at_once() -> None:
    found = problems([{"policy": "gambler", "agents": 0}, {"policy": 3, "agents": 1}])
    assert [problem.partition(":")[0] for problem in found] == [
        "population[0].agents",
        "population[0].policy",
        "population[1].policy",
    ]


# In a scenario file

MIXED = """
[[population]]
policy = "miner"
agents = 3

[[population]]
policy = "worker"
agents = "rest"
"""


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Scenario]:
    def loaded(text: str, changes: Any = ()) -> Scenario:
        path = tmp_path / "mixed.toml"
        path.write_text(text, encoding="utf-8")
        return load_scenario(path, changes)

    return loaded


def test_a_file_says_who_follows_which_policy(load: Callable[..., Scenario]) -> None:
    scenario = load(MIXED)
    assert scenario.policies == [Miner()] * 3 + [Worker()] * 5
    assert scenario.policy_name is None
    assert scenario.settings["population"] == [
        {"policy": "miner", "agents": ["agent_0", "agent_1", "agent_2"]},
        {"policy": "worker", "agents": [f"agent_{index}" for index in range(3, 8)]},
    ]
    assert "policy" not in scenario.settings


def test_a_policy_and_a_population_is_refused(load: Callable[..., Scenario]) -> None:
    with pytest.raises(ScenarioError, match="policy: leave it out where population"):
        load('policy = "miner"\n' + MIXED)


def test_a_set_policy_goes_over_the_population_and_back(load: Callable[..., Scenario]) -> None:
    assert load(MIXED, ["policy=miner"]).policies == [Miner()] * 8
    mixed = load('policy = "miner"', {"population": [{"policy": "worker", "agents": 8}]})
    assert mixed.policies == [Worker()] * 8
    assert mixed.policy_name == "worker"


def test_a_changed_number_of_agents_needs_a_population_that_fits(
    load: Callable[..., Scenario],
) -> None:
    assert len(load(MIXED, ["num_agents=5"]).policies) == 5
    with pytest.raises(ScenarioError, match="3 agents for num_agents = 2"):
        load(MIXED, ["num_agents=2"])
