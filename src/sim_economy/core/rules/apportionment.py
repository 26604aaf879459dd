"""Whole tokens shared out in proportion, by largest remainder.

Source: docs/spec/economy.md, G1.
"""

from __future__ import annotations

from collections.abc import Sequence


def by_largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """Tokens for each weight, `[agent]`; they add up to the total.

    Args:
        weights: None below 0, not all 0; of equal remainders the first come first.
    """
    whole = sum(weights)
    shares = [total * weight // whole for weight in weights]
    left = total - sum(shares)
    ranked = sorted(range(len(weights)), key=lambda agent: -(total * weights[agent] % whole))
    for agent in ranked[:left]:
        shares[agent] += 1
    return shares
