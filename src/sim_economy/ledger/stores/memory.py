"""A store in this process, gone with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

from sim_economy.core.accounts import chart_of
from sim_economy.core.codec import canonical
from sim_economy.core.errors import StoreError
from sim_economy.ledger.records import (
    Ends,
    Genesis,
    Head,
    Receipt,
    StoredTurn,
    Submission,
    bound_digest,
)
from sim_economy.ledger.stores.protocol import Snapshot


class MemoryStore:
    """Lines and heads in lists."""

    name = "memory"
    lost = False

    def __init__(self) -> None:
        self._genesis = b""
        self._agent_ids: tuple[str, ...] = ()
        self._turns: list[StoredTurn] = []
        self._head: Head | None = None
        self._receipts: dict[str, tuple[Receipt, str]] = {}
        self._submissions: list[tuple[Submission, str]] = []
        self._snapshots: list[Snapshot] = []

    def create(self, genesis: Genesis, first: StoredTurn, state: str) -> None:
        """Write genesis and turn 0."""
        if self._genesis:
            raise StoreError("ledger_exists", self.name, "holds a world already")
        self._genesis = canonical(genesis)
        self._head = Head.of_genesis(self._genesis)
        self._agent_ids = genesis.agent_ids
        self.append(first, state=state)

    def append(
        self, turn: StoredTurn, *, receipt: Receipt | None = None, state: str | None = None
    ) -> None:
        """Keep one turn."""
        assert turn.turn == len(self._turns), turn
        self._turns.append(_without_record(turn))
        self._head = self.head().after(turn.record, turn.head_hash)
        self._submissions.clear()
        if receipt is not None:
            checksum = bound_digest(self.newest_receipt(turn.turn), turn.head_hash, receipt)
            self._receipts[receipt.idempotency_key] = receipt, checksum
        if state is not None:
            self._snapshots.append(Snapshot(turn.turn, state))

    def one_commit(self) -> AbstractContextManager[None]:
        """Nothing of it outlives this process anyway."""
        return nullcontext()

    def accept(self, submission: Submission) -> None:
        """Keep an input until its turn closes."""
        checksum = bound_digest(self.ends().accepted, self.head().hash, submission)
        self._submissions.append((submission, checksum))

    def submissions(self) -> list[Submission]:
        """The inputs accepted for the open turn."""
        return [submission for submission, _ in self._submissions]

    def receipt(self, idempotency_key: str) -> Receipt | None:
        """The receipt under a key."""
        found = self._receipts.get(idempotency_key)
        return found and found[0]

    def receipts(self, after: int | None = None) -> Iterator[tuple[Receipt, str]]:
        """Every receipt with its checksum, or those after a turn."""
        kept = self._receipts.values()
        return (pair for pair in kept if after is None or pair[0].turn > after)

    def newest_receipt(self, turn: int) -> str:
        """The checksum of the newest receipt up to a turn."""
        kept = reversed(self._receipts.values())
        return next((checksum for receipt, checksum in kept if receipt.turn <= turn), "")

    def ends(self) -> Ends:
        """The checksums of the newest receipt and the newest accepted input."""
        accepted = self._submissions[-1][1] if self._submissions else ""
        return Ends(self.newest_receipt(len(self._turns)), accepted)

    def checksums(self) -> Iterator[tuple[Submission, str]]:
        """Every accepted input with its checksum."""
        return iter(self._submissions)

    def genesis_line(self) -> bytes:
        """The first record."""
        return self._genesis

    def read(self, first: int = 0, last: int | None = None) -> Iterator[StoredTurn]:
        """Turns in order."""
        turns = self._turns[max(0, first) : None if last is None else max(0, last + 1)]
        return map(_without_record, turns)

    def head(self) -> Head:
        """The end of the chain."""
        assert self._head is not None, "created before it is read"
        return self._head

    def snapshots(self) -> Iterator[Snapshot]:
        """Kept states, newest first."""
        return reversed(self._snapshots)

    def accounts(self) -> list[tuple[int, str]]:
        """The chart of accounts."""
        return chart_of(self._agent_ids)

    def problems(self) -> Iterator[str]:
        """Nothing can be wrong with a list."""
        return iter(())

    def discard(self) -> None:
        """It is gone with this process."""

    def close(self) -> None:
        """Nothing is held."""


def _without_record(turn: StoredTurn) -> StoredTurn:
    """A turn whose record is read when it is asked for: kept, records would take much memory."""
    return StoredTurn(*turn)
