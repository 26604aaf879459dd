"""Morris screening: the mean size and the spread of each input's elementary effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple


class ElementaryEffect(NamedTuple):
    """The effects of moving one input over its whole range, in units of the outcome.

    Attributes:
        mean: With its sign.
        size: The mean without signs, mu*.
        size_half: The half-width of its interval.
        spread: Their standard deviation, sigma: not the same everywhere, by curvature or
            interactions.
    """

    mean: float
    size: float
    size_half: float
    spread: float


def elementary_effects(
    design: Sequence[Sequence[float]],
    outcomes: Sequence[float],
    levels: int,
    seed: int,
    confidence: float = 0.95,
) -> list[ElementaryEffect] | None:
    """Effects of each input from a Morris design; None where the outcome does not vary.

    Args:
        design: `[point][input]`, each input from 0 to 1, trajectory after trajectory.
        levels: Of the design's grid; even.
        seed: Of the bootstrap.

    Raises:
        ModuleNotFoundError: SALib is not installed.

    Source: doi:10.1016/j.envsoft.2006.10.004.
    """
    import numpy as np  # noqa: PLC0415
    from SALib.analyze import morris  # noqa: PLC0415

    grid, values = np.asarray(design, dtype=float), np.asarray(outcomes, dtype=float)
    points, inputs = grid.shape
    if points % (inputs + 1):
        raise ValueError(f"{points} points are no trajectories of {inputs} inputs")
    if np.ptp(values) == 0:
        return None
    names = [f"x{index}" for index in range(inputs)]
    found = morris.analyze(
        {"num_vars": inputs, "names": names, "bounds": [[0.0, 1.0]] * inputs},
        grid,
        values,
        num_resamples=_RESAMPLES,
        conf_level=confidence,
        num_levels=levels,
        seed=seed,
    )
    columns = (found[name] for name in ("mu", "mu_star", "mu_star_conf", "sigma"))
    return [ElementaryEffect(*map(float, row)) for row in zip(*columns, strict=True)]


_RESAMPLES: Final = 500
