"""A scenario: the world, who acts in it, what their thinking takes, how long and how often."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Struct, field
from msgspec.structs import replace

from sim_economy.agents.given_policy import GivenPolicy
from sim_economy.agents.policy import Policy
from sim_economy.agents.population import (
    Group,
    described,
    everyone,
    parse_population,
    policies_by_agent,
)
from sim_economy.agents.usage_model import UsageSource, parse_usage
from sim_economy.core.errors import ScenarioError
from sim_economy.core.shock_config import turns_past
from sim_economy.core.table_reader import (
    Kind,
    Parameter,
    attempt,
    described_parameters,
    is_whole,
    read_table,
    read_toml,
)
from sim_economy.core.world_config import (
    RULE_TABLES,
    WorldConfig,
    config_values,
    parse_world_config,
)
from sim_economy.ledger.readers.html_table import html_table
from sim_economy.scenarios.applied_changes import apply_changes
from sim_economy.scenarios.dated_income import dated_income
from sim_economy.scenarios.manifest import FROM_USAGE, is_folder, read_kept
from sim_economy.scenarios.presets import PRESETS, preset, preset_text, preset_world_config
from sim_economy.scenarios.scenario_settings import scenario_settings
from sim_economy.scenarios.shipped import SCENARIOS, scenario_text
from sim_economy.usage.civil_time import TurnCalendar, zone_data_version
from sim_economy.usage.kept_trace import TRACE_COPY
from sim_economy.usage.traced_usage import TracedUsage, UsageLog, with_texts
from sim_economy.usage.usage_notes import usage_facts, usage_warnings

SHIPPED: Final = (*PRESETS, *SCENARIOS)
"""Presets and shipped scenarios by name."""


class ScenarioTable(Struct, frozen=True, kw_only=True):
    """The keys at the top of a scenario file."""

    name: Annotated[str, Parameter(Kind.TEXT, "of the scenario, and of its folder")] = "scenario"
    turns: Annotated[int, Parameter(Kind.COUNT, "of each run", 1, 10_000_000)] = 60
    runs: Annotated[int, Parameter(Kind.COUNT, "that differ in their seed", 1, 1_000_000)] = 24
    seed: Annotated[int, Parameter(Kind.COUNT, "run r has the seed + r", 0, 2**62)] = 0
    policy: Annotated[
        str | GivenPolicy | Mapping[str, Any],
        Parameter(Kind.POLICY, "what decides for every agent"),
    ] = "published"
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
    governance: Annotated[
        Mapping[str, Any] | None, Parameter(Kind.TABLE, "interventions, each a table of its own")
    ] = None


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
    def usage_warnings(self) -> list[str]:
        """What its trace of usage lacks or leaves out, in words; nothing if it is whole."""
        return usage_warnings(self.usage, self.config.agent_ids, self.turns, self.config)

    @property
    def usage_facts(self) -> list[str]:
        """What a report states of its trace of usage: units, dates, rounding."""
        return usage_facts(self.usage, self.config)

    @property
    def usage_log(self) -> UsageLog | None:
        """The log its usage was read from: agents, teams, units; None where it is no log."""
        return self.usage.log if isinstance(self.usage, TracedUsage) else None

    @property
    def calendar(self) -> TurnCalendar | None:
        """The dates of its turns; None where they have none."""
        return self.usage.calendar(self.turns) if isinstance(self.usage, TracedUsage) else None

    @property
    def zone_data(self) -> str | None:
        """The version of the time zone data of its calendar; None where it has none."""
        return None if self.calendar is None else zone_data_version(self.calendar.zone.key)

    @property
    def agent_names(self) -> dict[str, str]:
        """What reports call each agent, by id: its name in the log, else the id itself."""
        logged = {} if self.usage_log is None else self.usage_log.names
        return {agent_id: logged.get(agent_id, agent_id) for agent_id in self.config.agent_ids}

    @property
    def agent_teams(self) -> dict[str, str]:
        """The team of each agent that the log gives one, by id."""
        logged = {} if self.usage_log is None else self.usage_log.agents
        return {agent_id: agent.team for agent_id, agent in logged.items() if agent.team}

    def turn_name(self, turn: int) -> str:
        """A turn in words: its date, or `turn 9` where turns have none."""
        return f"turn {turn}" if self.calendar is None else self.calendar.name_of(turn)

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
    """A scenario from a scenario file, a shipped one by name, or the folder of an experiment.

    Args:
        source: Of a folder the scenario is the one that its runs were played with.
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
        if (played := played_folder(source)) is not None:
            return _played_scenario(played, changes)
        given, folder, name = read_scenario(source, changes)
        return parse_scenario(given, folder, default_name=name)


def played_folder(source: object) -> Path | None:
    """The folder that a source of a scenario names; None where it names a file or a shipped one."""
    named = isinstance(source, str | Path) and str(source) not in SHIPPED and is_folder(source)
    return Path(str(source)) if named else None


def _played_scenario(folder: Path, changes: Sequence[str] | Mapping[str, Any]) -> Scenario:
    """The scenario that the runs of a folder were played with, with changes."""
    kept = read_kept(folder)
    given, population = dict(kept.given), kept.given.get("population")
    usage = dict(given["usage"])
    change_all(given, changes)
    if kept.given_policies and given.get("population") is population:
        problem = f"{', '.join(kept.given_policies)} came from Python, where no file finds it"
        again = f"se.play({str(folder)!r}, policy={kept.given_policies[0]})"
        raise ScenarioError([f"{folder}: {problem}; hand it over again in Python, as in {again}"])
    same_usage = given["usage"] == usage
    # An older folder has no copy of its trace; the path is then the one that was stated.
    elsewhere = same_usage and kept.trace is None
    scenario = parse_scenario(
        given, Path() if elsewhere else folder, trace=kept.trace if same_usage else None
    )
    digests = scenario.settings["usage"].get("digest"), kept.trace_digest
    if same_usage and digests[0] != digests[1]:
        read = kept.trace or usage["path"]
        problem = f"{read} is not the trace that the runs of {folder} were played with"
        raise ScenarioError(
            [f"usage.path: {problem}; put that one at {folder / TRACE_COPY}, or set usage"]
        )
    return replace(scenario, config=scenario.config.under_rules(kept.rules_version))


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
    change_all(given, changes, further_tables)
    shipped = str(source) in SHIPPED
    return given, Path() if shipped else Path(source).parent, Path(source).stem


def change_all(
    given: dict[str, Any],
    changes: Sequence[str] | Mapping[str, Any],
    further_tables: Sequence[str] = (),
    stated: Iterable[str] = (),
) -> None:
    """Apply changes to the plain values of a scenario.

    Under another preset, keys that held the values of the one before take those of the new one,
    but for keys that the changes name.

    Args:
        further_tables: At the top of the file, beside those of a scenario.
        stated: Further keys that keep their values.

    Raises:
        ScenarioError: One is invalid.
    """
    before = _preset_of(given)
    apply_changes(given, changes, (*_KEYS, *further_tables))
    if _preset_of(given) != before:
        named = (str(key).partition("=")[0].strip() for key in chain(changes, stated))
        _follow_preset(given, before, {key.removeprefix("world.") for key in named})


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


def _follow_preset(given: dict[str, Any], before: Any, stated: Container[str]) -> None:
    """Let keys that held the old preset's values take the new preset's, but for those stated."""
    if before not in PRESETS:
        return
    old = config_values(preset(before))
    world = given["world"]
    for name in [name for name in world if name in old and name not in stated]:
        if str(world[name]) == str(old[name]):
            del world[name]


def parse_scenario(
    given: Mapping[str, Any],
    folder: Path | None = None,
    default_name: str = "scenario",
    trace: Path | None = None,
) -> Scenario:
    """A scenario from plain values, as a scenario file gives them.

    Args:
        folder: Where a trace's relative path starts; the working folder when None.
        trace: The copy that an experiment's folder keeps, read instead of the path that is stated.

    Raises:
        ScenarioError: With every problem found.
    """
    stated = {"name": default_name, **given}
    if of_study := [key for key in _OF_STUDIES if key in given]:
        command = _OF_STUDIES[of_study[0]]
        raise ScenarioError(
            [f"{of_study[0]}: is a study's; play this file with `sim-economy {command}`"]
        )
    problems = _of_orchestrated_runs(stated)
    values = read_table(ScenarioTable, stated, "", problems)
    values["usage"] = with_texts(values["usage"])
    of_usage: list[str] = []
    usage = attempt(of_usage, "", parse_usage, values["usage"], folder or Path(), trace)
    if "turns" not in given and isinstance(usage, TracedUsage) and usage.log is not None:
        values["turns"] = usage.last
    config = attempt(problems, "", _parse_world, values, usage)
    population = _parse_population(values, given, config, problems)
    problems += of_usage
    if usage is not None and config is not None and not problems:
        problems += usage.problems(config, values["turns"])
    if problems or config is None or population is None or usage is None:
        raise ScenarioError(problems)
    settings = attempt(problems, "", scenario_settings, values, population, usage, config)
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


def _parse_population(
    values: Mapping[str, Any],
    given: Mapping[str, Any],
    config: WorldConfig | None,
    problems: list[str],
) -> tuple[Group, ...] | None:
    if values["population"] is None:
        return attempt(problems, "", everyone, values["policy"], config)
    if "policy" in given:
        problems.append("policy: leave it out where population says who follows which")
    return attempt(problems, "", parse_population, values["population"], config)


_OF_STUDIES: Final[Mapping[str, str]] = {
    "treatments": "study",
    "objectives": "search",
    "objective": "train",
    "vary": "sweep",
}
"""Commands by the keys of the studies that they play."""


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
    agent_ids = _agent_ids(flat.pop("agent_ids", None), usage, problems)
    if agent_ids is not None:
        flat.setdefault("num_agents", len(agent_ids))
    if values["income"] is not None:
        flat["income"] = dated_income(values["income"], usage, values["turns"], problems)
    for name in ("cores", "governance"):
        if values[name] is not None:
            flat[name] = values[name]
    found: list[str] = []
    config = attempt(found, "", preset_world_config, flat, agent_ids)
    own = tuple(f"{name}{mark}" for name in RULE_TABLES for mark in ".:")
    problems += [text if text.startswith(own) else f"world.{text}" for text in found]
    if config is not None and config.governance is not None:
        problems += turns_past(config.governance.shocks, values["turns"])
    if problems or config is None:
        raise ScenarioError(problems)
    return config


def _agent_ids(given: Any, usage: UsageSource | None, problems: list[str]) -> list[Any] | None:
    """The ids that a file lists, or those of its usage; None where it says nothing of them.

    Raises:
        ScenarioError: Usage names nobody, or could not be read; nothing more can be said then.
    """
    if given == FROM_USAGE:
        if not isinstance(usage, TracedUsage):
            reason = [] if usage is None else ['world.agent_ids: "from usage" needs a trace']
            raise ScenarioError([*problems, *reason])
        return usage.agent_ids
    if given is not None and not (isinstance(given, list) and given):
        problems.append(f'world.agent_ids: must be a list of names, or "{FROM_USAGE}"')
        return None
    return given


_NOT_OF_FILES: Final = {
    "seed": "world.seed: set seed at the top of the file; run r adds r to it",
    "secret": "world.secret: only an engine keeps its draws secret; set seed",
    "income": "world.income: give it a table of its own, [income]",
    "cores": "world.cores: give it a table of its own, [cores]",
    "governance": "world.governance: give it a table of its own, [governance]",
}
