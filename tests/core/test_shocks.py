"""Shocks: their table, when they act, and who knows of them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_economy.agents.policy import views
from sim_economy.core.actions import Burn, Idle, Input, Job, Mine, Unstake
from sim_economy.core.errors import InputError, ScenarioError
from sim_economy.core.events import RejectionReason
from sim_economy.core.world_config import config_values, parse_world_config, shockable
from sim_economy.ledger.verify import verify
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.world.replay import replay
from sim_economy.world.world import World

FIRST = "governance.shocks[0]"


def world(*shocks: dict[str, Any], **changed: Any) -> World:
    quiet = {"num_agents": 2, **changed}
    return World(parse_world_config({**quiet, "governance": {"shocks": list(shocks)}}))


@pytest.mark.parametrize(
    ("entry", "paths"),
    [
        (3, [FIRST]),
        ({"target": "usage", "factor": 2}, [f"{FIRST}.turn"]),
        ({"turn": 1, "target": "usage"}, [f"{FIRST}.factor"]),
        ({"turn": 1, "target": "usage", "factor": -1}, [f"{FIRST}.factor"]),
        ({"turn": 1, "target": "usage", "value": 2}, [f"{FIRST}.value", f"{FIRST}.factor"]),
        ({"turn": 0, "target": "study_cost", "value": 2}, [f"{FIRST}.turn"]),
        ({"turn": 1, "target": "study_cost"}, [f"{FIRST}.value"]),
        ({"turn": 1, "target": "study_cost", "value": -2}, [f"{FIRST}.value"]),
        ({"turn": 1, "target": "num_agents", "value": 2}, [f"{FIRST}.target"]),
        ({"turn": 1, "target": {}, "value": 2}, [f"{FIRST}.target"]),
        ({"turn": 1, "target": "secret", "value": "ab"}, [f"{FIRST}.target"]),
        ({"turn": 1, "target": "usage_source", "value": "fixed"}, [f"{FIRST}.target"]),
        ({"turn": 1, "target": "gain", "tokens": 2}, [f"{FIRST}.agents"]),
        ({"turn": 1, "target": "gain", "agents": ["agent_0"]}, [f"{FIRST}.tokens"]),
        (
            {"turn": 1, "until": 2, "target": "loss", "agents": ["agent_0"], "tokens": 2},
            [f"{FIRST}.until"],
        ),
        (
            {"turn": 1, "target": "loss", "agents": ["agent_0", "agent_0"], "tokens": 2},
            [f"{FIRST}.agents"],
        ),
    ],
)
def test_an_entry_that_cannot_be_is_refused_by_its_key(entry: Any, paths: list[str]) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_world_config({"governance": {"shocks": [entry]}})
    assert [problem.partition(":")[0] for problem in caught.value.problems] == paths


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
TABLES = (
    "fee_cap",
    "debt_rails",
    "concentration_monitor",
    "reinvestment_rebate",
    "arbitration_subsidy",
    "contract_matching",
)


KEYS = st.sampled_from(["turn", "until", "factor", "value", "agents", "tokens"])
TARGETS = st.sampled_from(["usage", "gain", "loss", "study_cost", "job_pay"])


@given(st.dictionaries(KEYS, ANYTHING), TARGETS | ANYTHING)
def test_whatever_stands_in_an_entry_it_is_read_or_refused(
    entry: dict[str, Any], target: Any
) -> None:
    _read_or_refused({"shocks": [{"turn": 1, **entry, "target": target}]})


@given(st.sampled_from(TABLES), ANYTHING, ANYTHING)
def test_whatever_stands_in_a_table_it_is_read_or_refused(
    name: str, value: Any, wages: Any
) -> None:
    _read_or_refused({name: value, "wages": wages})
    _read_or_refused({name: {"window_turns": value, "cap_ratio": value, "gini_max": value}})
    _read_or_refused({"shocks": value})


def _read_or_refused(governance: dict[str, Any]) -> None:
    with suppress(ScenarioError):
        parse_world_config({"governance": governance})


def test_a_gain_and_a_loss_of_one_balance_in_one_turn_are_refused() -> None:
    hit = {"turn": 2, "agents": ["agent_1"], "tokens": 5}
    with pytest.raises(ScenarioError, match=r"shocks\[1\]\.turn: gain has an entry in turn 2"):
        world({"target": "gain", **hit}, {"target": "loss", **hit})
    world({"target": "gain", **hit}, {"target": "loss", **hit, "turn": 3})


def test_a_turn_past_the_end_of_a_scenario_is_refused() -> None:
    shocks = [
        {"turn": 61, "target": "study_cost", "value": 2},
        {"turn": 6, "until": 70, "target": "usage", "factor": 2},
        {"turn": 60, "target": "signing_bonus", "value": 2},
    ]
    with pytest.raises(ScenarioError) as caught:
        load_scenario("as-run", {"governance": {"shocks": shocks}})
    found = [problem.partition(":")[0] for problem in caught.value.problems]
    assert found == ["governance.shocks[0].turn", "governance.shocks[1].until"]


def test_every_parameter_that_may_change_is_read_back_unchanged() -> None:
    config = parse_world_config({})
    shocks = [
        {"turn": turn, "target": name, "value": config_values(config, every=True)[name]}
        for turn, name in enumerate(shockable(), 1)
    ]
    shocked = parse_world_config({"governance": {"shocks": shocks}})
    again = parse_world_config(config_values(shocked, seed=True))
    assert again == shocked
    assert World(again).store.genesis_line() == World(shocked).store.genesis_line()
    assert not {"seed", "num_cores", "job_rule"} & {*shockable()}


def test_a_loss_before_actions_stops_an_agent_that_has_nothing_left() -> None:
    loss = {"turn": 1, "target": "loss", "agents": ["agent_0"], "tokens": 5000}
    economy = world(loss, income={"when_empty": "stop"})
    turn = economy.turn([Input("agent_0", Mine(), output_units=150), Input("agent_1", Mine())])
    assert turn.outcomes == (RejectionReason.BALANCE_EMPTY, None)
    assert verify(economy.store).holds
    assert replay(economy.store) == economy.head


def test_what_was_due_stays_due_and_what_burned_is_weighed_anew() -> None:
    economy = world(
        {"turn": 3, "target": "unstake_delay_turns", "value": 1},
        {"turn": 3, "target": "burn_decay_rate", "value": 1},
        {"turn": 3, "target": "burn_maturity_turns", "value": 0},
        lottery_rule="mine_stake_burn",
        unstake_without_amount="all",
        block_threshold=0,
    )
    economy.turn([Input("agent_0", Burn(50)), Input("agent_1", Mine())])
    economy.turn([Input("agent_0", Unstake())])
    assert len(economy.state.burns) == 1
    due = [release.due for release in economy.state.releases]
    economy.turn([])
    economy.turn([])
    assert economy.state.burns == []
    assert [release.due for release in economy.state.releases] == due
    assert verify(economy.store).holds
    assert replay(economy.store) == economy.head


def test_nobody_that_acts_sees_what_is_to_come() -> None:
    economy = world({"turn": 2, "until": 2, "target": "study_cost", "value": 7})
    costs = []
    for _ in range(3):
        (view, _) = views(economy.state, economy.config)
        assert view.config.governance is None
        seen = economy.observe("agent_0").world
        assert "governance" not in seen
        assert view.config.study_cost == seen["study_cost"]
        costs.append(view.config.study_cost)
        economy.turn([Input("agent_0", Idle())])
    assert costs == [50, 50, 7]


def test_texts_are_held_against_the_limits_of_their_turn() -> None:
    economy = world({"turn": 2, "target": "thinking_length_max", "value": 3})
    economy.turn([Input("agent_0", Idle(), thinking="as I thought")])
    with pytest.raises(InputError, match="thinking"):
        economy.turn([Input("agent_0", Idle(), thinking="as I thought")])


def test_job_pay_is_multiplied_before_its_limit() -> None:
    half = {"turn": 1, "target": "job_pay", "factor": 0.5}
    economy = world(half, job_credit_max=100, commons_threshold_per_turn=0)
    turn = economy.turn([Input("agent_0", Job(), output_units=150)])
    credited = [own.amount for own in turn.postings if own.reason == "job_credit"]
    assert credited == [75]
