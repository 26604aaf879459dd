"""Every fact that an agent may see is in the words that it is shown; no one's words are facts."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any, Final

import pytest
from msgspec.structs import replace

from sim_economy.core.actions import Idle, Input
from sim_economy.core.codec import canonical
from sim_economy.core.errors import AmountOutOfRangeError
from sim_economy.core.events import RejectionReason
from sim_economy.core.options import options
from sim_economy.core.table_reader import Kind
from sim_economy.core.world_config import (
    HIDDEN,
    WorldConfig,
    config_values,
    parameters,
    parse_world_config,
)
from sim_economy.orchestrator.dialogue.conversation import conversation, kept_exchanges, turns_kept
from sim_economy.orchestrator.dialogue.messages import Message, Shown
from sim_economy.orchestrator.dialogue.observation_text import introduction, observation_text
from sim_economy.orchestrator.dialogue.option_words import option_lines
from sim_economy.orchestrator.dialogue.refusal_words import NOT_USED, REFUSALS
from sim_economy.orchestrator.dialogue.system_prompt import instructions
from sim_economy.orchestrator.record.call_log import IdleReason
from sim_economy.orchestrator.scripted import observation_of
from sim_economy.orchestrator.settings import Plan
from sim_economy.world.world import World
from tests.orchestrator.prompt_reader import read_prompt
from tests.orchestrator.setup import mocked
from tests.orchestrator.test_injection import ATTEMPTS
from tests.properties.random_play import PRESETS, random_config, random_inputs


class Player:
    """One agent's conversation, as a run would grow it."""

    def __init__(self, agent: int, config: WorldConfig, plan: Plan) -> None:
        self._agent_id = config.agent_ids[agent]
        self._config = config
        self._plan = plan
        self._messages: tuple[Message, ...] = ()

    def asked(self, world: World, answer: str) -> tuple[Shown, tuple[Message, ...]]:
        """What it is shown, and the messages that say it."""
        config = self._config.as_seen(world.turn_number)
        observed: dict[str, Any] = json.loads(canonical(world.observe(self._agent_id)))
        seen = {key: value for key, value in observed.items() if key != "world"}
        who = introduction(self._agent_id, config.agent_ids, "")
        most = turns_kept(world.turn_number + 1, 0, self._plan.memory_turns)
        characters = self._plan.memory_characters
        kept = kept_exchanges(who, self._messages, answer, most, characters)
        view = observation_of(seen, config)
        shown = Shown(seen=seen)
        text = observation_text(
            shown,
            config.agent_ids,
            tuple(option_lines(options(view, config), view, config)),
            earlier=[said for said, _ in kept],
            goods_most=self._plan.memory_characters,
        )
        self._messages = conversation(who, kept, text)
        return shown, self._messages


def loud(random: Random, world: World, config: WorldConfig) -> Any:
    """Random inputs, some of which try to write what only the economy may write."""
    for sent in random_inputs(random, world.state, config):
        attack = random.choice(ATTEMPTS[: 1 + random.randrange(len(ATTEMPTS))])
        attack = attack[: config.speech_length_max]
        yield replace(sent, speech=attack or None) if random.random() < 0.3 else sent


@pytest.mark.parametrize("key", range(16))
def test_what_is_shown_can_be_read_back_to_the_last_fact(key: int) -> None:
    random = Random(f"words {key}")
    config = random_config(random)
    world = World(config, recorded=False)
    plan = replace(mocked().plan, memory_turns=random.choice((0, 2, 5)), memory_characters=900)
    players = [Player(agent, config, plan) for agent in range(config.num_agents)]
    for _ in range(12 + key):
        for agent, player in enumerate(players):
            shown, messages = player.asked(world, '{"action": "idle"}')
            said = [{"role": part.role, "content": part.text} for part in messages]
            read = read_prompt(said, config.agent_ids)
            assert read.seen == expected(shown.seen, plan.memory_characters), agent
        try:
            world.turn(list(loud(random, world, config)))
        except AmountOutOfRangeError:
            break


def expected(seen: dict[str, Any], room: int) -> dict[str, Any]:
    """What an observation says to its agent: its own words aside, goods as far as there is room."""
    heard = {name: said for name, said in seen["speech"].items() if name != seen["agent_id"]}
    goods = {}
    for number, text in sorted(seen["payloads"].items(), key=lambda sold: -int(sold[0])):
        room -= len(text)
        goods[number] = text if room >= 0 else "(left out: no room)"
    return {**seen, "speech": heard, "payloads": goods}


def test_every_refusal_says_how_to_avoid_it() -> None:
    assert REFUSALS.keys() == set(RejectionReason)
    assert NOT_USED.keys() == set(IdleReason)
    for sentence in (*REFUSALS.values(), *NOT_USED.values()):
        assert re.fullmatch(r"[A-Z][^.]+\.", sentence), sentence


@pytest.mark.parametrize("preset", PRESETS)
def test_the_system_part_states_every_parameter(preset: str) -> None:
    """Each number is another one here, so that a number found is that parameter's."""
    given = dict(PRESETS[preset])
    base = config_values(parse_world_config(given))
    numbers = [name for name, value in base.items() if type(value) is int and value > 1]
    changed = {name: 5003 + 7 * index for index, name in enumerate(numbers)}
    config = parse_world_config({**given, **changed, "num_agents": 3, "seed": 99_991})
    text = instructions(config, 9, "prompted")
    for name, value in config_values(config).items():
        stated = re.search(rf"\b{re.escape(str(value))}\b", text)
        assert stated or name in WORDS, name
    assert "99991" not in text
    assert not HIDDEN & set(re.findall(r"\w+", text))


WORDS: Final = frozenset(
    name for name, parameter in parameters().items() if parameter.kind in {Kind.VARIANT, Kind.FLAG}
) | {"fixed_thinking_units", "fixed_output_units"}
"""Variants, which the rules state in words, and figures that are not used here."""


def test_every_variant_is_another_text() -> None:
    usual = instructions(parse_world_config({}), 9, "prompted")
    texts = {usual}
    changes: list[dict[str, Any]] = [
        {"job_rule": "waive_usage"},
        {"signing_bonus_rule": "per_block"},
        {"lottery_rule": "mine_stake_burn"},
        {"unstake_without_amount": "all"},
        {"dividend_rule": "stake_and_burn"},
        {"usage_source": "operator"},
        {"usage_source": "fixed", "fixed_output_units": 77},
        {"slash_both_on_timeout": False},
        {"payload_visible_turns": 3},
        {"income": {"allowance": 5, "period_turns": 3}},
        {"cores": {"owners": {"agent_0": 1}}},
        {"governance": {"debt_rails": {}}},
    ]
    for change in changes:
        texts.add(instructions(parse_world_config(change), 9, "prompted"))
    assert len(texts) == len(changes) + 1


def test_the_system_part_is_the_same_for_all_agents_and_names_none() -> None:
    config = parse_world_config({"num_agents": 3}, agent_ids=["ann", "bob", "cy"])
    text = instructions(config, 9, "native")
    assert not {"ann", "bob", "cy"} & set(re.findall(r"\w+", text))
    assert "{" not in text


def test_no_example_is_there_to_be_repeated() -> None:
    for output in ("prompted", "native", "tool"):
        text = instructions(parse_world_config({}), 9, output)
        assert '"' not in text
        assert "80" not in text


def test_words_said_again_are_not_quoted_again_while_they_can_be_seen() -> None:
    config = parse_world_config({"num_agents": 3})
    world = World(config, recorded=False)
    player = Player(0, config, replace(mocked().plan, memory_turns=1))
    spoken = [("hi", "hi"), ("hi", "no"), ("hi", "hi"), ("yes", "hi"), ("yes", "hi")]
    found = []
    for first, second in spoken:
        given = [("agent_1", first), ("agent_2", second)]
        world.turn([Input(agent_id, Idle(), speech=said) for agent_id, said in given])
        _, messages = player.asked(world, '{"action": "idle"}')
        _, begins, heard = messages[-1].text.partition("Said")
        found.append(begins + heard.split("\nYou can")[0])
    assert found == [
        'Said (data):\nagent_1, agent_2: "hi"',
        'Said again: agent_1.\nSaid (data):\nagent_2: "no"',
        'Said (data):\nagent_1, agent_2: "hi"',
        'Said again: agent_2.\nSaid (data):\nagent_1: "yes"',
        'Said again: agent_1.\nSaid (data):\nagent_2: "hi"',
    ]
