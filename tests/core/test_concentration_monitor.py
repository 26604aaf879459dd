"""The concentration monitor: exact, and dodged by what is neither balance nor stake."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from sim_economy.core.accounts import PostingReason
from sim_economy.core.actions import Action, Burn, Idle, Input
from sim_economy.core.rules import concentration_monitor
from sim_economy.core.units import MILLION, Millionths
from sim_economy.core.world_config import parse_world_config
from sim_economy.world.world import World

wealths = st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=9)


@given(wealths, st.integers(0, MILLION))
def test_the_comparison_is_that_of_the_gini_coefficient(wealth: list[int], rate: int) -> None:
    shift = max(0, 1 - min(wealth))
    held = [own + shift for own in wealth]
    pairs = sum(abs(one - other) for one in held for other in held)
    gini = Fraction(pairs, 2 * len(held) * sum(held))
    found = concentration_monitor.is_concentrated(wealth, Millionths(rate))
    assert found == (gini > Fraction(rate, MILLION))


@given(wealths.filter(lambda held: len(held) > 1), st.integers(0, MILLION))
def test_a_levy_is_a_share_of_what_is_above_the_median(wealth: list[int], share: int) -> None:
    ranked = sorted(wealth)
    middle = [ranked[(len(ranked) - 1) // 2], ranked[len(ranked) // 2]]
    above = max(wealth) - Fraction(sum(middle), 2)
    payer, tokens = concentration_monitor.levy(wealth, wealth, Millionths(share))
    assert payer == wealth.index(max(wealth))
    assert tokens == min(above * share // MILLION, max(0, *wealth))
    poorest = concentration_monitor.lower_half(wealth)
    parts = concentration_monitor.equal_parts(tokens, len(poorest))
    assert sum(parts) == tokens
    assert parts == sorted(parts, reverse=True)
    assert parts[0] - parts[-1] <= 1


@pytest.mark.parametrize(
    ("action", "levied"), [(Idle(), 47), (Burn(900, 0), 2)], ids=["idle", "pending"]
)
def test_the_levy_is_dodged_by_what_is_neither_balance_nor_stake(
    action: Action, levied: int
) -> None:
    rules: dict[str, Any] = {"gini_max": 0, "from_turn": 1, "response": "levy"}
    world = World(
        parse_world_config({"num_agents": 2, "governance": {"concentration_monitor": rules}})
    )
    turn = world.turn([Input("agent_0", action), Input("agent_1", Idle(), output_units=1050)])
    moved = [own for own in turn.postings if own.reason is PostingReason.LEVY]
    assert sum(own.amount for own in moved if own.source == 3) == levied
    assert turn.governance is not UNSET
    assert turn.governance.concentrated
