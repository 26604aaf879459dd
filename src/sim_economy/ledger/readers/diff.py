"""The divergence of two ledgers: settings, then the first turn, agent and posting."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, TypeAlias

from msgspec import Struct, json

from sim_economy.core.accounts import FIRST, WIDTH, Posting, account_name
from sim_economy.ledger.readers.reading import genesis_record
from sim_economy.ledger.records import Genesis, TurnRecord
from sim_economy.ledger.stores.protocol import Store


class Divergence(Struct, frozen=True, kw_only=True):
    """The first thing two ledgers do not share after genesis.

    Attributes:
        agent_id: Whom it concerns; None where nobody in particular.
        part: `input`, `outcome`, `posting`, `block` or `length`.
        one: What the first ledger has there, in words; None where it has nothing.
        other: What the second has.
    """

    turn: int
    agent_id: str | None
    part: str
    one: str | None
    other: str | None


class LedgerDifference(Struct, frozen=True):
    """The difference of two ledgers.

    Attributes:
        settings: Parameters, seed, agents or versions that differ: both values by name.
        parting: None where every turn is the same.
    """

    settings: dict[str, tuple[Any, Any]]
    divergence: Divergence | None

    @property
    def same(self) -> bool:
        """True if all turns are the same; names may differ."""
        return not self.settings and self.divergence is None


def diff(one: Store, other: Store) -> LedgerDifference:
    """Compare two ledgers from genesis on; world names and hashes are left out.

    Raises:
        StoreError: One cannot be read.
    """
    first, second = genesis_record(one), genesis_record(other)
    left, right = _settings(first), _settings(second)
    settings = {
        name: (left.get(name), right.get(name))
        for name in {**left, **right}
        if left.get(name) != right.get(name)
    }
    agent_ids = max(first.agent_ids, second.agent_ids, key=len)
    divergence = None
    for left_turn, right_turn in zip_longest(one.read(), other.read()):
        if left_turn is None or right_turn is None:
            longer = left_turn or right_turn
            divergence = Divergence(
                turn=longer.turn,
                agent_id=None,
                part="length",
                one=left_turn and "goes on",
                other=right_turn and "goes on",
            )
        elif left_turn.line != right_turn.line:
            divergence = _divergence(left_turn.record, right_turn.record, agent_ids)
        if divergence is not None:
            break
    return LedgerDifference(settings, divergence)


def _settings(first: Genesis) -> dict[str, Any]:
    return {
        **first.parameters,
        "seed": first.seed,
        "secret": first.secret,
        "agent_ids": list(first.agent_ids),
        "rules_version": first.rules_version,
    }


def _divergence(one: TurnRecord, other: TurnRecord, agent_ids: Sequence[str]) -> Divergence | None:
    for part, differences in _PARTS.items():
        for agent_id, left, right in differences(one, other, agent_ids):
            return Divergence(turn=one.turn, agent_id=agent_id, part=part, one=left, other=right)
    return None


_Differences: TypeAlias = Iterator[tuple[str | None, str | None, str | None]]
"""Whom each difference concerns, and what the two ledgers have there."""


def _inputs(one: TurnRecord, other: TurnRecord, agent_ids: Sequence[str]) -> _Differences:
    del agent_ids
    texts = ([bytes(text).decode() for text in record.inputs] for record in (one, other))
    for left, right in zip_longest(*texts):
        if left != right:
            yield json.decode(left or right)["agent_id"], left, right


def _outcomes(one: TurnRecord, other: TurnRecord, agent_ids: Sequence[str]) -> _Differences:
    del agent_ids
    for sent, left, right in zip(one.inputs, one.outcomes, other.outcomes, strict=False):
        if left != right:
            yield json.decode(sent)["agent_id"], left or "applied", right or "applied"


def _postings(one: TurnRecord, other: TurnRecord, agent_ids: Sequence[str]) -> _Differences:
    for left, right in zip_longest(one.postings, other.postings):
        if left != right:
            owner = _owner(left or right, agent_ids)
            yield owner, _posting(left, agent_ids), _posting(right, agent_ids)


def _winners(one: TurnRecord, other: TurnRecord, agent_ids: Sequence[str]) -> _Differences:
    del agent_ids
    left, right = (record.block.winner if record.block else None for record in (one, other))
    if left != right:
        yield left or right, left, right


def _ends(one: TurnRecord, other: TurnRecord, agent_ids: Sequence[str]) -> _Differences:
    del agent_ids
    left, right = ("ends" if record.ends else "goes on" for record in (one, other))
    if left != right:
        yield None, left, right


_PARTS: Final[Mapping[str, Callable[[TurnRecord, TurnRecord, Sequence[str]], _Differences]]] = {
    "input": _inputs,
    "outcome": _outcomes,
    "posting": _postings,
    "block": _winners,
    "length": _ends,
}
"""The parts of a turn, in the order in which they are compared."""


def _owner(posting: Posting, agent_ids: Sequence[str]) -> str | None:
    account = max(posting.source, posting.target)
    return agent_ids[(account - FIRST) // WIDTH] if account >= FIRST else None


def _posting(posting: Posting | None, agent_ids: Sequence[str]) -> str | None:
    if posting is None:
        return None
    source, target = (account_name(at, agent_ids) for at in (posting.source, posting.target))
    return f"{posting.amount} from {source} to {target}: {posting.reason}"


def changes_of(
    kept: Mapping[str, Any], asked: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """The differences of two nested settings: each key as a path, what it was, what it is."""
    for key in {**kept, **asked}:
        was, now = kept.get(key), asked.get(key)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from changes_of(was, now, f"{prefix}{key}.")
        elif was != now:
            yield f"{prefix}{key}", was, now
