"""The pay of a job.

Source: docs/spec/economy.md, J1 to J4.
"""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct

from sim_economy.core.units import portion
from sim_economy.core.world_config import JobRule, SigningBonusRule, WorldConfig


class Pay(Struct, frozen=True, gc=False):
    """Tokens the platform pays for one turn on a job, in the order it pays them."""

    credit: int
    relief: int
    bonus: int


def pay(balance: int, fee_tokens: int, first_job: bool, config: WorldConfig) -> Pay:
    """The pay of a job, on the balance it finds.

    Args:
        balance: Before the job; may be below zero.
        fee_tokens: What the agent's usage would have cost this turn, as far as wages follow it.
        first_job: Whether the agent never had a job before.

    Source: docs/spec/economy.md, J1 to J4, G6.
    """
    match config.job_rule:
        case JobRule.CREDIT_USAGE:
            credit = min(portion(fee_tokens, config.job_pay_factor), config.job_credit_max)
            owed = max(0, -(balance + credit))
            relief = portion(owed, config.interest_rate_per_turn)
        case JobRule.WAIVE_USAGE:
            credit = relief = 0
        case _:
            assert_never(config.job_rule)
    earns_bonus = first_job and config.signing_bonus_rule is SigningBonusRule.FIRST_JOB
    return Pay(credit, relief, config.signing_bonus if earns_bonus else 0)
