"""The largest numbers: refused whole or not charged, never wrapped."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from sim_economy.core.accounts import BALANCE, DESTROYED, ISSUANCE, PLATFORM, PostingReason
from sim_economy.core.actions import Idle, Input, Mine
from sim_economy.core.errors import AmountOutOfRangeError
from sim_economy.core.events import Turn
from sim_economy.core.rules import interest
from sim_economy.core.rules_version import RulesVersion
from sim_economy.core.state import State, encode_state, genesis
from sim_economy.core.turn import play_turn
from sim_economy.core.units import ACCOUNT_LIMIT, INPUT_LIMIT
from sim_economy.core.world_config import WorldConfig, genesis_order, parse_world_config
from sim_economy.ledger.verify import verify
from sim_economy.world.replay import replay
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


def under(version: RulesVersion, config: WorldConfig) -> WorldConfig:
    return replace(config, rules_version=version)


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
    for version in RulesVersion:
        config = under(version, lonely(interest_rate_per_turn=1))
        assert interest.interest(balance, 0, config) == charge
        room = ACCOUNT_LIMIT - charge
        assert interest.interest(balance, room, config) == charge
        passing = 0 if version is RulesVersion.V3 else charge
        assert interest.interest(balance, room + 1, config) == passing


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
        played(state, under(RulesVersion.V2, config))
    assert failure.value.account == "destroyed"
    after, turn = played(state, under(RulesVersion.V3, config))
    assert [(each.source, each.amount) for each in turn.postings] == [(BALANCE, half)]
    assert after.balances == [-ACCOUNT_LIMIT, -half], "the first is charged, the second left alone"


def test_two_idle_debtors_do_not_end_a_world() -> None:
    config = under(
        RulesVersion.V3,
        parse_world_config({"num_agents": 3, "interest_rate_per_turn": Decimal("0.9")}),
    )
    world = World(config)
    spend = [Input(name, Mine(), 0, INPUT_LIMIT) for name in config.agent_ids[:2]]
    world.turn(spend)
    for _ in range(120):
        world.turn([Input("agent_2", Mine())])
    assert world.state.accounts[DESTROYED] > ACCOUNT_LIMIT // 2
    assert world.turn(ends=True).ends
    assert verify(world.store).holds
    assert replay(world.store) == world.head


@pytest.mark.parametrize("account", range(ISSUANCE, BALANCE + 10))
@pytest.mark.parametrize("amount", [ACCOUNT_LIMIT, -ACCOUNT_LIMIT])
def test_an_ending_turn_without_inputs_always_closes(account: int, amount: int) -> None:
    config = under(RulesVersion.V3, parse_world_config({"num_agents": 2, "unstake_delay_turns": 1}))
    state, _ = genesis(config)
    state.accounts[account] = amount + (7 if amount > 0 else -7)
    after, turn = play_turn(state, (), config, genesis_order(config), ends=True)
    assert turn.ends
    assert after.ended
    with pytest.raises(AmountOutOfRangeError):
        play_turn(state, (), config, genesis_order(config))


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
