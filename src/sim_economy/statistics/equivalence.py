"""Equivalence: whether a mean difference is too small to matter."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from sim_economy.statistics.finite_values import finite_values
from sim_economy.statistics.intervals import UNKNOWN, Interval, student_interval
from sim_economy.statistics.paired_differences import all_alike


class Equivalence(NamedTuple):
    """Two one-sided tests of a mean difference against the smallest effect that matters.

    Attributes:
        interval: Student's t interval at 1 - 2 alpha, so of 90 % for an alpha of 5 %.
        p_value: The larger of the two; None for a single pair, and where all pairs differ alike.
        is_equivalent: True if the interval lies between the negative and the positive effect.
    """

    mean: float
    interval: Interval
    p_value: float | None
    is_equivalent: bool


def paired_equivalence(
    differences: Sequence[float], smallest_effect: float, alpha: float = 0.05
) -> Equivalence:
    """Test whether a mean difference is smaller than an effect, whatever its sign (TOST).

    Pairs that all differ alike are certain: the difference itself is compared with the effect.

    Args:
        differences: One for each pair, at least one.
        smallest_effect: The smallest that is worth acting on, in the unit of the differences.
        alpha: Of each test.

    Raises:
        ModuleNotFoundError: scipy is not installed.
        ValueError: There is no pair, a difference is not finite, or the effect is not positive.

    Source: doi:10.1007/BF01068419.
    """
    from scipy.special import stdtr  # noqa: PLC0415

    values = finite_values(differences)
    if not 0 < smallest_effect < math.inf:
        raise ValueError(f"the smallest effect is {smallest_effect}; give a number above zero")
    n, mean = len(values), statistics.mean(values)
    if n < 2:
        return Equivalence(mean, UNKNOWN, None, is_equivalent=False)
    interval = student_interval(values, 1 - 2 * alpha)
    if all_alike(values):
        return Equivalence(mean, interval, None, abs(mean) < smallest_effect)
    error = statistics.stdev(values) / math.sqrt(n)
    p_value = float(stdtr(n - 1, (abs(mean) - smallest_effect) / error))
    return Equivalence(mean, interval, p_value, p_value < alpha)
