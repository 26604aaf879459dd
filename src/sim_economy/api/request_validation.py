"""Requests as values: bodies, headers and queries, each refused with the field that is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from msgspec import Struct
from starlette.requests import Request

from sim_economy.core.actions import Input
from sim_economy.core.codec import parse_input, parse_inputs, parse_json, parse_units
from sim_economy.core.errors import InputError
from sim_economy.core.suggestions import suggestion
from sim_economy.core.table_reader import read_choice
from sim_economy.scenarios.scenario import SHIPPED

_KEYS: Final = 100
"""Keys a configuration may have, more than there are parameters."""
_SIGNATURE: Final = re.compile("[0-9a-f]{128}")
_KEY: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
_UNITS: Final = ("thinking_units", "output_units")

Value = TypeVar("Value")


class InitRequest(Struct, frozen=True):
    """The body that starts a world.

    Attributes:
        scenario: The name of a shipped one, whose world it is, but for `config`.
        population: The name of a shipped scenario, whose policies are kept for `POST /run`.
        public_keys: By agent id, where agents sign.
    """

    config: dict[str, Any]
    agent_ids: list[str] | None
    scenario: str | None
    population: str | None
    public_keys: dict[str, str] | None


class TurnRequest(Struct, frozen=True):
    """The body that closes a turn.

    Attributes:
        signatures: One for each input, or none at all.
        turn: The turn the client means; None for whichever is open.
        ends: Whether the run declares its end with it.
    """

    inputs: list[Input]
    signatures: list[str | None]
    turn: int | None
    ends: bool


class CloseRequest(Struct, frozen=True):
    """The body that closes a turn with the submitted actions.

    Attributes:
        metered: The operator's figures, thinking and output units by agent id.
        without: Agents whose submitted actions are left out.
    """

    metered: dict[str, tuple[int, int]]
    without: list[str]
    turn: int | None
    ends: bool


class SubmissionRequest(Struct, frozen=True):
    """One agent's own action, for the turn it means; None for whichever is open."""

    input: Input
    turn: int | None
    signature: str | None


class RunRequest(Struct, frozen=True, kw_only=True):
    """The body that plays a run inside the engine.

    Attributes:
        config: Of the world to start, or of the one to resume; None for whichever is there.
        scenario: The name of a shipped one, which says whatever is None here.
        policy: What decides for everybody.
        population: The name of a shipped scenario, whose policies decide.
        turns: The turn to play until.
        ends: Whether the run declares its end with it.
    """

    config: dict[str, Any] | None
    agent_ids: list[str] | None
    scenario: str | None
    policy: str | None
    population: str | None
    usage: dict[str, Any] | None
    turns: int | None
    ends: bool


def parse_init(body: bytes) -> InitRequest:
    """The body of POST /init.

    Raises:
        InputError: It has another shape.
    """
    known = ("config", "agent_ids", "scenario", "population", "public_keys")
    given = _fields(parse_json(body), known)
    public_keys = given.get("public_keys")
    if public_keys is not None and not (
        isinstance(public_keys, dict) and all(type(key) is str for key in public_keys.values())
    ):
        raise InputError("public_keys", "must be an object of keys by agent id")
    return InitRequest(*_world(given), *_shipped(given), public_keys)


def _shipped(given: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The shipped scenario and the shipped population that a body names."""
    names = []
    for field in ("scenario", "population"):
        try:
            name = given.get(field)
            names.append(None if name is None else read_choice(name, SHIPPED))
        except ValueError as error:
            raise InputError(field, str(error)) from None
    scenario, population = names
    return scenario, population


def _world(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str] | None]:
    config: dict[str, Any] = _typed(given, "config", {}, "must be an object")
    if len(config) > _KEYS or not all(map(_KEY.fullmatch, config)):
        raise InputError("config", "has a key no parameter could have; see /openapi.json")
    agent_ids = given.get("agent_ids")
    if agent_ids is not None and not (
        isinstance(agent_ids, list) and all(type(name) is str for name in agent_ids)
    ):
        raise InputError("agent_ids", "must be a list of names")
    return config, agent_ids


def parse_run(body: bytes) -> RunRequest:
    """The body of POST /run.

    Raises:
        InputError: It has another shape.
    """
    known = ("config", "agent_ids", "scenario", "policy", "population", "usage", "turns", "ends")
    given = _fields(parse_json(body), known)
    scenario, population = _shipped(given)
    if "policy" in given and population is not None:
        raise InputError("policy", "decides for everybody; leave it or population out")
    policy = _typed(given, "policy", "", "must be a policy's name") if "policy" in given else None
    usage: dict[str, Any] | None = None
    if "usage" in given:
        usage = _typed(given, "usage", {}, "must be an object")
    if not all(map(_KEY.fullmatch, usage or ())):
        raise InputError("usage", "has a key no source could have; see /openapi.json")
    turns = _number(given["turns"], "turns", 2**31) if "turns" in given else None
    ends = _typed(given, "ends", True, "must be true or false")
    config, agent_ids = _world(given)
    named = "config" in given or agent_ids is not None or scenario is not None
    return RunRequest(
        config=config if named else None,
        agent_ids=agent_ids,
        scenario=scenario,
        policy=policy,
        population=population,
        usage=usage,
        turns=turns,
        ends=ends,
    )


def parse_turn(body: bytes) -> TurnRequest:
    """The body of POST /turn.

    Raises:
        InputError: It has another shape, or an input in it has.
    """
    given = _fields(parse_json(body), ("inputs", "turn", "ends"))
    if "inputs" not in given:
        raise InputError("inputs", "is missing")
    inputs = given["inputs"]
    signatures = _signatures(inputs) if isinstance(inputs, list) else []
    return TurnRequest(parse_inputs(inputs), signatures, *_closing(given))


def _signatures(inputs: list[Any]) -> list[str | None]:
    """Take the signatures out of a batch: one for each input, or none at all."""
    if not any(isinstance(item, dict) and "signature" in item for item in inputs):
        return []
    return [
        _signature(item.pop("signature", None), f"inputs[{index}].signature")
        if isinstance(item, dict)
        else None
        for index, item in enumerate(inputs)
    ]


def _signature(value: Any, field: str) -> str | None:
    if value is None:
        return None
    if type(value) is not str or not _SIGNATURE.fullmatch(value):
        raise InputError(field, "must be 128 lowercase hexadecimal digits")
    return value


def parse_closing(body: bytes) -> CloseRequest:
    """The body of POST /close, which may be empty.

    Raises:
        InputError: It has another shape.
    """
    known = ("turn", "ends", "usage", "without")
    given = _fields(parse_json(body), known) if body.strip() else {}
    without: list[Any] = _typed(given, "without", [], "must be a list of agent ids")
    if not all(isinstance(agent_id, str) for agent_id in without):
        raise InputError("without", "must be a list of agent ids")
    usage: dict[str, Any] = _typed(given, "usage", {}, "must be an object of usage by agent id")
    metered = {}
    for index, (agent_id, units) in enumerate(usage.items()):
        field = f"usage[{index}]"
        figures = _fields(units, _UNITS, field)
        thinking, output = (parse_units(figures.get(name, 0), f"{field}.{name}") for name in _UNITS)
        metered[agent_id] = (thinking, output)
    return CloseRequest(metered, without, *_closing(given))


def parse_nothing(body: bytes) -> None:
    """The body of a call that takes none: empty, or an empty object.

    Raises:
        InputError: It has another shape.
    """
    if body.strip():
        _fields(parse_json(body), ())


def parse_sign_in(body: bytes) -> str:
    """The token of POST /view/session.

    Raises:
        InputError: It has another shape.
    """
    token = _fields(parse_json(body), ("token",)).get("token")
    if not isinstance(token, str):
        raise InputError("token", "must be a text: a reader's token, or the operator's")
    return token


def parse_submission(body: bytes, agent_id: str) -> SubmissionRequest:
    """The body of POST /agents/ID/action.

    Raises:
        InputError: It has another shape.
    """
    fields = ("action", "speech", "thinking", "needs", *_UNITS, "turn", "signature")
    given = _fields(parse_json(body), fields)
    turn, _ = _closing({"turn": given.pop("turn", None)})
    signature = _signature(given.pop("signature", None), "signature")
    submitted = parse_input({**given, "agent_id": agent_id}, "body")
    return SubmissionRequest(submitted, turn, signature)


def check_marks(body: bytes, most: int) -> None:
    """Refuse a body of very many values before it is parsed.

    Args:
        most: Commas and opening brackets it may have, those in its texts too.

    Raises:
        InputError: It has more.
    """
    if body.count(b",") + body.count(b"[") + body.count(b"{") > most:
        raise InputError("body", f"has more than {most} commas and brackets; send fewer values")


def _closing(given: Mapping[str, Any]) -> tuple[int | None, bool]:
    turn = given.get("turn")
    if turn is not None:
        turn = _number(turn, "turn", 2**53)
    return turn, _typed(given, "ends", False, "must be true or false")


def _number(value: Any, field: str, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise InputError(field, f"must be an integer from 1 to {most}")
    return value


def _typed(given: Mapping[str, Any], name: str, default: Value, problem: str) -> Value:
    """A value of its default's type, which it has exactly."""
    value = given.get(name, default)
    if type(value) is not type(default):
        raise InputError(name, problem)
    return value


def idempotency_key(request: Request) -> str | None:
    """The request's Idempotency-Key.

    Raises:
        InputError: It is empty, too long, or not plain ASCII.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= 255 and key.isascii() and key.isprintable()):
        raise InputError("Idempotency-Key", "must be 1 to 255 printable ASCII characters")
    return key


def query_int(request: Request, name: str, default: int, low: int, high: int) -> int:
    """A whole number of the query.

    Raises:
        InputError: It is not a whole number, or out of range.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and low <= int(text) <= high):
        raise InputError(name, f"must be an integer from {low} to {high}")
    return int(text)


def check_query(request: Request, *known: str) -> None:
    """Refuse a query with anything unknown in it.

    Raises:
        InputError: It has an unknown or repeated name.
    """
    names = [name for name, _ in request.query_params.multi_items()]
    if len(set(names)) != len(names) or not set(names) <= set(known):
        allowed = ", ".join(known) or "nothing"
        raise InputError("query", f"has an unknown or repeated name; it may have {allowed}")


def _fields(value: Any, known: tuple[str, ...], field: str = "body") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(field, "must be an object")
    if not value.keys() <= set(known):
        close = suggestion(min(map(str, value.keys() - set(known))), known)
        raise InputError(field, f"has an unknown field; it may have {', '.join(known)}{close}")
    return value
