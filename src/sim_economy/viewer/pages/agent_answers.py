"""Agents: all of them in a list, one of them, its statement and its decisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from sim_economy.core.accounts import Holding
from sim_economy.core.errors import InputError
from sim_economy.ledger.readers.plain_numbers import whole_number
from sim_economy.ledger.readers.statement import Statement, statement
from sim_economy.ledger.stores.protocol import Store
from sim_economy.viewer.answer_rows import (
    AgentRow,
    DecisionRow,
    ReasonTotal,
    Speech,
    StatementRow,
    digits,
)
from sim_economy.viewer.answers import (
    AgentAnswer,
    AgentsAnswer,
    DecisionsAnswer,
    StatementPageAnswer,
)
from sim_economy.viewer.history.shown_world import ShownWorld, Standing
from sim_economy.viewer.history.world_history import sent_input
from sim_economy.viewer.pages.asked import Asked
from sim_economy.viewer.pages.decision_rows import decision_rows
from sim_economy.viewer.pages.model_calls import calls_of
from sim_economy.viewer.pages.overview import out_since, since
from sim_economy.viewer.pages.standing_sentences import without_tokens
from sim_economy.viewer.pages.words import counted, mean

_Key: TypeAlias = Callable[[int], tuple[float, ...]]
_LISTED: Final = 20
_TURNS_AT_ONCE: Final = 4096
"""Turns that one page looks through for rows of one agent."""


def agents(world: ShownWorld, store: Store, asked: Asked) -> AgentsAnswer:
    """Agents in one of four orders, those that the search and filter leave."""
    order = asked.one_of("order", *ORDERS)
    insolvent = asked.one_of("insolvent", "", "yes", "no")
    is_out = asked.one_of("out", "", "yes", "no")
    sought = asked.text("search").lower()
    after, limit = asked.number("after", 0), asked.limit(100)
    standing = world.standing(store)
    found = [
        agent
        for agent, agent_id in enumerate(world.agent_ids)
        if sought in agent_id.lower()
        and insolvent in ("", "yes" if standing.balances[agent] < 0 else "no")
        and is_out in ("", "no" if standing.out_since[agent] is None else "yes")
    ]
    found.sort(key=ORDERS[order](world, standing))
    shown = found[after : after + limit]
    with world.history.lock:
        rows = tuple(agent_row(world, standing, agent) for agent in shown)
    until = after + len(shown)
    return AgentsAnswer(rows=rows, next=until if until < len(found) else None, total=len(found))


def _by_genesis(world: ShownWorld, standing: Standing) -> _Key:
    del world, standing
    return lambda agent: (agent,)


def _by_balance(world: ShownWorld, standing: Standing) -> _Key:
    del world
    return lambda agent: (standing.balances[agent], agent)


def _by_trend(world: ShownWorld, standing: Standing) -> _Key:
    del world
    return lambda agent: (standing.trend(agent), agent)


def _by_insolvency(world: ShownWorld, standing: Standing) -> _Key:
    """Those longest without tokens first, then those who will be."""

    def key(agent: int) -> tuple[int, int, int]:
        if standing.out_since[agent] is not None:
            return 0, out_since(world, standing, agent) or 0, agent
        if standing.balances[agent] < 0:
            return 0, since(world, standing, agent) or 0, agent
        turn = standing.insolvent_turn(agent)
        return (2, 0, agent) if turn is None else (1, turn, agent)

    return key


ORDERS: Final = {
    "genesis": _by_genesis,
    "balance": _by_balance,
    "insolvency": _by_insolvency,
    "trend": _by_trend,
}
"""Orders of agents, by their names."""


def agent_row(world: ShownWorld, standing: Standing, index: int) -> AgentRow:
    """An agent in the list of all."""
    held = {kind.name.lower(): digits(standing.holding(index, kind)) for kind in Holding}
    agent_id = world.agent_ids[index]
    return AgentRow(
        agent_id=agent_id,
        index=index,
        lowest=digits(world.history.agents[index].lowest),
        since=since(world, standing, index),
        is_out=standing.out_since[index] is not None,
        out_since=out_since(world, standing, index),
        trend=standing.trend(index),
        insolvent_turn=standing.insolvent_turn(index),
        decided_by=world.source.decided_by(agent_id),
        **held,
    )


def agent(world: ShownWorld, store: Store, asked: Asked) -> AgentAnswer:
    """One agent: how it stands, what moved its tokens, what it did and said."""
    agent_id = asked.path["agent_id"]
    index = world.agent(agent_id)
    standing = world.standing(store)
    with world.history.lock:
        kept, contracts = world.history.agents[index], world.history.contracts
        ids = list(contracts.newest(agent_id=agent_id))
        row = agent_row(world, standing, index)
        return AgentAnswer(
            agent=row,
            answer=_answer(world, standing, row),
            reasons=_reasons(world, index),
            actions=dict(sorted(kept.actions.items(), key=lambda own: -own[1])),
            rejections=kept.rejections,
            contracts=tuple(contracts.row(contract_id) for contract_id in ids[:_LISTED]),
            contracts_total=len(ids),
            speech=tuple(_speech(world, store, index)),
            has_calls=world.source.calls_folder is not None,
        )


def _answer(world: ShownWorld, standing: Standing, row: AgentRow) -> str:
    name, balance = row.agent_id, int(row.balance)
    stated = f"its balance is {whole_number(balance)} tokens"
    if row.is_out:
        after = "" if row.out_since is None else f" since turn {row.out_since:,}"
        return f"{name} has been out of tokens{after}: {stated}."
    if balance < 0:
        after = "" if row.since is None else f" since turn {row.since:,}"
        return f"{name} has been insolvent{after}: {stated}."
    state = "has" if world.refuses_usage else "is solvent with"
    held = f"{name} {state} {counted(balance, 'token')}"
    if row.insolvent_turn is not None:
        return (
            f"{held}; at the trend of the last {counted(standing.trend_turns, 'turn')}, "
            f"{mean(row.trend)} tokens a turn, it will be {without_tokens(world)} in turn "
            f"{row.insolvent_turn:,}."
        )
    return f"{held}."


def _reasons(world: ShownWorld, index: int) -> tuple[ReasonTotal, ...]:
    found = [
        ReasonTotal(
            reason=reason.value,
            tokens=digits(moved.tokens[index]),
            postings=moved.postings[index],
        )
        for reason, moved in world.history.moved.items()
        if moved.postings[index]
    ]
    return tuple(sorted(found, key=lambda own: -abs(int(own.tokens))))


def _speech(world: ShownWorld, store: Store, index: int) -> list[Speech]:
    """The newest that an agent said, newest first."""
    agent_id = world.agent_ids[index]
    found = [
        Speech(turn=turn, agent_id=agent_id, text=sent.speech)
        for turn in reversed(world.history.agents[index].spoke)
        for stored in store.read(turn, turn)
        for sent in map(sent_input, stored.record.inputs)
        if sent.agent_id == agent_id and sent.speech
    ]
    return found[:_LISTED]


def statement_page(world: ShownWorld, store: Store, asked: Asked) -> StatementPageAnswer:
    """An agent's postings in the turns before one, at least as many as the limit if there are."""
    agent_id = asked.path["agent_id"]
    world.agent(agent_id)
    reason, limit = asked.text("reason"), asked.limit(100)
    head = store.head().turn
    last = min(asked.number("before", head + 1) - 1, head)
    if last < 0:
        raise InputError("before", "must be 1 at least; genesis is turn 0")
    turns = max(8, limit // 4)
    while True:
        first = max(0, last - turns + 1)
        found = statement(
            store, agent_id, accounts=tuple(Holding), first_turn=first, last_turn=last
        )
        rows = [row for row in _rows(found) if reason in ("", row.reason)]
        if len(rows) >= limit or first == 0 or turns >= _TURNS_AT_ONCE:
            break
        turns *= 4
    return StatementPageAnswer(
        agent_id=agent_id,
        first_turn=first,
        last_turn=last,
        opening={name: digits(tokens) for name, tokens in found.opening.items()},
        closing={name: digits(tokens) for name, tokens in found.closing.items()},
        rows=tuple(rows),
        earlier=first or None,
        later=min(head, 2 * last - first + 1) + 1 if last < head else None,
    )


def _rows(found: Statement) -> list[StatementRow]:
    return [
        StatementRow(
            turn=line.turn,
            account=line.account,
            amount=digits(line.amount),
            reason=line.reason,
            counterpart=line.counterpart,
            after=digits(line.after),
        )
        for line in found.lines
    ]


def decisions(world: ShownWorld, store: Store, asked: Asked) -> DecisionsAnswer:
    """What an agent did in the turns before one, newest first."""
    agent_id = asked.path["agent_id"]
    world.agent(agent_id)
    limit, head = asked.limit(50), store.head().turn
    calls = calls_of(world.source)
    rows: list[DecisionRow] = []
    last = min(asked.number("before", head + 1) - 1, head)
    looked = 0
    while last > 0 and len(rows) < limit and looked < _TURNS_AT_ONCE:
        first = max(1, last - max(limit, looked) + 1)
        found = [
            calls.counted(row)
            for stored in store.read(first, last)
            for row in decision_rows(world, stored.record, agent_id)
        ]
        rows += reversed(found)
        looked += last - first + 1
        last = first - 1
    shown = rows[:limit]
    if len(rows) > limit:
        last = shown[-1].turn - 1
    return DecisionsAnswer(rows=tuple(shown), next=last + 1 if last > 0 else None)
