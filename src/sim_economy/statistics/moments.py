"""Means and variances of many groups at once: whole numbers exactly, others rounded once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np

_EXACT: Final = 2**53
"""Whole numbers up to it are floats unchanged."""


class Moments(Struct, frozen=True):
    """The moments of groups, `[group]` each.

    Attributes:
        counts: Values of each group.
        sums: Exact; None in groups of numbers that are not whole, as `squares`.
        means: None in an empty group.
        variances: Of the population that a group is a sample of; None below two values.
    """

    counts: list[int]
    sums: list[int] | None
    squares: list[int] | None
    means: list[float | None]
    variances: list[float | None]


def whole_moments(
    values: np.ndarray[Any, np.dtype[np.int64]], counted: np.ndarray[Any, np.dtype[np.bool_]]
) -> Moments:
    """The moments of whole numbers.

    Args:
        values: `[group, value]`.
        counted: Which of them count, `[group, value]`.
    """
    import numpy as np  # noqa: PLC0415 - only where there are very many

    held = np.where(counted, values, 0)
    counts = counted.sum(axis=1)
    greatest = max(abs(int(held.max(initial=0))), abs(int(held.min(initial=0))))
    if (greatest * held.shape[1]) ** 2 >= _EXACT:
        held = held.astype(object)
    sums, squares = held.sum(axis=1), (held * held).sum(axis=1)
    if held.dtype == object:
        return _one_by_one(counts.tolist(), list(sums), list(squares))
    parts = counts * squares - sums * sums
    return Moments(
        counts.tolist(),
        sums.tolist(),
        squares.tolist(),
        _divided(sums, counts, counts > 0),
        _divided(parts, counts * (counts - 1), counts > 1),
    )


def _one_by_one(counts: list[int], sums: list[int], squares: list[int]) -> Moments:
    means: list[float | None] = []
    variances: list[float | None] = []
    for count, total, square in zip(counts, sums, squares, strict=True):
        means.append(total / count if count else None)
        parts = count * square - total * total
        variances.append(parts / (count * (count - 1)) if count > 1 else None)
    return Moments(counts, sums, squares, means, variances)


def _divided(above: Any, below: Any, defined: Any) -> list[float | None]:
    quotients = above / below.clip(1)
    whole: list[float | None] = quotients.tolist()
    for index in (~defined).nonzero()[0]:
        whole[index] = None
    return whole


def real_moments(
    values: np.ndarray[Any, np.dtype[np.float64]], counted: np.ndarray[Any, np.dtype[np.bool_]]
) -> Moments:
    """The moments of numbers that need not be whole; arguments as in `whole_moments`."""
    import numpy as np  # noqa: PLC0415

    counts = counted.sum(axis=1)
    means = _summed(np.where(counted, values, 0.0)) / counts.clip(1)
    apart = np.where(counted, values - means[:, None], 0.0)
    spread = _summed(apart * apart)
    return Moments(
        counts.tolist(),
        None,
        None,
        _divided(means, np.ones_like(counts), counts > 0),
        _divided(spread, counts - 1, counts > 1),
    )


def _summed(values: Any) -> Any:
    """The sum of each group in the order of its values, with what each addition rounded away.

    Source: doi:10.1002/zamm.19740540106.
    """
    import numpy as np  # noqa: PLC0415

    groups, count = values.shape
    if count > groups:
        return np.array([math.fsum(group) for group in values.tolist()])
    total, lost = np.zeros(groups), np.zeros(groups)
    for column in values.T:
        added = total + column
        greater = np.abs(total) >= np.abs(column)
        rest = np.where(greater, (total - added) + column, (column - added) + total)
        total, lost = added, lost + rest
    return total + lost
