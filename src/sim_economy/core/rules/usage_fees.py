"""Fees for thinking and output.

Source: docs/spec/economy.md, B1 to B3 and B6.
"""

from __future__ import annotations

from sim_economy.core.units import FACTOR_ONE, MILLION, compounded, portion
from sim_economy.core.world_config import UsageRule, WorldConfig


def metered(thinking_units: int, output_units: int, config: WorldConfig) -> tuple[int, int]:
    """The thinking and output units that are billed, from those an input carries.

    Source: docs/spec/economy.md, T1 and G6.
    """
    if config.usage_source is UsageRule.FIXED:
        thinking_units, output_units = config.fixed_thinking_units, config.fixed_output_units
    if config.usage_factor == MILLION:
        return thinking_units, output_units
    factor = config.usage_factor
    return portion(thinking_units, factor), portion(output_units, factor)


def counted(thinking_units: int, output_units: int, config: WorldConfig) -> tuple[int, int]:
    """Thinking as far as it counts, and output, of what is metered: together the usage.

    Source: docs/spec/economy.md, T1 and B1.
    """
    thinking, output = metered(thinking_units, output_units, config)
    return thinking * config.thinking_layer_discount // MILLION, output


def billable(thinking: int, output: int, config: WorldConfig) -> int:
    """The units of counted usage that are not free.

    Source: docs/spec/economy.md, B2.
    """
    return max(0, thinking + output - config.commons_threshold_per_turn)


def price(billable_units: int, studies: int, config: WorldConfig) -> int:
    """Tokens for billable units, rounded down once.

    Args:
        studies: How often the agent has studied, this turn included.

    Source: docs/spec/economy.md, B3.
    """
    if not billable_units:
        return 0
    factor = compounded(config.study_discount, studies)
    return config.base_inference_rate * billable_units * factor // (MILLION * FACTOR_ONE)


def fee(thinking: int, output: int, studies: int, config: WorldConfig) -> int:
    """Tokens an agent owes for the usage of one turn.

    Args:
        thinking: As far as it counts.
        studies: How often the agent has studied, this turn included.

    Source: docs/spec/economy.md, B1 to B3.
    """
    return price(billable(thinking, output, config), studies, config)


def covered(fee_tokens: int, balance: int) -> int:
    """The part of a fee that the payer's balance holds before it is billed.

    Source: docs/spec/economy.md, B6.
    """
    return min(fee_tokens, max(0, balance))
