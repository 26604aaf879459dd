"""A scenario: the world, who acts in it, what their thinking takes, how long and how often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from numbers import Rational, Real
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Struct, field

from sim_economy.agents.given_policy import GivenPolicy
from sim_economy.agents.policy import Policy
from sim_economy.agents.population import (
    Group,
    described,
    everyone,
    parse_population,
    policies_by_agent,
    population_settings,
    population_sources,
)
from sim_economy.agents.usage_model import TracedUsage, UsageSource, parse_usage, usage_gaps
from sim_economy.core.codec import canonical
from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import (
    Kind,
    NumberText,
    Parameter,
    attempt,
    described_parameters,
    is_whole,
    read_table,
    read_toml,
    unknown_key,
)
from sim_economy.core.world_config import (
    RULE_TABLES,
    WorldConfig,
    config_values,
    parameters,
    parse_world_config,
)
from sim_economy.ledger.readers.html_table import html_table
from sim_economy.ledger.records import digest
from sim_economy.scenarios.dated_income import dated_income
from sim_economy.scenarios.presets import PRESETS, preset, preset_text, preset_world_config
from sim_economy.scenarios.shipped import SCENARIOS, scenario_text

SHIPPED: Final = (*PRESETS, *SCENARIOS)
"""Presets and shipped scenarios by name."""


class ScenarioTable(Struct, frozen=True, kw_only=True):
    """The keys at the top of a scenario file."""

    name: Annotated[str, Parameter(Kind.TEXT, "of the scenario, and of its folder")] = "scenario"
    turns: Annotated[int, Parameter(Kind.COUNT, "of each run", 1, 10_000_000)] = 60
    runs: Annotated[int, Parameter(Kind.COUNT, "that differ in their seed", 1, 1_000_000)] = 24
    seed: Annotated[int, Parameter(Kind.COUNT, "run r has the seed + r", 0, 2**62)] = 0
    policy: Annotated[str | GivenPolicy, Parameter(Kind.POLICY, "what decides for every agent")] = (
        "published"
    )
    population: Annotated[
        list[Any] | None, Parameter(Kind.TABLES, "what decides for whom, where several do")
    ] = None
    usage: Annotated[Mapping[str, Any], Parameter(Kind.TABLE, "where usage comes from")] = field(
        default_factory=lambda: {"source": "published"}
    )
    world: Annotated[
        Mapping[str, Any], Parameter(Kind.TABLE, "parameters and variants of the rules")
    ] = field(default_factory=dict)
    income: Annotated[
        Mapping[str, Any] | None, Parameter(Kind.TABLE, "what agents are granted, and when")
    ] = None
    cores: Annotated[
        Mapping[str, Any] | None, Parameter(Kind.TABLE, "who owns core shares at genesis")
    ] = None


_WHO: Final = ("policy", "population", "minds")
"""Keys that say who decides; one that is set goes over the others."""

ORCHESTRATED: Final = ("orchestrator", "models", "minds")
"""Tables of a scenario file that only orchestrated runs read."""

_KEYS: Final = tuple(described_parameters(ScenarioTable))


class Scenario(Struct, frozen=True, kw_only=True):
    """The content of a scenario file.

    Attributes:
        turns: Of each run.
        runs: Replicates; they differ in their seed alone.
        seed: Run r is played with the world seed `seed + r`.
        population: Who follows which policy.
        settings: The whole of it as plain values, to be compared and kept.
    """

    name: str
    turns: int
    runs: int
    seed: int
    population: tuple[Group, ...]
    usage: UsageSource
    config: WorldConfig
    settings: dict[str, Any]

    def __repr__(self) -> str:
        """Its size, and in what its world differs from the defaults, as a file writes it."""
        groups = "; ".join(described(group) for group in self.population if group.agents)
        runs = f"{self.runs} runs of {self.turns} turns"
        return f"<Scenario {self.name}: {runs}, {groups.replace('`', '')}, {self.config!r}>"

    def _repr_html_(self) -> str:
        """Its settings as a table, for a notebook."""
        settings = {key: self.settings[key] for key in self.settings if key != "world"}
        rows = [*settings.items(), *self.settings["world"].items()]
        return html_table(self.name, ("setting", "value"), rows)

    @property
    def policies(self) -> list[Policy]:
        """The policy of each agent, `[agent]`."""
        return policies_by_agent(self.population)

    @property
    def policy_name(self) -> str | None:
        """The policy that all agents follow; None where they follow several."""
        names = {group.policy_name for group in self.population if group.agents}
        return names.pop() if len(names) == 1 else None

    @property
    def is_published(self) -> bool:
        """True if it is the published experiment, unchanged."""
        return self.settings == load_scenario("as-run").settings

    @property
    def usage_gaps(self) -> list[str]:
        """What its trace of usage lacks, in words with the file's name; nothing if it is whole."""
        return usage_gaps(self.usage, self.config.agent_ids, self.turns)

    def replicate(self, seed: int | None) -> int:
        """The run that is played with a world seed; the first when None.

        Raises:
            ScenarioError: The seed is out of range.
        """
        if seed is not None and not is_whole(seed):
            raise ScenarioError([f"seed: must be an integer, not {seed!r}"])
        run = 1 if seed is None else int(seed) - self.seed
        self.config_of_run(run)
        return run

    def config_of_run(self, run: int) -> WorldConfig:
        """The world of one replicate, counted from 1.

        Raises:
            ScenarioError: Its seed is out of range.
        """
        return parse_world_config({"seed": self.seed + run}, self.config)


def load_scenario(source: str | Path, changes: Sequence[str] | Mapping[str, Any] = ()) -> Scenario:
    """A scenario from a scenario file, or from a shipped one by name.

    Args:
        changes: Settings that go over the file's, as `key=value` texts with values as TOML writes
            them, or as values by key; `study_cost` and `world.study_cost` are the same.

    Raises:
        ScenarioError: With every problem found.
    """
    if not isinstance(source, str | Path):
        kind = type(source).__name__
        raise ScenarioError([f"scenario: must be the name of a file or a preset, not of {kind}"])
    listed = isinstance(changes, Sequence) and not isinstance(changes, str)
    if not isinstance(changes, Mapping) and not (listed and all(map(_is_text, changes))):
        raise ScenarioError(["changes: must be values by key, or a list of key=value texts"])
    with named_problems(source, changes):
        given, folder, name = read_scenario(source, changes)
        return parse_scenario(given, folder, default_name=name)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


@contextmanager
def named_problems(
    source: str | Path, changes: Sequence[str] | Mapping[str, Any] = ()
) -> Iterator[None]:
    """Name the file in the problems found meanwhile, and what was changed in it."""
    try:
        yield
    except ScenarioError as error:
        if str(source) not in SHIPPED and not error.problems[0].startswith(str(source)[:100]):
            changed = list(changes) if isinstance(changes, Mapping) else changes
            error.file = f"{source} with {', '.join(map(str, changed))}" if changed else str(source)
        raise


def read_scenario(
    source: str | Path,
    changes: Sequence[str] | Mapping[str, Any] = (),
    further_tables: Sequence[str] = (),
) -> tuple[dict[str, Any], Path, str]:
    """The plain values of a scenario file with changes, its folder, and its name.

    Args:
        further_tables: Tables that changes may be made to.

    Raises:
        ScenarioError: It cannot be read, or a change is invalid.
    """
    given = read_toml(_scenario_text(str(source)))
    before = _preset_of(given)
    problems = []
    if isinstance(changes, Mapping):
        for key, value in changes.items():
            problems += _set(given, key, value, further_tables)
    else:
        for change in changes:
            problems += _change(given, change, further_tables)
    problems += _both_set(changes)
    if problems:
        raise ScenarioError(problems)
    if _preset_of(given) != before:
        _follow_preset(given, before)
    shipped = str(source) in SHIPPED
    return given, Path() if shipped else Path(source).parent, Path(source).stem


def _scenario_text(source: str) -> str:
    if source in SHIPPED:
        return shipped_text(source)
    known = f"shipped are {', '.join(SHIPPED)}; `sim-economy init` writes one"
    try:
        return Path(source).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ScenarioError([f"{source}: no such scenario file; {known}"]) from None
    except IsADirectoryError:
        raise ScenarioError([f"{source}: is a folder, no scenario file; {known}"]) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ScenarioError([f"{source[:100]}: cannot be read: {reason}"]) from None


def shipped_text(name: str) -> str:
    """The file of a preset or a shipped scenario."""
    return preset_text(name) if name in PRESETS else scenario_text(name)


def _preset_of(given: Mapping[str, Any]) -> Any:
    world = given.get("world")
    return world.get("preset", "as-run") if isinstance(world, Mapping) else "as-run"


def _follow_preset(given: dict[str, Any], before: Any) -> None:
    """Let keys that held the old preset's values take the new preset's."""
    if before not in PRESETS:
        return
    old = config_values(preset(before))
    world = given["world"]
    for name in [name for name in world if name in old]:
        if str(world[name]) == str(old[name]):
            del world[name]


def parse_scenario(
    given: Mapping[str, Any], folder: Path | None = None, default_name: str = "scenario"
) -> Scenario:
    """A scenario from plain values, as a scenario file gives them.

    Args:
        folder: Where a trace's relative path starts; the working folder when None.

    Raises:
        ScenarioError: With every problem found.
    """
    stated = {"name": default_name, **given}
    problems = _of_orchestrated_runs(stated)
    values = read_table(ScenarioTable, stated, "", problems)
    usage = attempt(problems, "", parse_usage, values["usage"], folder or Path())
    config = attempt(problems, "", _parse_world, values, usage)
    if values["population"] is None:
        population = attempt(problems, "", everyone, values["policy"], config)
    else:
        if "policy" in given:
            problems.append("policy: leave it out where population says who follows which")
        population = attempt(problems, "", parse_population, values["population"], config)
    if usage is not None and config is not None and not problems:
        problems += usage.problems(config, values["turns"])
    if problems or config is None or population is None or usage is None:
        raise ScenarioError(problems)
    settings = attempt(problems, "", _settings, values, population, usage, config)
    if settings is None:
        raise ScenarioError(problems)
    return Scenario(
        name=values["name"],
        turns=values["turns"],
        runs=values["runs"],
        seed=values["seed"],
        population=population,
        usage=usage,
        config=config,
        settings=settings,
    )


def _of_orchestrated_runs(stated: dict[str, Any]) -> list[str]:
    """Take out what only orchestrated runs read; a problem for each that says something."""
    return [
        f"{key}: only `sim-economy orchestrate` reads it"
        for key in ORCHESTRATED
        if stated.pop(key, None) is not None
    ]


def _parse_world(values: Mapping[str, Any], usage: UsageSource | None) -> WorldConfig:
    """The world of `[world]`, and of the tables beside it whose rules are on."""
    flat = dict(values["world"])
    problems = [
        problem for key, problem in _NOT_OF_FILES.items() if flat.pop(key, None) is not None
    ]
    agent_ids = flat.pop("agent_ids", None)
    if agent_ids is not None and not (isinstance(agent_ids, list) and agent_ids):
        problems.append("world.agent_ids: must be a list of names")
        agent_ids = None
    if agent_ids is not None:
        flat.setdefault("num_agents", len(agent_ids))
    if values["income"] is not None:
        flat["income"] = dated_income(values["income"], usage, values["turns"], problems)
    if values["cores"] is not None:
        flat["cores"] = values["cores"]
    found: list[str] = []
    config = attempt(found, "", preset_world_config, flat, agent_ids)
    own = tuple(f"{name}{mark}" for name in RULE_TABLES for mark in ".:")
    problems += [text if text.startswith(own) else f"world.{text}" for text in found]
    if problems or config is None:
        raise ScenarioError(problems)
    return config


_NOT_OF_FILES: Final = {
    "seed": "world.seed: set seed at the top of the file; run r adds r to it",
    "secret": "world.secret: only an engine keeps its draws secret; set seed",
    "income": "world.income: give it a table of its own, [income]",
    "cores": "world.cores: give it a table of its own, [cores]",
}


def _settings(
    values: Mapping[str, Any],
    population: Sequence[Group],
    usage: UsageSource,
    config: WorldConfig,
) -> dict[str, Any]:
    """All that decides the bytes of a run, as plain values."""
    who = {"policy": values["policy"]}
    if values["population"] is not None or not isinstance(values["policy"], str):
        who = {"population": _plain(population_settings(population, config))}
    if sources := population_sources(population):
        who["policy_sources"] = sources
    source = _plain(values["usage"])
    if isinstance(usage, TracedUsage):
        source["digest"] = digest(canonical(sorted(usage.rows.items())))
    return {
        **{key: values[key] for key in ("name", "turns", "runs", "seed")},
        **who,
        "usage": source,
        "world": _plain(config_values(config)),
        "agent_ids": list(config.agent_ids),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_plain(held) for held in value]
    return str(value) if isinstance(value, Decimal | str) else value


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


def _change(given: dict[str, Any], change: str, further_tables: Sequence[str]) -> list[str]:
    """Apply one `key=value`; the problems with it, if any."""
    key, equals, text = change.partition("=")
    if not equals or not key.strip():
        return [f"--set {change}: must be key=value"]
    try:
        value = read_toml(f"value = {text.strip()}")["value"]
    except ScenarioError:
        value = text.strip()
    return _set(given, key.strip(), value, further_tables)


def _set(given: dict[str, Any], key: str, value: Any, further_tables: Sequence[str]) -> list[str]:
    """Set one value by its dotted key; the problems with it, if any."""
    path = str(key).split(".")
    if path == ["world"]:
        return [f"{key}: set one of its keys, such as world.study_cost"]
    if path[0] not in {*_KEYS, *further_tables}:
        path = ["world", *path]
    if path[0] == "world" and path[1:] not in [[known] for known in _world_keys()]:
        return [unknown_key(".".join(path[1:]) or key, [*_KEYS, *_world_keys()])]
    table = _table_of(given, path[:-1])
    if table is None:
        return [f"{key}: {'.'.join(path[:-1])} is not a table"]
    if value is None:
        table.pop(path[-1], None)
        return []
    table[path[-1]] = as_file_gives(value)
    if key in _WHO:
        for other in {*_WHO} - {key}:
            given.pop(other, None)
    return []


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
