"""Results of a turn: refusals, transactions, contract events, the block, the bill."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType, field

from sim_economy.core.accounts import Posting, Repayment
from sim_economy.core.contracts import Cause, Deal, Favoured, Happened
from sim_economy.core.needs import ContractMatch


class RejectionReason(StrEnum):
    """The reason for a refusal, in order of precedence (section 3)."""

    UNKNOWN_AGENT = "unknown_agent"
    ALREADY_ACTED = "already_acted"
    BALANCE_EMPTY = "balance_empty"
    TEXT_TOO_LONG = "text_too_long"
    UNKNOWN_ACTION = "unknown_action"
    SPEECH_TOO_LONG = "speech_too_long"
    SPEECH_MISSING = "speech_missing"
    RECIPIENT_MISSING = "recipient_missing"
    RECIPIENT_UNKNOWN = "recipient_unknown"
    RECIPIENT_IS_SENDER = "recipient_is_sender"
    AUCTION_CLOSED = "auction_closed"
    AMOUNT_MISSING = "amount_missing"
    AMOUNT_TOO_LOW = "amount_too_low"
    FEE_TOO_LOW = "fee_too_low"
    STAKE_TOO_LOW = "stake_too_low"
    BALANCE_TOO_LOW = "balance_too_low"
    KIND_UNKNOWN = "kind_unknown"
    PARTY_MISSING = "party_missing"
    PARTY_UNKNOWN = "party_unknown"
    PARTIES_NOT_DISTINCT = "parties_not_distinct"
    SETTLEMENT_NOT_OF_KIND = "settlement_not_of_kind"
    TERM_NOT_OF_KIND = "term_not_of_kind"
    TERM_MISSING = "term_missing"
    TERM_TOO_LOW = "term_too_low"
    DUE_TURN_TOO_EARLY = "due_turn_too_early"
    START_TURN_TOO_LATE = "start_turn_too_late"
    PAYLOAD_HASH_MALFORMED = "payload_hash_malformed"
    ARBITRATOR_FEE_TOO_HIGH = "arbitrator_fee_too_high"
    ARBITRATOR_COLLATERAL_TOO_LOW = "arbitrator_collateral_too_low"
    CONTRACT_MISSING = "contract_missing"
    FAVOUR_UNKNOWN = "favour_unknown"
    PAYLOAD_MISSING = "payload_missing"
    PAYLOAD_TOO_LONG = "payload_too_long"
    CONTRACT_UNKNOWN = "contract_unknown"
    ROLE_MISMATCH = "role_mismatch"
    KIND_MISMATCH = "kind_mismatch"
    STAGE_MISMATCH = "stage_mismatch"
    SIGNING_NOT_OPEN = "signing_not_open"
    ALREADY_SIGNED = "already_signed"
    ALREADY_STATED = "already_stated"
    PAYLOAD_MISMATCH = "payload_mismatch"


class ValidatorType(StrEnum):
    """The kind of the ticket that won a block (L4)."""

    MINE = "mine"
    STAKE = "stake"
    BURN = "burn"


class TransactionType(StrEnum):
    """The effect of a transaction when it is finalised (L6, S3)."""

    STAKE = "stake"
    BURN = "burn"
    TRANSFER = "transfer"
    UNSTAKE = "unstake"


class Transaction(Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
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


class Block(Struct, frozen=True, gc=False, kw_only=True):
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
        charged: Fees under B4 (B6).
        covered: The part of them that balances held (B6): the pool of C2.
        waived: Fees that agents on a job did not pay.
        dividends: Paid out of the pool (C3).
    """

    charged: int = field(name="collected")
    covered: int
    waived: int
    dividends: int


class DeniedUsage(Struct, frozen=True, array_like=True, gc=False):
    """Usage that an agent asked for and could not pay (I7, I8).

    Attributes:
        agent: Position in genesis order.
        thinking: Units after the discount of B1.
    """

    agent: int
    thinking: int
    output: int

    @property
    def units(self) -> int:
        """Of both kinds."""
        return self.thinking + self.output


class ContractEvent(Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """An event of a contract.

    Attributes:
        agent_id: Who did it; None where the rules did.
        deal: What is agreed, with the proposal.
        until: The last turn of what opened: confirmation or ruling.
        amount: Tokens drawn from a forward.
        favoured: For whom the arbitrator ruled.
        refusal: Why one of several contracts in one action was refused.
        reason: Why it ended.
        fault: Agent ids through whose fault it defaulted.
        counted: Whether its end counts for reputations (K11).
        postings: The first of the turn's postings that belong to it, and the one after the last.
    """

    contract_id: int
    happened: Happened
    agent_id: str | None = None
    deal: Deal | None = None
    until: int | None = None
    amount: int | None = None
    favoured: Favoured | None = None
    refusal: RejectionReason | None = None
    reason: Cause | None = None
    fault: tuple[str, ...] = ()
    counted: bool = False
    postings: tuple[int, int] | None = None


class AgentTokens(Struct, frozen=True, array_like=True, gc=False):
    """Tokens of one agent, by its index."""

    agent: int
    tokens: int


class DebtTurn(Struct, frozen=True, array_like=True, gc=False):
    """What debt rails did for an agent in a turn, in tokens (G3).

    Attributes:
        repaid: Posted from whoever paid the agent.
        withheld: Left with the platform of what it would have paid.
        receivable: What it was lent and has not repaid when the turn closes.
    """

    agent: int
    lent: int
    repaid: int
    withheld: int
    receivable: int


class GovernanceTurn(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the interventions of a world did in a turn; agents in genesis order.

    Attributes:
        fees_allowed: Tokens that the fee cap let be charged (G1); absent where it is off.
        fees_waived: Fees that the cap waived (G1).
        points: Of agents that have some for reinvesting (G2).
        wages_lowered: Job credits that agents did not get because fees were lowered (G1, G5).
        debts: Of agents that were lent something, or owe some of it (G3).
        repayments: What was taken of inflows, in order (G3).
        matches: Needs that fit (G4).
        concentrated: Whether the monitor found wealth concentrated (G5); absent where it is off.
        fees_halved: What relief spared agents of their fees (G5).
        shocks: Targets of the shocks of the turn, in their order (G6).
        losses_unmet: Tokens of losses that were not there to be lost (G6).
    """

    fees_allowed: int | UnsetType = UNSET
    fees_waived: tuple[AgentTokens, ...] = ()
    points: tuple[AgentTokens, ...] = ()
    wages_lowered: tuple[AgentTokens, ...] = ()
    debts: tuple[DebtTurn, ...] = ()
    repayments: tuple[Repayment, ...] = ()
    matches: tuple[ContractMatch, ...] = ()
    concentrated: bool | UnsetType = UNSET
    fees_halved: tuple[AgentTokens, ...] = ()
    shocks: tuple[str, ...] = ()
    losses_unmet: tuple[AgentTokens, ...] = ()


class Turn(Struct, frozen=True, kw_only=True):
    """A closed turn: everything that happened in it.

    Attributes:
        outcomes: One for each input, in order: None where it applied, else why not.
        postings: Every movement of tokens, in order.
        transactions: Those finalised in this turn, in order.
        contracts: What happened to contracts, in order.
        token_supply: What agents own when the turn closes.
        ends: Whether the run ended with it.
        units_denied: Usage refused for want of tokens, in genesis order; absent without any.
        governance: What interventions did; absent where none is on.
    """

    turn: int
    outcomes: tuple[RejectionReason | None, ...]
    postings: tuple[Posting, ...]
    transactions: tuple[Transaction, ...]
    contracts: tuple[ContractEvent, ...]
    block: Block | None
    bill: Bill
    token_supply: int
    ends: bool
    units_denied: tuple[DeniedUsage, ...] | UnsetType = UNSET
    governance: GovernanceTurn | UnsetType = UNSET


def contracts_that(happened: Happened, events: Iterable[ContractEvent]) -> list[int]:
    """Ids of the contracts to which it happened, in order (K10)."""
    return [event.contract_id for event in events if event.happened is happened]
