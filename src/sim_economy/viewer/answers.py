"""Answers that the viewer's page reads: the one contract between its server and its script.

Every route is read with GET and answers JSON, but for those of the session, which are sent with
POST. `WORLD` is empty for the default world, and `/worlds/{world_id}` for one that
`/view/catalogue` lists; an engine and `sim-economy view` serve the same routes.

| route | query | answer |
|---|---|---|
| `/view/catalogue` | | `CatalogueAnswer` |
| `WORLD/view/caller` | | `CallerAnswer` |
| `POST WORLD/view/session` | body `{"token": ...}` | `CallerAnswer`, and a cookie |
| `POST /view/session/end` | body `{}` | `CallerAnswer` |
| `WORLD/view/overview` | | `OverviewAnswer` |
| `WORLD/view/balances` | `points`, `after`, `agents` | `BalancesAnswer` |
| `WORLD/view/agents` | `after`, `limit`, `order`, `search`, `insolvent` | `AgentsAnswer` |
| `WORLD/view/agents/{agent_id}` | | `AgentAnswer` |
| `WORLD/view/agents/{agent_id}/statement` | `before`, `limit`, `reason` | `StatementPageAnswer` |
| `WORLD/view/agents/{agent_id}/decisions` | `before`, `limit` | `DecisionsAnswer` |
| `WORLD/view/agents/{agent_id}/decisions/{turn}` | | `DecisionAnswer` |
| `WORLD/view/turns/{turn}` | | `TurnAnswer` |
| `WORLD/view/turns/{turn}/postings` | `after`, `limit`, `reason`, `agent` | `TurnPostingsAnswer` |
| `WORLD/view/contracts` | `after`, `limit`, `kind`, `stage`, `agent` | `ContractsAnswer` |
| `WORLD/view/contracts/{contract_id}` | | `ContractLifeAnswer` |
| `WORLD/view/events` | `before`, `limit`, `kind`, `agent` | `EventsAnswer` |
| `WORLD/view/chain` | `turn`, `head` | `ChainAnswer` |
| `WORLD/view/verification` | `turn`, `head` | `VerifiedAnswer` |
| `WORLD/view/verification/progress` | | `VerificationProgressAnswer` |
| `WORLD/view/search` | `q`, `limit` | `SearchAnswer` |
| `/view/document` | `name` | a file that the catalogue lists, as it is |
| `WORLD/events` | header `Last-Event-ID` | server-sent events: a `turn` for each closed turn |

`after`, of rows in genesis or id order, is the `next` of the page before, which is null on the last
one. `before` is a turn: rows of earlier turns, newest first; without it, from the newest on.
`agents` names several with commas between, `agent` one. A name in a path is percent-encoded.

The page `/` and its files under `/view/static/` need no token. Failures are the engine's: a status
and `{"error": {"code", "message"}}`; 401 means: sign in.

**Numbers.** Tokens and units are texts of decimal digits (`Digits`), since a browser rounds whole
numbers beyond 2^53. Turns, ids and counts are below it and are numbers. Arrays of a chart are
numbers for drawing: a browser may round them.

**Texts** are what agents, models and strangers wrote, as they wrote it: data to be set as text,
never as markup.

An event of the stream has the turn as its `id`; whoever shows more asks for what changed:
`/view/overview`, `/view/balances?after=TURN`, `/view/events`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

Digits: TypeAlias = Annotated[str, Meta(pattern=r"^-?[0-9]+$")]
"""A whole number as text, exact at any size."""

SourceKind: TypeAlias = Literal[
    "engine", "ledger", "experiment", "sweep", "orchestrated_run", "what_if"
]


class ListedWorld(Struct, frozen=True, kw_only=True):
    """A world that can be opened.

    Attributes:
        world_id: Its name in addresses; empty for the default one.
        title: For people.
        note: What it is, in a sentence.
        replayed: Whether no ledger of it was kept: it is played again when it is opened.
        figures: Numbers known before it is opened, by name, as text.
    """

    world_id: str
    title: str
    note: str
    replayed: bool
    figures: dict[str, str]


class ListedDocument(Struct, frozen=True, kw_only=True):
    """A file of the folder that a browser can show or keep.

    Attributes:
        name: What `/view/document` takes.
        size: In bytes.
    """

    name: str
    title: str
    size: int


class ListedTable(Struct, frozen=True, kw_only=True):
    """A table of a folder's answer, each cell as text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class CatalogueAnswer(Struct, frozen=True, kw_only=True):
    """What is shown here.

    Attributes:
        title: A file's, folder's or engine's name, without passwords.
        answer: What it says, in a sentence; empty where a world has to be opened for that.
        worlds: Those that this caller may know of; the default one first, where there is one.
        has_map: Whether the routes of a map are served.
        asks_token: Whether worlds are shown to whoever signs in.
        version: Of sim-economy.
    """

    kind: SourceKind
    title: str
    answer: str
    worlds: tuple[ListedWorld, ...]
    documents: tuple[ListedDocument, ...]
    tables: tuple[ListedTable, ...]
    has_map: bool
    asks_token: bool
    version: str


class CallerAnswer(Struct, frozen=True, kw_only=True):
    """Who reads.

    Attributes:
        asks_token: Whether this world is shown to whoever signs in.
        holder: `reader` or `admin`; null where nobody is known or no token is asked for.
        seconds_left: Until a browser has to sign in again; null without a session.
    """

    asks_token: bool
    holder: str | None
    seconds_left: int | None


class Fact(Struct, frozen=True, kw_only=True):
    """A name and its value as text."""

    name: str
    value: str


class HeadFileRow(Struct, frozen=True, kw_only=True):
    """What the head file beside a ledger remembers.

    Attributes:
        problem: What the ledger lacks of it, in words; null where it has all of it.
    """

    turn: int
    head: str
    problem: str | None


class ComparedHead(Struct, frozen=True, kw_only=True):
    """A head that was kept earlier, compared with the ledger as it is now.

    Attributes:
        same: Whether every record up to that turn is what it was then.
        kept: The head that this ledger's lines give at that turn; null where it is shorter.
        words: The answer, in a sentence.
    """

    turn: int
    head: str
    same: bool
    kept: str | None
    words: str


class ChainHead(Struct, frozen=True, kw_only=True):
    """The end of a chain: a turn, and the hashes after it."""

    turn: int
    head: str
    state_digest: str
    block_hash: str


class InsolventAgent(Struct, frozen=True, kw_only=True):
    """An agent whose balance is below zero.

    Attributes:
        since: The turn after which it has stayed there; null while turns are still being read.
    """

    agent_id: str
    balance: Digits
    since: int | None


class Outlook(Struct, frozen=True, kw_only=True):
    """A solvent agent whose balance falls.

    Attributes:
        trend: Mean change of its balance a turn over the last `trend_turns`, in tokens.
        turn: In which its balance is below zero if the trend lasts.
    """

    agent_id: str
    balance: Digits
    trend: float
    turn: int


class EventRow(Struct, frozen=True, kw_only=True):
    """What happened, as a line of news.

    Attributes:
        kind: `insolvency`, `block`, `contract`, `rejection`, `speech`, `income`, `transaction`,
            `intervention` or `end`.
        words: In a sentence; what somebody said is in it as text.
    """

    turn: int
    kind: str
    words: str
    agent_id: str | None
    contract_id: int | None


class OverviewAnswer(Struct, frozen=True, kw_only=True):
    """What a world is, and how it stands.

    Attributes:
        live: Whether turns still come, on `WORLD/events`.
        turn: The last one; 0 before the first.
        complete_to: Turns that have been read. Fees, dividends, blocks, transactions, rejections
            and contracts are those up to it; all else is as of `turn`. Ask again while it is lower.
        turns_planned: Of a run whose plan is known.
        answer: Who is insolvent, or will be first at the present trend, in a sentence.
        insolvent: Those longest below zero first; at most 20.
        outlook: Those that will be insolvent first, at most 20.
        trend_turns: The turns that a trend is taken over.
        blocks: After genesis.
        contracts: How many were proposed, started, settled and so on, by event.
        parameters: Of the world, without seed, secret and what is still to come.
        newest: At most 20 events, newest first.
    """

    world_id: str
    title: str
    kind: SourceKind
    live: bool
    ended: bool
    turn: int
    complete_to: int
    turns_planned: int | None
    agents: int
    answer: str
    solvent_agents: int
    insolvent: tuple[InsolventAgent, ...]
    outlook: tuple[Outlook, ...]
    trend_turns: int
    platform: Digits
    token_supply: Digits
    destroyed: Digits
    fees_charged: Digits
    fees_covered: Digits
    fees_waived: Digits
    dividends: Digits
    blocks: int
    transactions: int
    rejections: int
    contracts: dict[str, int]
    open_contracts: int
    rules_version: str
    genesis: str
    head: ChainHead
    parameters: tuple[Fact, ...]
    newest: tuple[EventRow, ...]


class Bands(Struct, frozen=True, kw_only=True):
    """How balances spread over agents after the last turn of each bucket, in tokens.

    Attributes:
        insolvent: Agents below zero.
    """

    lowest: tuple[int, ...]
    tenth: tuple[int, ...]
    median: tuple[int, ...]
    ninetieth: tuple[int, ...]
    highest: tuple[int, ...]
    insolvent: tuple[int, ...]


class BalanceLine(Struct, frozen=True, kw_only=True):
    """One agent's balance: its lowest, highest and last in each bucket, in tokens."""

    agent_id: str
    low: tuple[int, ...]
    high: tuple[int, ...]
    last: tuple[int, ...]


class BalancesAnswer(Struct, frozen=True, kw_only=True):
    """Balances over turns, in buckets of equally many turns.

    Attributes:
        span: Turns of a bucket. It grows, in powers of two, as the world does: where it is not what
            it was, ask once more without `after`.
        turns: The last turn of each bucket, later than `after`; the newest may not be full, and
            comes again until it is.
        complete_to: Turns that have been read. Later points are single turns, some only; ask again,
            without `after`, while it is lower than `last_turn`.
        platform: Its balance, after each bucket's last turn.
        lines: Of the agents asked for; of all of them where there are at most 20 and none is named.
    """

    span: int
    turns: tuple[int, ...]
    last_turn: int
    complete_to: int
    bands: Bands
    platform: tuple[int, ...]
    token_supply: tuple[int, ...]
    lines: tuple[BalanceLine, ...]


class AgentRow(Struct, frozen=True, kw_only=True):
    """An agent in the list of all.

    Attributes:
        index: In genesis order.
        lowest: Balance after any turn that has been read.
        since: As in `InsolventAgent`; null where it is solvent.
        trend: As in `Outlook`.
        insolvent_turn: As `turn` in `Outlook`; null where its balance does not fall.
        decided_by: A policy or model; empty where that is not known.
    """

    agent_id: str
    index: int
    balance: Digits
    staked: Digits
    unstaking: Digits
    pending: Digits
    escrow: Digits
    lowest: Digits
    since: int | None
    trend: float
    insolvent_turn: int | None
    decided_by: str


class AgentsAnswer(Struct, frozen=True, kw_only=True):
    """Agents, in one of the orders `genesis`, `balance` (lowest first), `insolvency` or `trend`.

    Attributes:
        total: How many the search and filter leave.
    """

    rows: tuple[AgentRow, ...]
    next: int | None
    total: int


class ReasonTotal(Struct, frozen=True, kw_only=True):
    """Net tokens of an agent for a reason, all its accounts together."""

    reason: str
    tokens: Digits
    postings: int


class ContractRow(Struct, frozen=True, kw_only=True):
    """A contract in a list.

    Attributes:
        stage: As its last event left it: proposed, active, ..., settled, defaulted, lapsed or void.
        amount: What it is about, in tokens: a price, principal or premium.
        gains: What proposer, counterparty and arbitrator gained by it so far, in tokens.
    """

    contract_id: int
    kind: str
    settlement: str
    parties: tuple[str, str, str]
    proposed: int
    started: int | None
    ended: int | None
    stage: str
    cause: str | None
    amount: Digits | None
    gains: tuple[Digits, Digits, Digits]


class Speech(Struct, frozen=True, kw_only=True):
    """What an agent said in a turn."""

    turn: int
    agent_id: str
    text: str


class AgentAnswer(Struct, frozen=True, kw_only=True):
    """One agent.

    Attributes:
        reasons: Over the whole run, most tokens first.
        actions: How often it did what.
        contracts: Its newest, at most 20.
        speech: Its newest, at most 20.
        has_calls: Whether a model decides and its calls are here to be read.
    """

    agent: AgentRow
    answer: str
    reasons: tuple[ReasonTotal, ...]
    actions: dict[str, int]
    rejections: int
    contracts: tuple[ContractRow, ...]
    contracts_total: int
    speech: tuple[Speech, ...]
    has_calls: bool


class StatementRow(Struct, frozen=True, kw_only=True):
    """One posting as its account sees it.

    Attributes:
        amount: Below zero where tokens left.
        counterpart: The account on the other side.
        after: What the account holds then.
    """

    turn: int
    account: str
    amount: Digits
    reason: str
    counterpart: str
    after: Digits


class StatementPageAnswer(Struct, frozen=True, kw_only=True):
    """An agent's postings in some turns, newest turn last.

    Attributes:
        opening: By account, before the first turn.
        closing: By account, after the last.
        earlier: The `before` of the page before; null at genesis.
        later: The `before` of the page after; null at the end.
    """

    agent_id: str
    first_turn: int
    last_turn: int
    opening: dict[str, Digits]
    closing: dict[str, Digits]
    rows: tuple[StatementRow, ...]
    earlier: int | None
    later: int | None


class DecisionRow(Struct, frozen=True, kw_only=True):
    """What an agent did in a turn.

    Attributes:
        action: Its name.
        words: The action with its amounts and names, in words.
        said: Its speech; empty where it said nothing.
        thought: As it is kept in the ledger.
        rejection: Why a rule refused it; null where it applied.
        fee: What its usage cost, in tokens.
        calls: Calls of a model; null where none are here to be read.
    """

    turn: int
    agent_id: str
    action: str
    words: str
    said: str
    thought: str
    thinking_units: Digits
    output_units: Digits
    rejection: str | None
    fee: Digits
    calls: int | None


class DecisionsAnswer(Struct, frozen=True, kw_only=True):
    """What an agent did, newest first."""

    rows: tuple[DecisionRow, ...]
    next: int | None


class CallRow(Struct, frozen=True, kw_only=True):
    """One call of a model.

    Attributes:
        outcome: `reply`, `kept reply`, or why there was none.
        reply: What the model wrote.
        tokens: What it took, in words.
        money: As text, in the run's currency; empty where it is not known.
    """

    attempt: int
    outcome: str
    detail: str
    thinking: str
    reply: str
    seconds: float
    tokens: str
    money: str


class DecisionAnswer(Struct, frozen=True, kw_only=True):
    """One agent in one turn.

    Attributes:
        paid: Net tokens of its balance by reason.
        saw: The prompt; null where no model was asked, or its calls are not here.
        idle_because: Why it could not act; empty where it could.
    """

    decision: DecisionRow
    balance_before: Digits
    balance_after: Digits
    paid: tuple[ReasonTotal, ...]
    decided_by: str
    saw: str | None
    idle_because: str
    calls: tuple[CallRow, ...]
    currency: str
    earlier: int | None
    later: int | None


class OwnerTokens(Struct, frozen=True, kw_only=True):
    """Tokens of an owner: an agent, `platform`, `issuance` or `destroyed`."""

    owner: str
    tokens: Digits


class ReasonFlow(Struct, frozen=True, kw_only=True):
    """All that moved in a turn for one reason.

    Attributes:
        payers: Most tokens first; at most 20.
        payees: Likewise.
    """

    reason: str
    tokens: Digits
    postings: int
    payers: tuple[OwnerTokens, ...]
    payers_total: int
    payees: tuple[OwnerTokens, ...]
    payees_total: int


class BlockRow(Struct, frozen=True, kw_only=True):
    """The block of a turn.

    Attributes:
        chances: Tickets with their weights as exact decimals, greatest first; at most 20.
    """

    winner: str | None
    validator_type: str | None
    transactions: int
    tips: Digits
    hash: str
    previous_hash: str
    tickets: int
    chances: tuple[Fact, ...]


class TransactionRow(Struct, frozen=True, kw_only=True):
    """A transaction that arrived."""

    tx_type: str
    agent_id: str
    to: str | None
    amount: Digits
    fee: Digits
    submitted: int


class ContractEventRow(Struct, frozen=True, kw_only=True):
    """What happened to a contract.

    Attributes:
        facts: What else is known of it: until, amount, favoured, reason, fault.
        moved: What was posted by it.
    """

    turn: int
    contract_id: int
    happened: str
    agent_id: str | None
    facts: tuple[Fact, ...]
    moved: tuple[MovementRow, ...]


class MovementRow(Struct, frozen=True, kw_only=True):
    """One posting, its accounts by their names."""

    index: int
    source: str
    target: str
    amount: Digits
    reason: str


class TurnAnswer(Struct, frozen=True, kw_only=True):
    """All of one turn.

    Attributes:
        answer: What happened, in a sentence.
        flows: By reason, in the order of the turn.
        decisions: At most 100, in the order of the inputs.
        rejections: Among all inputs.
        contract_events: At most 100.
        transactions: At most 100.
        governance: What interventions did.
        earlier: The turn before; null at genesis.
        later: The turn after; null at the end.
    """

    turn: int
    ends: bool
    answer: str
    head: str
    state_digest: str
    token_supply: Digits
    fees_charged: Digits
    fees_covered: Digits
    fees_waived: Digits
    dividends: Digits
    block: BlockRow | None
    flows: tuple[ReasonFlow, ...]
    postings: int
    inputs: int
    rejections: int
    decisions: tuple[DecisionRow, ...]
    contract_events: tuple[ContractEventRow, ...]
    contract_events_total: int
    transactions: tuple[TransactionRow, ...]
    transactions_total: int
    denied: tuple[OwnerTokens, ...]
    governance: tuple[Fact, ...]
    earlier: int | None
    later: int | None


class TurnPostingsAnswer(Struct, frozen=True, kw_only=True):
    """The postings of a turn, in order."""

    rows: tuple[MovementRow, ...]
    next: int | None
    total: int


class ContractsAnswer(Struct, frozen=True, kw_only=True):
    """Contracts, newest first.

    Attributes:
        total: How many the filters leave.
    """

    rows: tuple[ContractRow, ...]
    next: int | None
    total: int


class ContractLifeAnswer(Struct, frozen=True, kw_only=True):
    """A contract from its proposal on.

    Attributes:
        answer: What it is and what became of it, in a sentence.
        terms: What the parties agreed on.
    """

    contract: ContractRow
    answer: str
    terms: tuple[Fact, ...]
    events: tuple[ContractEventRow, ...]


class EventsAnswer(Struct, frozen=True, kw_only=True):
    """What happened, newest first."""

    rows: tuple[EventRow, ...]
    next: int | None


class ChainAnswer(Struct, frozen=True, kw_only=True):
    """The chain, its end, and what is remembered of it.

    Attributes:
        genesis: The genesis hash, by which a browser knows the world again.
        signed: Whether inputs and blocks are.
        head_file: Null where none lies beside the ledger.
        compared: The answer to `turn` and `head` of the query; null where they were not asked.
    """

    world_id: str
    genesis: str
    rules_version: str
    head: ChainHead
    blocks: int
    newest_block: BlockRow | None
    newest_block_turn: int | None
    signed: bool
    engine_key: str | None
    head_file: HeadFileRow | None
    compared: ComparedHead | None


class VerifiedAnswer(Struct, frozen=True, kw_only=True):
    """The result of a check of every hash, posting and signature, from genesis on.

    Attributes:
        words: The result, in a sentence.
        problem: The first thing that is wrong; null where all is sound.
    """

    is_sound: bool
    words: str
    turns: int
    problem: str | None
    problem_turn: int | None
    signatures: int
    head_file: bool
    head: ChainHead | None
    seconds: float
    compared: ComparedHead | None


class VerificationProgressAnswer(Struct, frozen=True, kw_only=True):
    """How far a running check has come."""

    running: bool
    turn: int
    turns: int


class SearchHit(Struct, frozen=True, kw_only=True):
    """Something found.

    Attributes:
        kind: `agent`, `turn`, `contract`, `head`, `block`, `state_digest` or `speech`.
        words: What it is; of speech, an excerpt.
    """

    kind: str
    words: str
    turn: int | None
    agent_id: str | None
    contract_id: int | None


class SearchAnswer(Struct, frozen=True, kw_only=True):
    """What was found, the likeliest first.

    Attributes:
        complete: Whether every turn was looked through.
    """

    hits: tuple[SearchHit, ...]
    complete: bool


def digits(number: int) -> Digits:
    """A whole number as it travels."""
    return str(number)


def facts(values: dict[str, Any]) -> tuple[Fact, ...]:
    """Names and values, each value as text."""
    return tuple(Fact(name=name, value=_text(value)) for name, value in values.items())


def _text(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "none"
        case list() | tuple():
            return ", ".join(map(_text, value))
        case dict():
            return "; ".join(f"{name} {_text(held)}" for name, held in value.items())
        case _:
            return str(value)
