"""The shape of a batch: what all its worlds share, as numbers that the kernel branches on."""

from __future__ import annotations

from itertools import count
from typing import Final

_at = count()

AGENTS: Final = next(_at)
TURNS: Final = next(_at)
ENDS: Final = next(_at)
CORE_SHARES: Final = next(_at)
MATURITY: Final = next(_at)
DELAY: Final = next(_at)
WINDOW: Final = next(_at)
CREDITS_USAGE: Final = next(_at)
BONUS_PER_BLOCK: Final = next(_at)
SEPARATE_TICKETS: Final = next(_at)
ALL_STAKE: Final = next(_at)
SHARES_BY_CLAIM: Final = next(_at)
AUCTION: Final = next(_at)
EMPTY_RULE: Final = next(_at)
HAS_INCOME: Final = next(_at)
FORGIVEN: Final = next(_at)
USAGE_KIND: Final = next(_at)
USAGE_STRIDE: Final = next(_at)
EVERY_TURN: Final = next(_at)
SUMS_EVERY_TURN: Final = next(_at)
"""Whether flows are added to 64 bits every turn, not where 32 bits might not take another."""
BY_TABLE: Final = next(_at)
TICKET_UNIT: Final = next(_at)
"""Millionths that divide the weights of all tickets and thresholds; 0 where 32 bits do not draw."""
PRICE_DIVISOR: Final = next(_at)
"""As `exact_lanes.scaled_price` takes it, with the largest price beside it."""
PRICE_MOST: Final = next(_at)
SHAPE: Final = next(_at)
