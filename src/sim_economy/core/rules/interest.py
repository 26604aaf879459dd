"""Interest on debt.

Source: docs/spec/economy.md, B5.
"""

from __future__ import annotations

from sim_economy.core.units import ACCOUNT_LIMIT, portion
from sim_economy.core.world_config import WorldConfig


def interest(balance: int, config: WorldConfig) -> int:
    """Tokens a balance loses for being below zero; none where it would pass -2^62.

    Source: docs/spec/economy.md, B5 and section 0.
    """
    if balance >= 0:
        return 0
    charge = portion(-balance, config.interest_rate_per_turn)
    return charge if balance - charge >= -ACCOUNT_LIMIT else 0
