"""Settings that go over a scenario file's: those of `--set`, and those that Python gives by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Rational, Real
from typing import Any, Final

from sim_economy.agents.catalogue import RESERVED
from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import NumberText, is_whole, read_toml, unknown_key
from sim_economy.core.world_config import parameters

_WHO: Final = ("policy", "population", "minds")
"""Keys that say who decides; one that is set goes over the others."""


def apply_changes(
    given: dict[str, Any], changes: Sequence[str] | Mapping[str, Any], keys: Sequence[str]
) -> None:
    """Change the plain values of a scenario file.

    Args:
        keys: Those at the top of a file; any other is a key of its world.

    Raises:
        ScenarioError: With every change that is invalid.
    """
    problems = []
    if isinstance(changes, Mapping):
        for key in sorted(changes, key=_is_of_policy):
            problems += _set(given, key, changes[key], keys)
    else:
        for change in sorted(changes, key=_is_of_policy):
            problems += _change(given, change, keys)
    problems += _both_set(changes)
    if problems:
        raise ScenarioError(problems)


def _is_of_policy(change: str) -> bool:
    """Test whether a change is one of the policy's parameters, which come after the policy."""
    return str(change).startswith("policy.")


def _both_set(changes: Sequence[str] | Mapping[str, Any]) -> list[str]:
    """The problem with changes that say twice who decides, if they do."""
    if isinstance(changes, Mapping):
        keys = {key for key, value in changes.items() if value is not None}
    else:
        keys = {change.partition("=")[0].strip() for change in changes}
    who = [key for key in _WHO if key in keys]
    return [f"{' and '.join(who)}: set one of them, not both"] if len(who) > 1 else []


def as_file_gives(value: Any) -> Any:
    """A value from Python, of NumPy too, as a scenario file gives it; what none could, as it is."""
    if isinstance(value, Mapping):
        return {key: as_file_gives(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [as_file_gives(held) for held in value]
    if isinstance(value, bool):
        return value
    if is_whole(value):
        return int(value)
    if isinstance(value, Real) and not isinstance(value, Rational):
        return float(str(value))
    if isinstance(value, str) and not isinstance(value, NumberText):
        return str(value)
    return as_file_gives(value.tolist()) if hasattr(value, "tolist") else value


def _change(given: dict[str, Any], change: str, keys: Sequence[str]) -> list[str]:
    """Apply one `key=value`; the problems with it, if any."""
    key, equals, text = change.partition("=")
    if not equals or not key.strip():
        return [f"--set {change}: must be key=value"]
    try:
        value = read_toml(f"value = {text.strip()}")["value"]
    except ScenarioError:
        value = text.strip()
    return _set(given, key.strip(), value, keys)


def _set(given: dict[str, Any], key: str, value: Any, keys: Sequence[str]) -> list[str]:
    """Set one value by its dotted key; the problems with it, if any."""
    path = str(key).split(".")
    if path == ["world"]:
        return [f"{key}: set one of its keys, such as world.study_cost"]
    if path[0] not in keys:
        path = ["world", *path]
    if path[0] == "world" and path[1:] not in [[known] for known in _world_keys()]:
        return [unknown_key(".".join(path[1:]) or key, [*keys, *_world_keys()])]
    table = _policy_table(given, path) if path[0] == "policy" else _table_of(given, path[:-1])
    if not isinstance(table, dict):
        return [f"{key}: {table or '.'.join(path[:-1]) + ' is not a table'}"]
    if value is None:
        table.pop(path[-1], None)
        return []
    table[path[-1]] = as_file_gives(value)
    if key in _WHO:
        for other in {*_WHO} - {key}:
            given.pop(other, None)
    return []


def _policy_table(given: dict[str, Any], path: Sequence[str]) -> dict[str, Any] | str | None:
    """The table in which a key of the one policy for all agents is, or what is wrong."""
    if len(path) == 1:
        return given
    if path[1] in {"name", *RESERVED}:
        return "set policy"
    entries = given.get("population")
    if entries is None:
        if not isinstance(given.get("policy"), dict):
            given["policy"] = {"name": given.get("policy", "published")}
        return _table_of(given, path[:-1])
    one = isinstance(entries, list) and len(entries) == 1 and isinstance(entries[0], dict)
    if not one or "policy" not in entries[0]:
        return "the population has no one policy for all agents; set population"
    return _table_of(entries[0], path[1:-1])


def _table_of(given: dict[str, Any], path: Sequence[str]) -> dict[str, Any] | None:
    """The table at a path, made where it is missing; None where something else is."""
    table: Any = given
    for step in path:
        table = table.setdefault(step, {})
        if not isinstance(table, dict):
            return None
    return table  # type: ignore[no-any-return]


def _world_keys() -> tuple[str, ...]:
    return ("preset", "agent_ids", *parameters())
