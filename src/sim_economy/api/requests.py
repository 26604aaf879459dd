"""Requests as values: bodies, headers and queries, each refused with the place that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from starlette.requests import Request

from sim_economy.core.actions import Input
from sim_economy.core.codec import parse_inputs, parse_json
from sim_economy.core.errors import InputError


class InitRequest(Struct, frozen=True):
    """What starts a world."""

    config: dict[str, Any]
    agent_ids: list[str] | None


class TurnRequest(Struct, frozen=True):
    """What closes a turn.

    Attributes:
        turn: The turn the client means; None for whichever is open.
        ends: Whether the run declares its end with it.
    """

    inputs: list[Input]
    turn: int | None
    ends: bool


def parse_init(body: bytes) -> InitRequest:
    """The body of POST /init.

    Raises:
        InputError: It has another shape.
    """
    given = _fields(parse_json(body), ("config", "agent_ids"))
    config = given.get("config", {})
    if not isinstance(config, dict):
        raise InputError("config", "must be an object")
    agent_ids = given.get("agent_ids")
    if agent_ids is not None and not (
        isinstance(agent_ids, list) and all(type(name) is str for name in agent_ids)
    ):
        raise InputError("agent_ids", "must be a list of names")
    return InitRequest(config, agent_ids)


def parse_turn(body: bytes) -> TurnRequest:
    """The body of POST /turn.

    Raises:
        InputError: It has another shape, or an input in it has.
    """
    given = _fields(parse_json(body), ("inputs", "turn", "ends"))
    if "inputs" not in given:
        raise InputError("inputs", "is missing")
    return TurnRequest(parse_inputs(given["inputs"]), *_closing(given))


def parse_closing(body: bytes) -> tuple[int | None, bool]:
    """The body of POST /close, which may be empty: the turn meant, and whether the run ends.

    Raises:
        InputError: It has another shape.
    """
    return _closing(_fields(parse_json(body), ("turn", "ends"))) if body.strip() else (None, False)


def _closing(given: Mapping[str, Any]) -> tuple[int | None, bool]:
    turn, ends = given.get("turn"), given.get("ends", False)
    if turn is not None and (type(turn) is not int or not 1 <= turn <= 2**53):
        raise InputError("turn", "must be an integer from 1 to 9007199254740992")
    if not isinstance(ends, bool):
        raise InputError("ends", "must be true or false")
    return turn, ends


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
        InputError: It is none, or out of range.
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


def _fields(value: Any, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError("body", "must be an object")
    if not value.keys() <= set(known):
        raise InputError("body", f"has an unknown field; it may have {', '.join(known)}")
    return value
