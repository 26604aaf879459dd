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
    """The middle half's width, quartiles interpolated between order statistics.

    Source: doi:10.1080/00031305.1996.10473566, definition 7.
    """
    return _quantile(values, 0.75) - _quantile(values, 0.25)


def correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Pearson's correlation; None where either does not vary."""
    mean_first, mean_second = statistics.mean(first), statistics.mean(second)
    pairs = [(x - mean_first, y - mean_second) for x, y in zip(first, second, strict=True)]
    spread = math.fsum(x * x for x, _ in pairs) * math.fsum(y * y for _, y in pairs)
    if spread == 0:
        return None
    return math.fsum(x * y for x, y in pairs) / math.sqrt(spread)


def _quantile(values: Sequence[float], chance: float) -> float:
    ordered = sorted(values)
    rank = chance * (len(ordered) - 1)
    below = math.floor(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (rank - below) * (ordered[above] - ordered[below])
