"""What a policy function may return: an action as four whole numbers.

They are plain functions of whole numbers, so that the same text can be compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sim_economy.batch.decisions.decision_codes import ALL_STAKE, ActionCode, Decision, Target

_MINE = int(ActionCode.MINE)
_JOB = int(ActionCode.JOB)
_STUDY = int(ActionCode.STUDY)
_IDLE = int(ActionCode.IDLE)
_STAKE = int(ActionCode.STAKE)
_UNSTAKE = int(ActionCode.UNSTAKE)
_BURN = int(ActionCode.BURN)
_TRANSFER = int(ActionCode.TRANSFER)
_BID = int(ActionCode.BID)
_POOREST = int(Target.POOREST)
_NEXT = int(Target.NEXT)


def mine() -> Decision:
    """Take part in the turn's lottery."""
    return _MINE, 0, 0, 0


def job() -> Decision:
    """Workspace for the platform instead of paying this turn's fee."""
    return _JOB, 0, 0, 0


def study() -> Decision:
    """Pay `study_cost` for lower fees."""
    return _STUDY, 0, 0, 0


def idle() -> Decision:
    """Do nothing."""
    return _IDLE, 0, 0, 0


def stake(tokens: int, fee: int = 0) -> Decision:
    """Lock tokens from the next block on."""
    return _STAKE, tokens, fee, 0


def unstake(tokens: int = ALL_STAKE) -> Decision:
    """Start the release of stake; without an amount, what the rules say of that."""
    return _UNSTAKE, tokens, 0, 0


def burn(tokens: int, fee: int = 0) -> Decision:
    """Destroy tokens for burn weight."""
    return _BURN, tokens, fee, 0


def transfer_to_poorest(tokens: int, fee: int = 0) -> Decision:
    """Send tokens to the agent with the lowest balance, the first of equals."""
    return _TRANSFER, tokens, fee, _POOREST


def transfer_to_next(tokens: int, fee: int = 0) -> Decision:
    """Send tokens to the next agent in genesis order; from the last to the first."""
    return _TRANSFER, tokens, fee, _NEXT


def bid(tokens: int) -> Decision:
    """Bid for a core share in the opening auction."""
    return _BID, tokens, 0, 0


CHOICES: Final[dict[str, Callable[..., Decision]]] = {
    choice.__name__: choice
    for choice in (
        mine,
        job,
        study,
        idle,
        stake,
        unstake,
        burn,
        transfer_to_poorest,
        transfer_to_next,
        bid,
    )
}
"""Every choice by its name."""
