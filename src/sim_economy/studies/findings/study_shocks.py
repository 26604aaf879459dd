"""What shocks do, and how long until nothing is left of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from sim_economy.statistics.intervals import Interval, student_interval
from sim_economy.statistics.recovery import turn_bands, turns_until_back
from sim_economy.studies.findings.study_results import ArmOutcomes, StudyResults
from sim_economy.studies.study_arms import ArmKind
from sim_economy.studies.treatment_study import OFF


class ImpulseResponse(Struct, frozen=True, kw_only=True):
    """What a shock changes, beside the same arm without it on the same seeds.

    Attributes:
        first_turn: Of the shock, as `last_turn`.
        means: Agents more below zero at the end of each turn, on average.
        bands: Their intervals at 95 %.
        peak: The greatest of the means.
        area: Agent-turns more below zero, from the shock on, a run.
        back_percent: Runs that are inside the band of unshocked runs again in what is kept.
        back_turns: Turns from the shock until half of the runs are; None where they are not.
    """

    behaviour: str
    shock: str
    arm: str
    turns: int
    pairs: int
    first_turn: int
    last_turn: int
    means: Sequence[float]
    bands: Sequence[Interval]
    peak: float
    area: float
    back_percent: float
    back_turns: float | None


def impulse_responses(results: StudyResults) -> list[ImpulseResponse]:
    """Every shocked arm beside its pair, at the horizon of the longest series."""
    found = []
    for behaviour in results.study.behaviours:
        turns = [own.turns for own in behaviour.horizons][:2][-1]
        for own in results.of(behaviour.name, turns, [ArmKind.SHOCKED]):
            name = OFF
            if own.arm.treatments:
                name = results.study.treatment(own.arm.treatments[0]).compared
            pair = results.arm(behaviour.name, name, turns)
            assert pair is not None, own.arm
            found.append(_response(results, own, pair))
    return found


def _response(results: StudyResults, own: ArmOutcomes, pair: ArmOutcomes) -> ImpulseResponse:
    shock = next(each for each in results.study.shocks if each.name == own.arm.shock)
    series = [
        [ours - its for ours, its in zip(each, pair.insolvent_by_turn[index], strict=True)]
        for each, index in (
            (own.insolvent_by_turn[at], pair.by_seed[seed]) for at, seed in enumerate(own.seeds)
        )
    ]
    by_turn = [*zip(*series, strict=True)]
    means = [statistics.mean(turn) for turn in by_turn]
    bands = [student_interval(turn) for turn in by_turn]
    unshocked = turn_bands(pair.insolvent_by_turn)
    back = [
        turns_until_back(run, unshocked, shock.first_turn - 1, _STAY)
        for run in own.insolvent_by_turn
    ]
    times = sorted(each.time if each.is_observed else math.inf for each in back)
    half = times[(len(times) - 1) // 2]
    return ImpulseResponse(
        behaviour=own.behaviour,
        shock=shock.name,
        arm=pair.arm.name,
        turns=own.turns,
        pairs=len(series),
        first_turn=shock.first_turn,
        last_turn=shock.last_turn,
        means=means,
        bands=bands,
        peak=max(means[shock.first_turn - 1 :]),
        area=sum(means[shock.first_turn - 1 :]),
        back_percent=100 * sum(each.is_observed for each in back) / len(back),
        back_turns=None if half == math.inf else half,
    )


_STAY: Final = 5
"""Turns in a row that count as being back; unshocked runs are outside in one of twenty."""
