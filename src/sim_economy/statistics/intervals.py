"""Intervals for a mean from few replicates."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple


class Interval(NamedTuple):
    """A lower and an upper bound."""

    low: float
    high: float


def normal_halfwidth(values: Sequence[float]) -> float:
    """1.96 standard errors, the published half-width; 0 for a single value."""
    if len(values) < 2:
        return 0.0
    return 1.96 * (statistics.stdev(values) / math.sqrt(len(values)))


def student_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Student's t interval for the mean; a point for a single value."""
    from scipy.special import stdtrit  # noqa: PLC0415

    mean = float(statistics.mean(values))
    if len(values) < 2:
        return Interval(mean, mean)
    quantile = float(stdtrit(len(values) - 1, (1 + confidence) / 2))
    half = quantile * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(mean - half, mean + half)


def bootstrap_interval(
    values: Sequence[float], seed: int, resamples: int = 2000, confidence: float = 0.95
) -> Interval:
    """The percentile bootstrap interval for the mean, the same for the same seed.

    Samples of one size share their resamples, so that intervals of several metrics are paired.

    Source: doi:10.1214/aos/1176344552.
    """
    n = len(values)
    means = sorted(
        [math.fsum([values[index] for index in drawn]) / n for drawn in _drawn(n, seed, resamples)]
    )
    tail = (1 - confidence) / 2
    return Interval(means[int(tail * resamples)], means[math.ceil((1 - tail) * resamples) - 1])


@lru_cache(maxsize=4)
def _drawn(n: int, seed: int, resamples: int) -> list[list[int]]:
    """Places drawn with replacement, `[resample, n]`."""
    generator = random.Random(seed)  # noqa: S311
    return [generator.choices(range(n), k=n) for _ in range(resamples)]
