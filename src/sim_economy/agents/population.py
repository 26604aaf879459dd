"""Populations: groups of agents and what decides for them, a policy or a language model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.agents.catalogue import (
    RESERVED,
    policy_named,
    settings_of,
    with_parameters,
)
from sim_economy.agents.given_policy import GivenPolicy, name_of, policy_of, source_digests
from sim_economy.agents.policy import Policy
from sim_economy.core.errors import ScenarioError
from sim_economy.core.suggestions import suggestion
from sim_economy.core.table_reader import REST, Kind, Parameter, attempt, read_table
from sim_economy.core.world_config import WorldConfig, genesis_order


class _Entry(Struct, frozen=True, kw_only=True):
    """The keys of an entry of `[[population]]` that are not parameters of its policy."""

    policy: Annotated[
        str | GivenPolicy | None, Parameter(Kind.POLICY, "what decides: a policy's name")
    ] = None
    model: Annotated[str | None, Parameter(Kind.TEXT, "or a model: NAME of [models.NAME]")] = None
    agents: Annotated[
        int | str | tuple[str, ...], Parameter(Kind.AGENTS, "for whom it decides")
    ] = REST
    persona: Annotated[str, Parameter(Kind.TEXT, "what a model is told about itself")] = ""


class Group(Struct, frozen=True, kw_only=True):
    """The agents that follow one policy with the same parameters.

    Attributes:
        agents: Indices in genesis order.
    """

    policy_name: str
    policy: Policy
    agents: tuple[int, ...] = ()


class ModelGroup(Struct, frozen=True, kw_only=True):
    """The agents for whom one language model decides.

    Attributes:
        model: The name of its `[models.NAME]` table.
        persona: What the model is told about itself.
        agents: Indices in genesis order.
    """

    model: str
    persona: str = ""
    agents: tuple[int, ...] = ()


def everyone(
    policy: str | GivenPolicy | Mapping[str, Any], config: WorldConfig | None
) -> tuple[Group, ...]:
    """All agents follow one policy.

    Args:
        policy: By its name, with its defaults; or a table with its `name` and parameters.

    Raises:
        ScenarioError: With every problem found.
    """
    group = _tabled(policy) if isinstance(policy, Mapping) else _group(policy, {}, ())
    return (replace(group, agents=tuple(range(config.num_agents if config else 0))),)


def _tabled(given: Mapping[str, Any]) -> Group:
    """The group, still without agents, of a table `[policy]`."""
    name: Any = given.get("name")
    if not isinstance(name, str) and not callable(getattr(name, "decide", None)):
        raise ScenarioError([f"policy.name: must be {Kind.POLICY.value}"])
    try:
        return _group(name, given, ("name",))
    except ScenarioError as error:
        problems = error.problems
        named = [own if own.startswith("policy") else f"policy.{own}" for own in problems]
        raise ScenarioError(named) from None


def parse_population(given: Sequence[Any], config: WorldConfig | None) -> tuple[Group, ...]:
    """The groups of a `[[population]]` of policies.

    Raises:
        ScenarioError: With every problem found; a model is one.
    """
    groups = parse_groups(given, config, None)
    return tuple(group for group in groups if isinstance(group, Group))


def parse_groups(
    given: Sequence[Any],
    config: WorldConfig | None,
    models: Collection[str] | None,
    path: str = "population",
) -> tuple[Group | ModelGroup, ...]:
    """The groups of a `[[population]]` of policies and models.

    Entries that name their agents take these; the others take the agents that are left, in genesis
    order.

    Args:
        config: None where the world is not known; then nobody is shared out.
        models: The names of the models that entries may name; None where only policies play.
        path: The name of the tables in messages.

    Raises:
        ScenarioError: With every problem found.
    """
    problems: list[str] = []
    entries = [
        _read_entry(entry, f"{path}[{index}]", models, problems)
        for index, entry in enumerate(given)
    ]
    if problems:
        raise ScenarioError(problems)
    groups = [group for group, _ in entries if group is not None]
    if config is None:
        return tuple(groups)
    shares = _shared_out([agents for _, agents in entries], config, path)
    return tuple(
        replace(group, agents=agents) for group, agents in zip(groups, shares, strict=True)
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


def population_sources(groups: Iterable[Group]) -> dict[str, str]:
    """The digest of the source of each policy that came as a class or a value, by name."""
    return source_digests((group.policy_name, group.policy) for group in groups)


def described(group: Group) -> str:
    """A group in words: how many follow what, and the parameters that are not the defaults."""
    own = settings_of(group.policy, every=True)
    default = settings_of(type(group.policy)(), every=True)
    changed = [f"{key} = {_shown(own[key])}" for key in own if own[key] != default[key]]
    text = f"{len(group.agents)} `{group.policy_name}`"
    return f"{text} ({', '.join(changed)})" if changed else text


def _shown(value: Any) -> str:
    """A value in few words; of a long list only its length."""
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"{len(value)} of them"
        case dict():
            return ", ".join(f"{name} {number}" for name, number in value.items())
        case _:
            return str(value)


def policies_by_agent(groups: Iterable[Group]) -> list[Policy]:
    """The policy of each agent, `[agent]`."""
    by_agent = {agent: group.policy for group in groups for agent in group.agents}
    return [by_agent[agent] for agent in sorted(by_agent)]


def _read_entry(
    given: Any, path: str, models: Collection[str] | None, problems: list[str]
) -> tuple[Group | ModelGroup | None, Any]:
    """The group of one entry, still without agents, and the agents it asks for."""
    if not isinstance(given, Mapping):
        problems.append(f"{path}: must be a table")
        return None, REST
    own = RESERVED if "policy" in given else given
    keys = {key: value for key, value in given.items() if key in own}
    values = read_table(_Entry, keys, path, problems)
    agents, name, model = values["agents"], values["policy"], values["model"]
    if ("policy" in keys) == ("model" in keys):
        both = ", not both" if "policy" in keys else ""
        problems.append(f"{path}: must name a policy or a model{both}")
    elif "persona" in keys and "policy" in keys:
        problems.append(f"{path}.persona: is for models; a policy does not read it")
    elif isinstance(name, Mapping):
        problems.append(f"{path}.policy: must be {Kind.POLICY.value}")
    elif name is not None:
        return attempt(problems, f"{path}.", _group, name, given, keys), agents
    elif model is not None:
        problems += _model_problems(model, path, models)
        return ModelGroup(model=model, persona=values["persona"]), agents
    return None, agents


def _group(policy: str | GivenPolicy, given: Mapping[str, Any], keys: Collection[str]) -> Group:
    parameters = {key: given[key] for key in given if key not in keys}
    if isinstance(policy, str):
        return Group(policy_name=policy, policy=policy_named(policy, parameters))
    own = policy_of(policy)
    changed = with_parameters(own, parameters)
    return Group(policy_name=name_of(own), policy=changed)


def _model_problems(model: str, path: str, models: Collection[str] | None) -> list[str]:
    if models is None:
        return [f"{path}.model: only `sim-economy orchestrate` asks models"]
    if model not in models:
        return [f"{path}.model: there is no [models.{model}]{suggestion(model, models)}"]
    return []


def _shared_out(wanted: Sequence[Any], config: WorldConfig, path: str) -> list[tuple[int, ...]]:
    """The agents of each entry.

    Raises:
        ScenarioError: Names or counts do not fit the world.
    """
    order = genesis_order(config)
    named = Counter(name for agents in wanted if isinstance(agents, tuple) for name in agents)
    if problems := _name_problems(named, order, path):
        raise ScenarioError(problems)
    rest = _size_of_rest(wanted, len(named), len(order), path)
    left = (index for name, index in order.items() if name not in named)
    return [
        tuple(sorted(order[name] for name in agents))
        if isinstance(agents, tuple)
        else tuple(islice(left, rest if agents == REST else agents))
        for agents in wanted
    ]


def _name_problems(named: Counter[str], order: Mapping[str, int], path: str) -> list[str]:
    unknown = [name for name in named.elements() if name not in order]
    return [f"{path}: there is no agent {name}{suggestion(name, order)}" for name in unknown] + [
        f"{path}: {name} is named twice" for name in order if named[name] > 1
    ]


def _size_of_rest(wanted: Sequence[Any], named: int, agents: int, path: str) -> int:
    """How many agents are left for the entry that takes the rest.

    Raises:
        ScenarioError: Two take it, or the counts do not add up.
    """
    if wanted.count(REST) > 1:
        raise ScenarioError([f'{path}: only one entry may take the "{REST}"'])
    taken = named + sum(count for count in wanted if isinstance(count, int))
    if taken > agents or (taken < agents and REST not in wanted):
        found = f"{path}: {taken} agents for num_agents = {agents}"
        raise ScenarioError([f'{found}; change a count, or let one entry take the "{REST}"'])
    return agents - taken
