"""What every estimate requires of its values."""

from __future__ import annotations

import math
from collections.abc import Sequence


def finite_values(values: Sequence[float]) -> list[float]:
    """The values as plain floats.

    Raises:
        ValueError: There is none, or one is not a finite number.
    """
    plain = [float(value) for value in values]
    if not plain:
        raise ValueError("there are no values; give at least one")
    if not all(map(math.isfinite, plain)):
        raise ValueError("a value is not a finite number; leave out what is not defined")
    return plain
