"""Shocks: what a one-off loss takes of a balance.

Source: docs/spec/economy.md, G6.
"""

from __future__ import annotations


def lost(balance: int, tokens: int) -> tuple[int, int]:
    """Tokens that a loss takes, and those that are not there to be taken.

    Source: docs/spec/economy.md, G6.
    """
    taken = min(tokens, max(0, balance))
    return taken, tokens - taken
