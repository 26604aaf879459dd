"""Hill numbers: how many kinds there are, by how evenly they are used."""

from __future__ import annotations

import math
from collections.abc import Sequence


def hill_number(counts: Sequence[float], order: float) -> float:
    """The effective number of kinds: as many equally frequent ones would be as diverse.

    Order 0 counts the kinds that occur, 1 is the exponential of Shannon's entropy, 2 the inverse
    of the sum of squared shares; the higher the order, the less rare kinds count.

    Args:
        counts: Of each kind, not negative.
        order: Not negative; may be infinite, which asks for the most frequent kind alone.

    Returns:
        From 1 to the number of kinds; 0 where nothing was counted.

    Raises:
        ValueError: A count or the order is negative.

    Source: doi:10.2307/1934352, of order 1 the limit.
    """
    if order < 0 or any(count < 0 for count in counts):
        raise ValueError("a count or the order is negative")
    total = math.fsum(counts)
    shares = [count / total for count in counts if count > 0]
    if not shares:
        return 0.0
    if order == 1:
        return math.exp(-math.fsum(share * math.log(share) for share in shares))
    if math.isinf(order):
        return 1 / max(shares)
    return math.pow(math.fsum(share**order for share in shares), 1 / (1 - order))
