"""Words for what is in a record: actions, numbers, lists of names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sim_economy.core.actions import RECOGNISED
from sim_economy.core.contracts import ContractKind
from sim_economy.ledger.readers.plain_numbers import number, whole_number

_LONGEST: Final = 80
"""Letters of a text within a sentence."""
_NAMED: Final = 5
"""Names in a sentence, before it says how many more there are."""
_SAID: Final = {"contract_id": "contract", "counterparty": "with"}
"""Fields of actions that read better by another word."""
_KINDS: Final = frozenset(kind.value for kind in ContractKind)


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
            return whole_number(value)
        case list() if value and all(isinstance(own, int) for own in value):
            return named([whole_number(own) for own in value])
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


def mean(value: float) -> str:
    """A mean of tokens to be read: one decimal, two below 1, none where they are zero."""
    return number(value, 1 if abs(value) >= 1 else 2).rstrip("0").rstrip(".")


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


def counted(count: int, singular: str, plural: str = "") -> str:
    """A number and what is counted."""
    return f"{whole_number(count)} {singular if count == 1 else plural or f'{singular}s'}"
