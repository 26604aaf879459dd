"""Words for what is in a record: actions, lists of names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

_LONGEST: Final = 80
"""Letters of a text within a sentence."""
_NAMED: Final = 5
"""Names in a sentence, before it says how many more there are."""


def action_words(action: Mapping[str, Any]) -> str:
    """A recorded action on one line: its name, then its values."""
    values = {key: value for key, value in action.items() if key not in ("action", "terms")}
    terms = action.get("terms")
    if isinstance(terms, Mapping):
        values |= terms
    rest = ", ".join(f"{key} {short(value)}" for key, value in values.items())
    name = str(action.get("action", ""))
    return f"{name}: {rest}" if rest else name


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
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"
