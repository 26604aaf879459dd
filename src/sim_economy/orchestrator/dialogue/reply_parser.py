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

REPLY_VERSION: Final = 3
"""Changes whenever the same reply could give another action; a run keeps the one it began with."""

_FIELDS: Final = ("thinking", "speech", "action")
_NEEDS: Final = "needs"


class UnusableReply(Exception):  # noqa: N818
    """A reply without a valid action; the message can be sent back to the model."""


def read_reply(
    answer: ModelOutput, agent_id: str, version: int = REPLY_VERSION, *, needs: bool = False
) -> Chosen:
    """The one input a reply asks for, always the agent's own.

    Args:
        version: The reading of replies that the run began with.
        needs: Whether it may state needs; before version 3 none does.

    Raises:
        UnusableReply: It is not one; says what is wrong without repeating the reply.
    """
    thought, part = _the_part(answer) if version > 1 else ("", json_part(answer.text))
    given = _object(answer, part, (*_FIELDS, _NEEDS) if needs and version > 2 else _FIELDS)
    if version > 2:
        given = _as_sent(given)
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
                "thinking": clean(thinking or answer.thinking or thought)[:THINKING_MOST] or None,
                "speech": given.get("speech") or None,
                **{key: given[key] for key in given if key == _NEEDS},
            },
            "answer",
        )
    except InputError as error:
        raise UnusableReply(f"{error.field} {error.problem}") from None
    if isinstance(chosen.action, Unrecognised):
        raise UnusableReply(f"there is no such action; there are {', '.join(RECOGNISED)}")
    return chosen


def _the_part(answer: ModelOutput) -> tuple[str, str]:
    """What a reply thinks, and the one part of it that may be its object; of several none is."""
    if len(answer.text) > LENGTH_MOST:
        return "", answer.text
    thought, parts = answer_parts(answer.text)
    if len(parts) > 1:
        raise UnusableReply(
            "the answer must be one JSON object, and there are several; quote no other one"
        )
    if answer.stop_reason == "length" and not answer.text.rstrip("`\n\r\t ").endswith(parts[0]):
        raise UnusableReply(_CUT_OFF)
    return thought, parts[0]


_CUT_OFF: Final = "the answer was cut off; be brief"


def _as_sent(given: dict[str, Any]) -> dict[str, Any]:
    """An answer with its parts where an input has them.

    What is said may stand in the action, and of needs of one kind and side the first counts. For
    what no ledger can hold of a text there is a question mark, so that none is longer or shorter.
    """
    sent = {key: _cleaned(value) for key, value in given.items()}
    action = sent.get("action")
    if isinstance(action, dict) and "speech" in action:
        inside = action.pop("speech")
        if inside and sent.get("speech"):
            raise UnusableReply("speech must be stated once")
        sent["speech"] = inside or sent.get("speech")
    if isinstance(needs := sent.get(_NEEDS), list):
        sent[_NEEDS] = _distinct_needs(needs)
    return sent


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return clean(value.replace("\0", "?"))
        case dict():
            return {key: _cleaned(part) for key, part in value.items()}
        case list():
            return [_cleaned(part) for part in value]
        case _:
            return value


def _distinct_needs(needs: list[Any]) -> list[Any]:
    """Needs without those of a kind and side that was stated before."""
    kept: dict[str, Any] = {}
    for index, need in enumerate(needs):
        own = need if isinstance(need, dict) else {}
        stated = json.dumps([own.get("kind", index), own.get("side", index)])
        kept.setdefault(stated, need)
    return list(kept.values())


def _object(answer: ModelOutput, part: str, fields: tuple[str, ...]) -> dict[str, Any]:
    """The JSON object of an answer, with no field that is not asked for."""
    if answer.stop_reason == "refusal":
        raise UnusableReply("there was a refusal instead of an answer")
    if not answer.text.strip():
        raise UnusableReply("the answer was empty")
    if len(answer.text) > LENGTH_MOST:
        raise UnusableReply(f"the answer was longer than {LENGTH_MOST} characters")
    try:
        given = parse_json(part)
    except InputError as error:
        cut = _CUT_OFF if answer.stop_reason == "length" else None
        raise UnusableReply(cut or f"the answer {error.problem}") from None
    if not isinstance(given, dict):
        raise UnusableReply("the answer must be one JSON object")
    if not given.keys() <= set(fields):
        raise UnusableReply(f"the answer has an unknown field; it may have {', '.join(fields)}")
    return given


def clean(text: str) -> str:
    """A text that a ledger can hold: no NUL, no lone surrogate."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _stated(action: Any) -> Any:
    """An action without the arguments that a model left empty."""
    if not isinstance(action, dict):
        return action
    return {key: _stated(value) for key, value in action.items() if value is not None}


THOUGHT_END: Final = re.compile(r"</think(?:ing)?\s*>|\[/THINK\]", re.IGNORECASE)
"""Ends thinking: what stands before it is no answer."""

_THOUGHT_START: Final = re.compile(r"(?:<think(?:ing)?\s*>|\[THINK\])", re.IGNORECASE)
_BRACES: Final = re.compile(r"""\\["\\]|["{}]""")
_IN_PROSE: Final = re.compile(r"""\{[^{}:"']+\}""")
"""Braces that nobody means an object by."""


def answer_parts(text: str) -> tuple[str, list[str]]:
    """What a reply thinks before its closing think tag, and every part that may be its object.

    Where nothing stands in braces the whole of the rest is the one part. Unfinished objects and
    malformed ones are parts too: what was meant by them is not guessed either.
    """
    text = text.strip()
    parts = _in_braces(text)
    if parts == [text]:
        return "", parts
    end = THOUGHT_END.search(text)
    started = _THOUGHT_START.match(text)
    thought = text[started.end() if started else 0 : end.start() if end else None].strip()
    if end is not None:
        rest = text[end.end() :].strip()
        return thought, _in_braces(rest) or [rest]
    return (thought, [""]) if started else ("", parts or [text])


def _in_braces(text: str) -> list[str]:
    """The outermost parts in braces; a brace without its other one is a part as well."""
    parts = []
    depth = start = 0
    quoted = False
    for found in _BRACES.finditer(text):
        match found[0]:
            case '"' if depth:
                quoted = not quoted
            case "{" if not quoted:
                start = start if depth else found.start()
                depth += 1
            case "}" if not quoted:
                depth = max(0, depth - 1)
                if not depth:
                    parts.append(text[start : found.end()])
                    start = found.end()
    if depth:
        parts.append(text[start:])
    return [part for part in parts if not _IN_PROSE.fullmatch(part)]


_FENCE: Final = re.compile(r"```(?:json)?[^\S\n]*\n")


def json_part(text: str) -> str:
    """The JSON of an answer as version 1 read it: all, in the first code fence, or in braces."""
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
"""JSON schema of an answer before version 3, as text."""
