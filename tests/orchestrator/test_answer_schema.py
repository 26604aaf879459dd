"""Every schema that we send is one that its server takes, as it comes over the wire."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim_economy.core.actions import RECOGNISED, Input, ProposeContract
from sim_economy.core.contracts import Terms
from sim_economy.core.errors import ScenarioError
from sim_economy.core.observation import observe
from sim_economy.core.options import lasting_options, options
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.orchestrator.dialogue.answer_schema import answer_schema, excesses
from sim_economy.orchestrator.dialogue.reply_parser import SCHEMA
from sim_economy.orchestrator.dialogue.schema_dialects import DIALECTS
from sim_economy.orchestrator.dialogue.system_prompt import instructions
from sim_economy.orchestrator.dialogue.turn_schema import turn_schema
from sim_economy.orchestrator.settings import ModelSetting, parse_plan
from sim_economy.world.world import World
from tests.architecture.source import ROOT
from tests.orchestrator.schema_servers import SERVERS
from tests.orchestrator.test_hosted import ANTHROPIC, GOOGLE, OPENAI, Stub, ask, setting, stub

__all__ = ["stub"]

LONG_ID = "an_agent_whose_name_goes_on_and_on_until_nobody_can_remember_{}"
ANSWERS = {"anthropic": ANTHROPIC, "google": GOOGLE}
MATCHED: dict[str, Any] = {"governance": {"contract_matching": {}}}


def world_of(agents: int, *, long_names: bool = False, **table: Any) -> World:
    names = [LONG_ID.format(agent)[-60:] for agent in range(agents)] if long_names else None
    config = parse_world_config({"num_agents": agents, **table}, agent_ids=names)
    return World(config, recorded=False)


def proposals(world: World, count: int) -> World:
    """The same world after so many others offered the last agent a service."""
    ids = world.config.agent_ids
    price = Terms(due_turn=50, price=0)
    offers = [
        Input(sender, ProposeContract("service", ids[-1], ids[0 if index else 1], price))
        for index, sender in enumerate(ids[:count])
    ]
    world.turn(offers)
    return world


def schemas(world: World, dialect: str) -> Iterator[dict[str, Any]]:
    """The schemas of the last agent in both scopes."""
    config, agent = world.config, world.config.num_agents - 1
    exact = options(observe(world.state, agent, config), config)
    for own in (exact, lasting_options(config.agent_ids[agent], config)):
        yield json.loads(answer_schema(own, DIALECTS[dialect], 512))


WORLDS = {
    "alone": world_of(1),
    "two": world_of(2),
    "eight": world_of(8),
    "needs": world_of(8, **MATCHED),
    "contracts": proposals(world_of(40, **MATCHED), 39),
    "many contracts": proposals(world_of(400, **MATCHED), 399),
    "thousand": world_of(1000),
    "long names": world_of(60, long_names=True),
    "texts": world_of(4, speech_length_max=2000, payload_length_max=2**31 - 1),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("world", WORLDS)
def test_a_schema_is_within_the_limits_of_its_server(dialect: str, world: str) -> None:
    for schema in schemas(WORLDS[world], dialect):
        assert SERVERS[dialect](schema) is None
        assert list(excesses(schema, DIALECTS[dialect])) == []


def test_the_servers_of_these_tests_refuse_what_is_outside() -> None:
    assert SERVERS.keys() == DIALECTS.keys()
    (whole, _) = schemas(WORLDS["eight"], "vllm")
    refused = {name for name, refusal in SERVERS.items() if refusal(whole) is not None}
    assert refused == {"openai", "anthropic", "google", "openai-compatible"}
    old = json.loads(SCHEMA)
    assert SERVERS["openai"](old) == "'required' must have every key in properties"
    for name, complaint in (("openai", "1000 enum values"), ("google", "too many states")):
        (_, many) = schemas(WORLDS["eight"], name)
        numbers = [str(number) for number in range(999)]
        many["properties"]["thinking"] = {"type": "string", "enum": numbers}
        assert complaint in str(SERVERS[name](many))
    long = json.loads(json.dumps(whole))
    long["properties"]["thinking"]["maxLength"] = 2000
    assert SERVERS["llama.cpp"](long) == "number of repetitions exceeds sane defaults"
    long["properties"]["thinking"]["pattern"] = "^a$"
    assert "xgrammar" in str(SERVERS["vllm"](long))
    alike = {"type": "object", "properties": {"kind": {"enum": ["loan"]}}}
    assert "first keys" in str(SERVERS["openai"](_whole({"action": {"anyOf": [alike, alike]}})))


def _whole(properties: dict[str, Any]) -> dict[str, Any]:
    for own in properties["action"]["anyOf"]:
        own |= {"required": [*own["properties"]], "additionalProperties": False}
    required = list(properties)
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def test_names_are_spelled_out_until_a_server_takes_no_more() -> None:
    def spelled(agents: int, dialect: str) -> bool:
        (_, lasting) = schemas(world_of(agents), dialect)
        choices = lasting["properties"]["action"]["anyOf"]
        (to,) = [own["properties"]["to"] for own in choices if "to" in own["properties"]]
        assert ("enum" in to) or to["description"] == "the id of another agent"
        return "enum" in to

    assert [spelled(agents, "openai") for agents in (3, 80, 100)] == [True, True, False]
    assert [spelled(agents, "google") for agents in (8, 12)] == [True, False]
    assert [spelled(agents, "llama.cpp") for agents in (90, 100)] == [True, False]


def test_a_choice_names_every_action_that_is_possible_and_its_own_arguments() -> None:
    config = WORLDS["eight"].config
    own = lasting_options("agent_7", config)
    schema = json.loads(answer_schema(own, DIALECTS["anthropic"], 512))
    choices = schema["properties"]["action"]["anyOf"]
    named = {name for own in choices for name in own["properties"]["action"]["enum"]}
    assert named == RECOGNISED.keys()
    (stake,) = [own for own in choices if own["properties"]["action"]["enum"] == ["stake"]]
    assert stake["required"] == ["action", "amount", "fee", "speech"]
    assert stake["properties"]["amount"]["description"] == "at least 1"
    exact = options(observe(WORLDS["eight"].state, 7, config), config)
    (first, *_) = [option for option in exact.actions if option.action == "stake"]
    assert json.loads(answer_schema(exact, DIALECTS["vllm"], 512, words=False))["properties"][
        "action"
    ]["anyOf"][1]["properties"]["amount"] == {"type": "integer", "minimum": 1, "maximum": 1000}
    assert first.arguments.keys() == {"amount", "fee"}


@pytest.mark.parametrize("output", ["native", "tool"])
@pytest.mark.parametrize("name", DIALECTS)
def test_what_comes_over_the_wire_is_what_the_server_takes(
    name: str, output: str, stub: Stub
) -> None:
    provider = name if name in {"openai", "anthropic", "google"} else "openai-compatible"
    extra = {} if provider == name else {"schema": name}
    model = {"anthropic": "claude-sonnet-4-5", "google": "gemini-2.5-pro"}.get(provider, "gpt-5")
    asked = setting(stub, provider, output=output, model=model, **extra)
    world = WORLDS["eight"]
    seen = json.loads(_canonical(world, "agent_2"))
    stub.answers(ANSWERS.get(provider, OPENAI))
    ask(asked, schema=turn_schema(asked, seen, world.config, 3))
    ((_, _, body),) = stub.asked
    schema, strict = _sent(provider, output, body)
    assert SERVERS[name](schema) is None
    assert strict is DIALECTS[name].strict
    assert "anyOf" in schema["properties"]["action"]
    if output == "tool" and provider.startswith("openai"):
        assert body["parallel_tool_calls"] is False
    if not DIALECTS[name].strict:
        assert schema == json.loads(turn_schema(asked, seen, world.config, 3))


def _canonical(world: World, agent_id: str) -> bytes:
    from sim_economy.core.codec import canonical  # noqa: PLC0415

    text: bytes = canonical(world.observe(agent_id))
    return text


def _sent(provider: str, output: str, body: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The schema of a request, and whether it asks to be held to it."""
    match provider, output:
        case "anthropic", "tool":
            (tool,) = body["tools"]
            return tool["input_schema"], tool.get("strict", False)
        case "anthropic", _:
            return body["output_config"]["format"]["schema"], True
        case "google", "tool":
            (function,) = body["tools"][0]["functionDeclarations"]
            return function["parameters_json_schema"], True
        case "google", _:
            return body["generationConfig"]["responseJsonSchema"], True
        case _, "tool":
            function = body["tools"][0]["function"]
            return function["parameters"], function.get("strict", False)
        case _:
            shape = body["response_format"]["json_schema"]
            return shape["schema"], shape.get("strict", False)


@pytest.mark.parametrize("output", ["native", "prompted"])
@pytest.mark.parametrize("world", ["eight", "needs"])
def test_the_words_of_the_prompt_name_the_keys_of_the_schema(world: str, output: str) -> None:
    config = WORLDS[world].config
    (_, lasting) = schemas(WORLDS[world], "openai")
    parts = instructions(config, 10, output).split("\n\n")
    (form,) = [part for part in parts if "Its keys: " in part]
    for key in (*lasting["properties"], "speech"):
        assert f"{key}, " in form
    assert ("needs, " in form) == (world == "needs")
    assert set(re.findall(r"\bkind|side|amount|limit_price", form)) == set(
        lasting["properties"].get("needs", {"items": {"properties": {}}})["items"]["properties"]
    )


def test_the_page_has_every_server_source_and_limit() -> None:
    page = (ROOT / "docs" / "answers.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| ")]
    (head,) = [cells for cells in rows if "`openai`" in cells[1]]
    columns = [re.findall(r"`([^`]+)`", cell) for cell in head[1:]]
    assert sorted(name for names in columns for name in names) == sorted(DIALECTS)
    (values,) = [cells for cells in rows if cells[0].strip() == "enumerated values"]
    for names, cell in zip(columns, values[1:], strict=True):
        stated = int(re.findall(r"[\d,]+", cell)[0].rstrip(",").replace(",", ""))
        assert {DIALECTS[name].enum_values_most for name in names} == {stated}
    for dialect in DIALECTS.values():
        assert all(source in page for source in dialect.sources)


def model(**table: Any) -> ModelSetting:
    given = {"provider": "openai-compatible", "model": "m", "base_url": "http://127.0.0.1/v1"}
    plan = parse_plan(
        {"models": {"m": {**given, **table}}, "minds": [{"model": "m"}]}, WorldConfig(), Path()
    )
    return plan.models["m"]


def test_a_schema_says_what_its_turn_allows_only_where_it_stands_outside_the_prompt() -> None:
    assert model(output="native", schema="llama.cpp").says_turn
    assert not model(output="tool", schema="llama.cpp").says_turn
    assert not model(output="native").says_turn
    assert model(output="tool", schema="llama.cpp", schema_scope="turn").says_turn
    assert not model(output="native", schema="vllm", schema_scope="run").says_turn


def test_the_texts_of_a_reply_leave_room_for_its_action() -> None:
    def lengths(tokens_most: int) -> dict[str, int]:
        asked = model(output="native", schema="llama.cpp", max_output_tokens=tokens_most)
        seen = json.loads(_canonical(WORLDS["eight"], "agent_1"))
        schema = json.loads(turn_schema(asked, seen, WORLDS["eight"].config, 3))
        choices = schema["properties"]["action"]["anyOf"]
        (speak,) = [own for own in choices if own["properties"]["action"]["enum"] == ["speak"]]
        return {
            "thinking": schema["properties"]["thinking"]["maxLength"],
            "speech": schema["$defs"]["speech"]["maxLength"],
            "speak": speak["properties"]["speech"]["maxLength"],
        }

    assert lengths(256) == {"thinking": 10, "speech": 10, "speak": 10}
    assert lengths(1024) == {"thinking": 138, "speech": 138, "speak": 138}
    assert lengths(7192) == {"thinking": 1166, "speech": 500, "speak": 500}
    assert lengths(1) == {"thinking": 1, "speech": 1, "speak": 1}


def test_a_lasting_schema_is_the_same_in_every_turn_and_an_exact_one_is_not() -> None:
    world = world_of(4)
    lasting, exact = model(output="tool"), model(output="native", schema="ollama")
    texts = []
    for _ in range(2):
        seen = json.loads(_canonical(world, "agent_1"))
        texts.append([turn_schema(asked, seen, world.config, 3) for asked in (lasting, exact)])
        assert turn_schema(model(), seen, world.config, 3) == ""
        assert turn_schema(exact, seen, world.config, 2) == SCHEMA
        world.turn([])
    assert texts[0][0] == texts[1][0]
    assert ("bid_core" in texts[0][1], "bid_core" in texts[1][1]) == (True, False)


def test_only_servers_that_are_not_known_are_told_of() -> None:
    assert model(schema="vllm").dialect == DIALECTS["vllm"]
    assert model().dialect == DIALECTS["openai-compatible"]
    with pytest.raises(ScenarioError, match=r"models.m.schema: is known of the anthropic provider"):
        model(provider="anthropic", schema="openai")
    with pytest.raises(ScenarioError, match="schema"):
        model(schema="mystery")


def test_settings_name_the_keys_of_a_schema_only_where_they_are_stated() -> None:
    def kept(**more: Any) -> set[str]:
        table = {"provider": "openai-compatible", "model": "m", "base_url": "http://h/v1", **more}
        tables = {"models": {"m": table}, "minds": [{"model": "m"}]}
        return {*parse_plan(tables, WorldConfig(), Path()).deciding["models"]["m"]}

    assert not {"schema", "schema_scope"} & kept()
    assert {"schema", "schema_scope"} <= kept(schema="vllm", schema_scope="run")
