"""The one filter that keeps keys inside: it sees what a provider wrote, raw and decoded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from sim_economy.core.codec import parse_json
from sim_economy.core.errors import InputError
from sim_economy.orchestrator.dialogue.reply_parser import answer_parts, clean, json_part
from sim_economy.orchestrator.settings import Plan

_LEAST: Final = 6
"""Characters from which on a key is looked for; a shorter one is not a secret."""

_HIDDEN: Final = "[key]"
_NOTHING: Final = r"(?:\0|\\{1,8}u0000)*"
"""What is dropped from texts later, so that a key with it inside would be whole again."""


class KeyFilter:
    """Takes keys out of texts, whether letters stand as they are or are escaped, once or more."""

    def __init__(self, keys: Iterable[str]) -> None:
        """Look for these; those too short to be secrets are left out."""
        secrets = {key.strip() for key in keys}
        self._secrets = sorted((key for key in secrets if len(key) >= _LEAST), key=len)[::-1]
        self._patterns = [re.compile(_pattern(secret)) for secret in self._secrets]

    @classmethod
    def of_plan(cls, plan: Plan) -> KeyFilter:
        """The filter of the keys of a plan's models, as the environment has them."""
        variables = {model.api_key_variable for model in plan.models.values()}
        return cls(os.environ.get(name or "", "") for name in variables)

    def __call__(self, text: str) -> str:
        """The text without keys; nothing of it where decoding it would still give one."""
        if not self._secrets:
            return text
        text = clean(text)
        for pattern in self._patterns:
            text = pattern.sub(_HIDDEN, text)
        return _HIDDEN if any(map(self._holds_key, _decoded(text))) else text

    def _holds_key(self, text: str) -> bool:
        return any(secret in clean(text) for secret in self._secrets)


def _pattern(secret: str) -> str:
    """The secret with each letter as it is, or escaped as JSON, Python or an address does it."""
    first, *rest = (_letter(letter) for letter in secret)
    return first + "".join(rf"{_NOTHING}\\{{0,8}}{letter}" for letter in rest)


def _letter(letter: str) -> str:
    number = ord(letter)
    escapes = [rf"\\u(?i:{number:04x})", rf"\\x(?i:{number:02x})", f"%(?i:{number:02x})"]
    return f"(?:{'|'.join([re.escape(letter), *escapes])})"


def _decoded(text: str) -> Iterator[str]:
    """Every string of the JSON that a text is taken for, names of fields too."""
    for candidate in {text, json_part(text), *answer_parts(text)[1]}:
        try:
            yield from _strings(parse_json(candidate))
        except InputError:
            continue  # It is not JSON, so nothing is made of it.


def _strings(value: Any) -> Iterator[str]:
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            left += [*part, *part.values()]
        elif isinstance(part, list):
            left += part
