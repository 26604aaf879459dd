"""Answers drawn from a schema, and inputs written as answers."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from sim_economy.core.actions import (
    Action,
    ArbitratorRuling,
    ConfirmDelivery,
    DisputeDelivery,
    Input,
    ProposeContract,
    Unstake,
    action_name,
)
from sim_economy.core.contracts import OWN_TERMS, SETTLEMENTS, ContractKind
from sim_economy.core.options import Options, SomeOf
from sim_economy.core.state import State, genesis
from sim_economy.core.turn import play_turn
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.core.world_config import WorldConfig, genesis_order
from tests.properties.random_play import random_config, random_inputs

LETTERS = ("a", "Z", '"', "\\", "\n", "\x00", "é", "\u2028", "\U0001f600", "\ud800", "0")


def without_shocks(config: WorldConfig) -> WorldConfig:
    """The same world as its agents know it."""
    rules = config.governance
    return config if rules is None else replace(config, governance=replace(rules, shocks=()))


def random_states(random: Random, turns: int) -> tuple[WorldConfig, list[State]]:
    """A random world without shocks, after genesis and after each of its turns."""
    config = without_shocks(random_config(random))
    state, _ = genesis(config)
    states = [state]
    for _ in range(turns):
        inputs = random_inputs(random, state, config)
        state, _ = play_turn(state, inputs, config, genesis_order(config))
        states.append(state)
    return config, states


def drawn(
    schema: dict[str, Any],
    random: Random,
    root: dict[str, Any] | None = None,
    action: str | None = None,
) -> Any:
    """A value that a schema of ours allows, often at its bounds.

    Args:
        action: The one to draw; any if None.
    """
    root = schema if root is None else root
    if "$ref" in schema:
        return drawn(root["$defs"][schema["$ref"].rpartition("/")[2]], random, root)
    if "anyOf" in schema:
        # Each action is as likely, though a proposal has an object for each kind.
        names = [own["properties"]["action"]["enum"][0] for own in schema["anyOf"]]
        chosen = action or random.choice(list(dict.fromkeys(names)))
        alike = [own for own, name in zip(schema["anyOf"], names, strict=True) if name == chosen]
        return drawn(random.choice(alike), random, root)
    if "enum" in schema:
        return random.choice(schema["enum"])
    match schema["type"]:
        case "object":
            parts = schema["properties"]
            return {name: drawn(own, random, root, action) for name, own in parts.items()}
        case "array":
            least, most = schema.get("minItems", 0), schema.get("maxItems", 12)
            return [
                drawn(schema["items"], random, root) for _ in range(random.randint(least, most))
            ]
        case "integer":
            # Where a server takes no bounds, the least stands in words.
            least = schema.get("minimum", 1)
            most = schema.get("maximum", INPUT_LIMIT)
            near = min(most, max(least, 0) + 30)
            return random.choice((least, most, random.randint(least, most), near))
        case "string" if "pattern" in schema:
            assert schema["pattern"] == "^[0-9a-f]{64}$"
            return "".join(random.choices("0123456789abcdef", k=64))
        case "string":
            least, most = schema.get("minLength", 0), schema.get("maxLength", 40)
            length = random.choice((least, most, random.randint(least, min(most, least + 20))))
            return "".join(random.choices(LETTERS, k=length))
    raise AssertionError(schema)


def as_answer(sent: Input, staked: int, options: Options) -> dict[str, Any]:
    """An input as the answer that asks for the same, every argument stated.

    Args:
        staked: Tokens; what an unstake without an amount releases.
    """
    action: dict[str, Any] = {"action": action_name(sent.action), **_arguments(sent.action)}
    if isinstance(sent.action, Unstake) and sent.action.amount is None:
        action["amount"] = staked
    if isinstance(sent.action, ConfirmDelivery | DisputeDelivery | ArbitratorRuling):
        named = sent.action.contract_id
        numbers = (named,) if isinstance(named, int) else named or ()
        option = options.of(action["action"])
        known = option.arguments["contract_id"] if option else SomeOf((), 0)
        assert isinstance(known, SomeOf)
        possible = [number for number in dict.fromkeys(numbers) if number in known.values]
        action["contract_id"] = possible[: known.most]
    if options.speech is not None:
        action["speech"] = sent.speech or ""
    needs = [msgspec.to_builtins(own) for own in sent.needs]
    return {"thinking": "", **({"needs": needs} if options.need else {}), "action": action}


def _arguments(action: Action) -> dict[str, Any]:
    if isinstance(action, ProposeContract):
        return {
            "kind": action.kind,
            "counterparty": action.counterparty,
            "arbitrator": action.arbitrator,
            "terms": _terms(action, ContractKind(str(action.kind))),
        }
    return {name: getattr(action, name) for name in action.__struct_fields__}


def _terms(action: ProposeContract, kind: ContractKind) -> dict[str, Any]:
    foreign = {term for terms in OWN_TERMS.values() for term in terms} - {*OWN_TERMS[kind]}
    stated = {
        name: getattr(action.terms, name) or 0
        for name in action.terms.__struct_fields__
        if name not in {"settlement", *foreign}
    }
    if len(SETTLEMENTS[kind]) > 1:
        stated["settlement"] = action.terms.settlement or str(SETTLEMENTS[kind][0])
    return stated
