"""Points that no other point beats in every objective."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(values: Sequence[Sequence[float]], directions: Sequence[str]) -> list[int]:
    """The positions of points that no other one beats; equal ones all stay.

    Args:
        values: `[point][objective]`.
        directions: `max` or `min`, `[objective]`.
    """
    signs = [1 if direction == "min" else -1 for direction in directions]
    costs = [tuple(sign * own for sign, own in zip(signs, point, strict=True)) for point in values]
    return [
        index for index, cost in enumerate(costs) if not any(_beats(other, cost) for other in costs)
    ]


def _beats(first: Sequence[float], second: Sequence[float]) -> bool:
    """Test whether the first is nowhere worse, and somewhere better; less is better."""
    return first != second and all(own <= other for own, other in zip(first, second, strict=True))
