"""A search file: what is varied, what is best, what must hold, the budget."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Struct, field

from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import Kind, Parameter, attempt, read_struct, read_table
from sim_economy.experiments.sweeps.point_scenarios import SweptScenario, swept_scenario
from sim_economy.experiments.sweeps.study import SEED_MAX
from sim_economy.experiments.sweeps.study_changes import changed_study, read_study_file
from sim_economy.experiments.sweeps.swept_keys import SweptKey, flat_keys, read_swept_keys
from sim_economy.ledger.records import digest
from sim_economy.runs.row_metrics import ROW_METRICS

_METRICS: Final = tuple(ROW_METRICS)
_SQUARED_QUANTILE: Final = 3.8414588206941254
"""Of the normal distribution at 97.5 %, squared: Wilson's interval at 95 %."""


class SearchTable(Struct, frozen=True, kw_only=True):
    """The keys of a search file."""

    name: Annotated[str, Parameter(Kind.TEXT, "of the search, and of its folder")] = "search"
    scenario: Annotated[str, Parameter(Kind.TEXT, "a shipped scenario, or a file")] = "as-run"
    turns: Annotated[int | None, Parameter(Kind.COUNT, "of each run", 1, 10_000_000)] = None
    objectives: Annotated[
        Any, Parameter(Kind.TABLES, "what is best: a metric and a direction each")
    ] = None
    constraints: Annotated[
        Any, Parameter(Kind.TABLES, "what must hold in a share of the runs")
    ] = ()  # fmt: skip
    behaviours: Annotated[
        tuple[str, ...], Parameter(Kind.TEXTS, "policies that the front is played with too")
    ] = ()
    generations: Annotated[int, Parameter(Kind.COUNT, "of points", 1, 100_000)] = 20
    points: Annotated[int, Parameter(Kind.COUNT, "of a generation", 2, 10_000)] = 24
    seeds: Annotated[int, Parameter(Kind.COUNT, "of each point, the same ones", 1, 100_000)] = 100
    holdout_seeds: Annotated[
        int, Parameter(Kind.COUNT, "that the search does not see", 2, 100_000)
    ] = 100
    seed: Annotated[
        int | None, Parameter(Kind.COUNT, "of the search, and before the first run's", 0, SEED_MAX)
    ] = None
    set: Annotated[Mapping[str, Any], Parameter(Kind.TABLE, "settings of the scenario")] = field(
        default_factory=dict
    )
    vary: Annotated[Mapping[str, Any], Parameter(Kind.TABLE, "keys and what they take")] = field(
        default_factory=dict
    )


class Objective(Struct, frozen=True, kw_only=True):
    """A metric whose mean over the seeds is to be greatest, or least."""

    metric: Annotated[str, Parameter(Kind.TEXT, "of a row", choices=_METRICS)] = "rent_total"
    direction: Annotated[
        str, Parameter(Kind.TEXT, "what is best", choices=("max", "min"))
    ] = "max"  # fmt: skip


class ChanceConstraint(Struct, frozen=True, kw_only=True):
    """A bound on a metric that must hold in a share of the runs.

    A point is feasible if the lower end of Wilson's 95 % interval for the share of runs in which
    the bound holds is at least `share`.
    """

    metric: Annotated[str, Parameter(Kind.TEXT, "of a row", choices=_METRICS)] = "platform_final"
    at_least: Annotated[int | None, Parameter(Kind.COUNT, "its least", -(2**62), 2**62)] = None
    at_most: Annotated[int | None, Parameter(Kind.COUNT, "its greatest", -(2**62), 2**62)] = None
    percent: Annotated[int, Parameter(Kind.COUNT, "of the runs", 1, 99)] = 95

    def __post_init__(self) -> None:
        """Refuse a constraint without a bound.

        Raises:
            ValueError: It has none.
        """
        if self.at_least is None and self.at_most is None:
            raise ValueError("needs at_least or at_most")

    def holds(self, value: float) -> bool:
        """Test whether a run keeps the bound."""
        above = self.at_least is None or value >= self.at_least
        return above and (self.at_most is None or value <= self.at_most)

    @property
    def seeds_min(self) -> int:
        """The fewest seeds with which a point can be feasible: where every run holds."""
        share = self.percent / 100
        return -int(-(share * _SQUARED_QUANTILE) // (1 - share))

    def __str__(self) -> str:
        """The bound as an inequality, and its share."""
        low = "" if self.at_least is None else f" >= {self.at_least}"
        high = "" if self.at_most is None else f" <= {self.at_most}"
        return f"{self.metric}{low}{' and' if low and high else ''}{high} in {self.percent} %"


class SearchStudy(Struct, frozen=True, kw_only=True):
    """A search file, checked.

    Attributes:
        points: Of a generation.
        seeds: Of each point, the same for all; they follow the hold-out seeds.
        seed: Of the search; the hold-out seeds follow it.
    """

    name: str
    objectives: tuple[Objective, ...]
    constraints: tuple[ChanceConstraint, ...]
    behaviours: tuple[str, ...]
    generations: int
    points: int
    seeds: int
    holdout_seeds: int
    seed: int
    keys: tuple[SweptKey, ...]
    scenario: SweptScenario

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides the bytes of its results, as plain values."""
        base = self.scenario.base
        scenario = {key: held for key, held in base.settings.items() if key not in _OWN}
        settings = {
            "sim_economy": version("sim-economy"),
            "rules_version": base.config.rules_version,
            **{key: getattr(self, key) for key in _STATED},
            "objectives": [f"{own.direction} {own.metric}" for own in self.objectives],
            "constraints": [*map(str, self.constraints)],
            "vary": {key.name: key.settings for key in self.keys},
            "scenario": scenario,
        }
        return json.loads(json.dumps(settings, default=str))  # type: ignore[no-any-return]

    @property
    def hash(self) -> str:
        """The digest of its settings."""
        return digest(json.dumps(self.settings, sort_keys=True).encode())

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics that objectives and constraints read."""
        best = [own.metric for own in self.objectives]
        bounds = [own.metric for own in self.constraints]
        return tuple(dict.fromkeys((*best, *bounds)))

    @property
    def runs(self) -> int:
        """Runs of the search at most, without those of the front."""
        return self.generations * self.points * self.seeds


_OWN: Final = frozenset({"name", "runs", "seed"})
_STATED: Final = (
    "name", "behaviours", "generations", "points", "seeds", "holdout_seeds", "seed",
)  # fmt: skip


def load_search(
    source: str | Path | Mapping[str, Any], changes: Sequence[str] | Mapping[str, Any] = ()
) -> SearchStudy:
    """A search from its file, or from plain values as a file gives them.

    Args:
        changes: As `load_study` takes them.

    Raises:
        ScenarioError: With every problem found.
    """
    given, folder, name = read_study_file(source, "search")
    try:
        return _parse(changed_study(given, changes, SearchTable), folder, name)
    except ScenarioError as error:
        if not isinstance(source, Mapping) and not error.file:
            error.file = str(source)
        raise


def _parse(given: Mapping[str, Any], folder: Path, default_name: str) -> SearchStudy:
    problems: list[str] = []
    values = read_table(SearchTable, {"name": default_name, **given}, "", problems)
    settings = {**values["set"]}
    if values["turns"] is not None:
        settings["turns"] = values["turns"]
    scenario = attempt(
        problems, "", swept_scenario, values["scenario"], folder, settings, values["seed"], None
    )
    objectives = _entries(Objective, values["objectives"] or (), "objectives", problems)
    constraints = _entries(ChanceConstraint, values["constraints"] or (), "constraints", problems)
    if not values["objectives"]:
        problems.append("objectives: is missing; name a metric and its direction")
    problems += [
        f"seeds: {values['seeds']} can never show {own}; {own.seeds_min} is the least that can"
        for own in constraints
        if values["seeds"] < own.seeds_min
    ]
    varied = flat_keys(values["vary"])
    if not varied:
        problems.append("vary: is missing; name what the search may choose")
    policy = None if scenario is None else scenario.policy
    keys = read_swept_keys(varied, policy, in_steps=False, problems=problems)
    if scenario is not None and not problems:
        problems += scenario.problems_at_ends(keys)
        for name in values["behaviours"]:
            attempt(problems, f"behaviours: {name}: ", scenario.at, {"policy": name})
    if problems or scenario is None:
        raise ScenarioError(problems)
    return SearchStudy(
        objectives=tuple(objectives),
        constraints=tuple(constraints),
        behaviours=tuple(values["behaviours"]),
        seed=scenario.base.seed,
        keys=tuple(keys),
        scenario=scenario,
        **{key: values[key] for key in _STATED if key not in {"seed", "behaviours"}},
    )


def _entries(table: type[Any], given: Any, path: str, problems: list[str]) -> list[Any]:
    entries = [given] if isinstance(given, Mapping) else list(given)
    read = [
        read_struct(table, entry, f"{path}[{index}]", problems)
        for index, entry in enumerate(entries)
    ]
    return [entry for entry in read if entry is not None]
