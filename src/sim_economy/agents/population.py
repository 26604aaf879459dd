"""Populations: groups of agents and the policies they follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from sim_economy.agents.catalogue import RESERVED, policy_named, settings_of
from sim_economy.agents.policy import Policy
from sim_economy.core.errors import ScenarioError
from sim_economy.core.world_config import WorldConfig, genesis_order

REST: Final = "rest"
"""Stands for the agents that no other entry takes."""


class Group(Struct, frozen=True):
    """The agents that follow one policy with the same parameters.

    Attributes:
        agents: Positions in genesis order.
    """

    policy_name: str
    policy: Policy
    agents: tuple[int, ...]


def everyone(name: Any, config: WorldConfig) -> tuple[Group, ...]:
    """All agents follow one policy with its defaults.

    Raises:
        ScenarioError: There is no such policy.
    """
    if not isinstance(name, str):
        raise ScenarioError(["policy: must be a policy's name"])
    return (Group(str(name), policy_named(name), tuple(range(config.num_agents))),)


def parse_population(given: Any, config: WorldConfig) -> tuple[Group, ...]:
    """The groups of a `[[population]]` of a scenario file.

    Entries that name their agents take these; the others take the agents that are left, in genesis
    order.

    Raises:
        ScenarioError: With every problem found.
    """
    if not isinstance(given, list) or not given:
        raise ScenarioError(["population: must be one or more tables"])
    problems: list[str] = []
    parsed: list[tuple[str, Policy, Any]] = []
    for index, entry in enumerate(given):
        try:
            parsed.append(_entry(entry, f"population[{index}]"))
        except ScenarioError as error:
            problems += error.problems
    if problems:
        raise ScenarioError(problems)
    shares = _shared_out([agents for _, _, agents in parsed], config)
    return tuple(
        Group(name, policy, agents)
        for (name, policy, _), agents in zip(parsed, shares, strict=True)
    )


def population_settings(groups: Iterable[Group], config: WorldConfig) -> list[dict[str, Any]]:
    """The groups as plain values, every parameter and every agent's name among them."""
    return [
        {
            "policy": group.policy_name,
            "agents": [config.agent_ids[agent] for agent in group.agents],
            **settings_of(group.policy),
        }
        for group in groups
    ]


def described(group: Group) -> str:
    """A group in words: how many follow what, and the parameters that are not the defaults."""
    own, default = settings_of(group.policy), settings_of(type(group.policy)())
    changed = [f"{key} = {_shown(own[key])}" for key in own if own[key] != default[key]]
    text = f"{len(group.agents)} `{group.policy_name}`"
    return f"{text} ({', '.join(changed)})" if changed else text


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def policies_by_agent(groups: Iterable[Group]) -> list[Policy]:
    """The policy of each agent, `[agent]`."""
    by_agent = {agent: group.policy for group in groups for agent in group.agents}
    return [by_agent[agent] for agent in sorted(by_agent)]


def _entry(entry: Any, field: str) -> tuple[str, Policy, Any]:
    """Name, policy and agents of one table.

    Raises:
        ScenarioError: With every problem found.
    """
    if not isinstance(entry, Mapping):
        raise ScenarioError([f"{field}: must be a table"])
    name, agents = entry.get("policy"), entry.get("agents")
    problems = []
    if not isinstance(name, str):
        problems.append(f"{field}.policy: must be a policy's name")
    if not _is_agents(agents):
        problems.append(
            f'{field}.agents: must be how many agents, a list of their names, or "{REST}"'
        )
    settings = {key: value for key, value in entry.items() if key not in RESERVED}
    policy = Policy()
    if isinstance(name, str):
        try:
            policy = policy_named(name, settings)
        except ScenarioError as error:
            problems += [f"{field}.{problem}" for problem in error.problems]
    if problems:
        raise ScenarioError(problems)
    return str(name), policy, agents


def _is_agents(agents: Any) -> bool:
    if isinstance(agents, list):
        return bool(agents) and all(isinstance(name, str) for name in agents)
    return agents == REST if isinstance(agents, str) else type(agents) is int and agents > 0


def _shared_out(wanted: Sequence[Any], config: WorldConfig) -> list[tuple[int, ...]]:
    """The agents of each entry.

    Raises:
        ScenarioError: Names or counts do not fit the world.
    """
    agent_indices = genesis_order(config)
    named = [name for agents in wanted if isinstance(agents, list) for name in agents]
    problems = [
        f"population: there is no agent {name}" for name in named if name not in agent_indices
    ]
    problems += [
        f"population: {name} is named twice" for name in agent_indices if named.count(name) > 1
    ]
    if wanted.count(REST) > 1:
        problems.append(f'population: only one entry may take the "{REST}"')
    if problems:
        raise ScenarioError(problems)
    taken = set(named)
    left = [index for name, index in agent_indices.items() if name not in taken]
    counts = sum(agents for agents in wanted if isinstance(agents, int))
    spare = len(left) - counts
    if spare < 0 or (spare > 0 and REST not in wanted):
        found = f"population: {len(named) + counts} agents for num_agents = {len(agent_indices)}"
        raise ScenarioError([f'{found}; change a count, or let one entry take the "{REST}"'])
    shares = []
    for agents in wanted:
        if isinstance(agents, list):
            shares.append(tuple(sorted(agent_indices[name] for name in agents)))
            continue
        count = spare if agents == REST else agents
        shares.append(tuple(left[:count]))
        left = left[count:]
    return shares
