"""What each arm changes: paired differences from the world without it, judged by size."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final
from zlib import crc32

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.statistics.coverage import COVERAGE_MIN, sample_coverage
from sim_economy.statistics.equivalence import paired_equivalence
from sim_economy.statistics.interaction import interaction_contrasts
from sim_economy.statistics.intervals import Interval
from sim_economy.statistics.multiple_testing import holm
from sim_economy.statistics.paired_differences import all_alike, paired_estimate
from sim_economy.studies.findings.study_results import ArmOutcomes, StudyResults
from sim_economy.studies.study_arms import ArmKind
from sim_economy.studies.study_outcomes import OUTCOMES
from sim_economy.studies.trained_arms import trained_name
from sim_economy.studies.treatment_study import OFF, TreatmentStudy


class Mode(StrEnum):
    """What agents do under a treatment."""

    FIXED = "behaviour held fixed"
    DECIDING = "agents decide again"
    TRAINED = "agents trained against the rule"


class Verdict(StrEnum):
    """What an interval says of a difference, beside the smallest that is worth acting on."""

    CERTAIN = "the same in all pairs"
    LARGE = "beyond the smallest effect"
    CLEAR = "some effect, its size uncertain"
    NOTHING = "smaller than matters"
    NO_ROOM = "no room to matter"
    INERT = "never acted"
    UNCLEAR = "unclear"


class Effect(Struct, frozen=True, kw_only=True):
    """A difference of an arm from the one without a treatment, in an outcome.

    Attributes:
        treatment: Its name, without dose or mode.
        base: The name of the arm in which agents decide again.
        pairs: Runs of both with the same seed.
        off: The mean without a treatment.
        mean: The mean difference.
        student: Student's t interval at 95 %.
        bca: The bootstrap interval (BCa) at 95 %.
        p_value: Of flipping signs; None where nothing is left to chance.
        adjusted: The same by Holm's method over the primary effects of its behaviour and horizon.
        deviation: Standard deviation of the differences.
        smallest: The smallest difference worth acting on.
        equivalence: Student's t interval at 90 %, by which a difference is none that matters.
        coverage: What intervals of 95 % cover of values as many and as skewed as these, measured;
            None where that is 90 % or more.
        run_id: Of the first of its runs.
    """

    behaviour: str
    arm: str
    treatment: str
    base: str
    turns: int
    mode: Mode
    outcome: str
    pairs: int
    off: float
    mean: float
    student: Interval
    bca: Interval
    p_value: float | None
    adjusted: float | None = None
    deviation: float
    smallest: float
    equivalence: Interval
    coverage: float | None
    verdict: Verdict
    run_id: str

    @property
    def subject(self) -> tuple[str, int, str, str]:
        """What it is about, whatever agents do: effects in two modes are compared by it."""
        return self.behaviour, self.turns, self.base, self.outcome

    @property
    def is_better(self) -> bool:
        """True if whoever the outcome is about is better off, on average."""
        return self.mean * OUTCOMES[self.outcome].better > 0


def primary_effects(results: StudyResults) -> list[Effect]:
    """The effects that the study was made for: each treatment at its dose, in each primary outcome.

    Their p-values are adjusted together under each behaviour and at each horizon.
    """
    study = results.study
    found = [
        effect_of(results, own, outcome.name, outcome.smallest_effect)
        for behaviour in study.behaviours
        for horizon in behaviour.horizons
        for own in tried_arms(results, behaviour.name, horizon.turns)
        for outcome in study.outcomes
    ]
    families: dict[tuple[str, int], list[Effect]] = {}
    for effect in found:
        families.setdefault((effect.behaviour, effect.turns), []).append(effect)
    return [effect for family in families.values() for effect in _adjusted(family)]


def _adjusted(family: Sequence[Effect]) -> list[Effect]:
    """The effects with p-values adjusted by Holm's method over all that chance has a part in."""
    adjusted = iter(holm([own.p_value for own in family if own.p_value is not None]))
    return [own if own.p_value is None else replace(own, adjusted=next(adjusted)) for own in family]


def tried_arms(results: StudyResults, behaviour: str, turns: int) -> list[ArmOutcomes]:
    """Each treatment but references at its own dose, in the study's order."""
    study = results.study
    tried = study.tried(study.behaviour(behaviour))
    found = [results.arm(behaviour, own.compared, turns) for own in tried]
    return [own for own in found if own is not None]


def fixed_effects(results: StudyResults) -> list[Effect]:
    """The effects of the same treatments with what agents decide held fixed."""
    return [
        effect_of(results, own, outcome.name, outcome.smallest_effect)
        for own in results.of(kinds=[ArmKind.FIXED])
        for outcome in results.study.outcomes
    ]


def trained_effects(results: StudyResults) -> list[Effect]:
    """What each rule does where agents are trained against it, from agents trained against none."""
    found = []
    for own in results.of(kinds=[ArmKind.TRAINED]):
        off = results.arm(own.behaviour, trained_name(OFF), own.turns)
        if off is None or not own.arm.treatments:
            continue
        found += [
            _effect(own, off, outcome.name, outcome.smallest_effect)
            for outcome in results.study.outcomes
        ]
    return found


def effect_of(results: StudyResults, own: ArmOutcomes, outcome: str, smallest: float) -> Effect:
    """What an arm changes in an outcome."""
    off = results.off(own.behaviour, own.turns)
    return _effect(own, off, outcome, smallest)


def _effect(own: ArmOutcomes, other: ArmOutcomes, outcome: str, smallest: float) -> Effect:
    differences = own.differences(other, outcome)
    seed = crc32(f"{own.run_id()} {outcome}".encode())
    estimate = paired_estimate(differences, seed)
    equivalence = paired_equivalence(differences, smallest)
    return Effect(
        behaviour=own.behaviour,
        arm=own.arm.name,
        treatment=" + ".join(own.arm.treatments),
        base=own.arm.base or own.arm.name,
        turns=own.turns,
        mode=_MODES.get(own.arm.kind, Mode.DECIDING),
        outcome=outcome,
        pairs=estimate.pairs,
        off=other.mean(outcome),
        mean=estimate.mean,
        student=estimate.student,
        bca=estimate.bca,
        p_value=estimate.p_value,
        deviation=statistics.stdev(differences) if len(differences) > 1 else 0.0,
        smallest=smallest,
        equivalence=equivalence.interval,
        coverage=_low_coverage(differences),
        verdict=_verdict(
            differences,
            estimate.student,
            smallest,
            is_equivalent=equivalence.is_equivalent,
            has_room=_has_room(outcome, other.mean(outcome), smallest),
        ),
        run_id=own.run_id(),
    )


_MODES: Final = {ArmKind.FIXED: Mode.FIXED, ArmKind.TRAINED: Mode.TRAINED}


def _low_coverage(differences: Sequence[float]) -> float | None:
    nearest = sample_coverage(differences)
    if nearest is None or nearest.student >= COVERAGE_MIN:
        return None
    return nearest.student


def _has_room(outcome: str, off: float, smallest: float) -> bool:
    """Whether an outcome that cannot fall below zero could fall by as much as matters."""
    return outcome not in _NOT_BELOW_ZERO or off >= smallest


_NOT_BELOW_ZERO: Final = frozenset(
    {"insolvent_percent", "insolvent_at_end", "mean_depth", "squared_depth"}
)


def _verdict(
    differences: Sequence[float],
    interval: Interval,
    smallest: float,
    *,
    is_equivalent: bool,
    has_room: bool,
) -> Verdict:
    """What the interval says; a difference that nothing is left of to chance is certain."""
    low, high = interval
    if not any(differences):
        return Verdict.INERT
    if is_equivalent:
        return Verdict.NOTHING if has_room or (high or 0) >= 0 else Verdict.NO_ROOM
    if all_alike(differences):
        return Verdict.CERTAIN
    if low is None or high is None:
        return Verdict.UNCLEAR
    if low >= smallest or high <= -smallest:
        return Verdict.LARGE
    return Verdict.CLEAR if low > 0 or high < 0 else Verdict.UNCLEAR


class MatchedEffect(Struct, frozen=True, kw_only=True):
    """A treatment beside a reference that spares or gives as many tokens.

    Attributes:
        tokens: Spared or given by the treatment, a run.
        reference_tokens: By the reference, a run; None where nothing could be matched.
        dose: Of the reference.
        means: Of the outcome: without a treatment, under it, under the reference.
        difference: The treatment less the reference; None where nothing could be matched.
    """

    behaviour: str
    arm: str
    turns: int
    reference: str
    dose: str
    tokens: float
    reference_tokens: float | None
    outcome: str
    means: tuple[float, float, float | None]
    difference: Effect | None


def matched_effects(results: StudyResults, outcomes: Iterable[str]) -> list[MatchedEffect]:
    """Each treatment at its dose beside each reference at equal tokens."""
    study = results.study
    smallest = {own.name: own.smallest_effect for own in study.outcomes}
    found = []
    matched = {
        (own.behaviour, own.arm.matched, own.turns, own.arm.treatments[0]): own
        for own in results.of(kinds=[ArmKind.MATCHED])
    }
    for behaviour in study.behaviours:
        for horizon in behaviour.horizons:
            off = results.off(behaviour.name, horizon.turns)
            for own in tried_arms(results, behaviour.name, horizon.turns):
                for reference in study.references:
                    key = (behaviour.name, own.arm.name, horizon.turns, reference.name)
                    other = matched.get(key)
                    found += [
                        MatchedEffect(
                            behaviour=behaviour.name,
                            arm=own.arm.name,
                            turns=horizon.turns,
                            reference=reference.name,
                            dose="" if other is None else other.arm.dose,
                            tokens=own.mean("granted"),
                            reference_tokens=None if other is None else other.mean("granted"),
                            outcome=outcome,
                            means=(
                                off.mean(outcome),
                                own.mean(outcome),
                                None if other is None else other.mean(outcome),
                            ),
                            difference=None
                            if other is None
                            else _effect(own, other, outcome, smallest[outcome]),
                        )
                        for outcome in outcomes
                    ]
    return found


class Interaction(Struct, frozen=True, kw_only=True):
    """Two treatments together: half of (both - one - other + neither), over common seeds.

    Attributes:
        together: What both change, on average.
        mean: The interaction: below zero of a share of insolvency, they help more together.
        interval: Student's t interval at 95 %.
    """

    behaviour: str
    turns: int
    treatments: tuple[str, str]
    outcome: str
    pairs: int
    together: float
    mean: float
    interval: Interval


def interactions(results: StudyResults, outcomes: Iterable[str]) -> list[Interaction]:
    """The interaction of each two treatments of the factorial."""
    study = results.study
    found = []
    for own in results.of(kinds=[ArmKind.TOGETHER]):
        if len(own.arm.treatments) != 2:
            continue
        first, second = (study.treatment(name) for name in own.arm.treatments)
        singles = [results.arm(own.behaviour, each.compared, own.turns) for each in (first, second)]
        off = results.off(own.behaviour, own.turns)
        for outcome in outcomes:
            cells = [arm.values[outcome] for arm in (own, *singles, off) if arm is not None]
            halves = interaction_contrasts(*cells)
            estimate = paired_estimate(halves, crc32(f"{own.run_id()} {outcome}".encode()))
            found.append(
                Interaction(
                    behaviour=own.behaviour,
                    turns=own.turns,
                    treatments=(first.name, second.name),
                    outcome=outcome,
                    pairs=len(halves),
                    together=own.mean(outcome) - off.mean(outcome),
                    mean=estimate.mean,
                    interval=estimate.student,
                )
            )
    return found


def treatments_of(study: TreatmentStudy) -> list[str]:
    """Names of what is tried, without references."""
    return [own.name for own in study.treatments if not own.is_reference]
