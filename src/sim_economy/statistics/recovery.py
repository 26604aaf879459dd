"""After a shock: how long until a run is back where unshocked ones are, and what was lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sim_economy.statistics.survival import Duration

if TYPE_CHECKING:
    import numpy as np


def turn_bands(
    unshocked: Sequence[Sequence[float]] | np.ndarray[Any, Any], confidence: float = 0.95
) -> list[tuple[float, float]]:
    """The central band of unshocked runs, turn by turn.

    Args:
        unshocked: `[run, turn]`; some 40 runs or more, or the band is the range of them.
        confidence: The share of runs inside, quantiles interpolated between order statistics.

    Raises:
        ModuleNotFoundError: numpy is not installed.
        ValueError: There is no run, or runs have not equally many turns.

    Source: doi:10.1080/00031305.1996.10473566, definition 7.
    """
    import numpy as np  # noqa: PLC0415

    runs = np.asarray(unshocked, dtype=float)
    if runs.ndim != 2 or not runs.size:
        raise ValueError("give one run or more, each with the same number of turns")
    tail = (1 - confidence) / 2
    lows, highs = np.quantile(runs, [tail, 1 - tail], axis=0)
    return list(zip(lows.tolist(), highs.tolist(), strict=True))


def turns_until_back(
    shocked: Sequence[float],
    bands: Sequence[tuple[float, float]],
    shock: int,
    stay: int = 1,
) -> Duration:
    """Turns from a shock until a run is inside the band again, and stays for some turns.

    By chance unshocked runs are outside in one turn of twenty: a longer stay looks past that.

    Args:
        shocked: The outcome by turn.
        bands: Of the same turns.
        shock: The index of the first shocked turn, from 0.
        stay: Turns in a row that count as being back, the first of which is meant.

    Returns:
        0 turns where the run never left; censored where it is not back in what was played.

    Raises:
        ValueError: Turns and bands are not equally many, or the shock is not among them.
    """
    if len(shocked) != len(bands) or not 0 <= shock < len(shocked) or stay < 1:
        raise ValueError(
            "give as many bands as turns, a shock among them, and a stay of one or more"
        )
    inside = [low <= value <= high for value, (low, high) in zip(shocked, bands, strict=True)]
    after = inside[shock:]
    if all(after):
        return Duration(0, is_observed=True)
    left = after.index(False)
    for turn in range(left + 1, len(after) - stay + 1):
        if all(after[turn : turn + stay]):
            return Duration(turn, is_observed=True)
    return Duration(len(after), is_observed=False)


def area_lost(shocked: Sequence[float], unshocked: Sequence[float], shock: int) -> float:
    """What a shocked run has less than its unshocked pair, summed over all turns from the shock.

    Turns in which it has more count against it; of an outcome that is better when smaller, the
    sign turns round.

    Args:
        shocked: The outcome by turn.
        unshocked: Of the same seed and turns.
        shock: The index of the first shocked turn, from 0.

    Raises:
        ValueError: The two are not equally long, or the shock is not among their turns.

    Source: doi:10.1193/1.1623497 (equation 1), with the pair in the place of full quality.
    """
    if len(shocked) != len(unshocked) or not 0 <= shock < len(shocked):
        raise ValueError("give two runs of the same turns, and a shock among them")
    pairs = zip(unshocked[shock:], shocked[shock:], strict=True)
    return math.fsum(float(whole) - float(hit) for whole, hit in pairs)
