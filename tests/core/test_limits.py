"""The largest numbers: refused whole or not charged, never wrapped."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sim_economy.core.accounts import BALANCE, DESTROYED, ISSUANCE, PLATFORM, PostingReason
from sim_economy.core.actions import Idle, Input, Mine
from sim_economy.core.errors import AmountOutOfRangeError
from sim_economy.core.events import Turn
from sim_economy.core.rules import interest
from sim_economy.core.state import State, encode_state, genesis
from sim_economy.core.turn import play_turn
from sim_economy.core.units import ACCOUNT_LIMIT, INPUT_LIMIT
from sim_economy.core.world_config import WorldConfig, genesis_order, parse_world_config
from sim_economy.ledger.verify import verify
from sim_economy.world.world import World
from tests.properties.invariants import check_turn


def in_debt(debt: int, config: WorldConfig) -> State:
    """A world of one agent that owes so much, half of it paid in fees, half in interest."""
    state, _ = genesis(config)
    moved = config.genesis_tokens_per_agent + debt
    state.accounts[BALANCE] -= moved
    state.accounts[PLATFORM] += moved // 2
    state.accounts[DESTROYED] += moved - moved // 2
    return state


def played(state: State, config: WorldConfig, *inputs: Input) -> tuple[State, Turn]:
    after, turn = play_turn(state, inputs, config, genesis_order(config))
    check_turn(state, inputs, after, turn, config)
    return after, turn


def lonely(**given: object) -> WorldConfig:
    return parse_world_config({"num_agents": 1, **given})


@pytest.mark.parametrize(
    ("balance", "charge"),
    [
        (-(ACCOUNT_LIMIT // 2), ACCOUNT_LIMIT // 2),
        (-(ACCOUNT_LIMIT // 2) - 1, 0),
        (-ACCOUNT_LIMIT, 0),
        (-1, 1),
        (0, 0),
        (ACCOUNT_LIMIT, 0),
    ],
)
def test_interest_may_reach_the_limit_and_not_pass_it(balance: int, charge: int) -> None:
    assert interest.interest(balance, lonely(interest_rate_per_turn=1)) == charge


def test_interest_that_would_pass_the_limit_is_not_charged_and_the_turn_closes() -> None:
    config = lonely()
    state, turn = played(in_debt(ACCOUNT_LIMIT - 5, config), config)
    assert turn.postings == ()
    assert state.balances == [-(ACCOUNT_LIMIT - 5)]


def test_a_fee_may_take_a_balance_to_the_limit() -> None:
    config = lonely(interest_rate_per_turn=0)
    state = in_debt(ACCOUNT_LIMIT - 5 - 1000, config)
    after, _ = played(state, config, Input("agent_0", Idle(), 0, 105))
    assert after.balances == [-(ACCOUNT_LIMIT - 1000)]


def test_a_turn_that_would_pass_the_limit_fails_whole_and_leaves_the_state_alone() -> None:
    config = lonely(interest_rate_per_turn=0)
    state = in_debt(ACCOUNT_LIMIT - 1000, config)
    before = encode_state(state)
    with pytest.raises(AmountOutOfRangeError) as failure:
        played(state, config, Input("agent_0", Mine(), 0, 1101))
    assert (failure.value.code, failure.value.turn) == ("amount_out_of_range", 1)
    assert failure.value.account == "agent_0:balance"
    assert "2^62" in str(failure.value)
    assert encode_state(state) == before
    after, _ = played(state, config, Input("agent_0", Mine(), 0, 1100))
    assert after.balances == [-ACCOUNT_LIMIT]


def test_system_accounts_keep_to_the_limit_too() -> None:
    config = parse_world_config({"num_agents": 2, "interest_rate_per_turn": 1})
    state, _ = genesis(config)
    half = ACCOUNT_LIMIT // 2
    for balance in (BALANCE, BALANCE + 5):
        state.accounts[balance] = -half
    state.accounts[PLATFORM] = half
    state.accounts[ISSUANCE] = half
    state.accounts[DESTROYED] = 0
    after, turn = played(state, config)
    assert after.accounts[DESTROYED] == ACCOUNT_LIMIT
    assert [posting.reason for posting in turn.postings] == [PostingReason.INTEREST] * 2
    state.accounts[DESTROYED], state.accounts[ISSUANCE] = 1, half - 1
    with pytest.raises(AmountOutOfRangeError) as failure:
        played(state, config)
    assert failure.value.account == "destroyed"


@pytest.mark.parametrize("job_credit_max", [0, INPUT_LIMIT])
def test_a_world_that_reaches_the_limit_keeps_every_turn_before_it(job_credit_max: int) -> None:
    config = parse_world_config(
        {
            "interest_rate_per_turn": Decimal(1),
            "base_inference_rate": 10**6,
            "thinking_layer_discount": 1,
            "job_credit_max": job_credit_max,
        }
    )
    world = World(config)
    costly = [Input(name, Mine(), INPUT_LIMIT, INPUT_LIMIT) for name in config.agent_ids]
    before = encode_state(world.state), world.head
    failure = None
    while failure is None and world.state.turn < 200:
        before = encode_state(world.state), world.head
        try:
            world.turn(costly)
        except AmountOutOfRangeError as error:
            failure = error
    assert failure is not None
    assert failure.turn == world.state.turn + 1
    assert (encode_state(world.state), world.head) == before
    assert world.head == world.store.head()
    assert verify(world.store).holds
