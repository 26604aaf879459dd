"""The plain values of a scenario as the text of its file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from sim_economy.core.table_reader import NumberText


def scenario_toml(given: Mapping[str, Any], note: str) -> str:
    """A scenario file that gives these values.

    Args:
        note: A comment at its top, one line.
    """
    plain = {key: held for key, held in given.items() if not _is_table(held)}
    lines = [f"# {note}", *(f"{_key(key)} = {_value(held)}" for key, held in plain.items())]
    for key, held in given.items():
        if isinstance(held, Mapping):
            lines += ["", f"[{_key(key)}]", *_entries(held)]
        elif _is_table(held):
            for entry in held:
                lines += ["", f"[[{_key(key)}]]", *_entries(entry)]
    return "\n".join(lines) + "\n"


def _is_table(value: Any) -> bool:
    """Test whether a value is a table, or a list of tables alone."""
    tables = isinstance(value, list | tuple) and all(isinstance(one, Mapping) for one in value)
    return isinstance(value, Mapping) or (tables and bool(value))


def _entries(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(held)}" for key, held in table.items() if held is not None]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name)


_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def _value(value: Any) -> str:
    """A value in one line."""
    match value:
        case bool():
            return str(value).lower()
        case NumberText() | Decimal() | int() | float():
            return str(value)
        case str():
            return json.dumps(value).replace("\x7f", "\\u007f")
        case Mapping():
            inside = ", ".join(f"{_key(key)} = {_value(held)}" for key, held in value.items())
            return f"{{ {inside} }}" if inside else "{}"
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
    raise AssertionError(value)
