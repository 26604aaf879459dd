"""Exact whole tokens out of floats: where a float may decide, and what decides where it may not.

`biased` rates are rounded up by a few parts in 2^51. A quotient below 2^28 whose exact value is a
multiple of a millionth is then rounded down rightly by cutting off: it is never below the exact
value, and the gap to the next whole number, a millionth or more, is wider than the bias.

Source: docs/batch.md; docs/spec/economy.md, section 0.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled, fused

UP: Final = 2.0**-50
"""The relative bias: above the rounding of two operations, far below a millionth of 2^28."""
ONE_UNIT: Final = 1e18
"""Fees are whole multiples of 10^-18 of a token before they are rounded down; exact in a float."""
HALF_UNIT: Final = -0.5e-18
SCALED_BITS: Final = 48
SCALED_RATE_MAX: Final = 8e6
"""Millionths: parts of 10^-12 then stay below 2^43."""
SCALE_OVER_TWOS: Final = 2.0**36
"""2^48 / 2^12, where 10^12 is 2^12 times 5^12."""
FIVES: Final = 5.0**12
ONE_MILLION: Final = 1e6
LONG_PRICE: Final = np.int64(-1)
FEE_CLIP: Final = 2.0**30
"""Beyond every range: what is larger trips the guard, and must still fit 32 bits to do so."""


@compiled
def portion(amount: np.int32, biased_rate: float) -> np.int32:
    """`rate` of an amount from 0 to 2^28, rounded down; see `core.units.portion`."""
    return np.int32(np.float64(amount) * biased_rate)


@compiled
def fee_of(units: np.int32, price: float, rest: float) -> np.int32:
    """`floor(units * price)` for a price of two floats that add up to 106 bits.

    The product of a biased quotient is never too small; it is one too large exactly where
    `units * price` falls short of it, which two fused operations find to 10^-22.

    Source: docs/spec/economy.md, B3.
    """
    count = np.float64(units)
    product = min(count * price, FEE_CLIP)
    whole = np.int32(fused(product, UP, product))
    short = fused(count, price, -np.float64(whole)) + count * rest
    return np.int32(whole - np.int32(short < HALF_UNIT))


@compiled
def price_of(rate: float, factor: float) -> tuple[float, float]:
    """`rate * factor / 10^18` as two floats: the quotient and its rest.

    Args:
        rate: Millionths a unit, a whole number up to 10^12.
        factor: A compounded factor in 10^-12, a whole number.
    """
    product = rate * factor
    product_rest = fused(rate, factor, -product)
    quotient = product / ONE_UNIT
    rest = (fused(-quotient, ONE_UNIT, product) + product_rest) / ONE_UNIT
    return quotient, rest


@compiled
def divided(high: float, low: float, divisor: float) -> tuple[float, float]:
    """The whole quotient and the remainder of `high + low`, both whole, by a whole number.

    Args:
        high: Below 2^53 times the divisor; `low` is what rounding took from it.
    """
    quotient = np.floor(high / divisor)
    left = fused(-quotient, divisor, high) + low
    short, over = left < 0.0, left >= divisor
    quotient += np.float64(over) - np.float64(short)
    left += divisor * (np.float64(short) - np.float64(over))
    return quotient, left


@compiled
def studied(factor: float, kept: float) -> float:
    """`factor * kept / 10^6`, rounded down; whole numbers up to 10^12 and 10^6."""
    product = factor * kept
    quotient, _ = divided(product, fused(factor, kept, -product), ONE_MILLION)
    return quotient


@compiled
def scaled_price(rate: float, factor: float, divisor: float, most: float) -> np.int64:
    """A price in 2^-48 of a token, rounded up, by which whole units are charged exactly.

    Units times such a price are too large by less than units / 2^48; where the price has so few
    decimals that every product is farther from the next whole number, cutting off is exact.

    Args:
        rate: Millionths a unit, a whole number.
        factor: A compounded factor in 10^-12, a whole number.
        divisor: Of `rate * factor`, so that there are few decimals; a multiple of 10^6.
        most: The largest price with which no product passes 63 bits.

    Returns:
        The price, or `LONG_PRICE` where it is too large or has too many decimals.
    """
    product = rate * factor
    times, left = divided(product, fused(rate, factor, -product), divisor)
    parts = times * (divisor / ONE_MILLION)
    scaled, rest = divided(parts * SCALE_OVER_TWOS, 0.0, FIVES)
    scaled += np.float64(rest > 0.0)
    usable = (rate <= SCALED_RATE_MAX) & (left == 0.0) & (scaled <= most)
    return np.int64(scaled) if usable else LONG_PRICE


@compiled
def biased_share(pool: np.int64, whole: np.int64) -> float:
    """`pool / whole`, rounded up, for `share_of`."""
    return np.float64(pool) / np.float64(whole) * (1.0 + UP)


@compiled
def share_of(pool: np.int64, claim: np.int64, whole: np.int64, biased: float) -> np.int64:
    """`pool * claim // whole` for a pool and a claim below 2^31, a claim not above the whole."""
    share = np.int64(np.float64(claim) * biased)
    left = pool * claim - share * whole
    if left < 0:
        share -= 1
    elif left >= whole:
        share += 1
    return share
