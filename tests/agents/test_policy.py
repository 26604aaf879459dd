"""The shipped policies on single states."""

from __future__ import annotations

from typing import Final

import pytest

from sim_economy.agents.catalogue import SHIPPED, policy_named
from sim_economy.agents.policies.published_policy import Published
from sim_economy.agents.policies.simple import Random
from sim_economy.agents.policy import Move, Policy, views
from sim_economy.core.accounts import BALANCE, STAKED, WIDTH
from sim_economy.core.actions import (
    RECOGNISED,
    Action,
    Burn,
    Idle,
    Job,
    Mine,
    Stake,
    Study,
    Transfer,
    Unstake,
    action_name,
)
from sim_economy.core.observation import observe
from sim_economy.core.state import State, genesis
from sim_economy.core.world_config import WorldConfig, parse_world_config

SCENARIO: Final = WorldConfig()


def decided(policy: Policy, agent: int, state: State, config: WorldConfig = SCENARIO) -> Action:
    chosen = policy.decide(views(state, config)[agent])
    return chosen.action if isinstance(chosen, Move) else chosen


def before(
    turn: int, *, agent: int = 0, balance: int = 1000, staked: int = 0, others: int = 1000
) -> State:
    """The world before a turn, one agent of it apart from the others."""
    state, _ = genesis(SCENARIO)
    state.turn = turn - 1
    for index in range(SCENARIO.num_agents):
        state.accounts[BALANCE + WIDTH * index] = others
    state.accounts[BALANCE + WIDTH * agent] = balance
    state.accounts[STAKED + WIDTH * agent] = staked
    return state


@pytest.mark.parametrize(
    ("turn", "agent", "balance", "staked", "action"),
    [
        # 1: a debtor works, whatever else holds
        (1, 0, -181, 0, Job()),
        (1, 0, -180, 0, Mine()),
        (15, 0, -181, 1, Job()),
        # 2: all stake is called back each fifteenth turn
        (15, 0, 0, 1, Unstake()),
        (15, 0, -180, 1, Unstake()),
        (30, 0, 1000, 500, Unstake()),
        (15, 0, 0, 0, Mine()),
        (14, 1, 0, 1, Mine()),
        (15, 6, 361, 1, Unstake()),  # (15 + 6) % 7 == 0: rule 3 matches too
        # 3: the rich stake, each agent in its own turns
        (7, 0, 361, 0, Stake(80)),
        (7, 0, 361, 219, Stake(80)),
        (7, 0, 361, 220, Mine()),
        (7, 0, 360, 0, Mine()),
        (6, 1, 361, 0, Stake(80)),
        (7, 1, 361, 0, Mine()),
        (77, 0, 601, 0, Stake(80)),  # rule 4 matches too
        (70, 0, 361, 0, Stake(80)),  # rule 6 matches too
        # 4: the richer burn
        (11, 0, 601, 0, Burn(50)),
        (11, 0, 600, 0, Mine()),
        (10, 1, 601, 0, Burn(50)),  # rule 6 matches too
        (77, 0, 601, 220, Burn(50)),
        (143, 0, 601, 0, Burn(50)),  # 143 = 11 * 13: rule 5 matches too
        # 5: the well-off give to the poorest
        (13, 0, 451, 0, Transfer("agent_1", 20, 1)),
        (13, 0, 450, 0, Mine()),
        (12, 0, 451, 0, Mine()),
        (130, 0, 451, 0, Transfer("agent_1", 20, 1)),  # rule 6 matches too
        # 6: those who can afford it study
        (10, 0, 251, 0, Study()),
        (10, 0, 250, 0, Mine()),
        (9, 0, 251, 0, Mine()),
        (130, 0, 450, 0, Study()),
        # 7: everyone else mines
        (1, 0, 1000, 0, Mine()),
        (1, 0, 0, 0, Mine()),
        (8, 0, 10_000, 219, Mine()),
    ],
)
def test_the_published_policy_follows_the_first_rule_that_matches(
    turn: int, agent: int, balance: int, staked: int, action: Action
) -> None:
    state = before(turn, agent=agent, balance=balance, staked=staked, others=100)
    assert decided(Published(), agent, state) == action


@pytest.mark.parametrize(
    ("balances", "agent", "action"),
    [
        ([1000] * 8, 2, Transfer("agent_0", 20, 1)),
        ([1000] * 8, 0, Mine()),
        ([900, 900, 900, 500, 900, 500, 900, 900], 0, Transfer("agent_3", 20, 1)),
        ([900, 900, 900, 500, 900, 500, 900, 900], 3, Mine()),
        ([900, 900, 900, 500, 900, 500, 900, 900], 5, Transfer("agent_3", 20, 1)),
        ([900, -50, 900, 900, 900, 900, 900, -51], 0, Transfer("agent_7", 20, 1)),
    ],
)
def test_the_poorest_is_the_first_of_equals_and_gives_nothing_to_itself(
    balances: list[int], agent: int, action: Action
) -> None:
    state = before(13)
    for index, balance in enumerate(balances):
        state.accounts[BALANCE + WIDTH * index] = balance
    assert decided(Published(), agent, state) == action


def test_the_poorest_on_a_study_turn_studies() -> None:
    assert decided(Published(), 0, before(130, balance=451, others=1000)) == Study()


def test_stake_is_not_wealth_when_the_poorest_is_sought() -> None:
    state = before(13, agent=4, balance=10, staked=5000)
    assert decided(Published(), 0, state) == Transfer("agent_4", 20, 1)


def test_a_transfer_names_the_agent_as_the_scenario_does() -> None:
    names = ["zoe", "abe", "kim"]
    config = parse_world_config({"num_agents": 3}, agent_ids=names)
    state, _ = genesis(config)
    state.turn = 12
    assert decided(Published(), 2, state, config) == Transfer("zoe", 20, 1)


def test_a_policy_leaves_the_state_as_it_is() -> None:
    for name in SHIPPED:
        state, same = before(13), before(13)
        decided(policy_named(name), 2, state)
        assert state == same


@pytest.mark.parametrize(
    ("name", "action"), [("miner", Mine()), ("worker", Job()), ("idle", Idle())]
)
def test_a_single_minded_policy_always_does_the_same(name: str, action: Action) -> None:
    states = [before(turn, balance=balance) for turn in (1, 7, 15) for balance in (-500, 1000)]
    policy = policy_named(name)
    assert {decided(policy, agent, state) for agent in (0, 7) for state in states} == {action}


def chosen(seed: int) -> list[Action]:
    config = parse_world_config({"seed": seed})
    return [
        decided(Random(), agent, before(turn), config)
        for turn in range(1, 51)
        for agent in range(8)
    ]


def test_the_random_policy_is_the_seeds_alone() -> None:
    assert chosen(1) == chosen(1)
    assert chosen(1) != chosen(2)


TOGETHER: Final = {
    "propose_contract", "sign_contract", "confirm_delivery", "dispute_delivery",
    "arbitrator_ruling", "sell_information", "bid_core",
}  # fmt: skip
"""Actions that mean something only with what others do."""


def test_the_random_policy_tries_every_action_that_one_agent_can_take_alone() -> None:
    assert {action_name(action) for action in chosen(1)} == {*RECOGNISED} - {"idle"} - TOGETHER


def test_a_view_shows_what_the_world_shows() -> None:
    state = before(3, agent=1, balance=77)
    view = views(state, SCENARIO)[1]
    assert (view.open_turn, view.agent_id) == (3, "agent_1")
    assert view.observation == observe(state, 1, SCENARIO)
    assert view.observation is view.observation


def test_draws_of_a_view_depend_on_seed_turn_purpose_index_and_agent() -> None:
    def drawn(
        seed: int, turn: int, agent: int, purpose: str, index: int, *, lasting: bool = False
    ) -> int:
        config = parse_world_config({"seed": seed})
        view = views(before(turn), config)[agent]
        return view.draw(10**9, purpose, index, lasting=lasting)

    first = drawn(1, 1, 1, "a", 1)
    others = [
        drawn(2, 1, 1, "a", 1), drawn(1, 2, 1, "a", 1), drawn(1, 1, 2, "a", 1),
        drawn(1, 1, 1, "b", 1), drawn(1, 1, 1, "a", 0),
    ]  # fmt: skip
    assert len({first, *others}) == 6
    assert drawn(1, 1, 1, "a", 1) == first
    lasting = [drawn(1, turn, 1, "a", 1, lasting=True) for turn in (1, 2, 50)]
    assert lasting[0] == lasting[1] == lasting[2] != first
