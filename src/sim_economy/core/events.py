"""What came of a turn: refusals, transactions, the block, the bill."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from sim_economy.core.ledger import Posting


class RejectionReason(StrEnum):
    """Why a rule refused an action, in order of precedence (section 3, A1 to A3)."""

    UNKNOWN_AGENT = "unknown_agent"
    ALREADY_ACTED = "already_acted"
    UNKNOWN_ACTION = "unknown_action"
    SPEECH_TOO_LONG = "speech_too_long"
    SPEECH_MISSING = "speech_missing"
    RECIPIENT_MISSING = "recipient_missing"
    RECIPIENT_UNKNOWN = "recipient_unknown"
    RECIPIENT_IS_SENDER = "recipient_is_sender"
    AMOUNT_MISSING = "amount_missing"
    AMOUNT_TOO_LOW = "amount_too_low"
    FEE_TOO_LOW = "fee_too_low"
    STAKE_TOO_LOW = "stake_too_low"
    BALANCE_TOO_LOW = "balance_too_low"


class Rejected(Struct, frozen=True, gc=False):
    """An input no rule applied.

    Attributes:
        position: Its place among the turn's inputs, from 0.
    """

    position: int
    agent_id: str
    action: str
    reason: RejectionReason


class ValidatorType(StrEnum):
    """The kind of the ticket that won a block (L4)."""

    MINE = "mine"
    STAKE = "stake"
    BURN = "burn"


class TransactionType(StrEnum):
    """What a transaction does when it is finalised (L6, S3)."""

    STAKE = "stake"
    BURN = "burn"
    TRANSFER = "transfer"
    UNSTAKE = "unstake"


class Transaction(Struct, frozen=True, gc=False, omit_defaults=True):
    """Tokens on their way from one account to another.

    Attributes:
        fee: The tip for the winner of the block that finalises it.
        submitted: The turn it left the agent's balance or stake.
        finalised: The turn it reached its goal; None while it waits.
    """

    tx_type: TransactionType
    agent_id: str
    amount: int
    fee: int
    submitted: int
    to: str | None = None
    finalised: int | None = None


class Ticket(Struct, frozen=True, gc=False):
    """A chance in the lottery.

    Attributes:
        agent: Position in genesis order.
        weight: In units of 10^-18.
    """

    agent: int
    validator_type: ValidatorType
    weight: int


class Block(Struct, frozen=True, gc=False):
    """A block as the rules made it; hashes are added where it is recorded.

    Attributes:
        winner: Agent id.
        tickets: Every counting ticket in drawing order.
        transactions: How many transactions it finalised.
        tips: Tokens the winner received for them.
    """

    turn: int
    winner: str
    validator_type: ValidatorType
    tickets: tuple[Ticket, ...]
    transactions: int
    tips: int


class Bill(Struct, frozen=True, gc=False):
    """The turn's fees over all agents, in tokens.

    Attributes:
        collected: Fees under B4 (B6).
        covered: The part of them that balances held (B6): the pool of C2.
        waived: Fees that agents on a job did not pay.
        dividends: Paid out of the pool (C3).
    """

    collected: int
    covered: int
    waived: int
    dividends: int


class Turn(Struct, frozen=True):
    """A closed turn: everything that happened in it.

    Attributes:
        outcomes: One for each input, in order: None where it applied, else why not.
        postings: Every movement of tokens, in order.
        transactions: Those finalised in this turn, in order.
        token_supply: What agents own when the turn closes.
        ends: Whether the run ended with it.
    """

    turn: int
    outcomes: tuple[RejectionReason | None, ...]
    postings: tuple[Posting, ...]
    transactions: tuple[Transaction, ...]
    block: Block | None
    bill: Bill
    token_supply: int
    ends: bool
