"""Sobol indices: how much of an outcome's variance each input accounts for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple


class SobolIndex(NamedTuple):
    """The first-order and total index of one input, with the half-widths of their intervals.

    Attributes:
        first: The share of the variance that the input alone accounts for.
        total: The share with all its interactions.
    """

    first: float
    first_half: float
    total: float
    total_half: float


def sobol_indices(
    outcomes: Sequence[float], inputs: int, seed: int, confidence: float = 0.95
) -> list[SobolIndex] | None:
    """Indices of each input from a Saltelli design; None where the outcome does not vary.

    Args:
        outcomes: In the order of the design, a multiple of `inputs` + 2 of them, or of
            2 `inputs` + 2 where the design has second orders too (see `has_second_order`).
        seed: Of the bootstrap.

    Raises:
        ModuleNotFoundError: SALib is not installed.

    Source: doi:10.1016/j.cpc.2009.09.018.
    """
    import numpy as np  # noqa: PLC0415
    from SALib.analyze import sobol  # noqa: PLC0415

    values = np.asarray(outcomes, dtype=float)
    if np.ptp(values) == 0:
        return None
    second = has_second_order(len(values), inputs)
    found = sobol.analyze(
        _problem(inputs),
        values,
        calc_second_order=second,
        num_resamples=_RESAMPLES,
        conf_level=confidence,
        seed=seed,
    )
    columns = (found[name] for name in ("S1", "S1_conf", "ST", "ST_conf"))
    return [SobolIndex(*map(float, row)) for row in zip(*columns, strict=True)]


_RESAMPLES: Final = 500


def has_second_order(points: int, inputs: int) -> bool:
    """Test whether a Saltelli design has rows for second orders; its base is a power of two."""
    for second in (False, True):
        rows = (2 * inputs if second else inputs) + 2
        base, left = divmod(points, rows)
        if not left and base > 0 and base & (base - 1) == 0:
            return second
    raise ValueError(f"{points} points are no Saltelli design of {inputs} inputs")


def _problem(inputs: int) -> dict[str, object]:
    names = [f"x{index}" for index in range(inputs)]
    return {"num_vars": inputs, "names": names, "bounds": [[0.0, 1.0]] * inputs}
