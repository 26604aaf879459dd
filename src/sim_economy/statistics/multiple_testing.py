"""Adjusted p-values of many tests: of the primary ones together, and of all the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values by Holm's step-down method, which holds the chance of any false alarm.

    Args:
        p_values: In any order, which is kept.

    Raises:
        ValueError: One is not a probability.

    Source: doi:10.2307/4615733 (section 3).
    """
    _check(p_values)
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    left = range(len(order), 0, -1)
    stepped = [min(1.0, tests * p_values[index]) for tests, index in zip(left, order, strict=True)]
    adjusted = [0.0] * len(order)
    for index, value in zip(order, accumulate(stepped, max), strict=True):
        adjusted[index] = value
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """p-values by Benjamini and Hochberg's step-up method, which holds the false discovery rate.

    Args:
        p_values: In any order, which is kept.

    Raises:
        ModuleNotFoundError: scipy is not installed.
        ValueError: One is not a probability.

    Source: doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    from scipy.stats import false_discovery_control  # noqa: PLC0415

    _check(p_values)
    if not p_values:
        return []
    return [float(value) for value in false_discovery_control([*p_values], method="bh")]


def adjusted_p_values(
    p_values: Mapping[str, float | None], primary: Collection[str]
) -> dict[str, float | None]:
    """p-values of all outcomes: Holm over the primary ones, Benjamini-Hochberg over the rest.

    An outcome without a test (a certain difference, a single pair) stays without one and counts in
    neither family.

    Args:
        p_values: By outcome.
        primary: The outcomes named as such before a run was looked at.

    Raises:
        ModuleNotFoundError: scipy is not installed.
        ValueError: A primary outcome is not among the p-values, or one is not a probability.
    """
    if unknown := [name for name in primary if name not in p_values]:
        raise ValueError(f"{', '.join(unknown)}: primary, but without results; add or remove them")
    tested = {name: value for name, value in p_values.items() if value is not None}
    first = {name: value for name, value in tested.items() if name in primary}
    rest = {name: value for name, value in tested.items() if name not in primary}
    adjusted = dict(zip(first, holm([*first.values()]), strict=True))
    adjusted |= zip(rest, benjamini_hochberg([*rest.values()]), strict=True)
    return {name: adjusted.get(name) for name in p_values}


def _check(p_values: Sequence[float]) -> None:
    if not all(0 <= value <= 1 for value in p_values):
        raise ValueError("a p-value is not between 0 and 1")
