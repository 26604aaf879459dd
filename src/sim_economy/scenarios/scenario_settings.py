"""The settings of a scenario: all that decides the bytes of its runs, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sim_economy.agents.catalogue import policy_named
from sim_economy.agents.population import Group, population_settings, population_sources
from sim_economy.agents.usage_model import UsageSource
from sim_economy.core.codec import canonical
from sim_economy.core.world_config import WorldConfig, config_values
from sim_economy.ledger.records import digest
from sim_economy.scenarios.manifest import FROM_USAGE
from sim_economy.usage.traced_usage import TracedUsage


def scenario_settings(
    values: Mapping[str, Any],
    population: Sequence[Group],
    usage: UsageSource,
    config: WorldConfig,
) -> dict[str, Any]:
    """All that decides the bytes of a run, as plain values."""
    who: dict[str, Any] = {"population": _plain(population_settings(population, config))}
    if values["population"] is None and (name := _policy_by_name(values["policy"], population)):
        who = {"policy": name}
    if sources := population_sources(population):
        who["policy_sources"] = sources
    source = _plain(values["usage"])
    if isinstance(usage, TracedUsage):
        source["digest"] = digest(canonical(sorted(usage.rows.items())))
        if (calendar := usage.calendar(1)) is not None:
            source["start"] = calendar.label_of(1)
    return {
        **{key: values[key] for key in ("name", "turns", "runs", "seed")},
        **who,
        "usage": source,
        "world": _plain(config_values(config)),
        "agent_ids": list(config.agent_ids),
        **_logged_names(values["world"], usage),
    }


def _policy_by_name(stated: Any, population: Sequence[Group]) -> str | None:
    """The name that says all of one policy for every agent; None where it has parameters."""
    if not isinstance(stated, Mapping):
        return stated if isinstance(stated, str) else None
    (group,) = population
    named = isinstance(stated["name"], str) and group.policy == policy_named(group.policy_name)
    return group.policy_name if named else None


def _logged_names(world: Mapping[str, Any], usage: UsageSource) -> dict[str, Any]:
    """What a log calls the agents that a world has from it."""
    if world.get("agent_ids") != FROM_USAGE or not isinstance(usage, TracedUsage):
        return {}
    return {} if usage.log is None else {"agent_names": usage.log.names}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_plain(held) for held in value]
    return str(value) if isinstance(value, Decimal | str) else value
