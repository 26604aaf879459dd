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
from sim_economy.statistics.intervals import UNKNOWN, Interval, student_interval
from sim_economy.statistics.multiple_testing import holm
from sim_economy.statistics.paired_differences import all_alike, paired_estimate
from sim_economy.studies.findings.study_results import ArmOutcomes, StudyResults
from sim_economy.studies.study_arms import ArmKind
from sim_economy.studies.study_outcomes import OUTCOMES
from sim_economy.studies.treatment_study import TreatmentStudy


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


class EffectKind(StrEnum):
    """What a difference comes to, in a word or two."""

    HELPS = "helps"
    HARMS = "harms"
    NOTHING = "too small"
    NO_ROOM = "no room"
    INERT = "no change"
    UNCLEAR = "unclear"


_KINDS: Final = {
    Verdict.NOTHING: EffectKind.NOTHING,
    Verdict.NO_ROOM: EffectKind.NO_ROOM,
    Verdict.INERT: EffectKind.INERT,
    Verdict.UNCLEAR: EffectKind.UNCLEAR,
}


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
        active_turns: Turns of a run in which the rule did something, on average.
        tokens: Spared or given, a run.
        trainings: How many times agents were trained; 0 where they were not.
        over_trainings: Student's t interval at 95 % of the means of trainings; `student` is then
            that of worlds, over whose trainings the mean is taken first.
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
    active_turns: float
    tokens: float
    trainings: int = 0
    over_trainings: Interval = UNKNOWN

    @property
    def subject(self) -> tuple[str, int, str, str]:
        """What it is about, whatever agents do: effects in two modes are compared by it."""
        return self.behaviour, self.turns, self.base, self.outcome

    @property
    def kind(self) -> EffectKind:
        """What it comes to for whoever the outcome is about."""
        return kind_of(self.verdict, self.mean, self.outcome)

    @property
    def is_better(self) -> bool:
        """True if whoever the outcome is about is better off, on average."""
        return self.mean * OUTCOMES[self.outcome].better > 0


def kind_of(verdict: Verdict, mean: float, outcome: str) -> EffectKind:
    """What a verdict comes to, in a word or two.

    Args:
        mean: The mean difference.
    """
    better = mean * OUTCOMES[outcome].better > 0
    return _KINDS.get(verdict) or (EffectKind.HELPS if better else EffectKind.HARMS)


def is_turned(own: EffectKind, there: EffectKind) -> bool:
    """Test whether both say something, and different things."""
    kinds = {settled_kind(own), settled_kind(there)}
    return None not in kinds and len(kinds) == 2


def settled_kind(kind: EffectKind) -> EffectKind | None:
    """What was found; None where nothing can be told."""
    if kind in {EffectKind.UNCLEAR, EffectKind.NO_ROOM}:
        return None
    return EffectKind.NOTHING if kind is EffectKind.INERT else kind


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


def effect_of(results: StudyResults, own: ArmOutcomes, outcome: str, smallest: float) -> Effect:
    """What an arm changes in an outcome."""
    off = results.off(own.behaviour, own.turns)
    return paired_effect(own, off, outcome, smallest)


def paired_effect(own: ArmOutcomes, other: ArmOutcomes, outcome: str, smallest: float) -> Effect:
    """What an arm changes in an outcome, beside another one on the same seeds."""
    differences = own.differences(other, outcome)
    seed = crc32(f"{own.run_id()} {outcome}".encode())
    estimate = paired_estimate(differences, seed)
    verdict, equivalence = judged(differences, other.mean(outcome), outcome, smallest)
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
        equivalence=equivalence,
        coverage=_low_coverage(differences),
        verdict=verdict,
        active_turns=own.active_turns,
        tokens=own.mean("granted"),
        run_id=own.run_id(),
    )


_MODES: Final = {ArmKind.FIXED: Mode.FIXED, ArmKind.TRAINED: Mode.TRAINED}


def judged(
    differences: Sequence[float], off: float, outcome: str, smallest: float
) -> tuple[Verdict, Interval]:
    """What differences say beside the smallest that matters, and their interval at 90 %.

    Args:
        off: The mean without a treatment.
    """
    equivalence = paired_equivalence(differences, smallest)
    verdict = _verdict(
        differences,
        student_interval(differences),
        smallest,
        is_equivalent=equivalence.is_equivalent,
        has_room=_has_room(outcome, off, smallest),
    )
    return verdict, equivalence.interval


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
                            else paired_effect(own, other, outcome, smallest[outcome]),
                        )
                        for outcome in outcomes
                    ]
    return found


def treatments_of(study: TreatmentStudy) -> list[str]:
    """Names of what is tried, without references."""
    return [own.name for own in study.treatments if not own.is_reference]
