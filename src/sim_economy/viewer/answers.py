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
| `WORLD/view/agents` | `after`, `limit`, `order`, `search`, `insolvent`, `out` | `AgentsAnswer` |
| `WORLD/view/agents/{agent_id}` | | `AgentAnswer` |
| `WORLD/view/agents/{agent_id}/statement` | `before`, `limit`, `reason` | `StatementPageAnswer` |
| `WORLD/view/agents/{agent_id}/decisions` | `before`, `limit` | `DecisionsAnswer` |
| `WORLD/view/agents/{agent_id}/decisions/{turn}` | | `DecisionAnswer` |
| `WORLD/view/turns/{turn}` | | `TurnAnswer` |
| `WORLD/view/turns/{turn}/postings` | `after`, `limit`, `reason`, `agent` | `TurnPostingsAnswer` |
| `WORLD/view/contracts` | `after`, `limit`, `kind`, `stage`, `agent` | `ContractsAnswer` |
| `WORLD/view/contracts/{contract_id}` | | `ContractLifeAnswer` |
| `WORLD/view/events` | `before`, `skip`, `limit`, `kind`, `agent` | `EventsAnswer` |
| `WORLD/view/chain` | `turn`, `head` | `ChainAnswer` |
| `WORLD/view/verification` | `turn`, `head` | `VerifiedAnswer` |
| `WORLD/view/verification/progress` | | `VerificationProgressAnswer` |
| `WORLD/view/search` | `q`, `limit` | `SearchAnswer` |
| `/view/document` | `name` | a file that the catalogue lists, as it is |
| `WORLD/events` | header `Last-Event-ID` | server-sent events: a `turn` for each closed turn |

`after`, of rows in genesis or id order, is the `next` of the page before, which is null on the last
one. `before` is a turn: rows of earlier turns, newest first; without it, from the newest on. `skip`
leaves out so many events of the newest of these turns.
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

from msgspec import Struct

from sim_economy.viewer.answer_rows import (
    AgentRow,
    AgentWithoutTokens,
    BalanceLine,
    Bands,
    BlockRow,
    CallRow,
    ChainHead,
    ComparedHead,
    ContractEventRow,
    ContractRow,
    DecisionRow,
    Digits,
    EventRow,
    Fact,
    HeadFileRow,
    ListedDocument,
    ListedTable,
    ListedWorld,
    MovementRow,
    Outlook,
    OwnerTokens,
    ReasonFlow,
    ReasonTotal,
    SearchHit,
    SourceKind,
    Speech,
    StatementRow,
    TransactionRow,
)


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


class OverviewAnswer(Struct, frozen=True, kw_only=True):
    """What a world is, and how it stands.

    Attributes:
        live: Whether turns still come, on `WORLD/events`.
        turn: The last one; 0 before the first.
        complete_to: Turns that have been read. Fees, dividends, blocks, transactions, rejections
            and contracts are those up to it; all else is as of `turn`. Ask again while it is lower.
        turns_planned: Of a run whose plan is known.
        answer: Who is insolvent, or will be first at the present trend, in a sentence; where usage
            is refused, who is out of tokens.
        refuses_usage: Whether usage is refused that a balance cannot pay.
        insolvent: Those longest below zero first; at most 20.
        out_of_tokens: Those longest out first; at most 20, and nobody where no usage is refused.
        out_of_tokens_total: How many are.
        outlook: Those that will be insolvent or out of tokens first, at most 20.
        trend_turns: The turns that a trend is taken over: the last 20, or those of the period.
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
    insolvent: tuple[AgentWithoutTokens, ...]
    refuses_usage: bool
    out_of_tokens: tuple[AgentWithoutTokens, ...]
    out_of_tokens_total: int
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


class AgentsAnswer(Struct, frozen=True, kw_only=True):
    """Agents, in one of the orders `genesis`, `balance` (lowest first), `insolvency` or `trend`.

    In the order `insolvency` those come first that are insolvent or, where usage is refused, out of
    tokens.

    Attributes:
        total: How many the search and filter leave.
    """

    rows: tuple[AgentRow, ...]
    next: int | None
    total: int


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


class DecisionsAnswer(Struct, frozen=True, kw_only=True):
    """What an agent did, newest first."""

    rows: tuple[DecisionRow, ...]
    next: int | None


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
    """What happened, newest first.

    Attributes:
        next: The `before` of the next page.
        skip: The `skip` of the next page: events of its newest turn that were listed already. Above
            0 only where a turn has more events than a page has rows.
    """

    rows: tuple[EventRow, ...]
    next: int | None
    skip: int


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


class SearchAnswer(Struct, frozen=True, kw_only=True):
    """What was found, the likeliest first.

    Attributes:
        complete: Whether every turn was looked through.
    """

    hits: tuple[SearchHit, ...]
    complete: bool
