"""The fee cap: its table, its arithmetic, and what goes around it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from sim_economy.core.actions import Idle, Input, Job
from sim_economy.core.errors import ScenarioError
from sim_economy.core.events import AgentTokens
from sim_economy.core.rules.apportionment import by_largest_remainder
from sim_economy.core.state import encode_state
from sim_economy.core.world_config import config_values, parse_world_config
from sim_economy.world.world import World
from tests.properties.strategies import governances

CAP: dict[str, Any] = {"fee_cap": {"cap_ratio": Decimal("1.5")}}


@pytest.mark.parametrize(
    ("table", "path"),
    [
        (3, "governance"),
        ({"fee_cup": {}}, "governance.fee_cup"),
        ({"wages": "half"}, "governance.wages"),
        ({"fee_cap": 3}, "governance.fee_cap"),
        ({"fee_cap": {}}, "governance.fee_cap.cap_ratio"),
        ({"fee_cap": {"cap_ratio": -1}}, "governance.fee_cap.cap_ratio"),
        ({"fee_cap": {"cap_ratio": 1, "base": "rent"}}, "governance.fee_cap.base"),
        ({"fee_cap": {"cap_ratio": 1, "window_turns": 0}}, "governance.fee_cap.window_turns"),
        ({"debt_rails": {"debt_cap": -1}}, "governance.debt_rails.debt_cap"),
        ({"debt_rails": {"repayment_share": 2}}, "governance.debt_rails.repayment_share"),
        ({"debt_rails": {"interest": 2}}, "governance.debt_rails.interest"),
        (
            {"concentration_monitor": {"response": "tax"}},
            "governance.concentration_monitor.response",
        ),
        ({"concentration_monitor": {"from_turn": 0}}, "governance.concentration_monitor.from_turn"),
    ],
)
def test_a_table_that_cannot_be_is_refused_by_its_key(table: Any, path: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_world_config({"governance": table})
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [path]


@settings(deadline=None)
@given(governances())
def test_what_is_written_of_a_table_is_read_back_unchanged(rules: dict[str, Any]) -> None:
    config = parse_world_config({"governance": rules})
    again = parse_world_config(config_values(config, seed=True))
    assert again == config
    assert World(again).store.genesis_line() == World(config).store.genesis_line()


@pytest.mark.parametrize("table", [{}, {"wages": "full"}])
def test_a_table_without_a_rule_is_nowhere_written(table: dict[str, Any]) -> None:
    bare, governed = (World(parse_world_config(given)) for given in ({}, {"governance": table}))
    for world in (bare, governed):
        turn = world.turn([Input("agent_0", Idle(), output_units=300)])
        assert turn.governance is UNSET
    assert bare.head == governed.head
    assert b"governance" not in governed.store.genesis_line() + encode_state(governed.state)


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_shares_add_up_and_none_is_a_token_off(total: int, weights: list[int]) -> None:
    if not any(weights):
        return
    shares = by_largest_remainder(total, weights)
    assert sum(shares) == total
    whole = sum(weights)
    assert all(
        abs(share * whole - total * weight) < whole
        for share, weight in zip(shares, weights, strict=True)
    )


def test_of_equal_remainders_the_first_in_genesis_order_gets_the_token() -> None:
    assert by_largest_remainder(2, [1, 1, 1]) == [1, 1, 0]


def test_usage_is_free_once_the_cap_binds() -> None:
    """The pump: a million units a turn cost no more than the cap of 60 turns."""
    world = World(parse_world_config({"num_agents": 1, "governance": CAP}))
    charged = sum(
        world.turn([Input("agent_0", Idle(), output_units=10**6)]).bill.charged for _ in range(60)
    )
    # 75 a turn while the window fills; then each turn may charge what leaves it.
    assert charged == 60 * 75


def test_job_pay_has_no_cap() -> None:
    """Full wages are paid whatever the cap charges."""
    rules = {**CAP, "wages": "full"}
    world = World(parse_world_config({"num_agents": 2, "governance": rules}))
    for _ in range(5):
        turn = world.turn(
            [
                Input("agent_0", Idle(), output_units=10**6),
                Input("agent_1", Job(), output_units=10**6),
            ]
        )
        assert turn.governance is not UNSET
        assert turn.bill.charged == 75
        assert turn.governance.fees_waived == (AgentTokens(0, 10**6 - 100 - 75),)
    assert world.state.balances[1] == 1000 + 50 + 5 * 1000
