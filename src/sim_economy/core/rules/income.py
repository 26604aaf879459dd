"""Income: what expires, which debts are lifted, and how much an empty agent may use.

Source: docs/spec/economy.md, section 12.
"""

from __future__ import annotations

from typing import assert_never

from sim_economy.core.income_config import IncomeConfig, OverdraftRule
from sim_economy.core.units import FACTOR_ONE, MILLION, compounded
from sim_economy.core.world_config import WorldConfig


def expired(balance: int, income: IncomeConfig) -> int:
    """Tokens of a balance that do not outlast a period.

    Source: docs/spec/economy.md, I3.
    """
    return max(0, balance - income.carryover_max)


def lifted(balance: int, income: IncomeConfig) -> int:
    """Tokens of debt that a new period lifts.

    Source: docs/spec/economy.md, I4.
    """
    match income.overdraft:
        case OverdraftRule.CARRIED:
            return 0
        case OverdraftRule.FORGIVEN:
            return max(0, -balance)
    assert_never(income.overdraft)


def payable(billable: int, funds: int, studies: int, config: WorldConfig) -> int:
    """The most billable units, up to those asked for, whose fee the funds hold.

    Args:
        billable: Units asked for beyond the free ones.
        funds: Tokens of balance and forwards; may be below zero.
        studies: How often the agent has studied, this turn included.

    Source: docs/spec/economy.md, I8.
    """
    rate = config.base_inference_rate * compounded(config.study_discount, studies)
    if rate == 0:
        return billable
    if funds < 0:
        return 0
    # The fee of b units is floor(rate * b / 10^18): at most `funds` below (funds + 1) * 10^18.
    return min(billable, ((funds + 1) * MILLION * FACTOR_ONE - 1) // rate)


def cut(thinking: int, output: int, units: int) -> tuple[int, int]:
    """How many units of counted thinking and of output are refused: output first.

    Args:
        units: Refused in all; at most thinking and output together.

    Source: docs/spec/economy.md, I8.
    """
    of_output = min(output, units)
    assert units - of_output <= thinking, (thinking, output, units)
    return units - of_output, of_output
