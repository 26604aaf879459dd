"""Pages of the ledger's tables, and its turns as events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Final

from msgspec import json, to_builtins

from sim_economy.core.accounts import account_name
from sim_economy.core.world_config import WorldConfig
from sim_economy.ledger.records import StoredTurn, TurnRecord
from sim_economy.ledger.stores.protocol import Store
from sim_economy.world.turn_answer import rejections, turn_answer
from sim_economy.world.world import World

_EVENTS_MAX: Final = 256
"""Turns sent before a stream looks whether somebody still listens."""


def page(
    store: Store, config: WorldConfig, table: str, after: int, limit: int, most: int
) -> dict[str, Any]:
    """Rows of whole turns later than `after`, at least `limit` of them if there are as many.

    Args:
        most: Bytes of records after which the page ends all the same.

    Returns:
        `rows`, and `next`: the `after` of the next page, None at the end.
    """
    rows: list[dict[str, Any]] = []
    turn, last, size = after, store.head().turn, 0
    for stored in store.read(after + 1, last):
        rows += _rows(table, stored.record, stored.head_hash, config)
        turn, size = stored.turn, size + len(stored.line)
        if len(rows) >= limit or size >= most:
            break
    return {"rows": rows, "next": turn if turn < last else None}


def event_lines(world: World, first: int) -> Iterator[tuple[int, bytes]]:
    """Closed turns from `first` on, each as one server-sent event."""
    for stored in islice(world.store.read(first), _EVENTS_MAX):
        yield stored.turn, stored_event(stored, world.config)


def stored_event(stored: StoredTurn, config: WorldConfig) -> bytes:
    """A closed turn as one server-sent event."""
    answer = turn_answer(stored.record, stored.head_hash, config)
    text = json.encode(answer).decode()
    return f"id: {stored.turn}\nevent: turn\ndata: {text}\n\n".encode()


def _rows(table: str, record: TurnRecord, head: str, config: WorldConfig) -> list[dict[str, Any]]:
    match table:
        case "turns":
            return [turn_answer(record, head, config)]
        case "blocks":
            return [] if record.block is None else [to_builtins(record.block)]
        case "transactions":
            return _numbered(record.turn, map(to_builtins, record.transactions))
        case "contracts":
            return _numbered(record.turn, map(to_builtins, record.contracts))
        case "rejections":
            return list(rejections(record))
        case "postings":
            named = partial(account_name, agent_ids=config.agent_ids)
            return _numbered(
                record.turn,
                (
                    {
                        "source": named(posting.source),
                        "target": named(posting.target),
                        "amount": posting.amount,
                        "reason": posting.reason,
                    }
                    for posting in record.postings
                ),
            )
        case _:
            raise AssertionError(table)


def _numbered(turn: int, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"turn": turn, "position": index, **row} for index, row in enumerate(rows)]
