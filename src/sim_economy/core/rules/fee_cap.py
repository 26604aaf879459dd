"""The fee cap: what may be charged in a turn, and what of it a worker is credited.

Source: docs/spec/economy.md, G1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from sim_economy.core.governance_config import CapBase, FeeCap
from sim_economy.core.state import WindowTurn
from sim_economy.core.units import portion


def fees_allowed(rule: FeeCap, window: Sequence[WindowTurn], turn: int, signing_bonus: int) -> int:
    """Tokens that may be charged in a turn, over all agents.

    Args:
        window: The turns before it, at most those of a window, oldest first.
        signing_bonus: As it is in this turn.

    Source: docs/spec/economy.md, G1.
    """
    turns = min(rule.window_turns, turn)
    base = turns * signing_bonus + sum(held.tips for held in window)
    match rule.base:
        case CapBase.BLOCK_REVENUE:
            pass
        case CapBase.PRODUCTIVE_SURPLUS:
            base += sum(held.job_pay for held in window)
        case _:
            assert_never(rule.base)
    charged = sum(held.fees for held in window if held.turn > turn - turns)
    return max(0, portion(base, rule.cap_ratio) - charged)


def credited(fee: int, fees: int, allowed: int) -> int:
    """The part of a worker's fee that it would bear under the cap.

    Args:
        fee: What its usage costs.
        fees: Of all agents that are not on a job.
        allowed: What may be charged in the turn.

    Source: docs/spec/economy.md, G1.
    """
    return fee if fees + fee <= allowed else fee * allowed // (fees + fee)
