"""The parts of a study's file: treatments, outcomes, shocks, training, the threshold curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from sim_economy.core.suggestions import suggestion
from sim_economy.core.table_reader import Kind, Parameter, attempt, read_parameter, read_struct
from sim_economy.experiments.sweeps.point_scenarios import swept_scenario
from sim_economy.studies.study_outcomes import OUTCOMES
from sim_economy.studies.study_tables import (
    TURNS_MAX,
    OutcomeTable,
    ShockTable,
    StudyTrainingTable,
    ThresholdTable,
    TreatmentTable,
    read_entries,
)
from sim_economy.studies.treatment_study import (
    REFERENCE_KEYS,
    PrimaryOutcome,
    StudyBehaviour,
    StudyShock,
    StudyTraining,
    ThresholdCurve,
    Treatment,
    as_setting,
)


def read_treatments(given: Any, problems: list[str]) -> tuple[Treatment, ...]:
    """What is tried."""
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


def excluding(treatments: Sequence[Treatment], names: Sequence[str]) -> list[str]:
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


def read_outcomes(given: Any, problems: list[str]) -> tuple[PrimaryOutcome, ...]:
    """Primary outcomes."""
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


def read_shocks(given: Any, problems: list[str]) -> tuple[StudyShock, ...]:
    """What hits the world."""
    tables = read_entries(ShockTable, given, "shocks", problems)
    return tuple(
        StudyShock(own.name, tuple(dict(entry) for entry in own.entries)) for own in tables
    )


def read_training(given: Any, problems: list[str]) -> StudyTraining | None:
    """How agents are trained; None where they are not."""
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


def read_threshold(given: Any, problems: list[str]) -> ThresholdCurve | None:
    """The threshold curve; None where there is none."""
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


def read_curve(
    values: Mapping[str, Any], curve: ThresholdCurve | None, folder: Path, problems: list[str]
) -> tuple[StudyBehaviour, ...]:
    """A behaviour for each value of the threshold curve."""
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
