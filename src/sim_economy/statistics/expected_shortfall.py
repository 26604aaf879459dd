"""Expected shortfall: the mean of the worst values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from sim_economy.statistics.finite_values import finite_values


def expected_shortfall(values: Sequence[float], share: float = 0.05) -> float:
    """The mean of the least values that make up a share of all, in their own unit and sign.

    Where the share is not a whole number of values, the last one counts in part.

    Args:
        values: Pooled; larger is better.
        share: Above 0, at most 1.

    Raises:
        ValueError: A value is missing or not finite, or the share is not above 0 and at most 1.

    Source: doi:10.1016/S0378-4266(02)00283-2 (equation 3.3), without its change of sign.
    """
    ordered = sorted(finite_values(values))
    if not 0 < share <= 1:
        raise ValueError(f"the share is {share}; give one above 0 and at most 1")
    exact = Fraction(str(share)) * len(ordered)
    whole = math.floor(exact)
    last = float(exact - whole) * ordered[whole] if exact > whole else 0.0
    return (math.fsum(ordered[:whole]) + last) / float(exact)
