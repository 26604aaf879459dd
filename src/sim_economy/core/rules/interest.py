"""Interest on debt.

Source: docs/spec/economy.md, B5.
"""

from __future__ import annotations

from typing import assert_never

from sim_economy.core.rules_version import RulesVersion
from sim_economy.core.units import ACCOUNT_LIMIT, portion
from sim_economy.core.world_config import WorldConfig


def interest(balance: int, destroyed: int, config: WorldConfig) -> int:
    """Tokens a balance loses for being below zero; none where an account would pass 2^62.

    Args:
        destroyed: Tokens destroyed so far; no limit to them before rules version 3.

    Source: docs/spec/economy.md, B5 and section 0.
    """
    if balance >= 0:
        return 0
    charge = portion(-balance, config.interest_rate_per_turn)
    held = balance - charge >= -ACCOUNT_LIMIT
    match config.rules_version:
        case RulesVersion.V2:
            return charge if held else 0
        case RulesVersion.V3:
            return charge if held and destroyed + charge <= ACCOUNT_LIMIT else 0
    assert_never(config.rules_version)
