"""What agents decided, from the inputs of a turn's record."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sim_economy.core.accounts import BALANCE, FIRST, WIDTH, PostingReason
from sim_economy.ledger.records import TurnRecord
from sim_economy.viewer.answer_rows import DecisionRow, digits
from sim_economy.viewer.history.shown_world import ShownWorld
from sim_economy.viewer.history.world_history import sent_input
from sim_economy.viewer.pages.words import action_words


def decision_rows(
    world: ShownWorld, record: TurnRecord, agent_id: str | None = None
) -> Iterator[DecisionRow]:
    """The decisions of a turn in the order of its inputs; of one agent where one is named."""
    fees: Counter[int] = Counter()
    for posting in record.postings:
        if posting.reason is PostingReason.INFERENCE_FEE:
            fees[posting.source] += posting.amount
    for text, reason in zip(record.inputs, record.outcomes, strict=True):
        sender = sent_input(text).agent_id
        if agent_id in (None, sender):
            sent: dict[str, Any] = json.loads(bytes(text))
            yield DecisionRow(
                turn=record.turn,
                agent_id=sender,
                action=str(sent["action"]["action"]),
                words=action_words(sent["action"]),
                said=sent.get("speech") or "",
                thought=sent.get("thinking") or "",
                thinking_units=digits(sent.get("thinking_units", 0)),
                output_units=digits(sent.get("output_units", 0)),
                rejection=None if reason is None else reason.value,
                fee=digits(fees[balance_of(world, sender)]),
                calls=None,
            )


def balance_of(world: ShownWorld, agent_id: str) -> int:
    """The number of an agent's balance; of none for whoever is not in the world."""
    if agent_id not in world.indices:
        return -1
    return BALANCE + WIDTH * world.indices[agent_id]


def accounts_of(agent: int) -> range:
    """The numbers of an agent's accounts."""
    return range(FIRST + WIDTH * agent, FIRST + WIDTH * (agent + 1))
