"""Arithmetic of policy functions in 64 bits, which marks what Python would do otherwise.

What it marks is played by the core; see `agents.function_text`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from sim_economy.batch.compiling import OPTIONS
from sim_economy.batch.lanes import OUTSIDE

EDGE: Final = 9.0e18
"""Floats of numbers within 64 bits are known to be below this where they are marked."""


def added(flag: Any, first: Any, second: Any) -> Any:
    """The sum."""
    if abs(np.float64(first) + np.float64(second)) > EDGE:
        flag[0] |= OUTSIDE
        return np.int64(0)
    return np.int64(first) + np.int64(second)


def subtracted(flag: Any, first: Any, second: Any) -> Any:
    """The difference."""
    if abs(np.float64(first) - np.float64(second)) > EDGE:
        flag[0] |= OUTSIDE
        return np.int64(0)
    return np.int64(first) - np.int64(second)


def multiplied(flag: Any, first: Any, second: Any) -> Any:
    """The product."""
    if abs(np.float64(first) * np.float64(second)) > EDGE:
        flag[0] |= OUTSIDE
        return np.int64(0)
    return np.int64(first) * np.int64(second)


def quotient(flag: Any, first: Any, second: Any) -> Any:
    """The quotient, rounded down."""
    if second == 0 or abs(np.float64(first)) > EDGE:
        flag[0] |= OUTSIDE
        return np.int64(0)
    return np.int64(first) // np.int64(second)


def remainder(flag: Any, first: Any, second: Any) -> Any:
    """The remainder, with the divisor's sign."""
    if second == 0 or abs(np.float64(first)) > EDGE:
        flag[0] |= OUTSIDE
        return np.int64(0)
    return np.int64(first) % np.int64(second)


def negated(flag: Any, number: Any) -> Any:  # noqa: ARG001
    """The number with the other sign; none that reaches this is the least of 64 bits."""
    return -np.int64(number)


def magnitude(flag: Any, number: Any) -> Any:  # noqa: ARG001
    """The number without its sign."""
    return abs(np.int64(number))


ARITHMETIC: Final = {
    function.__name__: njit(function, **OPTIONS)
    for function in (added, subtracted, multiplied, quotient, remainder, negated, magnitude)
}
"""Each by its name, compiled where it is called."""
