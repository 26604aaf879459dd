"""Worlds driven to the limits of 64 bits from every side: a turn closes, or nothing happens."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from sim_economy.core.accounts import BALANCE, DESTROYED, FIRST, ISSUANCE, PLATFORM, WIDTH
from sim_economy.core.actions import Action, Burn, Idle, Input, Job, Mine, Stake, Study, Transfer
from sim_economy.core.errors import AmountOutOfRangeError
from sim_economy.core.state import State, encode_state, genesis
from sim_economy.core.turn import play_turn
from sim_economy.core.units import ACCOUNT_LIMIT, INPUT_LIMIT
from sim_economy.core.world_config import WorldConfig, genesis_order, parse_world_config
from sim_economy.ledger.verify import verify
from sim_economy.world.replay import replay
from sim_economy.world.world import World

AGENTS = 3
near = st.integers(0, 2**20) | st.integers(0, 2**40)
amounts = st.builds(lambda gap, sign: sign * (ACCOUNT_LIMIT - gap), near, st.sampled_from((-1, 1)))
"""A little short of 2^62, above or below zero."""

configs = st.builds(
    lambda rate, price, study: parse_world_config(
        {
            "num_agents": AGENTS,
            "interest_rate_per_turn": Decimal(rate) / 10**6,
            "base_inference_rate": price,
            "study_cost": study,
        }
    ),
    st.sampled_from((0, 1, 10_000, 500_000, 999_999, 10**6)),
    st.sampled_from((0, 1, 10**6)),
    st.sampled_from((0, 50, INPUT_LIMIT)),
)


@st.composite
def extremes(draw: st.DrawFn) -> tuple[State, WorldConfig]:
    """A state with balances, `platform` and `destroyed` near the limits; all sum to zero."""
    config = draw(configs)
    state, _ = genesis(config)
    for account in (PLATFORM, DESTROYED, *range(BALANCE, len(state.accounts), WIDTH)):
        if draw(st.booleans()):
            state.accounts[account] = draw(amounts)
    state.accounts[DESTROYED] = abs(state.accounts[DESTROYED])
    state.accounts[ISSUANCE] -= sum(state.accounts)
    return state, config


actions: st.SearchStrategy[Action] = st.sampled_from(
    (
        Mine(),
        Idle(),
        Job(),
        Study(),
        Stake(INPUT_LIMIT),
        Burn(INPUT_LIMIT, 5),
        Transfer("agent_1", INPUT_LIMIT),
    )
)
inputs = st.lists(
    st.builds(
        lambda agent, action, units: Input(f"agent_{agent}", action, 0, units),
        st.integers(0, AGENTS - 1),
        actions,
        st.sampled_from((0, 150, INPUT_LIMIT)),
    ),
    max_size=AGENTS,
    unique_by=lambda sent: sent.agent_id,
)


def within(state: State) -> bool:
    """Whether every account but `issuance`, which only balances the books here, keeps its limit."""
    return all(abs(held) <= ACCOUNT_LIMIT for held in state.accounts[ISSUANCE + 1 :])


@given(extremes(), inputs)
@settings(max_examples=400, deadline=None)
def test_a_turn_closes_with_balanced_books_or_leaves_everything_as_it_was(
    start: tuple[State, WorldConfig], given_inputs: list[Input]
) -> None:
    state, config = start
    text = encode_state(state)
    try:
        after, _ = play_turn(state, given_inputs, config, genesis_order(config))
    except AmountOutOfRangeError:
        assert encode_state(state) == text
        return
    assert sum(after.accounts) == 0
    assert within(after)
    assert encode_state(state) == text


@given(extremes())
@settings(max_examples=400, deadline=None)
def test_agents_that_do_nothing_end_no_world(start: tuple[State, WorldConfig]) -> None:
    state, config = start
    if abs(state.accounts[ISSUANCE]) > ACCOUNT_LIMIT:
        state.accounts[PLATFORM] += state.accounts[ISSUANCE]
        state.accounts[ISSUANCE] = 0
    if not abs(state.accounts[PLATFORM]) <= ACCOUNT_LIMIT:
        return
    for _ in range(3):
        state, turn = play_turn(state, (), config, genesis_order(config))
        assert all(posting.reason == "interest" for posting in turn.postings)
        assert within(state)


@given(extremes())
@settings(max_examples=400, deadline=None)
def test_a_run_can_always_be_ended(start: tuple[State, WorldConfig]) -> None:
    state, config = start
    state.accounts[FIRST + 1] += 3 * ACCOUNT_LIMIT
    state.accounts[ISSUANCE] -= 3 * ACCOUNT_LIMIT
    after, turn = play_turn(state, (), config, genesis_order(config), ends=True)
    assert turn.ends
    assert after.ended
    assert sum(after.accounts) == 0


def test_broke_agents_that_spend_and_then_do_nothing_leave_a_world_that_can_be_ended() -> None:
    for rate in ("1", "0.2", "0.05"):
        config = parse_world_config({"num_agents": 3, "interest_rate_per_turn": Decimal(rate)})
        world = World(config)
        spend = [Input(f"agent_{agent}", Mine(), 0, INPUT_LIMIT) for agent in (0, 1)]
        for _ in range(3):
            world.turn([*spend, Input("agent_2", Job())])
        for _ in range(900):
            world.turn([Input("agent_2", Job())])
        assert max(map(abs, world.state.accounts)) > ACCOUNT_LIMIT // 4
        assert world.turn(ends=True).ends
        assert verify(world.store).holds
        assert replay(world.store) == world.head
