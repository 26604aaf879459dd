"""Mean differences of pairs: two intervals and a sign-flip test."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Final, NamedTuple

from sim_economy.statistics.finite_values import finite_values
from sim_economy.statistics.intervals import Interval, bootstrap_interval, student_interval

FLIPS: Final = 9999
"""Sign flips that are drawn where there are too many to go through."""


class PairedEstimate(NamedTuple):
    """What pairs say of a mean difference.

    Attributes:
        student: Student's t interval of 95 %; unknown for a single pair.
        bca: The BCa bootstrap interval, widened for few pairs; unknown below six.
        p_value: Of the sign-flip test; None for a single pair, and where the difference is certain.
        is_certain: True if several pairs all differ alike, so that nothing is left to chance.
    """

    pairs: int
    mean: float
    student: Interval
    bca: Interval
    p_value: float | None
    is_certain: bool


def paired_estimate(differences: Sequence[float], seed: int) -> PairedEstimate:
    """The mean difference of pairs, with its intervals and its test.

    Args:
        differences: One for each pair, at least one.
        seed: Of the bootstrap and of the sign flips.

    Raises:
        ModuleNotFoundError: scipy is not installed.
        ValueError: There is no pair, or a difference is not a finite number.
    """
    values = finite_values(differences)
    return PairedEstimate(
        pairs=len(values),
        mean=statistics.mean(values),
        student=student_interval(values),
        bca=bootstrap_interval(values, seed),
        p_value=sign_flip_p_value(values, seed),
        is_certain=all_alike(values),
    )


def sign_flip_p_value(differences: Sequence[float], seed: int) -> float | None:
    """The two-sided p-value of the mean difference, by flipping signs of whole pairs.

    All flips of up to 13 pairs are gone through; of more, 9,999 are drawn, and the sample itself
    counts as one more. It is exact where a difference is as likely as its negative.

    Returns:
        None for a single pair, and where all pairs differ alike.

    Raises:
        ModuleNotFoundError: scipy is not installed.
        ValueError: There is no pair, or a difference is not a finite number.

    Source: Fisher, The Design of Experiments (1935), section 21; of drawn flips
        doi:10.2202/1544-6115.1585 (equation 2).
    """
    from numpy import asarray, mean  # noqa: PLC0415
    from scipy.stats import permutation_test  # noqa: PLC0415

    values = finite_values(differences)
    if len(values) < 2 or all_alike(values):
        return None
    found = permutation_test(
        (asarray(values),),
        mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=FLIPS,
        batch=max(1, _CELLS_MAX // len(values)),
        rng=seed,
    )
    return float(found.pvalue)


_CELLS_MAX: Final = 10**6
"""Values of flipped samples held in memory at once."""


def all_alike(differences: Sequence[float]) -> bool:
    """Test whether several pairs differ alike, which is a certain difference."""
    return len(differences) > 1 and len({*differences}) == 1
