"""How well a detector's scores tell classes apart, and how early it warns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from sim_economy.statistics.finite_values import finite_values


class RocCurve(Struct, frozen=True, kw_only=True):
    """A receiver operating characteristic, from the strictest threshold to the laxest.

    Attributes:
        thresholds: A score at or above which there is an alarm; none before the first.
        false_alarms: The share of negatives with an alarm, from 0 to 1.
        hits: The share of positives with one, from 0 to 1.
        area: Under the curve: the chance that a positive scores above a negative, a tie counting
            half.
    """

    thresholds: list[float]
    false_alarms: list[float]
    hits: list[float]
    area: float


def roc_curve(scores: Sequence[float], is_positive: Sequence[bool]) -> RocCurve:
    """The hits and false alarms of each threshold.

    Args:
        scores: Of each case; higher is more alarming.
        is_positive: Whether what is to be detected was planted in it.

    Raises:
        ValueError: The two are not equally long, a score is not finite, or a class is missing.

    Source: doi:10.1016/j.patrec.2005.10.010 (algorithms 1 and 2).
    """
    values = finite_values(scores)
    if len(values) != len(is_positive):
        raise ValueError(f"{len(values)} scores of {len(is_positive)} cases; give each case one")
    positives = sum(map(bool, is_positive))
    negatives = len(values) - positives
    if not positives or not negatives:
        raise ValueError("all cases are of one class; plant positives and leave negatives")
    thresholds = sorted({*values}, reverse=True)
    hits, false_alarms = [0.0], [0.0]
    for threshold in thresholds:
        alarms = [
            bool(own) for own, score in zip(is_positive, values, strict=True) if score >= threshold
        ]
        hits.append(sum(alarms) / positives)
        false_alarms.append((len(alarms) - sum(alarms)) / negatives)
    return RocCurve(
        thresholds=thresholds,
        false_alarms=false_alarms,
        hits=hits,
        area=_area(false_alarms, hits),
    )


def _area(across: Sequence[float], up: Sequence[float]) -> float:
    return sum(
        (across[index] - across[index - 1]) * (up[index] + up[index - 1]) / 2
        for index in range(1, len(up))
    )


class LeadTimes(NamedTuple):
    """How early a detector warned of events.

    Attributes:
        leads: Turns from the alarm to the event, of each event that was warned of; at least 0.
        missed: Events without an alarm, or with one only after them.
        false_alarms: Alarms in cases without an event.
    """

    leads: list[int]
    missed: int
    false_alarms: int


def lead_times(alarms: Sequence[int | None], events: Sequence[int | None]) -> LeadTimes:
    """Turns between first alarms and events, case by case.

    Args:
        alarms: The turn of the first alarm of each case; None where there was none.
        events: The turn of what it should warn of; None where it did not happen.

    Raises:
        ValueError: The two are not equally long.
    """
    if len(alarms) != len(events):
        raise ValueError(
            f"{len(alarms)} alarms of {len(events)} cases; give each case both, or None"
        )
    leads, missed, false_alarms = [], 0, 0
    for alarm, event in zip(alarms, events, strict=True):
        if event is None:
            false_alarms += alarm is not None
        elif alarm is None or alarm > event:
            missed += 1
        else:
            leads.append(event - alarm)
    return LeadTimes(leads, missed, false_alarms)
