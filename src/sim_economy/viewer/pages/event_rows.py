"""What happened in a turn, as lines of news."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from msgspec import UNSET, to_builtins

from sim_economy.core.accounts import FIRST, WIDTH, PostingReason
from sim_economy.core.contracts import Happened
from sim_economy.core.events import ContractEvent, Transaction
from sim_economy.ledger.readers.plain_numbers import whole_number
from sim_economy.ledger.records import TurnRecord
from sim_economy.viewer.answer_rows import EventRow
from sim_economy.viewer.history.shown_world import ShownWorld
from sim_economy.viewer.history.world_history import sent_input
from sim_economy.viewer.pages.words import (
    action_name_words,
    counted,
    named,
    spaced,
    with_article,
)

KINDS: Final = (
    "end",
    "insolvency",
    "denial",
    "contract",
    "intervention",
    "block",
    "transaction",
    "rejection",
    "income",
    "speech",
)
"""Kinds of events; within a turn they come in this order."""
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


class ClosedTurn(NamedTuple):
    """A turn with all balances before and after it; none where nobody asks who is insolvent."""

    record: TurnRecord
    before: Balances
    after: Balances


def rows_of(world: ShownWorld, closed: ClosedTurn, kinds: Collection[str]) -> Rows:
    """The events of a turn, in the order of their kinds."""
    for kind in KINDS:
        if kind in kinds:
            yield from _ROWS[kind](world, closed)


def _end(world: ShownWorld, closed: ClosedTurn) -> Rows:
    del world
    if closed.record.ends:
        yield _row(closed.record.turn, "end", "The run ended.")


def _contracts(world: ShownWorld, closed: ClosedTurn) -> Rows:
    del world
    for event in closed.record.contracts:
        words = contract_words(event)
        yield _row(closed.record.turn, "contract", words, event.agent_id, event.contract_id)


def _blocks(world: ShownWorld, closed: ClosedTurn) -> Rows:
    del world
    block = closed.record.block
    if block is not None:
        words = f"{block.winner} won the block ({block.validator_type})"
        if block.transactions:
            words += f": {counted(block.transactions, 'transaction')}, {block.tips:,} in tips"
        yield _row(block.turn, "block", f"{words}.", block.winner)


def _transactions(world: ShownWorld, closed: ClosedTurn) -> Rows:
    del world
    for transaction in closed.record.transactions:
        words = transaction_words(transaction)
        yield _row(closed.record.turn, "transaction", words, transaction.agent_id)


def _row(
    turn: int, kind: str, words: str, agent_id: str | None = None, contract_id: int | None = None
) -> EventRow:
    return EventRow(turn=turn, kind=kind, words=words, agent_id=agent_id, contract_id=contract_id)


def _insolvencies(world: ShownWorld, closed: ClosedTurn) -> Rows:
    turn = closed.record.turn
    for agent_id, old, new in zip(world.agent_ids, closed.before, closed.after, strict=True):
        if (old < 0) != (new < 0):
            became = "insolvent" if new < 0 else "solvent again"
            yield _row(
                turn,
                "insolvency",
                f"{agent_id} is {became}: {whole_number(old)} to {whole_number(new)} tokens.",
                agent_id,
            )


def _denials(world: ShownWorld, closed: ClosedTurn) -> Rows:
    """Usage that was refused, in one row with who asked for most."""
    record = closed.record
    denied = () if record.units_denied is UNSET else record.units_denied
    units = Counter({own.agent: own.units for own in denied if own.units})
    if units:
        (first, most), *others = units.most_common()
        agent_id = world.agent_ids[first]
        whose = counted(len(units), "agent") if others else agent_id
        words = f"Usage of {whose} was refused for want of tokens: "
        words += counted(units.total(), "unit")
        words += f"; most of {agent_id}, {whole_number(most)}." if others else "."
        yield _row(record.turn, "denial", words, None if others else agent_id)


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


def _interventions(world: ShownWorld, closed: ClosedTurn) -> Rows:
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


def _rejections(world: ShownWorld, closed: ClosedTurn) -> Rows:
    del world
    record = closed.record
    for text, reason in zip(record.inputs, record.outcomes, strict=True):
        if reason is not None:
            sent = sent_input(text)
            words = f"{sent.agent_id}'s {action_name_words(sent.action.action)} was rejected: "
            words += f"{spaced(reason.value)}."
            yield _row(record.turn, "rejection", words, sent.agent_id)


def _speech(world: ShownWorld, closed: ClosedTurn) -> Rows:
    del world
    for sent in map(sent_input, closed.record.inputs):
        if sent.speech:
            words = f"{sent.agent_id}: \N{LEFT DOUBLE QUOTATION MARK}{sent.speech}"
            words += "\N{RIGHT DOUBLE QUOTATION MARK}"
            yield _row(closed.record.turn, "speech", words, sent.agent_id)


def _income(world: ShownWorld, closed: ClosedTurn) -> Rows:
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


_ROWS: Final[Mapping[str, Callable[[ShownWorld, ClosedTurn], Rows]]] = {
    "end": _end,
    "insolvency": _insolvencies,
    "denial": _denials,
    "contract": _contracts,
    "intervention": _interventions,
    "block": _blocks,
    "transaction": _transactions,
    "rejection": _rejections,
    "income": _income,
    "speech": _speech,
}
assert tuple(_ROWS) == KINDS
