"""The reinvestment rebate: points of contracts, and what rings can and cannot earn."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from msgspec import UNSET

from sim_economy.core.actions import (
    ArbitratorRuling,
    DisputeDelivery,
    Idle,
    Input,
    ProposeContract,
    SellInformation,
    SignContract,
    Study,
)
from sim_economy.core.contracts import Terms
from sim_economy.core.events import Turn
from sim_economy.core.rules import reinvestment_rebate
from sim_economy.core.state import NetRecord
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.verify import verify
from sim_economy.world.replay import replay
from sim_economy.world.world import World

GOOD = "a map"


def world(**changed: Any) -> World:
    """Three agents; pairs count again in the next turn."""
    given = {"num_agents": 3, "reputation_window_turns": 1, **changed}
    return World(parse_world_config({**given, "governance": {"reinvestment_rebate": {}}}))


def points(turn: Turn) -> dict[int, int]:
    assert turn.governance is not UNSET
    return {own.agent: own.tokens for own in turn.governance.points}


def sell(economy: World, seller: int, buyer: int, price: int) -> Turn:
    """A sale from its proposal to the turn of its delivery."""
    number = economy.state.contracts_proposed + 1
    terms = Terms(
        due_turn=economy.state.turn + 4,
        proposer_collateral=0,
        counterparty_collateral=0,
        arbitrator_collateral=0,
        arbitrator_fee=0,
        price=price,
        settlement="automatic",
        payload_hash=sha256(GOOD.encode()).hexdigest(),
    )
    offer = ProposeContract("information_sale", f"agent_{buyer}", "agent_2", terms)
    economy.turn([Input(f"agent_{seller}", offer)])
    signed = SignContract(number)
    economy.turn([Input(f"agent_{buyer}", signed), Input("agent_2", signed)])
    return economy.turn([Input(f"agent_{seller}", SellInformation(number, GOOD))])


def test_both_sides_of_a_sale_have_points_from_the_next_turn_on() -> None:
    economy = world()
    assert points(sell(economy, 0, 1, 40)) == {}
    assert points(economy.turn([Input("agent_2", Idle(), output_units=200)])) == {0: 2, 1: 2}
    for _ in range(9):
        turn = economy.turn([])
    assert points(turn) == {0: 2, 1: 2}
    assert points(economy.turn([])) == {}
    assert verify(economy.store).holds
    assert replay(economy.store) == economy.head


def test_a_study_has_points_from_its_own_turn_on_for_a_window() -> None:
    economy = world()
    found = [points(economy.turn([Input("agent_1", Study())]))]
    found += [points(economy.turn([])) for _ in range(10)]
    assert found == [{1: 1}] * 10 + [{}]


def test_a_sale_to_and_fro_has_points_once() -> None:
    economy = world()
    sell(economy, 0, 1, 40)
    sell(economy, 1, 0, 40)
    sell(economy, 0, 1, 40)
    assert points(economy.turn([])) == {0: 2, 1: 2}
    assert verify(economy.store).holds


def test_a_contract_that_does_not_count_has_no_points() -> None:
    economy = world()
    sell(economy, 0, 1, 19)
    assert points(economy.turn([])) == {}
    economy = world(reputation_window_turns=10)
    sell(economy, 0, 1, 40)
    sell(economy, 0, 1, 40)
    assert points(economy.turn([])) == {0: 2, 1: 2}


def test_a_ring_whose_prices_rise_earns_until_it_cannot_pay() -> None:
    """The pump: each sale at one more than twice the last moves both nets to new ground."""
    economy, price, settled = world(), 20, 0
    for number in range(12):
        turn = sell(economy, number % 2, 1 - number % 2, price)
        if not any(event.happened == "settled" for event in turn.contracts):
            break
        settled += 1
        price = 2 * price + 1
    assert settled == 7
    memory = economy.state.governance
    assert memory is not UNSET
    assert memory.rebate is not UNSET
    # Both sides of the last three sales are within the window still: all had points.
    assert [own.turn for own in memory.rebate.settled] == [15, 15, 18, 18, 21, 21]


@pytest.mark.parametrize(
    ("received", "new"), [(5, True), (-5, True), (0, False), (-2, False), (3, False)]
)
def test_a_net_reaches_new_ground_above_its_maximum_or_below_its_minimum(
    received: int, new: bool
) -> None:
    known = NetRecord(net=0, high=4, low=-4)
    after, is_new = reinvestment_rebate.moved(known, received)
    assert is_new == new
    assert after == NetRecord(received, max(4, received), min(-4, received))


def test_the_loser_of_a_ruling_has_no_points() -> None:
    economy = world()
    terms = Terms(
        due_turn=4,
        proposer_collateral=5,
        counterparty_collateral=5,
        arbitrator_collateral=40,
        arbitrator_fee=2,
        price=40,
    )
    economy.turn([Input("agent_0", ProposeContract("service", "agent_1", "agent_2", terms))])
    economy.turn([Input("agent_1", SignContract(1)), Input("agent_2", SignContract(1))])
    economy.turn([])
    economy.turn([])
    economy.turn([Input("agent_1", DisputeDelivery(1))])
    turn = economy.turn([Input("agent_2", ArbitratorRuling(1, "proposer"))])
    assert [event.happened for event in turn.contracts][-1] == "settled"
    assert points(economy.turn([])) == {0: 2}
    assert verify(economy.store).holds
    assert replay(economy.store) == economy.head
