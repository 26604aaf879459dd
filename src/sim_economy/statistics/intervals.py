"""Intervals for a mean from few replicates."""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Sequence
from typing import Final, NamedTuple


class Interval(NamedTuple):
    """A lower and an upper bound; both None where the interval is unknown."""

    low: float | None
    high: float | None


UNKNOWN: Final = Interval(None, None)
"""The interval of a single value, which says nothing about the spread."""


def normal_halfwidth(values: Sequence[float]) -> float | None:
    """1.96 standard errors, the published half-width; None for a single value."""
    if len(values) < 2:
        return None
    return 1.96 * (statistics.stdev(values) / math.sqrt(len(values)))


def student_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Student's t interval for the mean; unknown for a single value.

    Raises:
        ModuleNotFoundError: scipy is not installed.
    """
    from scipy.special import stdtrit  # noqa: PLC0415

    if len(values) < 2:
        return UNKNOWN
    mean = float(statistics.mean(values))
    quantile = float(stdtrit(len(values) - 1, (1 + confidence) / 2))
    half = quantile * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean - half, mean + half)


def bootstrap_interval(
    values: Sequence[float], seed: int, resamples: int = 4999, confidence: float = 0.95
) -> Interval:
    """The BCa bootstrap interval for the mean, the same for the same seed.

    Its level is widened for few values, so that it covers what it says (ADR 0027). Unknown where
    not even all that was drawn, from the least to the greatest, covers that: of 95 %, below six
    values. A point where all of several are equal.

    Raises:
        ModuleNotFoundError: scipy is not installed.

    Source: doi:10.1080/01621459.1987.10478410, doi:10.1080/00031305.2015.1089789 (section 4.3).
    """
    from numpy import mean  # noqa: PLC0415
    from scipy.special import ndtr, stdtrit  # noqa: PLC0415
    from scipy.stats import bootstrap  # noqa: PLC0415

    n = len(values)
    if n > 1 and len({*values}) == 1:
        return Interval(float(values[0]), float(values[0]))
    if 1 - 2 ** (1 - n) < confidence:
        return UNKNOWN
    quantile = float(stdtrit(n - 1, (1 + confidence) / 2))
    widened = 1 - 2 * float(ndtr(-math.sqrt(n / (n - 1)) * quantile))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of data without a spread, which is unknown below
        low, high = bootstrap(
            (values,),
            mean,
            n_resamples=resamples,
            batch=max(1, _CELLS_MAX // n),
            confidence_level=widened,
            method="BCa",
            rng=seed,
        ).confidence_interval
    return Interval(float(low), float(high)) if math.isfinite(low + high) else UNKNOWN


_CELLS_MAX: Final = 10**6
"""Values of resamples held in memory at once."""


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval for a share.

    Raises:
        ModuleNotFoundError: scipy is not installed.

    Source: doi:10.1080/01621459.1927.10502953.
    """
    from scipy.stats import binomtest  # noqa: PLC0415

    bounds = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return Interval(float(bounds.low), float(bounds.high))


def median_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """An interval for the median from order statistics, whatever the distribution.

    Unknown where not even all values, from the least to the greatest, cover what is asked for: of
    95 %, below six. A value may be infinite, such as a time that was not over when the watch ended.

    Raises:
        ModuleNotFoundError: scipy is not installed.

    Source: David and Nagaraja, Order Statistics (2003), section 7.1.
    """
    from scipy.stats import binom  # noqa: PLC0415

    ordered = sorted(values)
    n = len(ordered)
    tail = (1 - confidence) / 2
    below = max((rank for rank in range(n // 2) if binom.cdf(rank, n, 0.5) <= tail), default=None)
    if below is None:
        return UNKNOWN
    return Interval(ordered[below], ordered[n - 1 - below])
