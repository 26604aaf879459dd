"""The file of a study of treatments, read strictly: every problem at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim_economy.core.errors import ScenarioError
from sim_economy.core.suggestions import suggestion
from sim_economy.core.table_reader import attempt, read_struct, read_table
from sim_economy.experiments.sweeps.point_scenarios import swept_scenario
from sim_economy.experiments.sweeps.study_changes import read_study_file
from sim_economy.scenarios.studies import TREATMENT_STUDIES
from sim_economy.studies.robustness_reader import read_robustness
from sim_economy.studies.study_parts_reader import (
    excluding,
    read_curve,
    read_outcomes,
    read_shocks,
    read_threshold,
    read_training,
    read_treatments,
)
from sim_economy.studies.study_tables import (
    BehaviourTable,
    HorizonTable,
    SliceTable,
    TreatmentStudyTable,
    read_entries,
)
from sim_economy.studies.treatment_study import (
    Horizon,
    RobustnessCheck,
    StudyBehaviour,
    TreatmentStudy,
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
        sliced[key] = [name for name in given.get(key, ()) if name in tried] or None
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
    treatments = read_treatments(values["treatments"], problems)
    outcomes = read_outcomes(values["outcomes"], problems)
    shocks = read_shocks(values["shocks"], problems)
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
    problems += excluding(treatments, values["full_factorial"])
    robustness: tuple[RobustnessCheck, ...] = ()
    if behaviours:
        robustness = read_robustness(values, behaviours[0], folder, problems)
    training = read_training(values["training"], problems)
    threshold = read_threshold(values["threshold"], problems)
    curve = read_curve(values, threshold, folder, problems)
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
