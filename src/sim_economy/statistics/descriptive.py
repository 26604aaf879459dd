"""Spread and association of plain numbers; None where they are not defined."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def coefficient_of_variation(values: Sequence[float]) -> float | None:
    """The standard deviation over the mean's size; None for one value or a mean of 0."""
    mean = statistics.mean(values)
    if len(values) < 2 or mean == 0:
        return None
    return statistics.stdev(values) / abs(mean)


def interquartile_range(values: Sequence[float]) -> float:
    """The middle half's width, quartiles interpolated between order statistics; 0 for one value.

    Source: doi:10.1080/00031305.1996.10473566, definition 7.
    """
    if len(values) < 2:
        return 0.0
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return high - low


def correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Pearson's correlation; None where either does not vary."""
    # The standard library's differs in its last digit from one Python to the next.
    mean_first, mean_second = statistics.mean(first), statistics.mean(second)
    pairs = [(x - mean_first, y - mean_second) for x, y in zip(first, second, strict=True)]
    spread = math.fsum(x * x for x, _ in pairs) * math.fsum(y * y for _, y in pairs)
    if spread == 0:
        return None
    return math.fsum(x * y for x, y in pairs) / math.sqrt(spread)
