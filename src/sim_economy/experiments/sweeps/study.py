"""A study: the scenario that is swept, what is varied in it, and how often each point is played."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Struct, field

from sim_economy.agents.policy import Policy
from sim_economy.core.errors import ScenarioError
from sim_economy.core.suggestions import suggestion
from sim_economy.core.table_reader import (
    Kind,
    Parameter,
    attempt,
    described_parameters,
    read_table,
    read_toml,
)
from sim_economy.experiments.sweeps.point_scenarios import SweptScenario, swept_scenario
from sim_economy.experiments.sweeps.study_changes import changed_study
from sim_economy.experiments.sweeps.swept_keys import (
    SweptKey,
    check_distinct,
    flat_keys,
    read_swept_keys,
)
from sim_economy.ledger.records import digest
from sim_economy.runs.row_metrics import ALWAYS_KEPT, ROW_METRICS
from sim_economy.scenarios.applied_changes import as_file_gives
from sim_economy.scenarios.scenario import SHIPPED
from sim_economy.scenarios.studies import STUDIES, study_text

DESIGNS: Final = ("grid", "latin_hypercube", "sobol_sequence", "sobol", "morris", "list")
"""How a study chooses its points."""
SIZED: Final = ("latin_hypercube", "sobol_sequence", "sobol", "morris")
"""Designs that draw as many points as they are asked for."""
SEED_MAX: Final = 2**62


class StudyTable(Struct, frozen=True, kw_only=True):
    """The keys at the top of a study file."""

    name: Annotated[str, Parameter(Kind.TEXT, "of the study, and of its folder")] = "study"
    scenario: Annotated[str, Parameter(Kind.TEXT, "a shipped scenario, or a file")] = "as-run"
    turns: Annotated[int | None, Parameter(Kind.COUNT, "of each run", 1, 10_000_000)] = None
    seeds: Annotated[int, Parameter(Kind.COUNT, "replicates of each point", 1, 1_000_000)] = 24
    seed: Annotated[
        int | None, Parameter(Kind.COUNT, "replicate r has the seed + r", 0, SEED_MAX)
    ] = None
    design: Annotated[str, Parameter(Kind.TEXT, "how points are chosen", choices=DESIGNS)] = "grid"
    size: Annotated[int | None, Parameter(Kind.COUNT, "of the design", 1, 10_000_000)] = None
    levels: Annotated[int, Parameter(Kind.COUNT, "of a Morris design", 2, 1000)] = 4
    metrics: Annotated[Any, Parameter(Kind.TABLES, "kept of each run; all if missing")] = None
    per_turn: Annotated[bool, Parameter(Kind.FLAG, "whether numbers are kept by turn")] = False
    histograms: Annotated[bool, Parameter(Kind.FLAG, "whether every value is counted")] = False
    set: Annotated[Mapping[str, Any], Parameter(Kind.TABLE, "settings of the scenario")] = field(
        default_factory=dict
    )
    vary: Annotated[Mapping[str, Any], Parameter(Kind.TABLE, "keys and what they take")] = field(
        default_factory=dict
    )


class SweepStudy(Struct, frozen=True, kw_only=True):
    """A study, checked.

    Attributes:
        seeds: Replicates of each point, on the same seeds at every point.
        seed: Replicate r is played with the world seed `seed + r`.
        size: Of the design; 0 where what is varied says it.
        levels: Of a Morris design.
        metrics: Those that are kept, in order.
        wealth: Whether players give back each agent's wealth; no sweep keeps it.
        scenario: What is swept, with its settings.
        given: The study as it was written, plain.
    """

    name: str
    seeds: int
    seed: int
    design: str
    size: int
    levels: int
    metrics: tuple[str, ...]
    per_turn: bool
    histograms: bool
    keys: tuple[SweptKey, ...]
    scenario: SweptScenario
    given: dict[str, Any]
    wealth: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides the bytes of its results, as plain values."""
        base = self.scenario.base
        own = {"name", "runs", "seed", *(key.name for key in self.keys)}
        played = {key: value for key, value in base.settings.items() if key not in own}
        world = base.settings["world"]
        played["world"] = {key: value for key, value in world.items() if key not in own}
        settings = {
            "sim_economy": version("sim-economy"),
            "rules_version": base.config.rules_version,
            **{key: getattr(self, key) for key in _STATED},
            "vary": {key.name: key.settings for key in self.keys},
            "scenario": played,
        }
        # As JSON gives it back, so that it compares equal with what a manifest kept.
        return json.loads(json.dumps(settings, default=str))  # type: ignore[no-any-return]

    @property
    def hash(self) -> str:
        """The digest of its settings."""
        return digest(json.dumps(self.settings, sort_keys=True).encode())


_STATED: Final = (
    "name", "seeds", "seed", "design", "size", "levels", "metrics", "per_turn", "histograms",
)  # fmt: skip


def load_study(
    source: str | Path | Mapping[str, Any] | SweepStudy,
    changes: Sequence[str] | Mapping[str, Any] = (),
) -> SweepStudy:
    """A study from its file, a shipped one by name, or plain values as a file gives them.

    Args:
        changes: Settings that go over the file's, as `key=value` texts or values by key: keys of a
            study, `vary.KEY`, and any other as a setting of its scenario; a setting of a key that
            the study varies fixes it.

    Raises:
        ScenarioError: With every problem found.
    """
    if isinstance(source, SweepStudy):
        if changes:
            raise ScenarioError(["a study takes no changes; hand over its values"])
        return source
    if isinstance(source, Mapping):
        given, folder, name = dict(source), Path(), "study"
    elif isinstance(source, str | Path):
        text, folder = _study_text(str(source))
        given, name = read_toml(text), Path(str(source)).stem
    else:
        raise ScenarioError([f"study: must be a file or values, not {type(source).__name__}"])
    try:
        return parse_study(changed_study(given, changes, StudyTable), folder, name)
    except ScenarioError as error:
        if isinstance(source, str | Path) and str(source) not in STUDIES and not error.file:
            error.file = str(source)
        raise


def _study_text(source: str) -> tuple[str, Path]:
    if source in STUDIES:
        return study_text(source), Path()
    known = f"shipped are {', '.join(STUDIES)}"
    if source in SHIPPED:
        raise ScenarioError(
            [f"{source}: is a scenario, not a study; a study names it and says what to vary"]
        )
    try:
        return Path(source).read_text(encoding="utf-8-sig"), Path(source).parent
    except FileNotFoundError:
        near = suggestion(source, STUDIES)
        raise ScenarioError([f"{source}: no such study file; {known}{near}"]) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ScenarioError([f"{source[:100]}: cannot be read: {reason}; {known}"]) from None


def parse_study(
    given: Mapping[str, Any],
    folder: Path,
    default_name: str = "study",
    kept: Mapping[str, Any] | None = None,
) -> SweepStudy:
    """A study from plain values, as a study file gives them.

    Args:
        folder: Where the relative path of its scenario starts.
        kept: The plain values of its scenario with its settings, as a sweep's folder keeps them;
            then `folder` is where the path of its trace starts.

    Raises:
        ScenarioError: With every problem found.
    """
    problems: list[str] = []
    stated = {"name": default_name, **as_file_gives(given)}
    values = read_table(StudyTable, stated, "", problems)
    of_file = [*problems]
    # What a design asks of the rest nobody knows of one that is none.
    design = (
        None if stated.get("design", values["design"]) != values["design"] else values["design"]
    )
    metrics = _read_metrics(values["metrics"], problems)
    varied = flat_keys(values["vary"])
    settings = {**values["set"]}
    if values["turns"] is not None:
        settings["turns"] = values["turns"]
    problems += [
        f"{key}: is varied; leave it out, or take it out of [vary]"
        for key in settings
        if key in varied
    ]
    scenario = attempt(
        problems, "", swept_scenario, values["scenario"], folder, settings, values["seed"], kept
    )
    policy = None if scenario is None else scenario.policy
    keys = _read_keys(design, varied, policy, problems)
    size = 0 if design is None else _size(values, problems)
    if scenario is not None and not problems:
        problems += scenario.problems_at_ends(keys)
    if problems or scenario is None:
        raise ScenarioError([*of_file, *map(_of_study, problems[len(of_file) :])])
    return SweepStudy(
        name=values["name"],
        seeds=values["seeds"],
        seed=scenario.base.seed,
        design=values["design"],
        size=size,
        levels=values["levels"],
        metrics=metrics,
        per_turn=values["per_turn"],
        histograms=values["histograms"],
        keys=tuple(keys),
        scenario=scenario,
        given=dict(given),
    )


def _of_study(problem: str) -> str:
    """A problem with an unknown key of a table, and the study's own key that it may have meant."""
    path, unknown, rest = problem.partition(_UNKNOWN)
    key = path.rpartition(".")[2]
    named = rest.removeprefix("; did you mean ").removesuffix("?").split(" or ") if rest else []
    near = suggestion(key, [*named, *described_parameters(StudyTable)]) if unknown else ""
    if near in {"", rest}:
        return problem
    return f"{path}{_UNKNOWN}{near} Keys of the study stand above its tables"


_UNKNOWN: Final = ": unknown key"


def _read_keys(
    design: str | None,
    varied: Mapping[str, Any],
    policy: Policy | None,
    problems: list[str],
) -> list[SweptKey]:
    if not varied:
        if design in SIZED:
            drawn = f"a {design} draws values of keys: name at least one, or leave out the design"
            problems.append(f"vary: is missing; {drawn}")
        return []
    found: list[str] = []
    keys = read_swept_keys(varied, policy, in_steps=design in {"grid", "list"}, problems=found)
    check_distinct([] if design == "list" else keys, found)
    problems += found
    lengths = {key.name: len(key.values) for key in keys}
    if design == "list" and not found and len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        problems.append(f"vary: a list needs as many values of each key; there are {listed}")
    return keys


def _read_metrics(given: Any, problems: list[str]) -> tuple[str, ...]:
    """The metrics that are named, and those that every answer needs, in order; all for None."""
    if given is None:
        return tuple(ROW_METRICS)
    named = [given] if isinstance(given, str) else list(given)
    problems += [
        f"metrics: there is no {name}{suggestion(str(name), ROW_METRICS)}"
        for name in named
        if name not in ROW_METRICS
    ]
    return tuple(name for name in ROW_METRICS if name in named or name in ALWAYS_KEPT)


def _size(values: Mapping[str, Any], problems: list[str]) -> int:
    design, size = values["design"], values["size"]
    if design not in SIZED:
        if size is not None:
            problems.append(f"size: what is varied says how many points a {design} has")
        return 0
    if size is None:
        problems.append(f"size: is missing; a {design} needs it")
    elif design.startswith("sobol") and size & (size - 1):
        power = 1 << (size - 1).bit_length()
        problems.append(f"size: must be a power of two for {design}, such as {power}")
    return size or 0
