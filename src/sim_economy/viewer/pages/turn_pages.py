"""One turn, its postings, and one agent's decision in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, assert_never

from msgspec import UNSET, to_builtins

from sim_economy.core.accounts import SYSTEM_ACCOUNTS, account_name
from sim_economy.core.errors import InputError
from sim_economy.core.world_config import DividendRule
from sim_economy.ledger.fold.account_fold import fold_postings
from sim_economy.ledger.readers.counts import owner_name, owner_of
from sim_economy.ledger.readers.reading import accounts_before
from sim_economy.ledger.records import BlockRecord, StoredTurn, TurnRecord
from sim_economy.ledger.stores.protocol import Store
from sim_economy.viewer.answer_rows import (
    BlockRow,
    Fact,
    MovementRow,
    OwnerTokens,
    ReasonFlow,
    ReasonTotal,
    TransactionRow,
    digits,
    facts,
)
from sim_economy.viewer.answers import DecisionAnswer, TurnAnswer, TurnPostingsAnswer
from sim_economy.viewer.history.shown_world import ShownWorld
from sim_economy.viewer.pages.asked import Asked
from sim_economy.viewer.pages.contract_pages import contract_event
from sim_economy.viewer.pages.decision_rows import accounts_of, balance_of, decision_rows
from sim_economy.viewer.pages.model_calls import calls_of
from sim_economy.viewer.pages.words import counted, named, spaced

_LISTED: Final = 20
_ROWS: Final = 100


def stored_turn(store: Store, turn: int) -> StoredTurn:
    """A closed turn; raises InputError where it is not closed."""
    for stored in store.read(turn, turn):
        return stored
    raise InputError("turn", f"is not closed; the last one is {store.head().turn}")


def turn(world: ShownWorld, store: Store, asked: Asked) -> TurnAnswer:
    """All of one turn."""
    stored = stored_turn(store, asked.in_path("turn"))
    record, calls = stored.record, calls_of(world.source)
    flows = tuple(_flows(world, record))
    rejections = len(record.outcomes) - record.outcomes.count(None)
    rows = [row for row, _ in zip(decision_rows(world, record), range(_ROWS), strict=False)]
    return TurnAnswer(
        turn=record.turn,
        ends=record.ends,
        answer=_answer(world, record, flows),
        head=stored.head_hash,
        state_digest=record.state_digest,
        token_supply=digits(record.token_supply),
        fees_charged=digits(record.bill.charged),
        fees_covered=digits(record.bill.covered),
        fees_waived=digits(record.bill.waived),
        dividends=digits(record.bill.dividends),
        block=None if record.block is None else block_row(record.block),
        flows=flows,
        postings=len(record.postings),
        inputs=len(record.inputs),
        rejections=rejections,
        decisions=tuple(map(calls.counted, rows)),
        contract_events=tuple(
            contract_event(world, record, event) for event in record.contracts[:_ROWS]
        ),
        contract_events_total=len(record.contracts),
        transactions=tuple(_transactions(record)),
        transactions_total=len(record.transactions),
        denied=_denied(world, record),
        governance=_governance(record),
        earlier=record.turn - 1 if record.turn else None,
        later=record.turn + 1 if record.turn < store.head().turn else None,
    )


def _answer(world: ShownWorld, record: TurnRecord, flows: tuple[ReasonFlow, ...]) -> str:
    parts = []
    if record.turn == 0:
        parts.append("Genesis: every agent was given its first tokens.")
    elif record.block is None:
        parts.append("No block was made.")
    else:
        parts.append(f"{record.block.winner} won the block ({record.block.validator_type}).")
    for flow in flows:
        if flow.reason == "dividend":
            names = named([own.owner for own in flow.payees])
            parts.append(
                f"Dividends of {int(flow.tokens):,} tokens went to "
                f"{counted(flow.payees_total, 'agent')}: {names}."
            )
    if record.turn and not record.bill.dividends:
        parts.append(_without_dividends(world, record))
    if record.bill.charged:
        parts.append(f"Fees of {record.bill.charged:,} tokens were charged.")
    if record.ends:
        parts.append("The run ended.")
    return " ".join(parts)


def _without_dividends(world: ShownWorld, record: TurnRecord) -> str:
    """Why nobody was paid a dividend (C2, C3)."""
    if not record.bill.covered:
        return "Nobody was paid a dividend: no balance covered a fee, so there was no pool."
    pool = f"the pool of {record.bill.covered:,} tokens"
    match world.config.dividend_rule:
        case DividendRule.CORE_OWNERS:
            return f"Nobody was paid a dividend: {pool} is for owners of core shares."
        case DividendRule.STAKE_AND_BURN:
            return f"Nobody was paid a dividend: {pool} is for those who staked or burned."
        case _:
            assert_never(world.config.dividend_rule)


def _flows(world: ShownWorld, record: TurnRecord) -> Iterator[ReasonFlow]:
    """What moved, by reason in the order of the turn."""
    reasons = list(dict.fromkeys(posting.reason for posting in record.postings))
    for reason in reasons:
        paid: Counter[int] = Counter()
        received: Counter[int] = Counter()
        postings = [posting for posting in record.postings if posting.reason is reason]
        for posting in postings:
            paid[owner_of(posting.source)] += posting.amount
            received[owner_of(posting.target)] += posting.amount
        yield ReasonFlow(
            reason=reason.value,
            tokens=digits(paid.total()),
            postings=len(postings),
            payers=_owners(world, paid),
            payers_total=len(paid),
            payees=_owners(world, received),
            payees_total=len(received),
        )


def _owners(world: ShownWorld, tokens: Counter[int]) -> tuple[OwnerTokens, ...]:
    """Owners, most tokens first."""
    return tuple(
        OwnerTokens(owner=owner_name(owner, world.agent_ids), tokens=digits(amount))
        for owner, amount in tokens.most_common(_LISTED)
    )


def block_row(block: BlockRecord) -> BlockRow:
    """A block as pages show it."""
    tickets = sorted(block.weights, key=lambda ticket: -Decimal(ticket[2]))
    return BlockRow(
        winner=block.winner,
        validator_type=block.validator_type,
        transactions=block.transactions,
        tips=digits(block.tips),
        hash=block.hash,
        previous_hash=block.previous_hash,
        tickets=len(tickets),
        chances=tuple(
            Fact(name=f"{agent_id} ({kind})", value=weight)
            for agent_id, kind, weight in tickets[:_LISTED]
        ),
    )


def _transactions(record: TurnRecord) -> Iterator[TransactionRow]:
    for own in record.transactions[:_ROWS]:
        yield TransactionRow(
            tx_type=own.tx_type.value,
            agent_id=own.agent_id,
            to=own.to,
            amount=digits(own.amount),
            fee=digits(own.fee),
            submitted=own.submitted,
        )


def _denied(world: ShownWorld, record: TurnRecord) -> tuple[OwnerTokens, ...]:
    if record.units_denied is UNSET:
        return ()
    return tuple(
        OwnerTokens(owner=world.agent_ids[own.agent], tokens=digits(own.units))
        for own in record.units_denied
    )


def _governance(record: TurnRecord) -> tuple[Fact, ...]:
    if record.governance is UNSET:
        return ()
    values: dict[str, Any] = to_builtins(record.governance)
    return facts({spaced(name): held for name, held in values.items()})


def turn_postings(world: ShownWorld, store: Store, asked: Asked) -> TurnPostingsAnswer:
    """The postings of a turn, those that the filters leave."""
    record = stored_turn(store, asked.in_path("turn")).record
    reason, agent_id = asked.text("reason"), asked.text("agent")
    after, limit = asked.number("after", 0), asked.limit(100)
    if agent_id in SYSTEM_ACCOUNTS:
        own = range(SYSTEM_ACCOUNTS.index(agent_id), SYSTEM_ACCOUNTS.index(agent_id) + 1)
    else:
        own = accounts_of(world.agent(agent_id)) if agent_id else range(0)
    found = [
        index
        for index, posting in enumerate(record.postings)
        if reason in ("", posting.reason)
        and (not agent_id or posting.source in own or posting.target in own)
    ]
    shown = found[after : after + limit]
    until = after + len(shown)
    return TurnPostingsAnswer(
        rows=tuple(movement(world, record, index) for index in shown),
        next=until if until < len(found) else None,
        total=len(found),
    )


def movement(world: ShownWorld, record: TurnRecord, index: int) -> MovementRow:
    """One posting of a turn."""
    posting = record.postings[index]
    return MovementRow(
        index=index,
        source=account_name(posting.source, world.agent_ids),
        target=account_name(posting.target, world.agent_ids),
        amount=digits(posting.amount),
        reason=posting.reason.value,
    )


def decision(world: ShownWorld, store: Store, asked: Asked) -> DecisionAnswer:
    """One agent in one turn: what it saw, did and paid."""
    agent_id, number = asked.path["agent_id"], asked.in_path("turn")
    world.agent(agent_id)
    record = stored_turn(store, number).record
    row = next(decision_rows(world, record, agent_id), None)
    if row is None:
        raise InputError("turn", f"{agent_id} sent nothing in turn {number}")
    account = balance_of(world, agent_id)
    accounts = accounts_before(store, number)
    before = accounts[account]
    fold_postings(accounts, record.postings)
    calls = calls_of(world.source)
    return DecisionAnswer(
        decision=calls.counted(row),
        balance_before=digits(before),
        balance_after=digits(accounts[account]),
        paid=tuple(_paid(record, account)),
        decided_by=world.source.decided_by(agent_id),
        saw=calls.saw(number, agent_id),
        idle_because=calls.idle_because(number, agent_id),
        calls=calls.rows(number, agent_id),
        currency=calls.currency,
        earlier=number - 1 if number > 1 else None,
        later=number + 1 if number < store.head().turn else None,
    )


def _paid(record: TurnRecord, account: int) -> Iterator[ReasonTotal]:
    tokens: Counter[str] = Counter()
    postings: Counter[str] = Counter()
    for posting in record.postings:
        for own, amount in ((posting.source, -posting.amount), (posting.target, posting.amount)):
            if own == account:
                tokens[posting.reason.value] += amount
                postings[posting.reason.value] += 1
    for reason, net in tokens.items():
        yield ReasonTotal(reason=reason, tokens=digits(net), postings=postings[reason])
