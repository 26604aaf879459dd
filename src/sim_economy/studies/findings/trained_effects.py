"""What rules do where agents are trained against them, over worlds and over trainings."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from msgspec.structs import replace

from sim_economy.statistics.intervals import student_interval
from sim_economy.studies.findings.study_effects import Effect, judged, paired_effect
from sim_economy.studies.findings.study_results import ArmOutcomes, StudyResults
from sim_economy.studies.trained_arms import trained_name
from sim_economy.studies.treatment_study import OFF


def trained_effects(results: StudyResults) -> list[Effect]:
    """What each rule does where agents are trained against it, from agents trained against none.

    A training against a rule is paired with the one against none that drew the same seeds.
    """
    study = results.study
    if study.training is None:
        return []
    behaviour = study.behaviours[0]
    found = []
    for treatment in study.tried(behaviour):
        for horizon in behaviour.horizons:
            own = trained_arms(results, treatment.compared, horizon.turns)
            off = trained_arms(results, OFF, horizon.turns)
            if own and len(own) == len(off):
                found += [
                    _trained_effect(own, off, outcome.name, outcome.smallest_effect)
                    for outcome in study.outcomes
                ]
    return found


def trained_arms(results: StudyResults, arm: str, turns: int) -> list[ArmOutcomes]:
    """An arm with the agents of each of its trainings, by repeat."""
    study = results.study
    repeats = 0 if study.training is None else study.training.repeats
    found = [
        results.arm(study.behaviours[0].name, trained_name(arm, repeat), turns)
        for repeat in range(1, repeats + 1)
    ]
    return [own for own in found if own is not None]


def _trained_effect(
    own: Sequence[ArmOutcomes], off: Sequence[ArmOutcomes], outcome: str, smallest: float
) -> Effect:
    """The effect over worlds, with its spread over trainings; the wider interval is judged."""
    by_training = [one.differences(other, outcome) for one, other in zip(own, off, strict=True)]
    means = [statistics.mean(differences) for differences in by_training]
    base = _averaged(off, outcome)
    effect = paired_effect(_averaged(own, outcome), base, outcome, smallest)
    over_trainings = student_interval(means)
    effect = replace(effect, trainings=len(own), over_trainings=over_trainings)
    if _width(over_trainings) <= _width(effect.student):
        return effect
    verdict, equivalence = judged(means, base.mean(outcome), outcome, smallest)
    return replace(effect, verdict=verdict, equivalence=equivalence)


def _width(interval: tuple[float | None, float | None]) -> float:
    low, high = interval
    return 0.0 if low is None or high is None else high - low


def _averaged(arms: Sequence[ArmOutcomes], outcome: str) -> ArmOutcomes:
    """An arm whose outcome in each world is the mean over trainings."""
    values = {
        name: [
            statistics.mean(run) for run in zip(*(own.values[name] for own in arms), strict=True)
        ]
        for name in (outcome, "granted")
    }
    active = statistics.mean(own.active_turns for own in arms)
    return replace(arms[0], values=values, active_turns=active)
