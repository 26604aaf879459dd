"""The way back from an experiment's folder: the scenario that its manifest keeps."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from sim_economy.agents.catalogue import policy_class, policy_parameters
from sim_economy.core.errors import ScenarioError
from sim_economy.core.governance_config import GOVERNANCE_WORDS
from sim_economy.core.rules_version import known_rules_version
from sim_economy.core.table_reader import Kind, NumberText, Parameter
from sim_economy.core.world_config import RULE_TABLES, parameters
from sim_economy.usage.kept_trace import TRACE_COPY

MANIFEST: Final = "manifest.json"
FROM_USAGE: Final = "from usage"
"""Stands for the agents of the trace, in place of a list of ids."""

_TOP: Final = ("name", "turns", "runs", "seed", "usage", "world", "agent_ids", "rules_version")


class KeptScenario(Struct, frozen=True, kw_only=True):
    """What a manifest keeps of a scenario.

    Attributes:
        given: Plain values, as a scenario file gives them.
        settings: As the manifest has them.
        given_policies: Names of policies that Python handed over, which no file can name.
        trace: The folder's copy of measured usage; None where it has none.
    """

    given: dict[str, Any]
    settings: dict[str, Any]
    given_policies: tuple[str, ...]
    trace: Path | None

    @property
    def rules_version(self) -> str:
        """The version of the rules that its runs were played under."""
        return str(self.settings["rules_version"])

    @property
    def trace_digest(self) -> str | None:
        """The digest of its trace, if it has one."""
        digest: str | None = self.settings["usage"].get("digest")
        return digest


def is_folder(source: str | Path) -> bool:
    """Test whether a source of a scenario is a folder."""
    return os.path.isdir(source)  # noqa: PTH112 - False for a name that no file can have


def read_kept(folder: Path) -> KeptScenario:
    """The scenario that the manifest of an experiment's folder keeps.

    Raises:
        ScenarioError: It is no experiment's folder, or its manifest is damaged.
    """
    settings = _settings(folder)
    usage = {key: value for key, value in settings["usage"].items() if key != "digest"}
    given: dict[str, Any] = {
        **{key: settings[key] for key in _AS_THEY_ARE if key in settings},
        **_world_tables(settings),
        "usage": {key: _of_usage(value) for key, value in usage.items()},
    }
    if "population" in settings:
        given["population"] = [_entry(own) for own in settings["population"]]
    return KeptScenario(
        given=given,
        settings=settings,
        given_policies=tuple(settings.get("policy_sources", ())),
        trace=_trace(folder, usage),
    )


_AS_THEY_ARE: Final = ("name", "turns", "runs", "seed", "policy")


def _world_tables(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The table `[world]`, and those beside it, which settings have within it."""
    world = settings["world"]
    tables = {key: world[key] for key in RULE_TABLES if key in world}
    flat = {key: value for key, value in world.items() if key not in tables}
    if "governance" in tables:
        tables["governance"] = _of_governance(tables["governance"])
    agent_ids = FROM_USAGE if "agent_names" in settings else settings["agent_ids"]
    return {"world": {**_numbers(flat, parameters()), "agent_ids": agent_ids}, **tables}


def _of_governance(value: Any) -> Any:
    """Tables of rules, and lists of them, whose decimal numbers are texts."""
    if isinstance(value, list):
        return [_of_governance(held) for held in value]
    if not isinstance(value, dict):
        return value
    return {
        key: held if key in GOVERNANCE_WORDS else _number(_of_governance(held))
        for key, held in value.items()
    }


def _settings(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))["settings"]
    except FileNotFoundError:
        problem = f"is a folder without the {MANIFEST} of an experiment; name a scenario file"
        raise ScenarioError([f"{folder}: {problem}"]) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        settings = None
    if not _is_whole(settings):
        problem = "keeps no settings of an experiment; is it another program's, or damaged?"
        raise ScenarioError([f"{path}: {problem}"])
    if known_rules_version(settings["rules_version"]) is None:
        problem = f"was played under rules version {settings['rules_version']}, which is not known"
        raise ScenarioError([f"{path}: {problem} here; use the sim-economy that played it"])
    return settings  # type: ignore[no-any-return]


def _is_whole(settings: Any) -> bool:
    """Test whether everything is there in the shape in which it is read."""
    return (
        isinstance(settings, dict)
        and all(key in settings for key in _TOP)
        and ("policy" in settings or isinstance(settings.get("population"), list))
        and isinstance(settings["rules_version"], str)
        and all(isinstance(settings[key], dict) for key in ("usage", "world"))
        and isinstance(settings.get("policy_sources", {}), dict)
    )


def _numbers(values: Mapping[str, Any], known: Mapping[str, Parameter]) -> dict[str, Any]:
    """Values whose decimal numbers are texts, as a file gives them."""
    return {
        key: _number(value) if key in known and known[key].kind in _DECIMAL else value
        for key, value in values.items()
    }


def _number(value: Any) -> Any:
    """The text of a number, or rows of them, as a file gives it."""
    if isinstance(value, list):
        return [_number(held) for held in value]
    return NumberText(value) if isinstance(value, str) else value


_DECIMAL: Final = frozenset({Kind.RATE, Kind.WEIGHT, Kind.PRICE, Kind.NUMBER, Kind.MATRIX})


def _of_usage(value: Any) -> Any:
    """The table of a distribution, or the tables of units; anything else as it is."""
    if not isinstance(value, dict):
        return value
    return {
        key: NumberText(held) if isinstance(held, str) and key not in _WORDS else _of_usage(held)
        for key, held in value.items()
    }


_WORDS: Final = frozenset({"distribution", "currency"})
"""Keys of those tables that are no numbers."""


def _entry(entry: Any) -> Any:
    """An entry of a population; one whose policy is not known is left to its reader."""
    try:
        known = policy_parameters(policy_class(entry["policy"]))
    except (ScenarioError, KeyError, TypeError):
        return entry
    return _numbers(entry, {name: parameter for name, (parameter, _) in known.items()})


def _trace(folder: Path, usage: Mapping[str, Any]) -> Path | None:
    copy = folder / TRACE_COPY
    return copy if usage.get("source") == "trace" and copy.is_file() else None
