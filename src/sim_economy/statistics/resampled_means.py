"""Means of many points over replicates that are drawn again, the same ones for all points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np


def resampled_means(values: np.ndarray[Any, Any], seed: int) -> np.ndarray[Any, Any]:
    """Means of bootstrap samples, `[resample, point]`.

    Points share their seeds, so that a sample is one of seeds and what points have in common by
    chance stays in common.

    Args:
        values: `[point, replicate]`; NaN where there is none.

    Raises:
        ModuleNotFoundError: numpy is not installed.
    """
    import numpy as np  # noqa: PLC0415

    replicates = values.shape[1]
    chance = np.random.default_rng(seed)
    weights = chance.multinomial(replicates, np.full(replicates, 1 / replicates), size=RESAMPLES)
    there = ~np.isnan(values)
    sums = weights @ np.where(there, values, 0).T
    counts = weights @ there.T.astype(float)
    means = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


RESAMPLES: Final = 400
