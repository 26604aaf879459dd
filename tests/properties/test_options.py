"""Schema and rules never disagree: what a schema allows is well-formed, what applies is allowed."""

from __future__ import annotations

import json
from itertools import product
from random import Random
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sim_economy.core.actions import RECOGNISED, Input, ProposeContract, action_name
from sim_economy.core.codec import check_input
from sim_economy.core.events import RejectionReason as Reason
from sim_economy.core.observation import Observer
from sim_economy.core.options import (
    Options,
    known_balance,
    lasting_options,
    matches_needs,
    options,
)
from sim_economy.core.state import State
from sim_economy.core.text_limits import within_limits
from sim_economy.core.turn import play_turn
from sim_economy.core.world_config import WorldConfig, genesis_order
from sim_economy.orchestrator.dialogue.answer_schema import answer_schema
from sim_economy.orchestrator.dialogue.messages import ModelOutput
from sim_economy.orchestrator.dialogue.reply_parser import read_reply
from sim_economy.orchestrator.dialogue.schema_dialects import DIALECTS
from tests.properties.random_play import random_input, random_needs
from tests.properties.schema_play import as_answer, drawn, random_states

EXACT = DIALECTS["vllm"]
PLENTY = 2**31
"""Tokens of a reply that holds whatever the rules let an agent write."""
WORLDS = range(22)
TURNS = 20

TWO_NUMBERS = {
    Reason.BALANCE_TOO_LOW,
    Reason.START_TURN_TOO_LATE,
    Reason.ARBITRATOR_FEE_TOO_HIGH,
    Reason.ARBITRATOR_COLLATERAL_TOO_LOW,
    Reason.PAYLOAD_MISMATCH,
    Reason.BALANCE_EMPTY,
}
"""Refusals that no schema can prevent: of two numbers at once, of a hash, of an empty agent."""


def outcome(state: State, sent: Input, config: WorldConfig) -> Reason | None:
    """What becomes of an input that is alone in the next turn."""
    check_input(sent)
    kept = within_limits(sent, config)
    _, turn = play_turn(state, [kept], config, genesis_order(config))
    return turn.outcomes[0]


def agent_options(state: State, agent: int, config: WorldConfig) -> Options:
    return options(Observer(state, config).of(agent), config)


def read(answer: dict[str, Any], own: Options, config: WorldConfig) -> Input:
    return read_reply(ModelOutput(json.dumps(answer)), own.agent_id, needs=matches_needs(config))


@pytest.mark.parametrize("key", WORLDS)
def test_what_a_turns_schema_allows_is_refused_for_no_form(key: int) -> None:
    random = Random(f"allowed {key}")
    config, states = random_states(random, TURNS)
    for state in states:
        agent = random.randrange(config.num_agents)
        own = agent_options(state, agent, config)
        schema = json.loads(answer_schema(own, EXACT, PLENTY))
        balance = known_balance(Observer(state, config).of(agent), config)
        for _ in range(8):
            answer = drawn(schema, random)
            assert Draft202012Validator(schema).is_valid(answer)
            sent = read(answer, own, config)
            reason = outcome(state, sent, config)
            assert reason is None or reason in TWO_NUMBERS, (answer, reason)
            if reason is Reason.BALANCE_TOO_LOW:
                assert sent.action.amount <= balance < sent.action.amount + sent.action.fee  # type: ignore[union-attr,operator]
            if reason is Reason.BALANCE_EMPTY:
                assert [option.action for option in own.actions] == ["idle"]


def test_every_action_is_drawn_and_applies() -> None:
    random = Random("coverage")
    missing = RECOGNISED.keys() - {"sell_information"}  # nobody draws the text of a hash
    for _ in range(40):
        config, states = random_states(random, TURNS)
        for state, agent in product(states, range(config.num_agents)):
            own = agent_options(state, agent, config)
            possible = [option.action for option in own.actions if option.action in missing]
            if possible:
                schema = json.loads(answer_schema(own, EXACT, PLENTY))
                sent = read(drawn(schema, random, action=possible[0]), own, config)
                if outcome(state, sent, config) is None:
                    missing -= {action_name(sent.action)}
        if not missing:
            return
    raise AssertionError(missing)


@pytest.mark.parametrize("key", WORLDS)
def test_what_a_rule_applies_a_turns_schema_allows(key: int) -> None:
    random = Random(f"applied {key}")
    config, states = random_states(random, TURNS)
    for state in states:
        observer = Observer(state, config)
        for agent in random.sample(range(config.num_agents), min(3, config.num_agents)):
            sent = random_input(random, agent, state, config)
            if matches_needs(config):
                sent = Input(
                    sent.agent_id, sent.action, speech=sent.speech, needs=random_needs(random)
                )
            if outcome(state, sent, config) is not None:
                continue
            own = options(observer.of(agent), config)
            lasting = lasting_options(own.agent_id, config)
            answer = as_answer(sent, state.staked[agent], own)
            for allowed in (own, lasting) if state.turn % 4 == 0 else (own,):
                schema = json.loads(answer_schema(allowed, EXACT, PLENTY))
                assert Draft202012Validator(schema).is_valid(answer), (answer, schema)
            again = read(answer, own, config)
            assert outcome(state, again, config) is None
            assert again.needs == sent.needs


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_any_dialect_allows_in_any_scope_can_be_read(dialect: str) -> None:
    random = Random(f"dialect {dialect}")
    for world in range(4):
        config, states = random_states(random, 6)
        for state in states[::3]:
            agent = random.randrange(config.num_agents)
            own = agent_options(state, agent, config)
            lasting = lasting_options(own.agent_id, config)
            for allowed in (own, lasting):
                schema = json.loads(answer_schema(allowed, DIALECTS[dialect], PLENTY))
                if not world:
                    Draft202012Validator.check_schema(schema)
                for _ in range(3):
                    sent = read(drawn(schema, random), own, config)
                    assert sent.agent_id == own.agent_id
                    outcome(state, sent, config)


@pytest.mark.parametrize("key", WORLDS)
def test_the_known_balance_is_the_one_that_actions_find(key: int) -> None:
    random = Random(f"balance {key}")
    config, states = random_states(random, TURNS)
    for state in states:
        for agent in range(config.num_agents):
            seen = Observer(state, config).of(agent)
            own = options(seen, config)
            transfer = own.of("stake")
            balance = known_balance(seen, config)
            if transfer is None or balance >= 2**31 - 1:
                continue
            assert transfer.arguments["amount"].most == balance  # type: ignore[union-attr]
            assert _stake(state, agent, balance, config) is None
            assert _stake(state, agent, balance + 1, config) is Reason.BALANCE_TOO_LOW


def _stake(state: State, agent: int, amount: int, config: WorldConfig) -> Reason | None:
    from sim_economy.core.actions import Stake  # noqa: PLC0415

    return outcome(state, Input(config.agent_ids[agent], Stake(amount)), config)


def test_no_party_stands_twice_where_pairs_are_spelled_out() -> None:
    random = Random("pairs")
    config, states = random_states(random, 1)
    while config.num_agents < 4:
        config, states = random_states(random, 1)
    own = agent_options(states[0], 0, config)
    schema = json.loads(answer_schema(own, EXACT, PLENTY))
    proposed = 0
    for _ in range(900):
        action = read(drawn(schema, random), own, config).action
        if isinstance(action, ProposeContract):
            proposed += 1
            assert len({own.agent_id, action.counterparty, action.arbitrator}) == 3
    assert proposed > 50
