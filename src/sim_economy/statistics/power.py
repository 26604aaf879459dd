"""Power of Student's paired t test, and the pairs that a planned study needs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Final

from sim_economy.statistics.finite_values import finite_values

PAIRS_MAX: Final = 10**7
"""More pairs than these are not looked for."""


def paired_power(effect: float, deviation: float, pairs: int, alpha: float = 0.05) -> float:
    """The chance that a two-sided paired t test finds a mean difference.

    Args:
        effect: The mean difference, of either sign.
        deviation: The standard deviation of the differences, above zero, in the same unit.
        pairs: At least two.

    Raises:
        ModuleNotFoundError: scipy is not installed.
        ValueError: The deviation is not positive, or there are fewer than two pairs.

    Source: doi:10.4324/9780203771587 (chapter 2), with both tails of the noncentral t.
    """
    from scipy.special import stdtrit  # noqa: PLC0415
    from scipy.stats import nct  # noqa: PLC0415

    _check(deviation)
    if pairs < 2:
        raise ValueError(f"a paired test needs two pairs or more, not {pairs}")
    critical = float(stdtrit(pairs - 1, 1 - alpha / 2))
    shift = abs(effect) / deviation * math.sqrt(pairs)
    upper = float(nct.sf(critical, pairs - 1, shift))
    lower = float(nct.cdf(-critical, pairs - 1, shift))
    return upper + (lower if math.isfinite(lower) else 0.0)  # too small for scipy: nothing


def pairs_needed(
    effect: float, deviation: float, power: float = 0.8, alpha: float = 0.05
) -> int | None:
    """The least number of pairs with which a mean difference is found with a power.

    Returns:
        None where 10,000,000 pairs are too few.

    Raises:
        ModuleNotFoundError: scipy is not installed.
        ValueError: The deviation is not positive.
    """
    enough = 2
    while paired_power(effect, deviation, enough, alpha) < power:
        enough *= 2
        if enough > PAIRS_MAX:
            return None
    few = enough // 2
    while few + 1 < enough:
        middle = (few + enough) // 2
        if paired_power(effect, deviation, middle, alpha) < power:
            few = middle
        else:
            enough = middle
    return enough


def detectable_effect(
    deviation: float, pairs: int, power: float = 0.8, alpha: float = 0.05
) -> float:
    """The smallest mean difference that pairs find with a power.

    Raises:
        ModuleNotFoundError: scipy is not installed.
        ValueError: The deviation is not positive, or there are fewer than two pairs.
    """
    from scipy.optimize import brentq  # noqa: PLC0415

    def missing(size: float) -> float:
        return paired_power(size, 1.0, pairs, alpha) - power

    _check(deviation)
    greatest = 1.0
    while missing(greatest) < 0:
        greatest *= 2
    return deviation * float(brentq(missing, 0.0, greatest, xtol=1e-9))


def pilot_deviation(differences: Sequence[float], confidence: float | None = None) -> float:
    """The standard deviation of a pilot's differences, by which a study is planned.

    Args:
        differences: One for each pair, at least two.
        confidence: Of an upper limit to take instead of the estimate, which a small pilot as often
            has too low; None for the estimate.

    Raises:
        ModuleNotFoundError: scipy is not installed.
        ValueError: There are fewer than two pairs, or a difference is not a finite number.

    Source: doi:10.1002/sim.4780141709.
    """
    from scipy.special import chdtri  # noqa: PLC0415

    values = finite_values(differences)
    if len(values) < 2:
        raise ValueError("a pilot needs two pairs or more")
    estimate = statistics.stdev(values)
    if confidence is None:
        return estimate
    degrees = len(values) - 1
    return estimate * math.sqrt(degrees / float(chdtri(degrees, confidence)))


def _check(deviation: float) -> None:
    if not 0 < deviation < math.inf:
        raise ValueError(
            f"the standard deviation is {deviation}; pairs that all differ alike need no test"
        )
