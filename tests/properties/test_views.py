"""What an agent must not see may be anything: its observation stays the same."""

from __future__ import annotations

from random import Random

import pytest
from msgspec.structs import replace

from sim_economy.core.accounts import FIRST, WIDTH
from sim_economy.core.actions import BidCore, Input, SignContract
from sim_economy.core.contracts import Happened
from sim_economy.core.observation import Observation, observe
from sim_economy.core.state import State, decode_state, encode_state
from sim_economy.core.turn import play_turn
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.world.world import World
from tests.properties.random_play import PRESETS, random_inputs

KEYS = range(14)


def worlds(preset: str, key: int) -> World:
    """A world in the middle of its trade."""
    config = parse_world_config(
        {**PRESETS[preset], "num_agents": 5, "seed": 3 * key + 1, "payload_length_max": 500}
    )
    world = World(config, recorded=False)
    random = Random(f"views {key}")
    for _ in range(10 + 3 * key):
        world.turn(random_inputs(random, world.state, config))
    return world


def disturbed(state: State, agent: int, random: Random) -> State:
    """The state with everything changed that the agent may not see; public totals are kept."""
    other = decode_state(encode_state(state))
    strangers = [one for one in range(len(state.studies)) if one != agent]
    for one in strangers:
        first = FIRST + WIDTH * one
        for account in range(first, first + WIDTH):
            other.accounts[account] += random.randrange(1, 1000)
        other.studies[one] += random.randrange(1, 5)
        other.burned[one] += random.randrange(1, 5)
        other.employed[one] = not other.employed[one]
        other.rejections[one] = None
    surplus = sum(other.accounts) - sum(state.accounts)
    other.accounts[FIRST + WIDTH * strangers[0]] -= surplus
    other.burns = []
    other.mempool = [held for held in state.mempool if _id(held.agent_id) == agent]
    other.releases = [held for held in state.releases if held.agent == agent]
    other.contracts = [
        held if held.seats[1] == agent else replace(held, insured_value=-5)
        for held in state.contracts
        if agent in held.seats
    ]
    other.contracts_proposed += 100
    other.contracts_ended = [held for held in state.contracts_ended if agent in held.seats]
    other.payloads = [
        replace(sold, text=sold.text if agent in (sold.seller, sold.buyer) else "another")
        for sold in state.payloads
    ]
    other.counted = []
    return other


def _id(agent_id: str) -> int:
    return int(agent_id.rpartition("_")[2])


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("key", KEYS)
def test_what_an_agent_may_not_see_does_not_change_what_it_sees(preset: str, key: int) -> None:
    world = worlds(preset, key)
    random = Random(key)
    for agent in range(world.config.num_agents):
        before = observe(world.state, agent, world.config)
        other = disturbed(world.state, agent, random)
        assert encode_state(other) != encode_state(world.state)
        assert observe(other, agent, seeded_anew(world.config)) == before


def seeded_anew(config: WorldConfig) -> WorldConfig:
    return replace(config, seed=config.seed + 1, secret="ab" * 16)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_worlds_looked_at_hold_what_there_is_to_hide(preset: str) -> None:
    states = [worlds(preset, key).state for key in KEYS]
    assert any(state.contracts for state in states)
    assert any(state.contracts_ended for state in states)
    assert any(state.payloads for state in states)
    assert any(state.counted for state in states)
    assert any(held.insured_value is not None for state in states for held in state.contracts)


@pytest.mark.parametrize("preset", PRESETS)
def test_what_was_said_of_contracts_one_is_no_party_to_is_not_seen(preset: str) -> None:
    world = worlds(preset, 1)
    for agent in range(world.config.num_agents):
        seen = world.observe(world.config.agent_ids[agent])
        assert all(agent in held.seats for held in seen.contracts)
        assert all(agent in held.seats for held in seen.contracts_ended)
        bought_or_sold = {
            sold.contract_id for sold in world.state.payloads if agent in (sold.seller, sold.buyer)
        }
        assert seen.payloads.keys() == bought_or_sold


def test_bids_of_others_are_not_seen_only_who_won() -> None:
    def seen(amount: int) -> Observation:
        world = World(parse_world_config({"num_agents": 3, "num_cores": 1}))
        world.turn([Input("agent_0", BidCore(50)), Input("agent_1", BidCore(amount))])
        return world.observe("agent_2")

    assert seen(10).core_owners == {"agent_0": 1}
    assert replace(seen(10), token_supply=0) == replace(seen(20), token_supply=0)


def test_an_id_tells_a_stranger_nothing() -> None:
    """One's action on it is refused alike before, during and after the contract's life."""
    world = worlds("as-run", 2)
    refusals = set()
    for number in range(1, world.state.contracts_proposed + 3):
        mine = any(held.contract_id == number and 0 in held.seats for held in world.state.contracts)
        if not mine:
            refusals.add(_signing_outcome(world, number))
    assert refusals == {"contract_unknown"}


def _signing_outcome(world: World, number: int) -> str:
    sent = Input("agent_0", SignContract(number))
    _, turn = play_turn(world.state, [sent], world.config, world.agent_indices)
    assert not any(event.happened is Happened.SIGNED for event in turn.contracts)
    return str(turn.outcomes[0])
