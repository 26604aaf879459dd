"""What intervals of 95 % really cover, by the number and the shape of values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from sim_economy.statistics.finite_values import finite_values
from sim_economy.statistics.l_moments import LMomentRatios, l_moment_ratios

COVERAGE_MIN: Final = 0.9
"""Below it an interval of 95 % is worth a warning."""


class Coverage(NamedTuple):
    """The shares of samples of one kind whose intervals hold the true mean.

    Attributes:
        values: Of each sample.
        distribution: Normal; lognormal, of sigma 1; bimodal, of which nine values in ten are
            standard normal and the tenth is normal around 10.
        student: Of Student's t interval.
        bca: Of the BCa bootstrap interval as `bootstrap_interval` widens it.
        shape: The median shape of such samples, without the sign of its skewness.
    """

    values: int
    distribution: str
    student: float
    bca: float
    shape: LMomentRatios


COVERAGES: Final = (
    Coverage(12, "normal", 0.950, 0.944, LMomentRatios(0.098, 0.118)),
    Coverage(24, "normal", 0.950, 0.946, LMomentRatios(0.065, 0.121)),
    Coverage(100, "normal", 0.950, 0.946, LMomentRatios(0.030, 0.123)),
    Coverage(12, "lognormal", 0.847, 0.882, LMomentRatios(0.404, 0.225)),
    Coverage(24, "lognormal", 0.875, 0.900, LMomentRatios(0.426, 0.249)),
    Coverage(100, "lognormal", 0.918, 0.927, LMomentRatios(0.450, 0.278)),
    Coverage(12, "bimodal", 0.748, 0.746, LMomentRatios(0.471, 0.363)),
    Coverage(24, "bimodal", 0.907, 0.904, LMomentRatios(0.451, 0.385)),
    Coverage(100, "bimodal", 0.938, 0.956, LMomentRatios(0.442, 0.357)),
)
"""Measured by `tests/statistics/test_coverage.py`: 1,000,000 samples for t, 20,000 for BCa."""


def nearest_coverage(count: int, shape: LMomentRatios) -> Coverage:
    """The measured row that is nearest to a sample: by its number in ratio, then by its shape.

    Args:
        count: Of the values, at least one.
        shape: Of the sample; the sign of its skewness does not matter.
    """
    number = min({row.values for row in COVERAGES}, key=lambda n: abs(math.log(count / n)))

    def distance(row: Coverage) -> float:
        skewness = abs(shape.skewness) - row.shape.skewness
        return math.hypot(skewness, shape.kurtosis - row.shape.kurtosis)

    return min((row for row in COVERAGES if row.values == number), key=distance)


def sample_coverage(values: Sequence[float]) -> Coverage | None:
    """The measured row nearest to a sample; None below four values, and where all are equal.

    A sample that by chance has nothing of a rare value looks as if there were none: the row is a
    guess, and a good one only of values that are not few.

    Raises:
        ValueError: There is no value, or one is not a finite number.
    """
    plain = finite_values(values)
    shape = l_moment_ratios(plain)
    return None if shape is None else nearest_coverage(len(plain), shape)
