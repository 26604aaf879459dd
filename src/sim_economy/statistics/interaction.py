"""The interaction of two factors, run by run on common seeds."""

from __future__ import annotations

from collections.abc import Sequence

from sim_economy.statistics.finite_values import finite_values


def interaction_contrasts(
    both: Sequence[float],
    one: Sequence[float],
    other: Sequence[float],
    neither: Sequence[float],
) -> list[float]:
    """Half of (both - one - other + neither) for each seed; 0 where two factors only add up.

    They are estimated like differences of pairs (`paired_estimate`).

    Args:
        both: The outcome with both factors on, a value for each seed.
        one: Of the same seeds in the same order, with the first factor alone; and so on.

    Raises:
        ValueError: The four are not equally long, there is no seed, or a value is not finite.

    Source: Box, Hunter and Hunter, Statistics for Experimenters (2005), chapter 5.
    """
    cells = [finite_values(cell) for cell in (both, one, other, neither)]
    if len({*map(len, cells)}) > 1:
        counts = ", ".join(str(len(cell)) for cell in cells)
        raise ValueError(f"the cells have {counts} values; give each one for every seed")
    return [(all_on - a - b + off) / 2 for all_on, a, b, off in zip(*cells, strict=True)]
