"""Measures of inequality, also where some values are below zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from itertools import accumulate
from operator import add

from sim_economy.statistics.finite_values import finite_values


def gini(values: Sequence[float]) -> float:
    """The Gini coefficient, on signed values as they are; 0 where they sum to 0.

    With negative values it leaves [0, 1], and its sign is that of the sum.

    Source: docs/spec/experiment.md.
    """
    total = _sum(values)
    if total == 0:
        return 0.0
    n = len(values)
    ranked = _sum([rank * value for rank, value in enumerate(sorted(values), 1)])
    return 2.0 * ranked / (n * total) - (n + 1) / n


def wealth_shift(values: Sequence[float]) -> float:
    """The amount to add to every value so that the least is 1; 0 where all are positive."""
    least = min(values)
    return float(1 - least) if least <= 0 else 0.0


def shifted(values: Sequence[float]) -> list[float]:
    """The values after their shift."""
    shift = wealth_shift(values)
    return [value + shift for value in values]


def top_share(values: Sequence[float]) -> float:
    """The largest value's share of the sum; 0 where the sum is not positive."""
    total = _sum(values)
    return max(values) / total if total > 0 else 0.0


def gini_normalised(values: Sequence[float]) -> float:
    """A Gini coefficient that stays in [0, 1] with negative values; 0 where all are 0.

    The mean absolute difference over the greatest it could be with the same positive and the
    same negative total. With no negative value it is the Gini coefficient times n / (n - 1).

    Source: doi:10.1007/s10260-014-0293-4.
    """
    n = len(values)
    size = _sum([abs(value) for value in values])
    if n < 2 or size == 0:
        return 0.0
    return _pair_differences(values) / ((n - 1) * size)


def gini_absolute(values: Sequence[float]) -> float:
    """The absolute Gini index, in the values' unit, by covariance with ranks; any signs.

    Twice the covariance of a value with its fractional rank: half the mean absolute difference,
    and the Gini coefficient times the mean where that is positive.

    Source: doi:10.1016/0165-1765(84)90126-5.
    """
    n = len(values)
    return _pair_differences(values) / n**2


def kolm_pollak_equivalent(values: Sequence[float], aversion: float) -> float:
    """The value that, held by all, is as good as these values are: equally distributed equivalent.

    At most the mean, and at least the least value; it moves by as much as every value moves.

    Args:
        values: At least one, of any signs; larger is better.
        aversion: To inequality, in one over the unit of the values; 0 gives the mean.

    Raises:
        ValueError: A value is missing or not finite, or the aversion is negative.

    Source: doi:10.1016/0022-0531(76)90037-5 (the leftist index).
    """
    plain = finite_values(values)
    if aversion < 0:
        raise ValueError(f"the aversion is {aversion}; give one that is not negative")
    if aversion == 0:
        return math.fsum(plain) / len(plain)
    least = min(plain)
    total = math.fsum(math.exp(aversion * (least - value)) for value in plain)
    return least - math.log(total / len(plain)) / aversion


def hhi(counts: Sequence[int]) -> float:
    """The Herfindahl-Hirschman index of shares, from 1/n to 1; 0 where there is nothing."""
    total = sum(counts)
    return sum(count * count for count in counts) / (total * total) if total else 0.0


def lorenz(values: Sequence[float]) -> tuple[list[float], list[float]]:
    """The Lorenz curve's points: shares of the values' number and of their sum, from (0, 0)."""
    n, total = len(values), _sum(sorted(values))
    shares = [running / total if total else 0.0 for running in accumulate(sorted(values))]
    return [rank / n for rank in range(n + 1)], [0.0, *shares]


def _pair_differences(values: Sequence[float]) -> float:
    """The sum of |x - y| over unordered pairs."""
    n = len(values)
    return _sum([(2 * rank - n - 1) * value for rank, value in enumerate(sorted(values), 1)])


def _sum(values: Sequence[float]) -> float:
    """A plain left-to-right sum: the built-in one rounds floats differently by Python version."""
    return reduce(add, values, 0)
