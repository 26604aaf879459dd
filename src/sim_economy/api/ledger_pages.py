"""Pages of the ledger's tables, and its turns as events."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from msgspec import json, to_builtins

from sim_economy.core.accounts import account_name
from sim_economy.core.world_config import WorldConfig
from sim_economy.ledger.records import TurnRecord
from sim_economy.world.turn_answer import rejections, turn_answer
from sim_economy.world.world import World

_TURNS_READ: Final = 256
"""Turns read from the store at a time while a page is being filled."""


def page(world: World, table: str, after: int, limit: int) -> dict[str, Any]:
    """Rows of whole turns later than `after`, at least `limit` of them if there are as many.

    Returns:
        `rows`, and `next`: the `after` of the next page, None at the end.
    """
    rows: list[dict[str, Any]] = []
    last = world.turn_number
    turn = after
    while turn < last and len(rows) < limit:
        until = min(last, turn + _TURNS_READ)
        for stored in world.store.read(turn + 1, until):
            record = stored.record
            rows += _ROWS[table](record, stored.head_hash, world.config)
            turn = stored.turn
            if len(rows) >= limit:
                break
    return {"rows": rows, "next": turn if turn < last else None}


def event_lines(world: World, first: int) -> Iterator[tuple[int, bytes]]:
    """Closed turns from `first` on, each as one server-sent event."""
    for stored in islice(world.store.read(first), _TURNS_READ):
        answer = turn_answer(stored.record, stored.head_hash, world.config)
        text = json.encode(answer).decode()
        yield stored.turn, f"id: {stored.turn}\nevent: turn\ndata: {text}\n\n".encode()


def _turns(record: TurnRecord, head: str, config: WorldConfig) -> list[dict[str, Any]]:
    return [turn_answer(record, head, config)]


def _blocks(record: TurnRecord, head: str, config: WorldConfig) -> list[dict[str, Any]]:
    del head, config
    return [] if record.block is None else [to_builtins(record.block)]


def _transactions(record: TurnRecord, head: str, config: WorldConfig) -> list[dict[str, Any]]:
    del head, config
    return [
        {"turn": record.turn, "position": index, **to_builtins(transaction)}
        for index, transaction in enumerate(record.transactions)
    ]


def _contracts(record: TurnRecord, head: str, config: WorldConfig) -> list[dict[str, Any]]:
    del head, config
    return [
        {"turn": record.turn, "position": index, **to_builtins(event)}
        for index, event in enumerate(record.contracts)
    ]


def _rejections(record: TurnRecord, head: str, config: WorldConfig) -> list[dict[str, Any]]:
    del head, config
    return list(rejections(record))


def _postings(record: TurnRecord, head: str, config: WorldConfig) -> list[dict[str, Any]]:
    del head
    return [
        {
            "turn": record.turn,
            "position": index,
            "source": account_name(posting.source, config.agent_ids),
            "target": account_name(posting.target, config.agent_ids),
            "amount": posting.amount,
            "reason": posting.reason,
        }
        for index, posting in enumerate(record.postings)
    ]


_ROWS: Final = {
    "turns": _turns,
    "blocks": _blocks,
    "transactions": _transactions,
    "contracts": _contracts,
    "rejections": _rejections,
    "postings": _postings,
}
