"""What happened, as lines of news: of a turn, and of the newest turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from msgspec import UNSET, to_builtins

from sim_economy.core.accounts import BALANCE, FIRST, WIDTH, PostingReason
from sim_economy.core.contracts import Happened
from sim_economy.core.events import ContractEvent, Transaction
from sim_economy.ledger.fold.account_fold import fold_postings
from sim_economy.ledger.readers.reading import accounts_before
from sim_economy.ledger.records import TurnRecord
from sim_economy.ledger.stores.protocol import Store
from sim_economy.viewer.answer_rows import EventRow
from sim_economy.viewer.answers import EventsAnswer
from sim_economy.viewer.history.shown_world import ShownWorld
from sim_economy.viewer.history.world_history import sent_input
from sim_economy.viewer.pages.asked import Asked
from sim_economy.viewer.pages.words import (
    action_name_words,
    counted,
    named,
    spaced,
    tokens,
    with_article,
)

KINDS: Final = (
    "end",
    "insolvency",
    "contract",
    "intervention",
    "block",
    "transaction",
    "rejection",
    "income",
    "speech",
)
"""Kinds of events; within a turn they come in this order."""
_TURNS_AT_ONCE: Final = 2048
"""Turns that one page looks through for events of a kind or an agent."""

_INCOME: Final = (
    PostingReason.DIVIDEND,
    PostingReason.ALLOWANCE,
    PostingReason.ALLOWANCE_EXPIRED,
    PostingReason.TOP_UP,
    PostingReason.DEBT_LIFTED,
    PostingReason.REBATE,
)

Balances: TypeAlias = Sequence[int]
Rows: TypeAlias = Iterator[EventRow]


def events(world: ShownWorld, store: Store, asked: Asked) -> EventsAnswer:
    """What happened, newest first; a turn with more events than the limit takes several pages."""
    kind = asked.one_of("kind", "", *KINDS)
    agent_id, limit = asked.text("agent"), asked.limit(100)
    if agent_id:
        world.agent(agent_id)

    kinds = (kind,) if kind else KINDS
    last = min(asked.number("before", store.head().turn + 1) - 1, store.head().turn)
    found = _newest(world, store, last, limit, kinds, agent_id, asked.number("skip", 0))
    return EventsAnswer(rows=tuple(found.rows), next=found.before, skip=found.skip)


def newest_events(world: ShownWorld, store: Store, last: int, limit: int) -> tuple[EventRow, ...]:
    """The newest events, those of most consequence first within a turn."""
    kinds = [own for own in KINDS if own != "income"]
    return tuple(_newest(world, store, last, limit, kinds).rows)


class _Page(NamedTuple):
    """Events, the turn before which those that follow are, and how many of that turn to skip."""

    rows: list[EventRow]
    before: int | None
    skip: int = 0


def _newest(
    world: ShownWorld,
    store: Store,
    last: int,
    limit: int,
    kinds: Collection[str],
    agent_id: str = "",
    skip: int = 0,
) -> _Page:
    """Events of whole turns up to one, without the first ones of it; a part of one that is long."""
    rows: list[EventRow] = []
    first, turns, looked = last + 1, 4, 0
    while first > 1 and len(rows) < limit and looked < _TURNS_AT_ONCE:
        until, first = first - 1, max(1, first - turns)
        by_turn = [
            [row for row in rows_of(world, own, kinds) if agent_id in ("", row.agent_id)]
            for own in _turns(world, store, first, until, kinds)
        ]
        looked += until - first + 1
        turns = min(4 * turns, 512)
        for turn, of_turn in zip(range(until, first - 1, -1), reversed(by_turn), strict=True):
            skipped = skip if turn == last else 0
            left = of_turn[skipped:]
            if rows and len(rows) + len(left) > limit:
                return _Page(rows, turn + 1)
            if len(left) > limit:
                return _Page(left[:limit], turn + 1, skipped + limit)
            rows += left
    return _Page(rows, first if first > 1 else None)


class _ClosedTurn(NamedTuple):
    """A turn with all balances before and after it; none where nobody asks who is insolvent."""

    record: TurnRecord
    before: Balances
    after: Balances


def _turns(
    world: ShownWorld, store: Store, first: int, last: int, kinds: Collection[str]
) -> Iterator[_ClosedTurn]:
    """Turns in order; balances of the newest ones are at hand."""
    if "insolvency" not in kinds:
        for stored in store.read(first, last):
            yield _ClosedTurn(stored.record, (), ())
        return
    held = world.history.held(first - 1, last)
    if held:
        for stored, before, after in zip(store.read(first, last), held, held[1:], strict=False):
            yield _ClosedTurn(stored.record, before, after)
        return
    accounts = accounts_before(store, first)
    before = accounts[BALANCE::WIDTH]
    for stored in store.read(first, last):
        fold_postings(accounts, stored.record.postings)
        after = accounts[BALANCE::WIDTH]
        yield _ClosedTurn(stored.record, before, after)
        before = after


def rows_of(world: ShownWorld, closed: _ClosedTurn, kinds: Collection[str]) -> Rows:
    """The events of a turn, in the order of their kinds."""
    for kind in KINDS:
        if kind in kinds:
            yield from _ROWS[kind](world, closed)


def _end(world: ShownWorld, closed: _ClosedTurn) -> Rows:
    del world
    if closed.record.ends:
        yield _row(closed.record.turn, "end", "The run ended.")


def _contracts(world: ShownWorld, closed: _ClosedTurn) -> Rows:
    del world
    for event in closed.record.contracts:
        words = contract_words(event)
        yield _row(closed.record.turn, "contract", words, event.agent_id, event.contract_id)


def _blocks(world: ShownWorld, closed: _ClosedTurn) -> Rows:
    del world
    block = closed.record.block
    if block is not None:
        words = f"{block.winner} won the block ({block.validator_type})"
        if block.transactions:
            words += f": {counted(block.transactions, 'transaction')}, {block.tips:,} in tips"
        yield _row(block.turn, "block", f"{words}.", block.winner)


def _transactions(world: ShownWorld, closed: _ClosedTurn) -> Rows:
    del world
    for transaction in closed.record.transactions:
        words = transaction_words(transaction)
        yield _row(closed.record.turn, "transaction", words, transaction.agent_id)


def _row(
    turn: int, kind: str, words: str, agent_id: str | None = None, contract_id: int | None = None
) -> EventRow:
    return EventRow(turn=turn, kind=kind, words=words, agent_id=agent_id, contract_id=contract_id)


def _insolvencies(world: ShownWorld, closed: _ClosedTurn) -> Rows:
    turn = closed.record.turn
    for agent_id, old, new in zip(world.agent_ids, closed.before, closed.after, strict=True):
        if (old < 0) != (new < 0):
            became = "insolvent" if new < 0 else "solvent again"
            yield _row(
                turn,
                "insolvency",
                f"{agent_id} is {became}: {tokens(old)} to {tokens(new)} tokens.",
                agent_id,
            )


def contract_words(event: ContractEvent) -> str:
    """An event of a contract in a sentence."""
    words = f"Contract {event.contract_id}"
    match event.happened:
        case Happened.PROPOSED if event.deal is not None:
            deal = event.deal
            kind = with_article(spaced(deal.kind.value))
            words += f": {deal.parties[0]} proposed {kind} to {deal.parties[1]}"
        case Happened.REFUSED:
            words += f": {event.agent_id} was refused ({spaced(str(event.refusal))})"
        case _:
            by = f" by {event.agent_id}" if event.agent_id else ""
            words += f" {event.happened.value}{by}"
    if event.favoured is not None:
        words += f", for the {event.favoured.value}"
    if event.reason is not None:
        words += f" ({spaced(event.reason.value)})"
    if event.fault:
        words += f", through the fault of {named(event.fault)}"
    return f"{words}."


def transaction_words(transaction: Transaction) -> str:
    """A transaction that arrived, in a sentence."""
    to = f" to {transaction.to}" if transaction.to else ""
    return (
        f"{transaction.agent_id}'s {transaction.tx_type.value} of {transaction.amount:,} tokens"
        f"{to} arrived; it was submitted in turn {transaction.submitted:,}."
    )


def _interventions(world: ShownWorld, closed: _ClosedTurn) -> Rows:
    del world
    turn, governance = closed.record.turn, closed.record.governance
    if governance is UNSET:
        return
    done = {name: held for name, held in to_builtins(governance).items() if held not in ((), [])}
    for name, held in done.items():
        size = len(held) if isinstance(held, list) else held
        if size is False or name == "fees_allowed":
            continue
        count = "" if size is True else f": {size:,}"
        yield _row(turn, "intervention", f"{spaced(name).capitalize()}{count}.")


def _rejections(world: ShownWorld, closed: _ClosedTurn) -> Rows:
    del world
    record = closed.record
    for text, reason in zip(record.inputs, record.outcomes, strict=True):
        if reason is not None:
            sent = sent_input(text)
            words = f"{sent.agent_id}'s {action_name_words(sent.action.action)} was rejected: "
            words += f"{spaced(reason.value)}."
            yield _row(record.turn, "rejection", words, sent.agent_id)


def _speech(world: ShownWorld, closed: _ClosedTurn) -> Rows:
    del world
    for sent in map(sent_input, closed.record.inputs):
        if sent.speech:
            words = f"{sent.agent_id}: \N{LEFT DOUBLE QUOTATION MARK}{sent.speech}"
            words += "\N{RIGHT DOUBLE QUOTATION MARK}"
            yield _row(closed.record.turn, "speech", words, sent.agent_id)


def _income(world: ShownWorld, closed: _ClosedTurn) -> Rows:
    """What agents were paid or lost without doing anything, a row for each reason."""
    record = closed.record
    moved: Mapping[PostingReason, Counter[int]] = {reason: Counter() for reason in _INCOME}
    for posting in record.postings:
        if posting.reason in moved:
            account = max(posting.source, posting.target)
            moved[posting.reason][(account - FIRST) // WIDTH] += posting.amount
    for reason, by_agent in moved.items():
        if by_agent:
            (first, most), *_ = by_agent.most_common(1)
            agents = counted(len(by_agent), "agent")
            words = f"{spaced(reason.value).capitalize()}: {by_agent.total():,} tokens, "
            words += f"{agents}; most {world.agent_ids[first]} with {most:,}."
            yield _row(record.turn, "income", words)


_ROWS: Final[Mapping[str, Callable[[ShownWorld, _ClosedTurn], Rows]]] = {
    "end": _end,
    "insolvency": _insolvencies,
    "contract": _contracts,
    "intervention": _interventions,
    "block": _blocks,
    "transaction": _transactions,
    "rejection": _rejections,
    "income": _income,
    "speech": _speech,
}
assert tuple(_ROWS) == KINDS
