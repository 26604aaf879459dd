"""Columns against the engine, turn by turn."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_economy.core.accounts import BALANCE, WIDTH
from sim_economy.core.actions import Idle, Input
from sim_economy.core.errors import AmountOutOfRangeError
from sim_economy.core.state import genesis
from sim_economy.core.turn import play_turn
from sim_economy.core.world_config import WorldConfig, genesis_order, parse_world_config
from sim_economy.tariffs.column_billing import ColumnBills, asked_usage, billed_columns

Units = list[list[tuple[int, int]]]


def by_columns(units: Units, config: WorldConfig) -> ColumnBills:
    columns = np.array(units, dtype=np.int64).reshape(len(units), config.num_agents, 2)
    return billed_columns(asked_usage(columns[:, :, 0], columns[:, :, 1], config), config)


def by_the_engine(units: Units, config: WorldConfig) -> dict[str, list[list[int]]]:
    """Fees, balances and denied units of a run in which everybody is idle."""
    state, _ = genesis(config)
    order = genesis_order(config)
    found: dict[str, list[list[int]]] = {"fees": [], "balances": [], "denied": []}
    for row in units:
        inputs = [
            Input(agent_id, Idle(), *own)
            for agent_id, own in zip(config.agent_ids, row, strict=True)
        ]
        state, turn = play_turn(state, inputs, config, order)
        fees, denied = [0] * config.num_agents, [0] * config.num_agents
        for posting in turn.postings:
            if posting.reason.value == "inference_fee":
                fees[(posting.source - BALANCE) // WIDTH] = posting.amount
        for refused in turn.units_denied or ():
            denied[refused.agent] = refused.units
        found["fees"].append(fees)
        found["denied"].append(denied)
        found["balances"].append(state.balances)
    return found


UNITS = st.one_of(st.just(0), st.integers(0, 300), st.integers(0, 2**31 - 1))


def decimals(most: int) -> st.SearchStrategy[Decimal]:
    """Rates from 0 to a whole number, in millionths."""
    edges = st.sampled_from([0, 1, 10**6 - 1, 10**6, most * 10**6])
    return st.one_of(edges, st.integers(0, most * 10**6)).map(lambda rate: Decimal(rate) / 10**6)


@st.composite
def incomes(draw: st.DrawFn, names: list[str]) -> dict[str, Any]:
    small = st.integers(0, 500)
    top_up = st.fixed_dictionaries(
        {"turn": st.integers(1, 8), "agent": st.sampled_from(names), "tokens": st.integers(1, 500)}
    )
    table: dict[str, Any] = {
        "allowance": draw(small),
        "allowances": {names[0]: draw(st.one_of(small, st.integers(0, 2**31 - 1)))},
        "period_turns": draw(st.integers(2, 5)),
        "carryover_max": draw(small),
        "overdraft": draw(st.sampled_from(["carried", "forgiven"])),
        "when_empty": draw(st.sampled_from(["debt", "stop", "clip"])),
    }
    top_ups = draw(st.lists(top_up, max_size=3))
    return table | ({"top_ups": top_ups} if top_ups else {})


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Units, WorldConfig]:
    agents, turns = draw(st.integers(1, 3)), draw(st.integers(1, 8))
    units = [[(draw(UNITS), draw(UNITS)) for _ in range(agents)] for _ in range(turns)]
    stated: dict[str, Any] = {
        "num_agents": agents,
        "commons_threshold_per_turn": draw(st.integers(0, 200)),
        "base_inference_rate": draw(st.one_of(decimals(2), decimals(10**6))),
        "thinking_layer_discount": draw(decimals(1)),
        "interest_rate_per_turn": draw(st.one_of(st.just(0), decimals(1))),
        "genesis_tokens_per_agent": draw(st.integers(1, 1000)),
    }
    if draw(st.booleans()):
        stated["income"] = draw(incomes([f"agent_{index}" for index in range(agents)]))
    return units, parse_world_config(stated)


@settings(max_examples=400, deadline=None)
@given(worlds())
def test_fees_balances_and_denied_units_are_those_of_the_engine_in_every_turn(
    world: tuple[Units, WorldConfig],
) -> None:
    units, config = world
    found = by_columns(units, config)
    played = by_the_engine(units, config)
    assert found.fees.tolist() == played["fees"]
    assert found.balances.tolist() == played["balances"]
    assert found.denied.tolist() == played["denied"]


def config_of(**income: Any) -> WorldConfig:
    return parse_world_config(
        {
            "num_agents": 1,
            "commons_threshold_per_turn": 10,
            "base_inference_rate": 1,
            "thinking_layer_discount": 1,
            "interest_rate_per_turn": 0,
            "genesis_tokens_per_agent": 0,
            "income": {"allowance": 100, "period_turns": 3, **income},
        }
    )


@pytest.mark.parametrize(
    ("when_empty", "dry", "billed", "denied"),
    [
        ("debt", [False, True, False, False], [50, 70, 0, 0], [0, 0, 0, 0]),
        ("clip", [False, True, False, False], [50, 50, 0, 0], [0, 20, 0, 0]),
        ("stop", [False, True, True, False], [50, 70, 0, 0], [0, 0, 5, 0]),
    ],
)
def test_dry_is_a_fee_beyond_the_balance_or_a_unit_refused(
    when_empty: str, dry: list[bool], billed: list[int], denied: list[int]
) -> None:
    found = by_columns(
        [[(0, 60)], [(40, 40)], [(0, 5)], [(0, 0)]], config_of(when_empty=when_empty)
    )
    assert found.dry[:, 0].tolist() == dry
    assert found.billed[:, 0].tolist() == billed
    assert found.denied[:, 0].tolist() == denied


def test_under_stop_a_balance_of_nothing_uses_nothing_not_even_what_is_free() -> None:
    units: Units = [[(0, 110)], [(0, 10)], [(0, 11)]]
    config = config_of(when_empty="stop")
    found = by_columns(units, config)
    assert found.denied[:, 0].tolist() == [0, 10, 11]
    assert found.denied.tolist() == by_the_engine(units, config)["denied"]


def test_a_fee_that_the_balance_just_holds_is_not_dry() -> None:
    found = by_columns([[(0, 110)], [(0, 11)]], config_of())
    assert found.dry[:, 0].tolist() == [False, True]


def test_a_balance_that_no_account_may_reach_is_refused() -> None:
    config = parse_world_config(
        {"num_agents": 1, "base_inference_rate": 10**6, "interest_rate_per_turn": 1}
    )
    with pytest.raises(AmountOutOfRangeError, match="turn 11 "):
        by_columns([[(0, 2**31 - 1)]] * 12, config)
