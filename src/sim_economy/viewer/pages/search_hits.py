"""Search in a world: agents, turns, contracts, hashes, speech."""

from __future__ import annotations

import re
from collections.abc import Iterator
from time import monotonic
from typing import Final

from sim_economy.core.errors import InputError
from sim_economy.ledger.records import StoredTurn
from sim_economy.ledger.stores.protocol import Store
from sim_economy.viewer.answer_rows import SearchHit
from sim_economy.viewer.answers import SearchAnswer
from sim_economy.viewer.history.shown_world import ShownWorld
from sim_economy.viewer.history.world_history import sent_input
from sim_economy.viewer.pages.asked import Asked
from sim_economy.viewer.pages.words import short, spaced

_SECONDS: Final = 2.0
"""Seconds that one search looks through turns."""
_TURNS_AT_ONCE: Final = 128
_LETTERS_MOST: Final = 200
_HASH: Final = re.compile(r"[0-9a-f]{6,64}")


def search(world: ShownWorld, store: Store, asked: Asked) -> SearchAnswer:
    """What is found by its name or number, then in the records, newest first.

    Raises:
        InputError: Nothing is asked for, or too much.
    """
    sought = asked.text("q").strip()
    if not 0 < len(sought) <= _LETTERS_MOST:
        raise InputError("q", f"must have from 1 to {_LETTERS_MOST} letters")
    limit = asked.limit(50)
    hits = [*_numbered(world, store, sought), *_agents(world, sought)][:limit]
    until = monotonic() + _SECONDS
    last = store.head().turn
    while last >= 0 and len(hits) < limit and monotonic() < until:
        first = max(0, last - _TURNS_AT_ONCE + 1)
        found = [hit for stored in store.read(first, last) for hit in _in_turn(stored, sought)]
        hits += reversed(found)
        last = first - 1
    return SearchAnswer(hits=tuple(hits[:limit]), complete=last < 0 and len(hits) <= limit)


def _hit(
    kind: str,
    words: str,
    *,
    turn: int | None = None,
    agent_id: str | None = None,
    contract_id: int | None = None,
) -> SearchHit:
    return SearchHit(kind=kind, words=words, turn=turn, agent_id=agent_id, contract_id=contract_id)


def _numbered(world: ShownWorld, store: Store, sought: str) -> Iterator[SearchHit]:
    """The turn and the contract of a number."""
    found = re.fullmatch(r"(?:(turn|contract)\s*)?#?([0-9]{1,15})", sought.lower())
    if found is None:
        return
    kind, number = found[1], int(found[2])
    if kind != "contract" and number <= store.head().turn:
        yield _hit("turn", f"Turn {number:,}", turn=number)
    with world.history.lock:
        if kind != "turn" and number in world.history.contracts:
            row = world.history.contracts.row(number)
            words = f"Contract {number}: {spaced(row.kind)}, {row.stage}"
            yield _hit("contract", words, turn=row.proposed, contract_id=number)


def _agents(world: ShownWorld, sought: str) -> Iterator[SearchHit]:
    """Agents by a part of their ids; one that is the whole id comes first."""
    small = sought.lower()
    found = [agent_id for agent_id in world.agent_ids if small in agent_id.lower()]
    for agent_id in sorted(found, key=lambda own: own.lower() != small):
        yield _hit("agent", agent_id, agent_id=agent_id)


def _in_turn(stored: StoredTurn, sought: str) -> Iterator[SearchHit]:
    """A turn by its hashes, and what was said in it."""
    small = sought.lower()
    if _HASH.fullmatch(small):
        yield from _hashes(stored, small)
    if b'"speech":' not in stored.line:
        return
    for sent in map(sent_input, stored.record.inputs):
        if sent.speech and small in sent.speech.lower():
            at = sent.speech.lower().index(small)
            excerpt = short(sent.speech[max(0, at - 30) :])
            yield _hit("speech", excerpt, turn=stored.turn, agent_id=sent.agent_id)


def _hashes(stored: StoredTurn, beginning: str) -> Iterator[SearchHit]:
    """The hashes of a turn that begin so."""
    if stored.head_hash.startswith(beginning):
        yield _hit("head", f"Head of turn {stored.turn:,}: {stored.head_hash}", turn=stored.turn)
    if beginning.encode() not in stored.line:
        return
    record = stored.record
    if record.state_digest.startswith(beginning):
        words = f"State digest of turn {stored.turn:,}: {record.state_digest}"
        yield _hit("state_digest", words, turn=stored.turn)
    if record.block is not None and record.block.hash.startswith(beginning):
        yield _hit("block", f"Block of turn {stored.turn:,}: {record.block.hash}", turn=stored.turn)
