"""The interaction of two factors, run by run on common seeds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

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


def factorial_contrasts(
    cells: Mapping[frozenset[str], Sequence[float]], factors: Collection[str]
) -> list[float]:
    """The contrast of some factors of a full factorial with two levels, for each seed.

    Of one factor it is what switching it on does, averaged over the levels of the others; of two
    it is half of (both - one - other + neither), averaged likewise; of more, half of how much the
    contrast of all but one differs between the levels of that one.

    Args:
        cells: The outcome by the factors that are on, a value for each seed.
        factors: Those whose joint effect is meant.

    Raises:
        ValueError: A combination is missing, a factor is none of theirs, cells are not equally
            long, or a value is not finite.

    Source: Box, Hunter and Hunter, Statistics for Experimenters (2005), chapter 5.
    """
    known = frozenset[str]().union(*cells)
    own = frozenset(factors)
    if len(cells) != 2 ** len(known) or not own or not own <= known:
        raise ValueError(f"give every combination of {', '.join(sorted(known))}, and some of them")
    values = {on: finite_values(cell) for on, cell in cells.items()}
    if len({*map(len, values.values())}) > 1:
        raise ValueError("the cells have not equally many values; give each one for every seed")
    signs = {on: (-1) ** len(own - on) for on in values}
    share: int = 2 ** (len(known) - 1)
    return [
        sum(signs[on] * value for on, value in zip(values, run, strict=True)) / share
        for run in zip(*values.values(), strict=True)
    ]
