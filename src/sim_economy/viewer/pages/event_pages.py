"""Events page by page, newest first, and those of the first screen."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from sim_economy.core.accounts import BALANCE, WIDTH
from sim_economy.ledger.fold.account_fold import fold_postings
from sim_economy.ledger.readers.reading import accounts_before
from sim_economy.ledger.stores.protocol import Store
from sim_economy.viewer.answer_rows import EventRow
from sim_economy.viewer.answers import EventsAnswer
from sim_economy.viewer.history.shown_world import ShownWorld
from sim_economy.viewer.pages.asked import Asked
from sim_economy.viewer.pages.event_rows import KINDS, ClosedTurn, rows_of

_TURNS_AT_ONCE: Final = 2048
"""Turns that one page looks through for events of a kind or an agent."""


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


def _turns(
    world: ShownWorld, store: Store, first: int, last: int, kinds: Collection[str]
) -> Iterator[ClosedTurn]:
    """Turns in order; balances of the newest ones are at hand."""
    if "insolvency" not in kinds:
        for stored in store.read(first, last):
            yield ClosedTurn(stored.record, (), ())
        return
    held = world.history.held(first - 1, last)
    if held:
        for stored, before, after in zip(store.read(first, last), held, held[1:], strict=False):
            yield ClosedTurn(stored.record, before, after)
        return
    accounts = accounts_before(store, first)
    before = accounts[BALANCE::WIDTH]
    for stored in store.read(first, last):
        fold_postings(accounts, stored.record.postings)
        after = accounts[BALANCE::WIDTH]
        yield ClosedTurn(stored.record, before, after)
        before = after
