"""Contracts: all of them in a list, and the life of one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from msgspec import to_builtins

from sim_economy.core.accounts import account_name
from sim_economy.core.contracts import OWN_TERMS, ContractKind, Deal, Role, Stage
from sim_economy.core.errors import InputError
from sim_economy.core.events import ContractEvent
from sim_economy.ledger.records import TurnRecord
from sim_economy.ledger.stores.protocol import Store
from sim_economy.viewer.answer_rows import (
    ContractEventRow,
    ContractRow,
    Fact,
    MovementRow,
    digits,
    facts,
)
from sim_economy.viewer.answers import ContractLifeAnswer, ContractsAnswer
from sim_economy.viewer.history.shown_world import ShownWorld
from sim_economy.viewer.pages.asked import Asked
from sim_economy.viewer.pages.words import counted, spaced, with_article


def contracts(world: ShownWorld, store: Store, asked: Asked) -> ContractsAnswer:
    """Contracts that the filters leave, newest first."""
    kind = asked.one_of("kind", "", *ContractKind)
    stage = asked.one_of("stage", "", "open", *Stage)
    agent_id = asked.text("agent")
    if agent_id:
        world.agent(agent_id)
    after, limit = asked.number("after", 0), asked.limit(100)
    world.standing(store)
    with world.history.lock:
        index = world.history.contracts
        found = list(index.newest(kind=kind, stage=stage, agent_id=agent_id))
        rows = tuple(map(index.row, islice(found, after, after + limit)))
    until = after + len(rows)
    return ContractsAnswer(rows=rows, next=until if until < len(found) else None, total=len(found))


def contract_life(world: ShownWorld, store: Store, asked: Asked) -> ContractLifeAnswer:
    """A contract from its proposal on."""
    contract_id = asked.in_path("contract_id")
    world.standing(store)
    with world.history.lock:
        index = world.history.contracts
        if contract_id not in index:
            raise InputError("contract_id", "is no contract of the turns read so far")
        row, deal = index.row(contract_id), index.deal(contract_id)
        turns = list(index.turns(contract_id))
    return ContractLifeAnswer(
        contract=row,
        answer=_answer(row),
        terms=facts(_terms(deal)),
        events=tuple(_events(world, store, contract_id, turns)),
    )


def _events(
    world: ShownWorld, store: Store, contract_id: int, turns: list[int]
) -> Iterator[ContractEventRow]:
    for turn in turns:
        for stored in store.read(turn, turn):
            for event in stored.record.contracts:
                if event.contract_id == contract_id:
                    yield contract_event(world, stored.record, event)


def _answer(row: ContractRow) -> str:
    proposer, counterparty, arbitrator = row.parties
    kind = with_article(spaced(row.kind))
    about = f" of {counted(int(row.amount), 'token')}" if row.amount is not None else ""
    words = (
        f"{proposer} proposed {kind}{about} to {counterparty} in turn {row.proposed:,}, "
        f"with {arbitrator} as arbitrator"
    )
    if row.ended is None:
        return f"{words}; it is open ({row.stage})."
    cause = f" ({spaced(row.cause)})" if row.cause else ""
    return f"{words}; it {_ENDED[row.stage]} in turn {row.ended:,}{cause}."


_ENDED = {
    "settled": "was settled",
    "defaulted": "defaulted",
    "lapsed": "lapsed",
    "void": "became void",
}


def _terms(deal: Deal) -> dict[str, Any]:
    roles = [role.name.lower() for role in Role]
    secured = zip(roles, deal.collaterals, strict=True)
    return {
        "kind": spaced(deal.kind.value),
        "settlement": spaced(deal.settlement.value),
        **dict(zip(roles, deal.parties, strict=True)),
        "due turn": deal.due_turn,
        **{spaced(term): getattr(deal, term) for term in OWN_TERMS[deal.kind]},
        **{f"{role}'s collateral": collateral for role, collateral in secured},
        "arbitrator's fee": deal.arbitrator_fee,
    }


def contract_event(world: ShownWorld, record: TurnRecord, event: ContractEvent) -> ContractEventRow:
    """What happened to a contract in a turn."""
    values: dict[str, Any] = to_builtins(event)
    shown = ("until", "amount", "favoured", "refusal", "reason", "fault")
    first, after_last = event.postings or (0, 0)
    return ContractEventRow(
        turn=record.turn,
        contract_id=event.contract_id,
        happened=event.happened.value,
        agent_id=event.agent_id,
        facts=tuple(
            Fact(name=fact.name, value=spaced(fact.value))
            if fact.name in ("reason", "refusal")
            else fact
            for fact in facts({name: values[name] for name in shown if name in values})
        ),
        moved=tuple(
            MovementRow(
                index=index,
                source=account_name(posting.source, world.agent_ids),
                target=account_name(posting.target, world.agent_ids),
                amount=digits(posting.amount),
                reason=posting.reason.value,
            )
            for index, posting in enumerate(record.postings[first:after_last], first)
        ),
    )
