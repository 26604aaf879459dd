"""Fees for thinking and output.

Source: docs/spec/economy.md, B1 to B3 and B6.
"""

from __future__ import annotations

from sim_economy.core.units import FACTOR_ONE, MILLION, compounded
from sim_economy.core.world_config import UsageRule, WorldConfig


def metered(thinking_units: int, output_units: int, config: WorldConfig) -> tuple[int, int]:
    """The thinking and output units that are billed, from those an input carries.

    Source: docs/spec/economy.md, T1.
    """
    if config.usage_source is UsageRule.FIXED:
        return config.fixed_thinking_units, config.fixed_output_units
    return thinking_units, output_units


def fee(thinking_units: int, output_units: int, studies: int, config: WorldConfig) -> int:
    """Tokens an agent owes for its usage in one turn, rounded down once.

    Args:
        thinking_units: Before the discount; not negative.
        output_units: Not negative.
        studies: How often the agent has studied, this turn included.

    Source: docs/spec/economy.md, B1 to B3.
    """
    usage = output_units + thinking_units * config.thinking_layer_discount // MILLION
    billable = usage - config.commons_threshold_per_turn
    if billable <= 0:
        return 0
    factor = compounded(config.study_discount, studies)
    return config.base_inference_rate * billable * factor // (MILLION * FACTOR_ONE)


def covered(fee_tokens: int, balance: int) -> int:
    """The part of a fee that the payer's balance holds before it is billed.

    Source: docs/spec/economy.md, B6.
    """
    return min(fee_tokens, max(0, balance))
