"""Plain values of a file as JSON and back, with the text of each decimal number."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from sim_economy.core.table_reader import NumberText

_DECIMAL: Final = "decimal"
"""The one key of the object that stands for a decimal number."""


def as_json(value: Any) -> Any:
    """A value as JSON can hold it; a policy that Python handed over as None."""
    if isinstance(value, Mapping):
        return {str(key): as_json(held) for key, held in value.items()}
    if isinstance(value, list | tuple | range):
        return [as_json(held) for held in value]
    if isinstance(value, NumberText | Decimal):
        return {_DECIMAL: str(value)}
    if hasattr(value, "tolist"):
        return as_json(value.tolist())
    return value if isinstance(value, str | int | float | bool) else None


def from_json(value: Any) -> Any:
    """The value that `as_json` was given."""
    if isinstance(value, dict):
        if value.keys() == {_DECIMAL}:
            return NumberText(value[_DECIMAL])
        return {key: from_json(held) for key, held in value.items()}
    return [from_json(held) for held in value] if isinstance(value, list) else value
