"""Exact numbers: tokens are integers, rates and weights millionths, factors 10^12ths."""

from __future__ import annotations

import re
from decimal import Context, Decimal
from functools import lru_cache
from itertools import accumulate, repeat
from typing import Final, NewType

Millionths = NewType("Millionths", int)
"""A rate in [0, 1] or a weight in [0, 10^6], times 10^6."""

MILLION: Final = 10**6
FACTOR_ONE: Final = 10**12
"""The compounded factor 1."""
WEIGHT_DECIMALS: Final = 18
"""Decimal places of a ticket's weight: millionths times a 10^12th."""

INPUT_LIMIT: Final = 2**31 - 1
"""Largest usage, amount and genesis endowment."""
ACCOUNT_LIMIT: Final = 2**62
"""No account passes this, either way."""

_DECIMAL = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")


def millionths(text: str) -> Millionths:
    """A decimal numeral, as written, in exact millionths.

    Raises:
        ValueError: No plain decimal, an exponent, or a seventh decimal place.
    """
    if not _DECIMAL.fullmatch(text) or len(text) > 40:
        raise ValueError("must be a plain decimal number without an exponent")
    whole, _, fraction = text.partition(".")
    if len(fraction) > 6:
        rounded = Decimal(text).quantize(Decimal("0.000001"), context=Context(prec=50))
        raise ValueError(f"must have at most 6 decimal places; round it, here to {rounded}")
    magnitude = int(whole.lstrip("+-")) * MILLION + int(fraction.ljust(6, "0"))
    return Millionths(-magnitude if text.startswith("-") else magnitude)


@lru_cache(maxsize=4096)
def decimal_text(value: int, decimals: int) -> str:
    """`value / 10^places` as the shortest exact decimal numeral."""
    whole, fraction = divmod(abs(value), 10**decimals)
    digits = f"{fraction:0{decimals}d}".rstrip("0")
    return f"{'-' if value < 0 else ''}{whole}{'.' if digits else ''}{digits}"


@lru_cache(maxsize=256)
def _factors(rate: Millionths, length: int) -> tuple[int, ...]:
    return tuple(
        accumulate(
            repeat(MILLION - rate, length),
            lambda factor, kept: factor * kept // MILLION,
            initial=FACTOR_ONE,
        )
    )


def compounded(rate: Millionths, times: int) -> int:
    """The factor `1 - rate`, applied `times` times and rounded down each time.

    Returns:
        A factor in units of 10^-12.

    Source: docs/spec/economy.md, section 0.
    """
    if times == 0:
        return FACTOR_ONE
    return _factors(rate, 1 << times.bit_length())[times]


def portion(amount: int, rate: Millionths) -> int:
    """`rate` of a non-negative amount, rounded down."""
    return amount * rate // MILLION
