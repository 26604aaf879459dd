"""Time to an event that some never see: the Kaplan-Meier estimator and its restricted mean."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from sim_economy.statistics.intervals import UNKNOWN, Interval


class Duration(NamedTuple):
    """How long something took, or how long it was watched without happening.

    Attributes:
        time: Until the event, or until the watch ended.
        is_observed: True if the event happened; else the time is censored.
    """

    time: float
    is_observed: bool


class SurvivalCurve(Struct, frozen=True, kw_only=True):
    """A Kaplan-Meier curve, a step at each time that occurs.

    Attributes:
        times: In ascending order, events and ends of watches.
        at_risk: How many had neither event nor end before each time.
        events: How many had their event at it.
        survival: The share without an event after it.
        bands: A pointwise interval for each share; unknown where no event or nobody is left.
    """

    times: list[float]
    at_risk: list[int]
    events: list[int]
    survival: list[float]
    bands: list[Interval]


def first_below(series: Iterable[float], line: float = 0) -> Duration:
    """The first of the times 1, 2, ... at which a series is below a line, else its length."""
    time = 0
    for time, value in enumerate(series, 1):
        if value < line:
            return Duration(time, is_observed=True)
    return Duration(time, is_observed=False)


def kaplan_meier(durations: Sequence[Duration], confidence: float = 0.95) -> SurvivalCurve:
    """The share that has had no event yet, by time, with log-log bands.

    The bands take durations to be independent. Agents of one run are not: of these, take the curve
    as it is, and intervals from restricted means by run.

    Raises:
        ModuleNotFoundError: scipy is not installed.
        ValueError: There is no duration, or one is negative or not finite.

    Source: doi:10.1080/01621459.1958.10501452 (equation 2b); of the bands
        doi:10.1002/9781118032985 (section 1.4).
    """
    from scipy.stats import ecdf  # noqa: PLC0415

    sample = _censored(durations)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of bands that are not defined, unknown below
        found = ecdf(sample).sf
        band = found.confidence_interval(confidence, method="log-log")
    lows, highs = band.low.probabilities.tolist(), band.high.probabilities.tolist()
    times = found.quantiles.tolist()
    ends = sorted(own.time for own in durations)
    events = Counter(own.time for own in durations if own.is_observed)
    return SurvivalCurve(
        times=times,
        at_risk=[len(ends) - bisect_left(ends, time) for time in times],
        events=[events[time] for time in times],
        survival=found.probabilities.tolist(),
        bands=[_known(low, high) for low, high in zip(lows, highs, strict=True)],
    )


def _censored(durations: Sequence[Duration]) -> object:
    from scipy.stats import CensoredData  # noqa: PLC0415

    if not durations:
        raise ValueError("there are no durations; give at least one")
    if not all(0 <= own.time < math.inf for own in durations):
        raise ValueError("a duration is negative or not finite; censor it where its watch ended")
    return CensoredData(
        uncensored=[own.time for own in durations if own.is_observed],
        right=[own.time for own in durations if not own.is_observed],
    )


def _known(low: float, high: float) -> Interval:
    return Interval(low, high) if math.isfinite(low + high) else UNKNOWN


def restricted_mean(curve: SurvivalCurve, horizon: float) -> float:
    """The mean time without an event up to a horizon: the area under the curve.

    Raises:
        ValueError: The horizon is negative, or past the last time while some are left.

    Source: doi:10.1186/1471-2288-13-152.
    """
    if horizon < 0:
        raise ValueError(f"the horizon is {horizon}; give one that is not negative")
    if horizon > curve.times[-1] and curve.survival[-1] > 0:
        raise ValueError(f"nobody was watched after {curve.times[-1]}; give an earlier horizon")
    inside = [time for time in curve.times if time < horizon]
    shares = [1.0, *curve.survival[: len(inside)]]
    widths = [late - early for early, late in pairwise([0.0, *inside, horizon])]
    return math.fsum(share * width for share, width in zip(shares, widths, strict=True))
