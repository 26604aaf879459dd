"""The file of a study of treatments, read strictly: every problem at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import (
    Kind,
    Parameter,
    attempt,
    read_parameter,
    read_struct,
    read_table,
    suggestion,
)
from sim_economy.experiments.sweeps.point_scenarios import swept_scenario
from sim_economy.experiments.sweeps.study_changes import read_study_file
from sim_economy.scenarios.studies import TREATMENT_STUDIES
from sim_economy.studies.robustness_reader import read_robustness
from sim_economy.studies.study_outcomes import OUTCOMES
from sim_economy.studies.study_tables import (
    TURNS_MAX,
    BehaviourTable,
    HorizonTable,
    OutcomeTable,
    ShockTable,
    SliceTable,
    StudyTrainingTable,
    ThresholdTable,
    TreatmentStudyTable,
    TreatmentTable,
    read_entries,
)
from sim_economy.studies.treatment_study import (
    REFERENCE_KEYS,
    Horizon,
    PrimaryOutcome,
    RobustnessCheck,
    StudyBehaviour,
    StudyShock,
    StudyTraining,
    ThresholdCurve,
    Treatment,
    TreatmentStudy,
    as_setting,
)


def read_treatment_study(
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
    given, folder, name = read_study_file(source, "study", TREATMENT_STUDIES)
    chosen = _chosen({**given, **(changes or {})}, is_slice)
    try:
        return parse_treatment_study(chosen, folder, name, is_slice=is_slice)
    except ScenarioError as error:
        if not isinstance(source, Mapping) and name not in TREATMENT_STUDIES and not error.file:
            error.file = str(source)
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
    kept = [
        entry
        for entry in given.get("treatments", ())
        if not entry.get("behaviours") or {*entry["behaviours"]} <= {*own.behaviours}
    ]
    sliced: dict[str, Any] = {
        "name": name,
        "horizons": horizons,
        "behaviours": chosen,
        "treatments": kept,
    }
    tried = {entry.get("name") for entry in kept}
    for key in ("factorial", "full_factorial"):
        sliced[key] = [name for name in given.get(key, ()) if name in tried]
    curve = given.get("threshold")
    if isinstance(curve, Mapping):
        sliced["threshold"] = {key: curve[key] for key in curve if key != "window_turns"}
    return {**given, **sliced, "training": None}


def parse_treatment_study(
    given: Mapping[str, Any], folder: Path, default_name: str = "study", *, is_slice: bool = False
) -> TreatmentStudy:
    """A study from plain values, as its file gives them.

    Args:
        given: A key of None is as one that is missing.
        folder: Where the relative paths of its scenarios start.

    Raises:
        ScenarioError: With every problem found.
    """
    if "vary" in given:
        raise ScenarioError(
            ["vary: is a sweep's; play this file with `sim-economy sweep`, or state [[treatments]]"]
        )
    problems: list[str] = []
    stated = {key: value for key, value in given.items() if value is not None}
    values = read_table(TreatmentStudyTable, {"name": default_name, **stated}, "", problems)
    if problems:
        raise ScenarioError(problems)
    horizons = _horizons(values["horizons"], problems)
    behaviours = _behaviours(values, horizons, folder, problems)
    treatments = _treatments(values["treatments"], problems)
    outcomes = _outcomes(values["outcomes"], problems)
    shocks = _shocks(values["shocks"], problems)
    known = [own.name for own in behaviours]
    problems += [
        f"treatments.{own.name}.behaviours: there is no {name}{suggestion(name, known)}"
        for own in treatments
        for name in own.behaviours
        if name not in known
    ]
    known = [own.name for own in treatments if not own.is_reference]
    for key in ("factorial", "full_factorial"):
        problems += [
            f"{key}: there is no treatment {name}{suggestion(name, known)}"
            for name in values[key]
            if name not in known
        ]
    problems += _excluding(treatments, values["full_factorial"])
    robustness: tuple[RobustnessCheck, ...] = ()
    if behaviours:
        robustness = read_robustness(values, behaviours[0], folder, problems)
    training = _training(values["training"], problems)
    threshold = _threshold(values["threshold"], problems)
    curve = _curve(values, threshold, folder, problems)
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
        full_factorial=values["full_factorial"],
        robustness=robustness,
        training=training,
        threshold=threshold,
        threshold_behaviours=curve,
        is_slice=is_slice,
        given=stated,
    )


def _horizons(given: Any, problems: list[str]) -> tuple[Horizon, ...]:
    tables = read_entries(HorizonTable, given, "horizons", problems)
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
    for own in read_entries(BehaviourTable, values["behaviours"], "behaviours", problems):
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
    for own in read_entries(TreatmentTable, given, "treatments", problems):
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
                behaviours=own.behaviours,
                settings=dict(own.set),
            )
        )
        if own.is_reference and own.key not in REFERENCE_KEYS:
            known = " or ".join(REFERENCE_KEYS)
            problems.append(f"{path}.is_reference: tokens can be matched by {known} alone")
    return tuple(found)


def _excluding(treatments: Sequence[Treatment], names: Sequence[str]) -> list[str]:
    """What is wrong with treatments that are to be in force together."""
    own = [each for each in treatments if each.name in names]
    return [
        f"full_factorial: {one.name} and {other.name} set one key to different values; name one"
        for one, other in combinations(own, 2)
        if one.excludes(other)
    ]


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


def _outcomes(given: Any, problems: list[str]) -> tuple[PrimaryOutcome, ...]:
    found = []
    for own in read_entries(OutcomeTable, given, "outcomes", problems):
        if own.name not in OUTCOMES:
            near = suggestion(own.name, OUTCOMES)
            problems.append(f"outcomes: there is no {own.name}{near}; known are {_listed()}")
        elif own.smallest_effect <= 0:
            problems.append(f"outcomes.{own.name}.smallest_effect: must be above 0")
        found.append(PrimaryOutcome(own.name, float(own.smallest_effect)))
    return tuple(found)


def _listed() -> str:
    return ", ".join(OUTCOMES)


def _shocks(given: Any, problems: list[str]) -> tuple[StudyShock, ...]:
    tables = read_entries(ShockTable, given, "shocks", problems)
    return tuple(
        StudyShock(own.name, tuple(dict(entry) for entry in own.entries)) for own in tables
    )


def _training(given: Any, problems: list[str]) -> StudyTraining | None:
    if given is None:
        return None
    own = read_struct(StudyTrainingTable, given, "training", problems)
    if own is None:
        return None
    return StudyTraining(
        repeats=own.repeats,
        turns=own.turns,
        generations=own.generations,
        seeds=own.seeds,
        holdout_seeds=own.holdout_seeds,
        numbers=dict(own.numbers),
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
    if own.window_turns is not None and own.window_turns <= own.turns:
        problems.append(f"threshold.window_turns: must be above turns, {own.turns}")
    if own.window_turns is not None and own.window_seeds > own.seeds:
        problems.append(f"threshold.window_seeds: must not be above seeds, {own.seeds}")
    return ThresholdCurve(
        key=own.key,
        values=values,
        published=published,
        seeds=own.seeds,
        turns=own.turns,
        window_turns=own.window_turns,
        window_seeds=own.window_seeds,
    )


def _curve(
    values: Mapping[str, Any], curve: ThresholdCurve | None, folder: Path, problems: list[str]
) -> tuple[StudyBehaviour, ...]:
    if curve is None:
        return ()
    found = []
    for value in curve.values:
        turns = curve.horizons[-1].turns
        settings = {curve.key: as_setting(value), "turns": turns, "runs": curve.seeds}
        scenario = attempt(
            problems, f"threshold.values: {value}: ", swept_scenario,
            values["scenario"], folder, settings, None, None,
        )  # fmt: skip
        if scenario is not None:
            found.append(
                StudyBehaviour(
                    name=f"{curve.key} {value}",
                    scenario=scenario,
                    horizons=curve.horizons,
                    settings=settings,
                )
            )
    return tuple(found)
