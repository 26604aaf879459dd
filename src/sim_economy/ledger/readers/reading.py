"""A ledger for reading: a store as it is, or a location opened as of now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from sim_economy.core.accounts import FIRST, WIDTH
from sim_economy.core.errors import InputError, StoreError
from sim_economy.core.state import decode_state
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.ledger.fold.account_fold import fold_postings
from sim_economy.ledger.records import (
    Genesis,
    SideChain,
    StoredTurn,
    TurnRecord,
    chained,
    digest,
    read_genesis,
)
from sim_economy.ledger.sidecars.locations import LedgerLocation, location_of
from sim_economy.ledger.stores.protocol import Store


class Recorded(Protocol):
    """A world, or a run that was played: what has a ledger."""

    @property
    def store(self) -> Store:
        """Its records."""


LedgerSource: TypeAlias = Store | Recorded | LedgerLocation | str | Path
"""A ledger to be read: a store or what has one, or where it is."""


def ledger_of(source: LedgerSource) -> Store | LedgerLocation:
    """The store of a source, or the location of one that is not open.

    Raises:
        InputError: It is no source.
    """
    held: Any = getattr(source, "store", source)
    if isinstance(held, str | Path):
        return location_of(held)
    if isinstance(held, LedgerLocation) or hasattr(held, "genesis_line"):
        return held  # type: ignore[no-any-return]
    kind = type(source).__name__
    raise InputError("ledger", f"must be a ledger's file, a store, a world or a run, not {kind}")


@contextmanager
def reading(source: LedgerSource) -> Iterator[Store]:
    """The store of a source; one that is opened here is closed again afterwards.

    Args:
        source: A store or what has one, a location, or its text (see `location_of`).

    Raises:
        StoreError: It is missing or no ledger of this format.
    """
    ledger = ledger_of(source)
    if not isinstance(ledger, LedgerLocation):
        yield ledger
        return
    with closing(ledger.open(read_only=True, frozen=True)) as store, blaming(store):
        yield store


STUMBLES: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What code raises that takes a record for one that its rules wrote, and it is not."""


@contextmanager
def blaming(store: Store) -> Iterator[None]:
    """Raise what stumbles over a record as the ledger's damage, if `verify` finds any.

    In a ledger that is sound it is a bug, and stays what it is.

    Raises:
        StoreError: The ledger is damaged.
    """
    from sim_economy.ledger.verify import verify  # noqa: PLC0415 - it reads by this module

    try:
        yield
    except STUMBLES as error:
        finding = verify(store).finding
        if finding is None:
            raise
        problem = f"{finding}; restore it from a backup"
        raise StoreError("ledger_damaged", store.name, problem) from error


def genesis_record(store: Store) -> Genesis:
    """The first record of a store.

    Raises:
        StoreError: It cannot be read as one.
    """
    try:
        return read_genesis(store.genesis_line())
    except (InputError, ValueError) as error:
        raise StoreError("ledger_damaged", store.name, "the genesis record is damaged") from error


def config_of(first: Genesis) -> WorldConfig:
    """The configuration a world was started with; under rules of today if its own are unknown."""
    hidden = {"seed": first.seed, "secret": first.secret}
    config = parse_world_config({**first.parameters, **hidden}, agent_ids=list(first.agent_ids))
    return config.under_rules(first.rules_version)


def chained_turns(store: Store, first: int, last: int | None = None) -> Iterator[StoredTurn]:
    """Turns as `Store.read` has them, the line of each hashed onto the head before it.

    Raises:
        StoreError: A line and the head kept with it do not belong together.
    """
    before = digest(store.genesis_line())
    for stored in store.read(max(0, first - 1), last):
        if stored.turn >= first:
            if chained(before, stored.line) != stored.head_hash:
                raise StoreError(
                    "ledger_damaged",
                    store.name,
                    f"the head of turn {stored.turn} is not that of its line; run verify",
                )
            yield stored
        before = stored.head_hash


def check_side_chains(store: Store, turns: Sequence[StoredTurn]) -> None:
    """Hold accepted inputs, and the receipts of the newest turns, to their chains.

    Args:
        turns: The newest ones, as `chained_turns` has them; at least one.

    Raises:
        StoreError: One is not chained to the one before it.
    """
    heads = {stored.turn: stored.head_hash for stored in turns}
    before, last = turns[0].turn, turns[-1].turn
    receipts = SideChain(store.newest_receipt(before))
    for receipt, checksum in store.receipts(before):
        if not receipts.follows(heads.get(receipt.turn, ""), receipt, checksum):
            problem = f"a receipt of turn {receipt.turn} is not its own; run verify"
            raise StoreError("ledger_damaged", store.name, problem)
    accepted = SideChain()
    for submission, checksum in store.checksums():
        if not accepted.follows(heads[last], submission, checksum):
            problem = f"accepted input {submission.index} is not its own; run verify"
            raise StoreError("ledger_damaged", store.name, problem)


def accounts_before(store: Store, turn: int) -> list[int]:
    """All accounts before a turn: those of the newest snapshot, and what was posted since.

    Raises:
        StoreError: The snapshot is not the state that its turn was closed with.
    """
    accounts = [0] * (FIRST + WIDTH * len(genesis_record(store).agent_ids))
    known = -1
    snapshots = (kept for kept in store.snapshots() if kept.turn < turn)
    if (snapshot := next(snapshots, None)) is not None:
        known = snapshot.turn
        for closed in chained_turns(store, known, known):
            if digest(snapshot.state.encode()) != closed.record.state_digest:
                problem = f"the snapshot of turn {known} is not its state; run `sim-economy verify`"
                raise StoreError("ledger_damaged", store.name, problem)
        accounts = decode_state(snapshot.state).accounts
    for stored in store.read(known + 1, turn - 1):
        fold_postings(accounts, stored.record.postings)
    return accounts


def account_balances(
    store: Store, first: int = 0, last: int | None = None
) -> Iterator[tuple[TurnRecord, list[int]]]:
    """Each turn with all accounts after it, the same list every time.

    Args:
        last: Inclusive; the end of the ledger when None.
    """
    accounts = accounts_before(store, first)
    for stored in store.read(first, last):
        record = stored.record
        fold_postings(accounts, record.postings)
        yield record, accounts
