"""From a model's text to one action of its own agent, strictly; and how to ask for it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import UnionType
from typing import Any, Final, get_type_hints

from msgspec import Struct

from sim_economy.core.actions import RECOGNISED, Unrecognised
from sim_economy.core.actions import Input as Chosen
from sim_economy.core.codec import parse_input, parse_json
from sim_economy.core.contracts import Terms
from sim_economy.core.errors import InputError
from sim_economy.orchestrator.dialogue.messages import ModelOutput

LENGTH_MOST: Final = 100_000
"""Characters of a reply that are read; a longer one is unusable."""

THINKING_MOST: Final = 4000
"""Characters of an agent's thinking that go into the ledger."""

_FIELDS: Final = ("thinking", "speech", "action")


class UnusableReply(Exception):  # noqa: N818
    """A reply without a valid action; the message can be sent back to the model."""


def read_reply(answer: ModelOutput, agent_id: str) -> Chosen:
    """The one input a reply asks for, always the agent's own.

    Raises:
        UnusableReply: It is not one; says what is wrong without repeating the reply.
    """
    given = _object(answer)
    if "action" not in given:
        raise UnusableReply("the answer has no action")
    if not isinstance(thinking := given.get("thinking"), str | None):
        raise UnusableReply("thinking must be a string")
    stated = _stated(given["action"])
    try:
        chosen = parse_input(
            {
                "agent_id": agent_id,
                "action": {"action": stated} if isinstance(stated, str) else stated,
                "thinking": clean(thinking or answer.thinking)[:THINKING_MOST] or None,
                "speech": given.get("speech") or None,
            },
            "answer",
        )
    except InputError as error:
        raise UnusableReply(f"{error.field} {error.problem}") from None
    if isinstance(chosen.action, Unrecognised):
        raise UnusableReply(f"there is no such action; there are {', '.join(RECOGNISED)}")
    return chosen


def _object(answer: ModelOutput) -> dict[str, Any]:
    """The JSON object of an answer, with no field that is not asked for."""
    if answer.stop_reason == "refusal":
        raise UnusableReply("there was a refusal instead of an answer")
    if not answer.text.strip():
        raise UnusableReply("the answer was empty")
    if len(answer.text) > LENGTH_MOST:
        raise UnusableReply(f"the answer was longer than {LENGTH_MOST} characters")
    try:
        given = parse_json(json_part(answer.text))
    except InputError as error:
        cut = "the answer was cut off; be brief" if answer.stop_reason == "length" else None
        raise UnusableReply(cut or f"the answer {error.problem}") from None
    if not isinstance(given, dict):
        raise UnusableReply("the answer must be one JSON object")
    if not given.keys() <= set(_FIELDS):
        raise UnusableReply(f"the answer has an unknown field; it may have {', '.join(_FIELDS)}")
    return given


def clean(text: str) -> str:
    """A text that a ledger can hold: no NUL, no lone surrogate."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _stated(action: Any) -> Any:
    """An action without the arguments that a model left empty."""
    if not isinstance(action, dict):
        return action
    return {key: _stated(value) for key, value in action.items() if value is not None}


_FENCE: Final = re.compile(r"```(?:json)?[^\S\n]*\n")


def json_part(text: str) -> str:
    """The JSON of an answer: all of it, what a code fence holds, or what braces enclose."""
    text = text.strip()
    if text.startswith("{") and text.endswith("}"):
        return text
    opened = _FENCE.search(text)
    closed = text.find("```", opened.end()) if opened else -1
    if opened is not None and closed >= 0:
        inside = text[opened.end() : closed].rstrip()
        blank = len(inside) - len(inside.lstrip())
        return inside[inside.rfind("\n", 0, blank) + 1 :]
    first, last = text.find("{"), text.rfind("}")
    return text[first : last + 1] if 0 <= first < last else text


_KINDS: Final[Mapping[type | UnionType, dict[str, Any]]] = {
    int: {"type": "integer"},
    int | None: {"type": "integer"},
    str | None: {"type": "string"},
    int | tuple[int, ...] | None: {
        "anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}]
    },
}


def _properties(struct: type[Struct]) -> dict[str, Any]:
    hints = get_type_hints(struct)
    return {name: _KINDS[hints[name]] for name in struct.__struct_fields__ if hints[name] in _KINDS}


def _schema() -> dict[str, Any]:
    arguments: dict[str, Any] = {"action": {"enum": list(RECOGNISED)}}
    for action in RECOGNISED.values():
        arguments |= _properties(action)
    terms = {"type": "object", "properties": _properties(Terms), "additionalProperties": False}
    arguments["terms"] = terms
    return {
        "type": "object",
        "properties": {
            "thinking": {"type": "string", "description": "your reasoning; nobody else sees it"},
            "speech": {"type": "string", "description": "what all agents hear next turn; or none"},
            "action": {
                "type": "object",
                "properties": arguments,
                "required": ["action"],
                "additionalProperties": False,
            },
        },
        "required": ["action"],
        "additionalProperties": False,
    }


SCHEMA: Final = json.dumps(_schema())
"""JSON schema of an answer, as text."""
