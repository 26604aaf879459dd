"""What shocks do, and how long until nothing is left of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from sim_economy.statistics.intervals import Interval, median_interval, student_interval
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
        peak: The greatest of the means from the shock on, the depth of what it does.
        peak_turn: When it is reached; the interval is that of this turn.
        level: Agents below zero then, with the shock; `level_without`, without it.
        area: Agent-turns more below zero, from the shock on, a run.
        total: Agent-turns below zero from the shock on, with it; `total_without`, without it.
        back_percent: Runs that are inside the band of unshocked runs again in what is kept.
        back_turns: Turns from the shock until half of the runs are; None where they are not.
        back_interval: Of that median (95 %, order statistics); None where no bound was reached.
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
    peak_interval: Interval
    peak_turn: int
    level: float
    level_interval: Interval
    level_without: float
    area: float
    area_interval: Interval
    total: float
    total_interval: Interval
    total_without: float
    back_percent: float
    back_turns: float | None
    back_interval: Interval


def impulse_responses(results: StudyResults) -> list[ImpulseResponse]:
    """Every shocked arm beside its pair, at the horizon of the longest series."""
    study = results.study
    shocks = [own.name for own in study.shocks]
    order = ["", *(own.name for own in study.treatments)]
    found = []
    for behaviour in study.behaviours:
        turns = [own.turns for own in behaviour.horizons][:2][-1]
        shocked = results.of(behaviour.name, turns, [ArmKind.SHOCKED])
        for own in sorted(
            shocked,
            key=lambda own: (
                shocks.index(own.arm.shock),
                order.index("".join(own.arm.treatments)),
            ),
        ):
            name = OFF
            if own.arm.treatments:
                name = study.treatment(own.arm.treatments[0]).compared
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
    start = shock.first_turn - 1
    deepest = max(range(start, len(means)), key=lambda turn: means[turn])
    shocked = [run[deepest] for run in own.insolvent_by_turn]
    areas = [sum(run[start:]) for run in series]
    totals = [sum(run[start:]) for run in own.insolvent_by_turn]
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
        peak=means[deepest],
        peak_interval=bands[deepest],
        peak_turn=deepest + 1,
        level=statistics.mean(shocked),
        level_interval=student_interval(shocked),
        level_without=statistics.mean(shocked) - means[deepest],
        area=statistics.mean(areas),
        area_interval=student_interval(areas),
        total=statistics.mean(totals),
        total_interval=student_interval(totals),
        total_without=statistics.mean(totals) - statistics.mean(areas),
        back_percent=100 * sum(each.is_observed for each in back) / len(back),
        back_turns=_reached(half),
        back_interval=Interval(*map(_reached, median_interval(times))),
    )


def _reached(turns: float | None) -> float | None:
    """Turns until something; None where it was not reached, or is unknown."""
    return None if turns == math.inf else turns


_STAY: Final = 5
"""Turns in a row that count as being back; unshocked runs are outside in one of twenty."""
