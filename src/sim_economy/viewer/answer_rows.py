"""Rows that answers of the viewer are made of, and how numbers and values travel in them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from sim_economy.ledger.readers.plain_numbers import whole_number

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


class AgentWithoutTokens(Struct, frozen=True, kw_only=True):
    """An agent whose balance is below zero, or that is out of tokens.

    Attributes:
        since: The turn since which it has been; null while turns are still being read.
    """

    agent_id: str
    balance: Digits
    since: int | None


class Outlook(Struct, frozen=True, kw_only=True):
    """An agent with tokens whose balance falls.

    Attributes:
        trend: Mean change of its balance a turn over the last `trend_turns`, in tokens.
        turn: In which its balance is below zero, or usage of it is refused, if the trend lasts.
    """

    agent_id: str
    balance: Digits
    trend: float
    turn: int


class EventRow(Struct, frozen=True, kw_only=True):
    """What happened, as a line of news.

    Attributes:
        kind: `insolvency`, `denial` (of usage), `block`, `contract`, `rejection`, `speech`,
            `income`, `transaction`, `intervention` or `end`.
        words: In a sentence; what somebody said is in it as text.
    """

    turn: int
    kind: str
    words: str
    agent_id: str | None
    contract_id: int | None


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
    """One agent's balance: its lowest, highest and last in each bucket, in tokens.

    Attributes:
        index: In genesis order.
    """

    agent_id: str
    index: int
    low: tuple[int, ...]
    high: tuple[int, ...]
    last: tuple[int, ...]


class AgentRow(Struct, frozen=True, kw_only=True):
    """An agent in the list of all.

    Attributes:
        index: In genesis order.
        lowest: Balance after any turn that has been read.
        since: The turn after which its balance has stayed below zero; null where it is solvent, and
            while turns are still being read.
        is_out: Whether it is out of tokens; never where the rules refuse no usage.
        out_since: The turn since which it has been; null where `since` would be.
        trend: As in `Outlook`.
        insolvent_turn: As `turn` in `Outlook`; null where its balance does not fall so far.
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
    is_out: bool
    out_since: int | None
    trend: float
    insolvent_turn: int | None
    decided_by: str


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
        case int():
            return whole_number(value)
        case _:
            return str(value)
