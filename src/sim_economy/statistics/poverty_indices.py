"""Foster-Greer-Thorbecke indices: how many values lie below a line, and how deep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from sim_economy.statistics.finite_values import finite_values


class PovertyIndices(NamedTuple):
    """Means over all values, those that are not below the line counting as zero.

    Attributes:
        share: Of the values that are below the line.
        depth: How far below it, in the unit of the values.
        squared_depth: The square of that, in the square of the unit.
    """

    share: float
    depth: float
    squared_depth: float


def poverty_indices(values: Sequence[float], line: float = 0) -> PovertyIndices:
    """Foster-Greer-Thorbecke indices of order 0, 1 and 2.

    Depths are not divided by the line, which may be zero. A value on the line is not below it.

    Raises:
        ValueError: There is no value, or one is not a finite number.

    Source: doi:10.2307/1913475 (the class P-alpha), without its division by the line.
    """
    plain = finite_values(values)
    n = len(plain)
    depths = [line - value for value in plain if value < line]
    squares = math.fsum(depth * depth for depth in depths)
    return PovertyIndices(len(depths) / n, math.fsum(depths) / n, squares / n)
