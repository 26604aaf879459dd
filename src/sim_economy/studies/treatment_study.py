"""A study of treatments: what is tried, under which behaviours, and what is looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeVar

from msgspec import Struct

from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import (
    Kind,
    NumberText,
    Parameter,
    attempt,
    read_parameter,
    read_struct,
    read_table,
    read_toml,
    suggestion,
)
from sim_economy.experiments.sweeps.plain_values import as_json
from sim_economy.experiments.sweeps.point_scenarios import SweptScenario, swept_scenario
from sim_economy.ledger.records import digest
from sim_economy.scenarios.studies import TREATMENT_STUDIES, study_text
from sim_economy.studies.study_outcomes import OUTCOMES
from sim_economy.studies.study_tables import (
    TURNS_MAX,
    BehaviourTable,
    HorizonTable,
    OutcomeTable,
    ShockTable,
    SliceTable,
    StudyTable,
    ThresholdTable,
    TreatmentTable,
)

GRANT: Final = "grant"
"""The key of a treatment that gives every agent so many tokens in turn 1."""
TARIFF: Final = "base_inference_rate"
"""The key of a treatment that cuts the tariff."""
REFERENCE_KEYS: Final = (TARIFF, GRANT)
"""Keys that can spare or give as many tokens as another treatment."""
OFF: Final = "off"
"""The name of the arm without a treatment."""


class Horizon(Struct, frozen=True):
    """A turn after which outcomes are read, and how many replicates play so far."""

    turns: int
    seeds: int


class StudyBehaviour(Struct, frozen=True, kw_only=True):
    """One way in which agents decide.

    Attributes:
        horizons: Those that it plays, the shortest first.
        settings: What the study states of it.
    """

    name: str
    scenario: SweptScenario
    horizons: tuple[Horizon, ...]
    settings: dict[str, Any]


class Treatment(Struct, frozen=True, kw_only=True):
    """What is tried.

    Attributes:
        doses: As a file writes them, from weak to strong.
        dose: The one of them that is compared and combined.
        wages: Whether both readings of wages are played.
        is_reference: Whether others are measured against it at equal tokens.
    """

    name: str
    key: str
    doses: tuple[str, ...]
    dose: str
    wages: bool
    is_reference: bool
    settings: dict[str, Any]


class Outcome(Struct, frozen=True):
    """A primary outcome, with the smallest difference that is worth acting on."""

    name: str
    smallest_effect: float


class StudyShock(Struct, frozen=True):
    """What hits the world in some turns, as `governance.shocks` takes it."""

    name: str
    entries: tuple[dict[str, Any], ...]

    @property
    def first_turn(self) -> int:
        """The first turn that differs."""
        return min(int(entry["turn"]) for entry in self.entries)

    @property
    def last_turn(self) -> int:
        """The last turn that differs."""
        return max(int(entry.get("until", entry["turn"])) for entry in self.entries)


class ThresholdCurve(Struct, frozen=True, kw_only=True):
    """The curve of insolvency over one key of behaviour, with nothing else changed."""

    key: str
    values: tuple[str, ...]
    published: str
    seeds: int
    turns: int


class TreatmentStudy(Struct, frozen=True, kw_only=True):
    """A study of treatments, checked.

    Attributes:
        behaviours: The first one is the one that sentences start from.
        factorial: Names of treatments that are also tried together, each with each.
        threshold_behaviours: A behaviour for each value of the threshold curve, in its order.
        given: The study as it was written, plain.
    """

    name: str
    question: str
    minutes_max: int
    horizons: tuple[Horizon, ...]
    behaviours: tuple[StudyBehaviour, ...]
    treatments: tuple[Treatment, ...]
    outcomes: tuple[Outcome, ...]
    shocks: tuple[StudyShock, ...]
    factorial: tuple[str, ...]
    threshold: ThresholdCurve | None
    threshold_behaviours: tuple[StudyBehaviour, ...]
    given: dict[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides its results, as plain values."""
        bases = [own.scenario.base for own in self.behaviours]
        stated = {
            "sim_economy": version("sim-economy"),
            "rules_version": bases[0].config.rules_version,
            "study": as_json(self.given),
            "scenarios": [base.settings for base in bases],
        }
        return json.loads(json.dumps(stated, default=str))  # type: ignore[no-any-return]

    @property
    def hash(self) -> str:
        """The digest of its settings; every result of the study names it."""
        return digest(json.dumps(self.settings, sort_keys=True).encode())

    @property
    def references(self) -> list[Treatment]:
        """Treatments that others are measured against at equal tokens."""
        return [own for own in self.treatments if own.is_reference]

    def behaviour(self, name: str) -> StudyBehaviour:
        """A behaviour by its name."""
        return next(own for own in self.behaviours if own.name == name)

    def treatment(self, name: str) -> Treatment:
        """A treatment by its name."""
        return next(own for own in self.treatments if own.name == name)


def load_treatment_study(
    source: str | Path | Mapping[str, Any],
    changes: Mapping[str, Any] | None = None,
    *,
    is_slice: bool = False,
) -> TreatmentStudy:
    """A study from its file, a shipped one by name, or plain values as a file gives them.

    Args:
        changes: Values by key that go over those at the top of the file.
        is_slice: Whether only what its `[slice]` names is played.

    Raises:
        ScenarioError: With every problem found.
    """
    if isinstance(source, Mapping):
        return parse_treatment_study(_chosen({**source, **(changes or {})}, is_slice), Path())
    name = str(source)
    if name in TREATMENT_STUDIES:
        given, folder = read_toml(study_text(name)), Path()
    else:
        given, folder = read_toml(_file_text(name)), Path(name).parent
    try:
        chosen = _chosen({**given, **(changes or {})}, is_slice)
        return parse_treatment_study(chosen, folder, Path(name).stem)
    except ScenarioError as error:
        if name not in TREATMENT_STUDIES and not error.file:
            error.file = name
        raise


def _chosen(given: dict[str, Any], is_slice: bool) -> dict[str, Any]:
    """The values of a study, or of the slice of it that its file names."""
    if not is_slice:
        return given
    problems: list[str] = []
    if given.get("slice") is None:
        raise ScenarioError(["slice: the study names none; state [slice], or play it whole"])
    own = read_struct(SliceTable, given["slice"], "slice", problems)
    entries = given.get("behaviours", ())
    if own is None:
        raise ScenarioError(problems)
    names = [entry.get("name") for entry in entries if isinstance(entry, Mapping)]
    problems += [
        f"slice.behaviours: there is no {name}{suggestion(name, [*map(str, names)])}"
        for name in own.behaviours
        if name not in names
    ]
    if problems:
        raise ScenarioError(problems)
    chosen = [entry for entry in entries if entry.get("name") in own.behaviours]
    horizons = [{"turns": own.turns, "seeds": own.seeds}]
    name = f"{given.get('name', 'study')}-slice"
    return {**given, "name": name, "horizons": horizons, "behaviours": chosen}


def _file_text(source: str) -> str:
    known = f"shipped are {', '.join(TREATMENT_STUDIES)}"
    try:
        return Path(source).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        near = suggestion(source, TREATMENT_STUDIES)
        raise ScenarioError([f"{source}: no such study file; {known}{near}"]) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ScenarioError([f"{source[:100]}: cannot be read: {reason}; {known}"]) from None


def parse_treatment_study(
    given: Mapping[str, Any], folder: Path, default_name: str = "study"
) -> TreatmentStudy:
    """A study from plain values, as its file gives them.

    Args:
        folder: Where the relative paths of its scenarios start.

    Raises:
        ScenarioError: With every problem found.
    """
    if "vary" in given:
        raise ScenarioError(
            ["vary: is a sweep's; play this file with `sim-economy sweep`, or state [[treatments]]"]
        )
    problems: list[str] = []
    values = read_table(StudyTable, {"name": default_name, **given}, "", problems)
    if problems:
        raise ScenarioError(problems)
    horizons = _horizons(values["horizons"], problems)
    behaviours = _behaviours(values, horizons, folder, problems)
    treatments = _treatments(values["treatments"], problems)
    outcomes = _outcomes(values["outcomes"], problems)
    shocks = _shocks(values["shocks"], problems)
    threshold = _threshold(values["threshold"], problems)
    curve = _curve(values, threshold, folder, problems)
    names = [own.name for own in treatments if not own.is_reference]
    problems += [
        f"factorial: there is no treatment {name}{suggestion(name, names)}"
        for name in values["factorial"]
        if name not in names
    ]
    if problems:
        raise ScenarioError(problems)
    return TreatmentStudy(
        name=values["name"],
        question=values["question"],
        minutes_max=values["minutes_max"],
        horizons=horizons,
        behaviours=behaviours,
        treatments=treatments,
        outcomes=outcomes,
        shocks=shocks,
        factorial=values["factorial"],
        threshold=threshold,
        threshold_behaviours=curve,
        given=dict(given),
    )


T = TypeVar("T", bound=Struct)


def _entries(table: type[T], given: Any, path: str, problems: list[str]) -> list[T]:
    """The entries of an array of tables, those that are right; names must differ."""
    found = [
        entry
        for index, own in enumerate(given)
        if (entry := read_struct(table, own, f"{path}[{index}]", problems)) is not None
    ]
    names = [getattr(entry, "name", index) for index, entry in enumerate(found)]
    problems += [f"{path}: {name} stands twice" for name in {*names} if names.count(name) > 1]
    return found


def _horizons(given: Any, problems: list[str]) -> tuple[Horizon, ...]:
    tables = _entries(HorizonTable, given, "horizons", problems)
    found = sorted({own.turns: Horizon(own.turns, own.seeds) for own in tables}.items())
    horizons = tuple(horizon for _, horizon in found)
    seeds = [own.seeds for own in horizons]
    if seeds != sorted(seeds, reverse=True):
        problems.append("horizons: a longer one may not have more seeds than a shorter one")
    return horizons


def _behaviours(
    values: Mapping[str, Any], horizons: Sequence[Horizon], folder: Path, problems: list[str]
) -> tuple[StudyBehaviour, ...]:
    found = []
    for own in _entries(BehaviourTable, values["behaviours"], "behaviours", problems):
        source = own.scenario or values["scenario"]
        limit = own.turns_max or horizons[-1].turns
        played = tuple(horizon for horizon in horizons if horizon.turns <= limit)
        path = f"behaviours.{own.name}: "
        if not played:
            problems.append(f"{path}turns_max is below the first horizon")
            continue
        settings = {**own.set, "turns": played[-1].turns, "runs": played[0].seeds}
        scenario = attempt(
            problems, path, swept_scenario, source, folder, settings, values["seed"], None
        )
        if scenario is not None:
            found.append(
                StudyBehaviour(
                    name=own.name, scenario=scenario, horizons=played, settings=dict(own.set)
                )
            )
    return tuple(found)


def _treatments(given: Any, problems: list[str]) -> tuple[Treatment, ...]:
    found = []
    for own in _entries(TreatmentTable, given, "treatments", problems):
        path = f"treatments.{own.name}"
        doses = _numbers(own.doses, f"{path}.doses", problems)
        dose = f"{own.dose.normalize():f}"
        if dose not in doses:
            problems.append(f"{path}.dose: {dose} is none of its doses {', '.join(doses)}")
        found.append(
            Treatment(
                name=own.name,
                key=own.key,
                doses=doses,
                dose=dose,
                wages=own.wages,
                is_reference=own.is_reference,
                settings=dict(own.set),
            )
        )
        if own.is_reference and own.key not in REFERENCE_KEYS:
            known = " or ".join(REFERENCE_KEYS)
            problems.append(f"{path}.is_reference: tokens can be matched by {known} alone")
    return tuple(found)


def _numbers(given: Any, path: str, problems: list[str]) -> tuple[str, ...]:
    found = []
    for value in given:
        try:
            number: Decimal = read_parameter(_NUMBER, value, None)
            found.append(f"{number.normalize():f}")
        except ValueError as error:
            problems.append(f"{path}: {value}: {error}")
    if len({*found}) < len(found):
        problems.append(f"{path}: a value stands twice")
    return tuple(found)


_NUMBER: Final = Parameter(Kind.NUMBER, "a value", -TURNS_MAX, TURNS_MAX)


def _outcomes(given: Any, problems: list[str]) -> tuple[Outcome, ...]:
    found = []
    for own in _entries(OutcomeTable, given, "outcomes", problems):
        if own.name not in OUTCOMES:
            near = suggestion(own.name, OUTCOMES)
            problems.append(f"outcomes: there is no {own.name}{near}; known are {_listed()}")
        elif own.smallest_effect <= 0:
            problems.append(f"outcomes.{own.name}.smallest_effect: must be above 0")
        found.append(Outcome(own.name, float(own.smallest_effect)))
    return tuple(found)


def _listed() -> str:
    return ", ".join(OUTCOMES)


def _shocks(given: Any, problems: list[str]) -> tuple[StudyShock, ...]:
    tables = _entries(ShockTable, given, "shocks", problems)
    return tuple(
        StudyShock(own.name, tuple(dict(entry) for entry in own.entries)) for own in tables
    )


def _threshold(given: Any, problems: list[str]) -> ThresholdCurve | None:
    if given is None:
        return None
    own = read_struct(ThresholdTable, given, "threshold", problems)
    if own is None:
        return None
    values = _numbers(own.values, "threshold.values", problems)
    published = f"{own.published.normalize():f}"
    if published not in values:
        problems.append(f"threshold.published: {published} is none of its values")
    return ThresholdCurve(
        key=own.key, values=values, published=published, seeds=own.seeds, turns=own.turns
    )


def _curve(
    values: Mapping[str, Any], curve: ThresholdCurve | None, folder: Path, problems: list[str]
) -> tuple[StudyBehaviour, ...]:
    if curve is None:
        return ()
    found = []
    for value in curve.values:
        settings = {curve.key: as_setting(value), "turns": curve.turns, "runs": curve.seeds}
        scenario = attempt(
            problems, f"threshold.values: {value}: ", swept_scenario,
            values["scenario"], folder, settings, values["seed"], None,
        )  # fmt: skip
        if scenario is not None:
            found.append(
                StudyBehaviour(
                    name=f"{curve.key} {value}",
                    scenario=scenario,
                    horizons=(Horizon(curve.turns, curve.seeds),),
                    settings=settings,
                )
            )
    return tuple(found)


def as_setting(number: str) -> int | NumberText:
    """A number of a study as a change of a scenario takes it."""
    return NumberText(number) if "." in number else int(number)
