"""Samples of known distributions, by which the statistics are tested themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
from scipy.special import stdtrit

Samples = np.ndarray[Any, np.dtype[np.float64]]


class Distribution(NamedTuple):
    """Where samples come from: how they are drawn, the mean and the deviation."""

    draw: Callable[[np.random.Generator, tuple[int, int]], Samples]
    mean: float
    deviation: float


def _bimodal(chance: np.random.Generator, size: tuple[int, int]) -> Samples:
    return chance.normal(0, 1, size) + 10 * (chance.random(size) < 0.1)


DISTRIBUTIONS: Final = {
    "normal": Distribution(lambda chance, size: chance.normal(0, 1, size), 0, 1),
    "lognormal": Distribution(
        lambda chance, size: chance.lognormal(0, 1, size),
        math.exp(0.5),
        math.sqrt((math.e - 1) * math.e),
    ),
    "bimodal": Distribution(_bimodal, 1, math.sqrt(1 + 9)),
}
SIZES: Final = (12, 24, 100)


def drawn(distribution: str, size: tuple[int, int], *seed: int) -> Samples:
    """Samples, `[sample, value]`, the same for the same seed."""
    return DISTRIBUTIONS[distribution].draw(np.random.default_rng([*seed, *size]), size)


def errors_of(share: float, *samples: int) -> float:
    """The Monte Carlo error of a share, or of the difference of two of them."""
    return math.sqrt(share * (1 - share) * sum(1 / count for count in samples))


def student_finds(differences: Samples, alpha: float = 0.05) -> float:
    """The share of samples, `[sample, pair]`, in which Student's paired t test finds something."""
    pairs = differences.shape[1]
    error = differences.std(axis=1, ddof=1) / math.sqrt(pairs)
    critical = stdtrit(pairs - 1, 1 - alpha / 2)
    return float(np.mean(np.abs(differences.mean(axis=1)) > critical * error))
