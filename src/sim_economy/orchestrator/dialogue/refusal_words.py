"""Refusals in words: why an action was refused, or an answer not used, and how to avoid it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sim_economy.core.events import RejectionReason as Reason
from sim_economy.orchestrator.record.call_log import IdleReason

REFUSALS: Final[Mapping[Reason, str]] = {
    Reason.UNKNOWN_AGENT: "Act as the agent that you are.",
    Reason.ALREADY_ACTED: "Take one action a turn.",
    Reason.BALANCE_EMPTY: "With nothing in your balance wait until you are granted tokens.",
    Reason.TEXT_TOO_LONG: "Name an action of the list, and fewer contracts in one action.",
    Reason.UNKNOWN_ACTION: "Take one of the actions that the rules name.",
    Reason.SPEECH_TOO_LONG: "Say less.",
    Reason.SPEECH_MISSING: "To speak, give the words as speech.",
    Reason.RECIPIENT_MISSING: "Name the agent to whom you send tokens in to.",
    Reason.RECIPIENT_UNKNOWN: "Send tokens to one of the other agents, by its name.",
    Reason.RECIPIENT_IS_SENDER: "Send tokens to another agent, not to yourself.",
    Reason.AUCTION_CLOSED: "Core shares are sold in turn 1 alone, if at all; bid no more.",
    Reason.AMOUNT_MISSING: "State an amount of tokens.",
    Reason.AMOUNT_TOO_LOW: "State an amount of at least 1.",
    Reason.FEE_TOO_LOW: "State a fee of at least 0, or leave it out.",
    Reason.STAKE_TOO_LOW: "Unstake no more than you have staked.",
    Reason.BALANCE_TOO_LOW: "Spend no more than your balance holds, fee included.",
    Reason.KIND_UNKNOWN: "Name one of the five kinds of contracts.",
    Reason.PARTY_MISSING: "Name a counterparty and an arbitrator.",
    Reason.PARTY_UNKNOWN: "Choose counterparty and arbitrator among the other agents.",
    Reason.PARTIES_NOT_DISTINCT: "Choose two different agents other than yourself.",
    Reason.SETTLEMENT_NOT_OF_KIND: "Leave out settlement, or state one that the kind has.",
    Reason.TERM_NOT_OF_KIND: "State the terms of the contract's own kind alone.",
    Reason.TERM_MISSING: "State due_turn and every term of the contract's kind.",
    Reason.TERM_TOO_LOW: "State terms of at least 0; principal, payout and cap of at least 1.",
    Reason.DUE_TURN_TOO_EARLY: "State a due_turn at least 2 turns after the open one.",
    Reason.START_TURN_TOO_LATE: "State a start_turn that is not after due_turn.",
    Reason.PAYLOAD_HASH_MALFORMED: "State a payload_hash of 64 hexadecimal digits in lowercase.",
    Reason.ARBITRATOR_FEE_TOO_HIGH: (
        "State an arbitrator_fee of at most the smaller of proposer_collateral and "
        "counterparty_collateral."
    ),
    Reason.ARBITRATOR_COLLATERAL_TOO_LOW: "State an arbitrator_collateral of at least the price.",
    Reason.CONTRACT_MISSING: "Name a contract by its contract_id.",
    Reason.FAVOUR_UNKNOWN: "Rule in favour of proposer or of counterparty.",
    Reason.PAYLOAD_MISSING: "Give the text that you deliver as payload.",
    Reason.PAYLOAD_TOO_LONG: "Deliver a shorter text.",
    Reason.CONTRACT_UNKNOWN: "Name one of the open contracts that you see.",
    Reason.ROLE_MISMATCH: "Leave that to the party whose part it is.",
    Reason.KIND_MISMATCH: "Deliver a text for an information_sale alone.",
    Reason.STAGE_MISMATCH: "Act on a contract only while its stage allows it.",
    Reason.SIGNING_NOT_OPEN: "Sign from the turn after the proposal on.",
    Reason.ALREADY_SIGNED: "You have signed this contract; sign no more.",
    Reason.ALREADY_STATED: "You have confirmed this delivery; wait for the counterparty.",
    Reason.PAYLOAD_MISMATCH: "Deliver exactly the text whose SHA-256 the contract names.",
}
"""How to avoid each refusal."""

NOT_USED: Final[Mapping[IdleReason, str]] = {
    IdleReason.UNUSABLE: "Answer in the form that is asked for.",
    IdleReason.REFUSED: "Answer with an action; idle is one.",
    IdleReason.RATE_LIMITED: "You could not be asked.",
    IdleReason.SERVER_FAILED: "You could not be asked.",
    IdleReason.CONNECTION_FAILED: "You could not be asked.",
    IdleReason.CALL_DEADLINE: "Answer sooner, with less thinking.",
    IdleReason.UNREADABLE: "Your answer did not arrive.",
    IdleReason.REJECTED: "You could not be asked.",
    IdleReason.TURN_DEADLINE: "Answer sooner, with less thinking.",
    IdleReason.AGENT_BUDGET: "Your budget of model tokens is spent.",
}
"""What to do about each answer that was not used."""
