"""Quantiles of distributions as whole numbers, from exact decimals: the same on every machine.

A table holds the units at 65,536 probabilities, the odd multiples of 2^-17 below 1.

Source: docs/spec/economy.md, L8.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import cache, lru_cache
from itertools import chain, islice
from typing import Final

from sim_economy.core.units import INPUT_LIMIT

SIZE: Final = 1 << 16
_EXACT: Final = Context(prec=24, rounding=ROUND_HALF_EVEN)


def quantile(table: Sequence[int], half: int) -> int:
    """Units at the probability half / 2^32: on the straight line between two of the table.

    Args:
        half: From 0 to 2^32 - 1; beyond the ends of the table its ends are taken.
    """
    index, part = divmod(max(0, half * SIZE - (1 << 31)), 1 << 32)
    below, above = table[index], table[min(index + 1, SIZE - 1)]
    return below + ((above - below) * part >> 32)


@lru_cache(16)
def exponential(mean: Decimal) -> tuple[int, ...]:
    """The table of an exponential distribution, rounded down."""
    with localcontext(_EXACT):
        return tuple(min(INPUT_LIMIT, int(-log * mean)) for log in reversed(_logarithms()))


@lru_cache(16)
def lognormal(median: Decimal, sigma: Decimal) -> tuple[int, ...]:
    """The table of a distribution whose logarithm is normal, rounded down."""
    with localcontext(_EXACT):
        growth = [(sigma * deviate).exp() for deviate in _deviates()]
        factors = chain((1 / factor for factor in reversed(growth)), growth)
        return tuple(min(INPUT_LIMIT, int(median * factor)) for factor in factors)


@cache
def _logarithms() -> tuple[Decimal, ...]:
    """Natural logarithms of the probabilities, by ln(k + 2) = ln(k) + 2 artanh(1 / (k + 1))."""
    found = [-17 * Decimal(2).ln()]
    for odd in range(1, 2 * SIZE - 2, 2):
        term = x = Decimal(1) / (odd + 1)
        artanh, power, square = x, 1, x * x
        while artanh + term != artanh or power == 1:
            term *= square
            power += 2
            artanh += term / power
        found.append(found[-1] + 2 * artanh)
    return tuple(found)


def _deviates() -> list[Decimal]:
    """Standard normal deviates of the upper half of the probabilities.

    Source: Wichura 1988, algorithm AS 241, PPND16, doi:10.2307/2347330.
    """
    found = []
    logarithms = _logarithms()
    for index in range(SIZE // 2, SIZE):
        q = Decimal(2 * index + 1 - SIZE) / (2 * SIZE)
        if q <= Decimal("0.425"):
            r = Decimal("0.180625") - q * q
            found.append(q * _polynomial(_A, r) / _polynomial(_B, r))
            continue
        # No probability here is so small that the algorithm's third pair would be asked.
        r = (-logarithms[SIZE - 1 - index]).sqrt() - Decimal("1.6")
        found.append(_polynomial(_C, r) / _polynomial(_D, r))
    return found


def _polynomial(coefficients: Sequence[Decimal], x: Decimal) -> Decimal:
    value = coefficients[0]
    for coefficient in islice(coefficients, 1, None):
        value = value * x + coefficient
    return value


def _decimals(text: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, text.split()))


_A: Final = _decimals(
    "2509.0809287301226727 33430.575583588128105 67265.770927008700853 45921.953931549871457 "
    "13731.693765509461125 1971.5909503065514427 133.14166789178437745 3.3871328727963666080"
)
_B: Final = _decimals(
    "5226.4952788528545610 28729.085735721942674 39307.895800092710610 21213.794301586595867 "
    "5394.1960214247511077 687.18700749205790830 42.313330701600911252 1"
)
_C: Final = _decimals(
    "0.000774545014278341407640 0.0227238449892691845833 0.241780725177450611770 "
    "1.27045825245236838258 3.64784832476320460504 5.76949722146069140550 "
    "4.63033784615654529590 1.42343711074968357734"
)
_D: Final = _decimals(
    "0.00000000105075007164441684324 0.000547593808499534494600 0.0151986665636164571966 "
    "0.148103976427480074590 0.689767334985100004550 1.67638483018380384940 "
    "2.05319162663775882187 1"
)
