"""Words for what is in a record: actions, numbers, lists of names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from sim_economy.core.actions import RECOGNISED
from sim_economy.core.contracts import ContractKind

_LONGEST: Final = 80
"""Letters of a text within a sentence."""
_NAMED: Final = 5
"""Names in a sentence, before it says how many more there are."""


_SAID: Final = {"contract_id": "contract", "counterparty": "with"}
"""Fields of actions that read better by another word."""
_KINDS: Final = frozenset(kind.value for kind in ContractKind)
MINUS: Final = "\u2212"


def action_words(action: Mapping[str, Any]) -> str:
    """A recorded action on one line: its name, then its values."""
    values = {key: value for key, value in action.items() if key not in ("action", "terms")}
    terms = action.get("terms")
    if isinstance(terms, Mapping):
        values |= terms
    rest = ", ".join(f"{_field(key, value)} {_value(key, value)}" for key, value in values.items())
    name = action_name_words(str(action.get("action", "")))
    if name.endswith(" contract") and rest.startswith("contract "):
        return f"{name} {rest.removeprefix('contract ')}"
    return f"{name}: {rest}" if rest else name


def action_name_words(name: str) -> str:
    """An action's name to be read; one that no rule knows as it was written, cut."""
    return spaced(name) if name in RECOGNISED else short(name)


def _field(key: str, value: Any) -> str:
    said = _SAID.get(key, spaced(key))
    return f"{said}s" if isinstance(value, list) and len(value) > 1 else said


def _value(key: str, value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return tokens(value)
        case list() if value and all(isinstance(own, int) for own in value):
            return named([tokens(own) for own in value])
        case str() if key == "kind" and value in _KINDS:
            return short(spaced(value))
        case _:
            return short(value)


def spaced(name: str) -> str:
    """A name of the wire to be read: `job_credit` as `job credit`."""
    return name.replace("_", " ")


def with_article(noun: str) -> str:
    """A noun with `a` or `an`."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def tokens(number: int) -> str:
    """A whole number to be read: thousands grouped, a minus sign before what is below zero."""
    return f"{number:,}".replace("-", MINUS)


def mean(number: float) -> str:
    """A mean of tokens to be read: one decimal, two below 1, none where they are zero."""
    step = Decimal("0.1" if abs(number) >= 1 else "0.01")
    rounded = Decimal(repr(number)).quantize(step, ROUND_HALF_UP)
    text = f"{rounded:,f}".rstrip("0").rstrip(".")
    return text.replace("-", MINUS) if rounded else "0"


def short(value: Any) -> str:
    """A value within a sentence."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def named(names: Sequence[str]) -> str:
    """Names in a sentence; of very many the first."""
    shown = list(names[:_NAMED])
    if left := len(names) - len(shown):
        shown.append(f"{left:,} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def counted(number: int, singular: str, plural: str = "") -> str:
    """A number and what is counted."""
    return f"{tokens(number)} {singular if number == 1 else plural or f'{singular}s'}"
