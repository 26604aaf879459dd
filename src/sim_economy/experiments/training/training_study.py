"""A training file: the scenario, the policies to choose among, the objective, the budget."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Struct, field

from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import (
    Kind,
    Parameter,
    attempt,
    read_table,
)
from sim_economy.experiments.sweeps.plain_values import as_json
from sim_economy.experiments.sweeps.point_scenarios import SweptScenario, swept_scenario
from sim_economy.experiments.sweeps.study import SEED_MAX
from sim_economy.experiments.sweeps.study_changes import changed_study, read_study_file
from sim_economy.experiments.training.trained_numbers import (
    Candidate,
    TrainedFamily,
    read_family,
)
from sim_economy.experiments.training.trained_scenario import TrainedScenario, trained_scenario
from sim_economy.ledger.records import digest
from sim_economy.runs.row_metrics import ROW_METRICS

WEALTH: Final = "wealth"
"""The objective that is no metric: mean final wealth of the agents that follow the policy."""
OBJECTIVES: Final = (WEALTH, *ROW_METRICS)


class TrainingTable(Struct, frozen=True, kw_only=True):
    """The keys of a training file."""

    name: Annotated[str, Parameter(Kind.TEXT, "of the training, and of its folder")] = "training"
    scenario: Annotated[str, Parameter(Kind.TEXT, "a shipped scenario, or a file")] = "as-run"
    turns: Annotated[int | None, Parameter(Kind.COUNT, "of each run", 1, 10_000_000)] = None
    policy: Annotated[str, Parameter(Kind.TEXT, "what is trained: a policy by name")] = "published"
    trained_agents: Annotated[
        str, Parameter(Kind.TEXT, "who follows it: all, or the first one", choices=("all", "one"))
    ] = "all"
    objective: Annotated[
        str, Parameter(Kind.TEXT, "what is best: wealth, or a metric", choices=OBJECTIVES)
    ] = WEALTH
    direction: Annotated[
        str, Parameter(Kind.TEXT, "whether more of it is better", choices=("max", "min"))
    ] = "max"
    generations: Annotated[int, Parameter(Kind.COUNT, "of candidates", 1, 100_000)] = 40
    candidates: Annotated[
        int | None, Parameter(Kind.COUNT, "of a generation; by the numbers if missing", 4, 10_000)
    ] = None
    seeds: Annotated[
        int, Parameter(Kind.COUNT, "of a generation, the same for its candidates", 1, 100_000)
    ] = 24
    holdout_seeds: Annotated[int, Parameter(Kind.COUNT, "that no generation sees", 2, 100_000)] = (
        100
    )
    seed: Annotated[
        int | None, Parameter(Kind.COUNT, "of the search, and before the first run's", 0, SEED_MAX)
    ] = None
    features: Annotated[
        tuple[str, ...], Parameter(Kind.TEXTS, "that a linear policy weighs")
    ] = ()  # fmt: skip
    set: Annotated[Mapping[str, Any], Parameter(Kind.TABLE, "settings of the scenario")] = field(
        default_factory=dict
    )
    parameters: Annotated[
        Mapping[str, Any], Parameter(Kind.TABLE, "of the policy, that are not trained")
    ] = field(default_factory=dict)
    numbers: Annotated[
        Mapping[str, Any], Parameter(Kind.TABLE, "of the policy that are trained, a range each")
    ] = field(default_factory=dict)


class TrainingStudy(Struct, frozen=True, kw_only=True):
    """A training file, checked.

    Attributes:
        candidates: Of a generation.
        seeds: Of a generation, the same for all of its candidates; the next one has others.
        holdout_seeds: That no generation sees.
        seed: Of the search; the hold-out seeds follow it, and those of the generations follow them.
        own: The scenario with the population that it states.
        trained: The scenario in which the trained policy plays.
    """

    name: str
    trained_agents: str
    objective: str
    direction: str
    generations: int
    candidates: int
    seeds: int
    holdout_seeds: int
    seed: int
    family: TrainedFamily
    own: SweptScenario
    trained: TrainedScenario

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides the bytes of its results, as plain values."""
        base = self.own.base
        scenario = {key: held for key, held in base.settings.items() if key not in _OWN}
        family = self.family
        settings = {
            "sim_economy": version("sim-economy"),
            "rules_version": base.config.rules_version,
            **{key: getattr(self, key) for key in _STATED},
            "policy": family.policy_name,
            "parameters": as_json(family.settings),
            "numbers": {
                number.name: [number.low, number.high, number.start] for number in family.numbers
            },
            "scenario": scenario,
        }
        return json.loads(json.dumps(settings, default=str))  # type: ignore[no-any-return]

    @property
    def hash(self) -> str:
        """The digest of its settings."""
        return digest(json.dumps(self.settings, sort_keys=True).encode())

    @property
    def runs(self) -> int:
        """How many runs it plays, on seeds of generations and on hold-out seeds."""
        generation = self.candidates * self.seeds + self.holdout_seeds
        return self.generations * generation + 2 * self.holdout_seeds

    @property
    def is_better_more(self) -> bool:
        """True if more of the objective is better."""
        return self.direction == "max"

    def first_seed(self, generation: int) -> int:
        """The seed before the first of a generation, counted from 1."""
        return self.seed + self.holdout_seeds + (generation - 1) * self.seeds

    def scenario_of(self, candidate: Candidate) -> dict[str, Any]:
        """What a scenario file says in which a candidate plays, plain."""
        given = self.trained.given_at(self.family.changes(candidate))
        usage = given.get("usage")
        if isinstance(usage, dict) and "path" in usage:
            given["usage"] = {**usage, "path": str((self.trained.folder / usage["path"]).resolve())}
        return given


_OWN: Final = frozenset({"name", "runs", "seed"})
_STATED: Final = (
    "name", "trained_agents", "objective", "direction", "generations", "candidates", "seeds",
    "holdout_seeds", "seed",
)  # fmt: skip


def load_training(
    source: str | Path | Mapping[str, Any], changes: Sequence[str] | Mapping[str, Any] = ()
) -> TrainingStudy:
    """A training from its file, or from plain values as a file gives them.

    Args:
        changes: As `load_study` takes them: keys of the file, others as settings of its scenario.

    Raises:
        ScenarioError: With every problem found.
    """
    given, folder, name = read_study_file(source, "training")
    try:
        return _parse(changed_study(given, changes, TrainingTable), folder, name)
    except ScenarioError as error:
        if not isinstance(source, Mapping) and not error.file:
            error.file = str(source)
        raise


def _parse(given: Mapping[str, Any], folder: Path, default_name: str) -> TrainingStudy:
    problems: list[str] = []
    values = read_table(TrainingTable, {"name": default_name, **given}, "", problems)
    settings = {**values["set"]}
    if values["turns"] is not None:
        settings["turns"] = values["turns"]
    own = attempt(
        problems, "", swept_scenario, values["scenario"], folder, settings, values["seed"], None
    )
    family = attempt(problems, "", _family, values)
    if family is None or own is None or problems:
        raise ScenarioError(problems)
    trained = trained_scenario(
        own,
        family.policy_name,
        family.settings,
        family.changes(family.start),
        one=values["trained_agents"] == "one",
    )
    problems += _problems_at_ends(trained, family)
    if problems:
        raise ScenarioError(problems)
    return TrainingStudy(
        family=family,
        own=own,
        trained=trained,
        seed=own.base.seed,
        candidates=values["candidates"] or _candidates(len(family.numbers)),
        **{key: values[key] for key in _STATED if key not in {"seed", "candidates"}},
    )


def _family(values: Mapping[str, Any]) -> TrainedFamily:
    found: list[str] = []
    family = read_family(
        values["policy"], values["parameters"], values["numbers"], values["features"], found
    )
    if family is None:
        raise ScenarioError(found)
    return family


def _problems_at_ends(trained: TrainedScenario, family: TrainedFamily) -> list[str]:
    """What the scenario's reader finds wrong where all numbers are least, and greatest."""
    problems: list[str] = []
    for candidate in (
        tuple(number.low for number in family.numbers),
        tuple(number.high for number in family.numbers),
    ):
        attempt(problems, "numbers: ", trained.at, family.changes(candidate))
    return [*dict.fromkeys(problems)]


def _candidates(numbers: int) -> int:
    """Of a generation, by how many numbers are trained: 4 + 3 ln n.

    Source: arXiv:1604.00772, equation 48.
    """
    from math import floor, log  # noqa: PLC0415

    return 4 + floor(3 * log(numbers)) if numbers > 1 else 4
