"""The arbitration subsidy: who has it, how much, and what bounds it."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from msgspec import UNSET

from sim_economy.core.accounts import PLATFORM, PostingReason
from sim_economy.core.actions import (
    ArbitratorRuling,
    DisputeDelivery,
    Idle,
    Input,
    ProposeContract,
    SellInformation,
    SignContract,
)
from sim_economy.core.contracts import Terms
from sim_economy.core.events import Turn
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.verify import verify
from sim_economy.world.replay import replay
from sim_economy.world.world import World

GOOD = "a map"


def world(rules: dict[str, Any] | None = None, **changed: Any) -> World:
    """Four agents; agent_3 pays the rent."""
    governance = {"arbitration_subsidy": {}, **(rules or {})}
    return World(parse_world_config({"num_agents": 4, **changed, "governance": governance}))


def subsidies(turn: Turn) -> list[int]:
    reason = PostingReason.ARBITRATION_SUBSIDY
    return [own.amount for own in turn.postings if own.reason is reason]


def sell(economy: World, *, price: int, fee: int, rent: int = 1000) -> Turn:
    """A sale of agent_0 to agent_1 with agent_2 as arbitrator; the turn of its delivery."""
    number = economy.state.contracts_proposed + 1
    terms = Terms(
        due_turn=economy.state.turn + 4,
        proposer_collateral=fee,
        counterparty_collateral=fee,
        arbitrator_fee=fee,
        price=price,
        payload_hash=sha256(GOOD.encode()).hexdigest(),
    )
    offer = ProposeContract("information_sale", "agent_1", "agent_2", terms)
    economy.turn([Input("agent_0", offer)])
    signed = SignContract(number)
    economy.turn([Input("agent_1", signed), Input("agent_2", signed)])
    delivered = Input("agent_0", SellInformation(number, GOOD))
    return economy.turn([delivered, Input("agent_3", Idle(), output_units=100 + rent)])


@pytest.mark.parametrize(
    ("price", "fee", "rent", "paid"),
    [
        (40, 11, 1000, [5]),
        (40, 90, 1000, [20]),
        (100, 200, 1000, [50]),
        (101, 200, 1000, []),
        (19, 200, 1000, []),
        (40, 11, 4, [4]),
        (40, 11, 0, []),
        (40, 1, 1000, []),
    ],
)
def test_half_the_fee_is_paid_for_what_counts_and_is_small(
    price: int, fee: int, rent: int, paid: list[int]
) -> None:
    economy = world()
    assert subsidies(sell(economy, price=price, fee=fee, rent=rent)) == paid
    assert economy.state.accounts[PLATFORM] == min(rent, 1000) - sum(paid)
    assert verify(economy.store).holds
    assert replay(economy.store) == economy.head


def test_a_pair_is_subsidised_once_in_a_window() -> None:
    economy = world(signing_bonus=0)
    assert subsidies(sell(economy, price=40, fee=11, rent=100)) == [5]
    assert subsidies(sell(economy, price=40, fee=11, rent=100)) == []
    assert verify(economy.store).holds


def test_dividends_and_rebates_come_before_subsidies() -> None:
    cores = {"owners": {"agent_0": 2}}
    economy = world({"reinvestment_rebate": {"stake_min": 1}}, cores=cores, num_cores=2)
    turn = sell(economy, price=40, fee=40, rent=100)
    assert turn.bill.dividends == 100
    assert subsidies(turn) == []
    assert verify(economy.store).holds


def test_an_arbitrator_that_misses_its_ruling_has_no_subsidy_and_one_that_rules_has() -> None:
    for rules, paid in ((True, [10]), (False, [])):
        economy = world()
        terms = Terms(
            due_turn=3,
            proposer_collateral=20,
            counterparty_collateral=20,
            arbitrator_collateral=40,
            arbitrator_fee=20,
            price=40,
        )
        economy.turn([Input("agent_0", ProposeContract("service", "agent_1", "agent_2", terms))])
        economy.turn([Input("agent_1", SignContract(1)), Input("agent_2", SignContract(1))])
        economy.turn([])
        economy.turn([Input("agent_1", DisputeDelivery(1))])
        ruling = [Input("agent_2", ArbitratorRuling(1, "counterparty"))] if rules else []
        rent = Input("agent_3", Idle(), output_units=150)
        turn = economy.turn([*ruling, rent])
        while economy.state.contracts:
            turn = economy.turn([rent])
        assert turn.contracts[-1].counted
        assert subsidies(turn) == paid
        assert verify(economy.store).holds


def test_a_debtor_s_subsidy_repays_what_it_was_lent() -> None:
    economy = world({"debt_rails": {"debt_cap": 0, "cooldown_turns": 0}})
    economy.turn([Input("agent_2", Idle(), output_units=1300)])
    turn = sell(economy, price=40, fee=40)
    # A quarter of 20 stays with the platform.
    assert subsidies(turn) == [15]
    assert turn.governance is not UNSET
    (taken,) = turn.governance.repayments
    assert (taken.agent, taken.tokens, taken.reason) == (2, 5, "arbitration_subsidy")
    assert verify(economy.store).holds
    assert replay(economy.store) == economy.head


def test_sales_of_nothing_are_subsidised_as_often_as_their_pair_counts() -> None:
    """The pump: 50 tokens for each pair and window, out of what others pay."""
    economy = world(reputation_window_turns=3)
    paid = [sum(subsidies(sell(economy, price=100, fee=100, rent=60))) for _ in range(5)]
    assert paid == [50] * 5
