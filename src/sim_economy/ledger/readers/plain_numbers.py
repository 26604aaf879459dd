"""Numbers as people read them: thousands grouped, a minus sign as long as a plus."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

MINUS: Final = "\u2212"


def whole_number(value: int) -> str:
    """A whole number, thousands grouped."""
    return f"{value:,}".replace("-", MINUS)


def number(value: float, digits: int) -> str:
    """A number with so many decimals, halves rounded away from zero, thousands grouped."""
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{rounded or abs(rounded):,f}".replace("-", MINUS)
