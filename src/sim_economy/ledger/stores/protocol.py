"""The protocol of every store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from sim_economy.ledger.records import Ends, Genesis, Head, Receipt, StoredTurn, Submission


class Snapshot(NamedTuple):
    """The canonical text of a whole state, to start from without folding."""

    turn: int
    state: str


class Store(Protocol):
    """One world's records: opened by one writer, read by many."""

    @property
    def name(self) -> str:
        """Its name in messages."""

    @property
    def lost(self) -> bool:
        """True if its connection broke: open its location again to know what is kept."""

    def create(self, genesis: Genesis, first: StoredTurn, state: str) -> None:
        """Write genesis and turn 0 into an empty store.

        Raises:
            StoreError: It holds a world already, or cannot be written.
        """

    def append(
        self, turn: StoredTurn, *, receipt: Receipt | None = None, state: str | None = None
    ) -> None:
        """Keep one turn, whole or not at all; it is durable when this returns.

        Args:
            receipt: Of the request that closed the turn.
            state: The canonical state after it, when it is time for a snapshot.

        Raises:
            StoreError: It could not be written; nothing of it was.
        """

    def one_commit(self) -> AbstractContextManager[None]:
        """Keep all that is written inside, or nothing.

        Raises:
            StoreError: It could not be written; nothing of it was.
        """

    def accept(self, submission: Submission) -> None:
        """Keep an input until its turn closes; durable when this returns."""

    def submissions(self) -> list[Submission]:
        """The inputs accepted for the open turn, in order."""

    def receipt(self, idempotency_key: str) -> Receipt | None:
        """The receipt under a key."""

    def receipts(self, after: int | None = None) -> Iterator[tuple[Receipt, str]]:
        """Every receipt with its checksum in the order of their turns, or those after a turn."""

    def newest_receipt(self, turn: int) -> str:
        """The checksum of the newest receipt up to a turn; empty where there is none."""

    def ends(self) -> Ends:
        """The checksums of the newest receipt and the newest accepted input."""

    def checksums(self) -> Iterator[tuple[Submission, str]]:
        """Every accepted input with its checksum."""

    def genesis_line(self) -> bytes:
        """The first record as it was found."""

    def read(self, first: int = 0, last: int | None = None) -> Iterator[StoredTurn]:
        """Turns in order, from `first` to `last` inclusive."""

    def head(self) -> Head:
        """The end of the chain."""

    def snapshots(self) -> Iterator[Snapshot]:
        """Kept states, newest first."""

    def accounts(self) -> list[tuple[int, str]]:
        """The chart of accounts as it was found: numbers and names."""

    def problems(self) -> Iterator[str]:
        """Problems of the store itself, apart from the records in it."""

    def discard(self) -> None:
        """Close a new store and leave nothing of it."""

    def close(self) -> None:
        """Release the lock; closing twice is fine."""
