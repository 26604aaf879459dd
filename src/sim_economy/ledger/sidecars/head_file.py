"""The head outside the ledger: a small file that remembers how far the ledger had come.

A ledger that was cut back is still a valid chain. Its head file shows the cut: after each
commit, before the answer, the file takes the new head, and the ends of the chains of receipts and
accepted inputs. So a ledger may be one turn ahead of its file and is never behind it.
"""

from __future__ import annotations

import os
from errno import ENOSPC
from pathlib import Path
from typing import Final, Self

from msgspec import DecodeError, Struct, json
from msgspec.structs import replace

from sim_economy.core.errors import StoreError
from sim_economy.ledger.records import Ends, Head, digest
from sim_economy.ledger.sidecars.ledger_files import open_sidecar, sync_folder, writable
from sim_economy.ledger.stores.protocol import Store

_SLOT: Final = 512
"""Bytes of a slot. Turns take the first two alternately, so that a torn write spares one."""
_WORLD: Final = 2
"""The slot with the genesis hash."""


class Seen(Struct, frozen=True, omit_defaults=True):
    """What a head file saw of a ledger.

    Attributes:
        checksum: Of the rest, so that a torn write is no head.
        ends: None in a file that a release before wrote.
        genesis: The genesis hash; empty likewise. It has a place of its own in the file.
    """

    head: Head
    checksum: str
    ends: Ends | None = None
    genesis: str = ""

    @classmethod
    def of(cls, head: Head, ends: Ends | None) -> Self:
        """A head and what lies beside its chain, with their checksum."""
        return cls(head, digest(json.encode(head if ends is None else (head, ends))), ends)

    def missing(self, store: Store) -> str | None:
        """What a ledger lacks of what was seen, in words; None where it has all of it."""
        turn, head = self.head.turn, store.head()
        if self.genesis not in ("", digest(store.genesis_line())):
            return "saw another genesis than the ledger has"
        if head.turn < turn:
            return f"saw turn {turn} and the ledger ends with turn {head.turn}"
        if not any(stored.head_hash == self.head.hash for stored in store.read(turn, turn)):
            return f"saw another turn {turn} than the ledger has"
        if self.ends is None:
            return None
        if store.newest_receipt(turn) != self.ends.receipt:
            return f"saw other receipts up to turn {turn} than the ledger has"
        accepted = ["", *(checksum for _, checksum in store.checksums())]
        if head.turn == turn and self.ends.accepted not in accepted:
            return f"saw other inputs accepted for turn {turn + 1} than the ledger has"
        return None


_decode_seen: Final = json.Decoder(Seen).decode


class HeadFile:
    """The last heads of one ledger, in a file of two alternating slots."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._turns = [None if seen is None else seen.head.turn for seen in map(self._slot, (0, 1))]

    @classmethod
    def of(cls, ledger: str | Path) -> Self:
        """The head file of a ledger, made if it is not there.

        Raises:
            StoreError: It cannot be written.
        """
        path = Path(f"{ledger}.head")
        with writable(path):
            descriptor = open_sidecar(path, os.O_RDWR | os.O_CREAT)
            sync_folder(path.parent)
        return cls(path, descriptor)

    @classmethod
    def seen(cls, ledger: str | Path) -> Seen | None:
        """The newest that the head file of a ledger saw, if there is a file and it saw any.

        Raises:
            StoreError: It saw one and cannot be read.
        """
        path = Path(f"{ledger}.head")
        if not path.is_file():
            return None
        with writable(path, "read"):
            head_file = cls(path, open_sidecar(path))
        try:
            seen, length = head_file.newest(), os.fstat(head_file._descriptor).st_size
        finally:
            head_file.close()
        if seen is None and length > _SLOT:
            raise StoreError(
                "ledger_rolled_back",
                str(path),
                "saw a world and cannot be read any more; put a whole one back, or move it away "
                "for a new world",
            )
        return seen

    @classmethod
    def check_forgotten(cls, sidecar: Path, ledger: str) -> None:
        """Check that no world is remembered where there is no ledger, before a new one is made.

        Args:
            sidecar: The common path of the sidecar files.
            ledger: Its name in messages.

        Raises:
            StoreError: One is.
        """
        seen = cls.seen(sidecar)
        if seen is not None:
            raise StoreError(
                "ledger_rolled_back",
                f"{sidecar}.head",
                f"saw turn {seen.head.turn} and {ledger} holds no world; put the ledger back, or, "
                "for a new world here, move the files away that remember this one (.head, .tokens, "
                ".key); there is no head to accept",
            )

    def newest(self) -> Seen | None:
        """The newest it saw; None for a new file."""
        found = [seen for slot in (0, 1) if (seen := self._slot(slot)) is not None]
        newest = max(found, key=lambda seen: seen.head.turn, default=None)
        return newest and replace(newest, genesis=self._genesis)

    @property
    def _genesis(self) -> str:
        return os.pread(self._descriptor, _SLOT, _SLOT * _WORLD).decode("ascii", "replace").strip()

    def name_world(self, genesis_hash: str) -> None:
        """Remember whose head it is; durable when this returns.

        Raises:
            StoreError: It could not be written.
        """
        if self._genesis != genesis_hash:
            self._fill(_WORLD, genesis_hash.encode(), durable=True)

    def write(self, head: Head, ends: Ends, *, durable: bool = True) -> None:
        """Remember a head, and what lies beside its chain.

        Args:
            durable: Whether it is on the disk when this returns; if not, a loss of power may
                forget what was accepted since the head, and no more.

        Raises:
            StoreError: It could not be written.
        """
        slot = head.turn % 2
        self._fill(slot, json.encode(Seen.of(head, ends)), durable=durable)
        self._turns[slot] = head.turn
        other = self._turns[1 - slot]
        if other is not None and other >= head.turn:
            # Of a longer ledger that this one replaces: it would outrank the head just written.
            self._fill(1 - slot, b"", durable=durable)
            self._turns[1 - slot] = None

    def check(self, store: Store) -> None:
        """Compare a ledger with the file.

        Raises:
            StoreError: The ledger is behind, has other turns, receipts or accepted inputs, or is
                past its first turn without a head file.
        """
        seen, turn = self.newest(), store.head().turn
        if seen is None and turn == 0:
            return  # Power went between the ledger's first commit and its first head.
        if seen is None:
            raise StoreError(
                "ledger_unwitnessed",
                str(self.path),
                "holds no head for this ledger; if you trust the ledger as it is, accept its "
                "head with SIM_ENGINE_ACCEPT_HEAD=1 or --accept-head",
            )
        problem = seen.missing(store)
        if problem is None and turn > seen.head.turn + 1:
            problem = f"saw turn {seen.head.turn} last and the ledger ends with turn {turn}"
        if problem is not None:
            raise StoreError(
                "ledger_rolled_back",
                str(self.path),
                f"{problem}; restore the ledger, or accept its head (SIM_ENGINE_ACCEPT_HEAD=1, "
                "--accept-head) if you rolled it back yourself or know why",
            )

    def discard(self) -> None:
        """Close and remove the file of a world that did not start."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _fill(self, slot: int, text: bytes, *, durable: bool) -> None:
        assert len(text) <= _SLOT, text
        with writable(self.path):
            written = os.pwrite(self._descriptor, text.ljust(_SLOT, b"\n"), _SLOT * slot)
            if written < _SLOT:
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            if durable:
                os.fdatasync(self._descriptor)

    def _slot(self, slot: int) -> Seen | None:
        text = os.pread(self._descriptor, _SLOT, _SLOT * slot)
        try:
            found = _decode_seen(text)
        except (DecodeError, RecursionError):
            return None
        return found if Seen.of(found.head, found.ends) == found else None
