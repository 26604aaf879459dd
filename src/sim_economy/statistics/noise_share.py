"""One-way decomposition of variance: between points, and between replicates of a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sim_economy.statistics.intervals import UNKNOWN, Interval


class NoiseShare(NamedTuple):
    """The share of one run's variance that is between replicates of the same point.

    Attributes:
        share: From 0 to 1.
        interval: Of 95 %; unknown for a single point.
    """

    share: float
    interval: Interval


def noise_share(
    counts: Sequence[int], means: Sequence[float], variances: Sequence[float], seed: int
) -> NoiseShare | None:
    """The variance within points over the total; None where nothing varies or is repeated.

    The variance between points is that of their means, less what the variance within points adds
    to it. The interval is a percentile bootstrap over points.

    Args:
        counts: Replicates of each point; points with fewer than two are left out.
        means: Of each point.
        variances: Of each point, with one degree of freedom taken off.

    Raises:
        ModuleNotFoundError: numpy is not installed.
    """
    import numpy as np  # noqa: PLC0415

    kept = np.asarray(counts) >= 2
    own = [np.asarray(each, dtype=float)[kept] for each in (counts, means, variances)]
    points = len(own[0])
    if not points or (np.ptp(own[1]) == 0 and not own[2].any()):
        return None

    def shares(rows: Any) -> Any:
        count, mean, within = (each[rows] for each in own)
        inside = within.mean(axis=-1)
        spread = mean.var(axis=-1, ddof=1) if points > 1 else np.zeros_like(inside)
        between = np.maximum(spread - (within / count).mean(axis=-1), 0)
        total = inside + between
        return np.divide(inside, total, out=np.zeros_like(total), where=total > 0)

    share = float(shares(np.arange(points)[None])[0])
    if points < 2:
        return NoiseShare(share, UNKNOWN)
    resampled = np.random.default_rng(seed).integers(points, size=(_RESAMPLES, points))
    low, high = np.quantile(shares(resampled), [0.025, 0.975])
    return NoiseShare(share, Interval(float(low), float(high)))


_RESAMPLES: Final = 400
