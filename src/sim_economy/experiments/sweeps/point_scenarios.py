"""The scenario of each point: what is swept with a point's values set, built when it is played."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.agents.catalogue import settings_of
from sim_economy.agents.policy import Policy
from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import attempt
from sim_economy.experiments.sweeps.swept_keys import SweptKey
from sim_economy.scenarios.scenario import (
    SHIPPED,
    Scenario,
    change_all,
    named_problems,
    parse_scenario,
    played_folder,
    read_scenario,
)

_OF_POLICY: Final = "policy."
_ENDS_TRIED: Final = 32
"""Values of a key that are tried before anything is played, at most."""


class SweptScenario(Struct, frozen=True, kw_only=True):
    """What is swept, read once.

    Attributes:
        source: The file, or the shipped scenario, as the study names it.
        given: Its plain values, with the study's settings but for those of the policy.
        folder: Where the relative path of its trace starts.
        default_name: The scenario's name where its file has none.
        of_policy: The study's settings of the one policy for all agents, by parameter.
        stated: Keys that the study sets, which hold under every preset.
        base: The scenario with nothing varied.
    """

    source: str
    given: dict[str, Any]
    folder: Path
    default_name: str
    of_policy: dict[str, Any]
    stated: tuple[str, ...]
    base: Scenario

    @property
    def policy(self) -> Policy | None:
        """The policy of all agents; None where they follow several."""
        groups = [group for group in self.base.population if group.agents]
        return groups[0].policy if len(groups) == 1 else None

    def at(self, changes: Mapping[str, Any], **top: Any) -> Scenario:
        """The scenario with changes by key.

        Args:
            top: Further keys at the top of the file.

        Raises:
            ScenarioError: With every problem found.
        """
        given = self.given_at(changes, **top)
        return parse_scenario(given, self.folder, default_name=self.default_name)

    def given_at(self, changes: Mapping[str, Any], **top: Any) -> dict[str, Any]:
        """The plain values of the scenario with changes by key.

        Raises:
            ScenarioError: A change is invalid.
        """
        given = deepcopy(self.given)
        of_policy = {
            **self.of_policy,
            **{
                key.removeprefix(_OF_POLICY): value
                for key, value in changes.items()
                if key.startswith(_OF_POLICY)
            },
        }
        plain = {key: value for key, value in changes.items() if not key.startswith(_OF_POLICY)}
        change_all(given, {**plain, **top}, stated=self.stated)
        if of_policy:
            self._set_policy(given, of_policy, plain)
        return given

    def _set_policy(
        self, given: dict[str, Any], of_policy: Mapping[str, Any], plain: Mapping[str, Any]
    ) -> None:
        """State the one policy for all agents with its parameters."""
        own: dict[str, Any] = {}
        if "policy" in plain:
            who = plain["policy"]
        else:
            who, own = _stated_policy(self.base)
        for key in ("policy", "population"):
            given.pop(key, None)
        given["population"] = [{"policy": who, "agents": "rest", **own, **of_policy}]

    def problems_at_ends(self, keys: Sequence[SweptKey]) -> list[str]:
        """What the scenario's reader finds wrong at the first point and at each key's ends."""
        if not keys:
            return []
        first = {key.name: key.setting(key.low) for key in keys}
        problems: list[str] = []
        where = ", ".join(f"{key.name} = {key.text(key.low)}" for key in keys)
        if attempt(problems, f"vary: at {where}: ", self.at, first) is None:
            return problems
        for key in keys:
            tried = key.values[:_ENDS_TRIED] if key.labels else (key.high,)
            for held in tried:
                found: list[str] = []
                if attempt(found, "", self.at, {**first, key.name: key.setting(held)}) is None:
                    problems += [f"vary.{key.name}: at {key.text(held)}: {text}" for text in found]
        return list(dict.fromkeys(problems))


def _stated_policy(base: Scenario) -> tuple[Any, dict[str, Any]]:
    """The one policy of a scenario as a population states it, and its parameters.

    Raises:
        ScenarioError: Agents follow several.
    """
    groups = [group for group in base.population if group.agents]
    if len(groups) != 1:
        raise ScenarioError(["policy: the population has no one policy for all agents"])
    if "policy_sources" in base.settings:
        return groups[0].policy, {}
    return groups[0].policy_name, settings_of(groups[0].policy)


def swept_scenario(
    source: str,
    folder: Path,
    settings: Mapping[str, Any],
    seed: int | None,
    kept: Mapping[str, Any] | None,
) -> SweptScenario:
    """The scenario that a study names, with its settings.

    Args:
        folder: Where the relative path of its file starts.
        settings: By key, as `--set` takes them.
        seed: The study's; the scenario's own when None.
        kept: Its plain values with the settings, where they are not read again; then `folder` is
            where the path of its trace starts.

    Raises:
        ScenarioError: With every problem found.
    """
    flat = dict(_flat_settings(settings))
    of_policy = {
        key.removeprefix(_OF_POLICY): value
        for key, value in flat.items()
        if key.startswith(_OF_POLICY)
    }
    plain = {key: value for key, value in flat.items() if not key.startswith(_OF_POLICY)}
    if seed is not None:
        plain["seed"] = seed
    given, home, name = (dict(kept or {}), folder, Path(source).stem)
    if kept is None:
        given, home, name = _read(source, folder, plain)
    with named_problems(source):
        base = parse_scenario(given, home, default_name=name)
    swept = SweptScenario(
        source=source,
        given=given,
        folder=home,
        default_name=name,
        of_policy=of_policy,
        stated=tuple(plain),
        base=base,
    )
    return swept if not of_policy else replace(swept, base=swept.at({}))


def _read(
    source: str, folder: Path, changes: Mapping[str, Any]
) -> tuple[dict[str, Any], Path, str]:
    """The plain values of a scenario with changes, where its trace's path starts, and its name."""
    named = source if source in SHIPPED else str(folder / source)
    if played_folder(named) is not None:
        raise ScenarioError([f"scenario: {source} is a folder; name a scenario file"])
    with named_problems(named):
        given, home, name = read_scenario(named, changes)
    return given, home.resolve() if source not in SHIPPED else home, name


def _flat_settings(settings: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Settings by the keys that `--set` takes; TOML makes tables of `policy.job_below = 0`."""
    flat: list[tuple[str, Any]] = []
    for key, value in settings.items():
        within = key in {"world", "policy"}
        if within and isinstance(value, Mapping) and "name" not in value:
            flat += [(f"{key}.{own}", held) for own, held in value.items()]
        else:
            flat.append((key, value))
    return flat
