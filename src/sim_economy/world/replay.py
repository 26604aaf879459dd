"""The rules once more on the recorded inputs: the proof that a ledger is theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import json

from sim_economy.core.errors import ReplayError, StoreError
from sim_economy.core.rules_version import KNOWN, known_rules_version
from sim_economy.ledger.readers.reading import LedgerSource, config_of, genesis_record, reading
from sim_economy.ledger.records import Head, Signature, recorded_inputs, unsigned
from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.ledger.stores.protocol import Store
from sim_economy.world.world import World


def replay(source: LedgerSource, progress: Callable[[int], None] = lambda turn: None) -> Head:
    """Play the recorded inputs from genesis and compare every byte kept.

    Args:
        source: A store, or a ledger file.
        progress: Called with each replayed turn.

    Returns:
        The head that the rules and the ledger agree on.

    Raises:
        ReplayError: The rules are of another version, or give another ledger; names the first
            turn and the first part of it that differs.
        StoreError: The ledger cannot be read.
    """
    with reading(source) as store:
        return _replayed(store, progress)


def _replayed(store: Store, progress: Callable[[int], None]) -> Head:
    first = genesis_record(store)
    if known_rules_version(first.rules_version) is None:
        raise ReplayError(0, f"written by rules version {first.rules_version}; these are {KNOWN}")
    again = MemoryStore()
    signed: Signature | None = None

    def recorded(*_: object) -> Signature | None:
        """The signature as it was found: whether it is valid is checked by `verify`."""
        return signed

    world: World | None = None
    for stored in store.read():
        record = stored.record
        signed = record.block_signature
        if world is None:
            world = World(
                config_of(first),
                store=again,
                world_id=first.world_id,
                keys=first.keys,
                sign=recorded if first.keys else unsigned,
            )
            _compare(0, store.genesis_line(), again.genesis_line())
        else:
            world.turn(recorded_inputs(record), ends=record.ends, signatures=record.signatures)
        (played,) = again.read(stored.turn, stored.turn)
        _compare(stored.turn, stored.line, played.line)
        if stored.head_hash != played.head_hash:
            raise ReplayError(stored.turn, "the recorded chain head is not that of its line")
        progress(stored.turn)
    if world is None:
        raise StoreError("ledger_damaged", store.name, "holds no turn; run verify")
    return world.head


def _compare(turn: int, recorded: bytes, played: bytes) -> None:
    if recorded != played:
        path = first_difference(json.decode(recorded), json.decode(played))
        raise ReplayError(turn, f"the rules give another {path}")


def first_difference(one: Any, other: Any, path: str = "record") -> str:
    """The path to the first difference of two JSON values, with both values."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            if key not in one or key not in other:
                return f"{path}.{key}"
            if one[key] != other[key]:
                return first_difference(one[key], other[key], f"{path}.{key}")
    if isinstance(one, list) and isinstance(other, list):
        for at, (left, right) in enumerate(zip(one, other, strict=False)):
            if left != right:
                return first_difference(left, right, f"{path}[{at}]")
        return f"{path}: {len(one)} and {len(other)} items"
    return f"{path}: {json.encode(one).decode()} and {json.encode(other).decode()}"
