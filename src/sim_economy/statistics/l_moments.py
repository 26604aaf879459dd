"""L-moment ratios: the shape of few values, whatever their unit and level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from sim_economy.statistics.finite_values import finite_values


class LMomentRatios(NamedTuple):
    """The shape of a sample; both lie between -1 and 1.

    Attributes:
        skewness: 0 where both sides are alike.
        kurtosis: 0.123 of normal values, more where few values lie far out.
    """

    skewness: float
    kurtosis: float


def l_moment_ratios(values: Sequence[float]) -> LMomentRatios | None:
    """The L-skewness and L-kurtosis; None below four values, and where all are equal.

    Raises:
        ValueError: There is no value, or one is not a finite number.

    Source: doi:10.1111/j.2517-6161.1990.tb01775.x (equations 2.3 and 3.1).
    """
    ordered = sorted(finite_values(values))
    n = len(ordered)
    if n < 4 or ordered[0] == ordered[-1]:
        return None
    zero, one, two, three = (_weighted(ordered, order) for order in range(4))
    scale = 2 * one - zero
    skewness = 6 * two - 6 * one + zero
    kurtosis = 20 * three - 30 * two + 12 * one - zero
    return LMomentRatios(skewness / scale, kurtosis / scale)


def _weighted(ordered: Sequence[float], order: int) -> float:
    """The probability-weighted moment of an order, without bias."""
    n = len(ordered)
    sums = math.fsum(math.comb(rank, order) * value for rank, value in enumerate(ordered))
    return sums / (n * math.comb(n - 1, order))
