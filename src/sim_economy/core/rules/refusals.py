"""Refusals of actions, the gravest reason first.

Source: docs/spec/economy.md, section 3, A1 to A3, S2 and C1.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final, get_args

from sim_economy.core.actions import (
    BidCore,
    Burn,
    ContractAction,
    Idle,
    Input,
    Job,
    Mine,
    SellInformation,
    Speak,
    Stake,
    Study,
    Transfer,
    Unrecognised,
    Unstake,
)
from sim_economy.core.events import RejectionReason as Reason
from sim_economy.core.text_limits import ACTION_NAME, CONTRACT_IDS, PAYLOAD, SPEECH
from sim_economy.core.world_config import UnstakeWithoutAmount, WorldConfig

FREE: Final = frozenset({Mine, Job, Idle, *get_args(ContractAction)})
"""Actions that take nothing from an account when they apply."""

AMOUNT_LEAST: Final = 1
FEE_LEAST: Final = 0
"""The least tokens of an amount, and of a tip."""

AUCTION_TURN: Final = 1
"""The only turn with an auction of core shares (C1)."""


def rejection_reason(
    submitted: Input,
    balance: int,
    staked: int,
    agent_ids: Container[str],
    turn: int,
    config: WorldConfig,
) -> Reason | None:
    """The reason an action is refused on the accounts it finds, or None.

    What concerns contracts alone is refused by `proposals` and `party_actions`.

    Args:
        submitted: As it is kept; see `text_limits`.
        balance: Tokens free to use; may be below zero.
        staked: Tokens locked as stake.
        agent_ids: Everyone a transfer can reach.
    """
    action = submitted.action
    reason = _text_refusal(submitted, config)
    if reason is not None or type(action) in FREE:
        return reason
    match action:
        case Speak():
            return None if submitted.speech else Reason.SPEECH_MISSING
        case Study():
            return _cost_refusal(config.study_cost, balance)
        case Transfer():
            return _transfer_refusal(action, submitted.agent_id, agent_ids, balance)
        case Stake(amount, fee) | Burn(amount, fee):
            return _amount_refusal(amount, fee, balance)
        case Unstake(amount):
            return _unstake_refusal(amount, staked, config)
        case BidCore(amount):
            return _bid_refusal(amount, balance, turn, config)
        case _:
            raise AssertionError(action)


def _text_refusal(submitted: Input, config: WorldConfig) -> Reason | None:
    """The refusal of a name that is no rule's, or of a text or list that was too long."""
    too_long = _too_long(submitted) if submitted.cut else ()
    if ACTION_NAME in too_long or CONTRACT_IDS in too_long:
        return Reason.TEXT_TOO_LONG
    action, speech = submitted.action, submitted.speech
    if type(action) is Unrecognised:
        return Reason.UNKNOWN_ACTION
    if SPEECH in too_long or (speech is not None and len(speech) > config.speech_length_max):
        return Reason.SPEECH_TOO_LONG
    return Reason.PAYLOAD_TOO_LONG if PAYLOAD in too_long else None


def _too_long(submitted: Input) -> frozenset[str]:
    """What was too long to be kept; a payload for no contract lacks the contract first."""
    action, cut = submitted.action, frozenset(text.field for text in submitted.cut)
    sells = isinstance(action, SellInformation) and action.contract_id is not None
    return cut if sells else cut - {PAYLOAD}


def _transfer_refusal(
    action: Transfer, agent_id: str, agent_ids: Container[str], balance: int
) -> Reason | None:
    if action.to is None:
        return Reason.RECIPIENT_MISSING
    if action.to not in agent_ids:
        return Reason.RECIPIENT_UNKNOWN
    if action.to == agent_id:
        return Reason.RECIPIENT_IS_SENDER
    return _amount_refusal(action.amount, action.fee, balance)


def _bid_refusal(amount: int | None, balance: int, turn: int, config: WorldConfig) -> Reason | None:
    closed = turn > AUCTION_TURN or config.core_owners is not None
    return Reason.AUCTION_CLOSED if closed else _amount_refusal(amount, 0, balance)


def _amount_refusal(amount: int | None, fee: int, balance: int) -> Reason | None:
    if amount is None:
        return Reason.AMOUNT_MISSING
    if amount < AMOUNT_LEAST:
        return Reason.AMOUNT_TOO_LOW
    if fee < FEE_LEAST:
        return Reason.FEE_TOO_LOW
    return _cost_refusal(amount + fee, balance)


def _cost_refusal(cost: int, balance: int) -> Reason | None:
    return Reason.BALANCE_TOO_LOW if cost > balance else None


def _unstake_refusal(amount: int | None, staked: int, config: WorldConfig) -> Reason | None:
    if amount is None:
        if config.unstake_without_amount is UnstakeWithoutAmount.REJECT:
            return Reason.AMOUNT_MISSING
        amount = max(AMOUNT_LEAST, staked)
    if amount < AMOUNT_LEAST:
        return Reason.AMOUNT_TOO_LOW
    return Reason.STAKE_TOO_LOW if amount > staked else None
