"""Mean differences of pairs: two intervals and a sign-flip test."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sim_economy.statistics.finite_values import finite_values
from sim_economy.statistics.intervals import Interval, bootstrap_interval, student_interval

EXACT_PAIRS_MAX: Final = 12
"""Up to so many pairs all sign flips are gone through."""

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

    All flips of up to 12 pairs are gone through; of more, 9,999 are drawn, and the sample itself
    counts as one more. It is exact where a difference is as likely as its negative.

    Returns:
        None for a single pair, and where all pairs differ alike.

    Raises:
        ModuleNotFoundError: numpy is not installed.
        ValueError: There is no pair, or a difference is not a finite number.

    Source: Fisher, The Design of Experiments (1935), section 21; of drawn flips
        doi:10.2202/1544-6115.1585 (equation 2).
    """
    import numpy as np  # noqa: PLC0415

    values = finite_values(differences)
    if len(values) < 2 or all_alike(values):
        return None
    own, total = np.asarray(values), math.fsum(values)
    # Sums of floats may differ in their last digits.
    least = abs(total) - 1e-12 * math.fsum(map(abs, values))
    is_exact = len(values) <= EXACT_PAIRS_MAX
    flips = _all_flips(len(values)) if is_exact else _drawn_flips(len(values), seed)
    sums = (total - 2 * (flipped.astype(float) @ own) for flipped in flips)
    found = sum(int(np.count_nonzero(np.abs(each) >= least)) for each in sums)
    return found / 2 ** len(values) if is_exact else (found + 1) / (FLIPS + 1)


def _all_flips(pairs: int) -> Iterator[Any]:
    """Every pattern: 1 where a sign is flipped, `[pattern, pair]`."""
    import numpy as np  # noqa: PLC0415

    yield np.arange(2**pairs)[:, None] >> np.arange(pairs) & 1


def _drawn_flips(pairs: int, seed: int) -> Iterator[Any]:
    """Random patterns, some at a time, `[pattern, pair]`."""
    import numpy as np  # noqa: PLC0415

    chance = np.random.default_rng(seed)
    at_once = max(1, _CELLS_MAX // pairs)
    for start in range(0, FLIPS, at_once):
        patterns = min(at_once, FLIPS - start)
        yield chance.integers(0, 2, (patterns, pairs), dtype=np.int8)


_CELLS_MAX: Final = 10**5
"""Signs held in memory at once."""


def all_alike(differences: Sequence[float]) -> bool:
    """Test whether several pairs differ alike, which is a certain difference."""
    return len(differences) > 1 and len({*differences}) == 1
