"""Answers of the engine as types over plain dicts; fields they don't name stay in them.

The engine describes its answers by these types. A list with a meaning for each place is typed as a
tuple.
"""

from __future__ import annotations

from typing import Annotated, Any, Generic, NotRequired, TypeAlias, TypedDict, TypeVar

from msgspec import Meta

Row = TypeVar("Row")
Content = TypeVar("Content")

Parameters = Annotated[
    dict[str, Any], Meta(extra_json_schema={"$ref": "#/components/schemas/Config"})
]
"""A world's parameters and variants by name; the engine's description lists them."""


class HeadAnswer(TypedDict):
    """The end of the chain, to keep and compare."""

    turn: int
    state_digest: str
    hash: str
    block_hash: str


class CommitmentAnswer(TypedDict):
    """The commitment of the draws; salt and secret open it once the run has ended."""

    commitment: str | None
    salt: str | None
    secret: str | None


class GenesisAnswer(TypedDict):
    """The identity of a world; with keys where inputs and blocks are signed."""

    world_id: str
    genesis: str
    rules_version: str
    agent_ids: list[str]
    public_keys: dict[str, str] | None
    engine_key: str | None


class AgentStateAnswer(TypedDict):
    """One agent's accounts, as the operator sees them."""

    agent_id: str
    balance: int
    staked: int
    unstaking: int
    pending: int
    escrow: int
    studies: int
    burned: int
    cores: int


class WorldStateAnswer(TypedDict):
    """Every agent's accounts after the last closed turn."""

    turn: int
    token_supply: int
    agents: list[AgentStateAnswer]
    fees_collected: int
    ended: bool
    state_digest: str
    head: str


class StartedWorldAnswer(TypedDict):
    """A new world; the tokens come this one time, from an engine that asks for them."""

    world_id: str
    config: Parameters
    agent_ids: list[str]
    state: WorldStateAnswer
    head: str
    operator: NotRequired[str]
    admin_token: NotRequired[str]
    agent_tokens: NotRequired[dict[str, str]]
    reader_token: NotRequired[str]
    commitment: NotRequired[str | None]
    salt: NotRequired[str | None]
    secret: NotRequired[str | None]


class ReaderTokenAnswer(TypedDict):
    """A new token that shows the world and changes nothing, this one time."""

    reader_token: str


class RejectionAnswer(TypedDict):
    """An input that no rule applied."""

    turn: int
    position: int
    agent_id: str
    action: str
    reason: str


class TransactionAnswer(TypedDict):
    """Tokens on their way, or arrived where `finalised` names the turn."""

    tx_type: str
    agent_id: str
    amount: int
    fee: int
    submitted: int
    finalised: NotRequired[int]
    to: NotRequired[str]


class FinalisedTransactionAnswer(TransactionAnswer):
    """A transaction that arrived, with its place in the ledger."""

    turn: int
    position: int


class CutAnswer(TypedDict):
    """A text or list that was too long to be kept; of thinking the beginning is.

    Where it stood is a path such as `speech`, its length in characters or items.
    """

    position: int
    agent_id: str
    field: str
    length: int


AgentTokensAnswer: TypeAlias = tuple[int, int]
"""An agent's index, and tokens."""


class GovernanceTurnAnswer(TypedDict):
    """What interventions did in a turn; what did nothing is left out.

    A debt is an agent's index and tokens lent, repaid, withheld and still owed. A repayment is how
    many of the turn's postings came before it, an agent's index, tokens, and what it was taken of.
    A match is a kind, the indices of proposer and counterparty, an amount and a price.
    """

    fees_allowed: NotRequired[int]
    fees_waived: NotRequired[list[AgentTokensAnswer]]
    points: NotRequired[list[AgentTokensAnswer]]
    wages_lowered: NotRequired[list[AgentTokensAnswer]]
    debts: NotRequired[list[tuple[int, int, int, int, int]]]
    repayments: NotRequired[list[tuple[int, int, int, str]]]
    matches: NotRequired[list[tuple[str, int, int, int, int]]]
    concentrated: NotRequired[bool]
    fees_halved: NotRequired[list[AgentTokensAnswer]]
    shocks: NotRequired[list[str]]
    losses_unmet: NotRequired[list[AgentTokensAnswer]]


class ClosedTurnAnswer(TypedDict):
    """The result of a turn; units denied, by agent, where income stops or clips usage."""

    turn: int
    inference_fees_collected: int
    fees_covered: int
    fees_waived: int
    dividends: int
    block_winner: str | None
    validator_type: str | None
    contracts_settled: list[int]
    contracts_defaulted: list[int]
    inputs: int
    rejections: list[RejectionAnswer]
    cut: list[CutAnswer]
    transactions: list[TransactionAnswer]
    token_supply: int
    ended: bool
    usage_source: str
    state_digest: str
    head: str
    units_denied: NotRequired[dict[str, int]]
    governance: NotRequired[GovernanceTurnAnswer]


class SubmittedActionAnswer(TypedDict):
    """An agent's action, accepted for a turn that it may have closed."""

    accepted: bool
    turn: int
    closed: bool


class BlockAnswer(TypedDict):
    """A block; turn 0's is genesis, without a winner."""

    turn: int
    winner: str | None
    validator_type: str | None
    weights: list[tuple[str, str, str]]
    transactions: int
    tips: int
    previous_hash: str
    state_digest: str
    hash: str


class DealAnswer(TypedDict):
    """The agreement of the parties; which further terms it has depends on its kind."""

    kind: str
    settlement: str
    parties: tuple[str, str, str]
    proposed: int
    due_turn: int
    collaterals: tuple[int, int, int]
    arbitrator_fee: int
    price: NotRequired[int]
    payload_hash: NotRequired[str]
    principal: NotRequired[int]
    premium: NotRequired[int]
    payout: NotRequired[int]
    trigger: NotRequired[int]
    cap: NotRequired[int]
    start_turn: NotRequired[int]


class ContractEventAnswer(TypedDict):
    """An event of a contract; further fields depend on its kind."""

    turn: int
    position: int
    contract_id: int
    happened: str
    agent_id: NotRequired[str]
    deal: NotRequired[DealAnswer]
    until: NotRequired[int]
    amount: NotRequired[int]
    favoured: NotRequired[str]
    refusal: NotRequired[str]
    reason: NotRequired[str]
    fault: NotRequired[list[str]]
    counted: NotRequired[bool]
    postings: NotRequired[tuple[int, int]]


class PostingAnswer(TypedDict):
    """One movement of tokens between two accounts, by their names."""

    turn: int
    position: int
    source: str
    target: str
    amount: int
    reason: str


class StatementLineAnswer(TypedDict):
    """One posting as its account sees it."""

    turn: int
    account: str
    amount: int
    reason: str
    counterpart: str
    after: int


class StatementAnswer(TypedDict):
    """One agent's postings, opening to closing."""

    agent_id: str
    first_turn: int
    last_turn: int
    opening: dict[str, int]
    closing: dict[str, int]
    lines: list[StatementLineAnswer]
    totals: dict[str, int]


class ContractAnswer(TypedDict):
    """An open contract, as a party sees it; seats are the parties' indices."""

    contract_id: int
    deal: DealAnswer
    seats: tuple[int, int, int]
    stage: str
    until: int
    counterparty_signed: bool
    arbitrator_signed: bool
    payment: int
    claimed: bool
    favoured: str | None
    insured_value: int | None


class EndedContractAnswer(TypedDict):
    """A contract that ended in the last turn."""

    contract_id: int
    seats: tuple[int, int, int]
    stage: str
    reason: str | None


class OwnIncomeAnswer(TypedDict):
    """An agent's allowance, and the next turn in which a period begins; None if none is left."""

    allowance: int
    next_period: int | None


class TermsAnswer(TypedDict):
    """Terms of a proposal; those that are left to its parties are missing."""

    due_turn: int
    proposer_collateral: NotRequired[int]
    counterparty_collateral: NotRequired[int]
    arbitrator_collateral: NotRequired[int]
    arbitrator_fee: NotRequired[int]
    price: NotRequired[int]
    principal: NotRequired[int]
    premium: NotRequired[int]
    payout: NotRequired[int]
    cap: NotRequired[int]
    start_turn: NotRequired[int]


class OwnMatchAnswer(TypedDict):
    """A contract that an agent and its partner may make, with the terms of its template."""

    kind: str
    side: str
    partner: str
    amount: int
    price: int
    terms: TermsAnswer


class OwnGovernanceAnswer(TypedDict):
    """What an agent owes of loans by debt rails, its relief in the next turn, and its matches."""

    receivable: NotRequired[int]
    relieved: NotRequired[bool]
    matches: NotRequired[list[OwnMatchAnswer]]


class ObservationAnswer(TypedDict):
    """The observation of one agent before it acts.

    A release is an agent's index, tokens, the turn of the unstake and that of its return. The tip
    is the newest block's turn, winner and validator type. A reputation is an agent's index, its
    contracts settled and defaulted, its rulings for proposers and for counterparties, and disputes
    missed.
    """

    agent_id: str
    turn: int
    accounts: dict[str, int]
    studies: int
    transactions: list[TransactionAnswer]
    releases: list[tuple[int, int, int, int]]
    contracts: list[ContractAnswer]
    contracts_ended: list[EndedContractAnswer]
    payloads: dict[str, str]
    rejection: str | None
    tip: tuple[int, str | None, str | None]
    fees_collected: int
    token_supply: int
    core_owners: dict[str, int]
    reputations: dict[str, tuple[int, int, int, int, int, int]]
    speech: dict[str, str]
    world: Parameters
    income: NotRequired[OwnIncomeAnswer]
    governance: NotRequired[OwnGovernanceAnswer]


class FiguresAnswer(TypedDict):
    """One turn in numbers: flows by reason, actions by name, the books, inequality."""

    turn: int
    token_supply: int
    platform: int
    destroyed: int
    fees_collected: int
    fees_covered: int
    fees_waived: int
    dividends: int
    winner: str | None
    inputs: int
    rejections: int
    flows: dict[str, int]
    actions: dict[str, int]
    units_denied: NotRequired[int]
    negative_agents: int
    balance_min: int
    balance_median: float
    balance_mean: float
    balance_max: int
    gini_wealth_shifted: float
    gini_normalised: float
    gini_absolute: float
    top1_wealth_shifted_share: float


class PlayedRunAnswer(TypedDict):
    """A batch run: the published metrics by column, and the state it ended with."""

    world_id: str
    metrics: dict[str, int | float]
    state: WorldStateAnswer


class FindingAnswer(TypedDict):
    """The first thing that is wrong with a ledger."""

    turn: int | None
    problem: str


class VerificationAnswer(TypedDict):
    """The result of checking the whole ledger; without a finding it is sound."""

    turns: int
    head: HeadAnswer | None
    finding: FindingAnswer | None
    signatures: int
    head_file: bool


class PageAnswer(TypedDict, Generic[Row]):
    """Some rows, and where the next page begins; None at the end."""

    rows: list[Row]
    next: int | None


class EnvelopeAnswer(TypedDict, Generic[Content]):
    """An answer that comes in an envelope, as existing clients expect it."""

    data: Content


class WorldsAnswer(TypedDict):
    """The names of an engine's worlds."""

    worlds: list[str]


class ReadinessAnswer(TypedDict):
    """The turn and head a ready engine stands at; None before the first check has ended."""

    status: str
    turn: int
    head: str
    verified_turns: int | None


class HealthAnswer(TypedDict):
    """A process that answers."""

    status: str


class DescriptionAnswer(TypedDict):
    """The description of every call in OpenAPI."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]


class FailureAnswer(TypedDict):
    """What was wrong, with a stable code to branch on and a message that says what to do next."""

    code: str
    message: str
    field: NotRequired[str]
    turn: NotRequired[int]
    position: NotRequired[int]
    problems: NotRequired[list[str]]


class ErrorAnswer(TypedDict):
    """The answer to a call that must be corrected, or cannot be served now."""

    error: FailureAnswer
