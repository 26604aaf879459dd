"""The head outside the ledger: a small file that remembers how far the ledger had come.

A ledger that was cut back is still a valid chain. Its head file shows the cut: after each
commit, before the answer, the file takes the new head. So a ledger may be one turn ahead of its
file and is never behind it.
"""

from __future__ import annotations

import os
from errno import ENOSPC
from pathlib import Path
from typing import Final, Self

from msgspec import DecodeError, Struct, json

from sim_economy.core.errors import StoreError
from sim_economy.ledger.records import Head, digest
from sim_economy.ledger.sidecars.ledger_files import open_sidecar, sync_folder, writable

_SLOT: Final = 512
"""Bytes of each of the two slots that turns take alternately, so that a torn write spares one."""


class _Mark(Struct, frozen=True):
    head: Head
    checksum: str


class HeadFile:
    """The last heads of one ledger, in a file of two alternating slots."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

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
    def seen(cls, ledger: str | Path) -> Head | None:
        """The newest head that the head file of a ledger saw, if there is a file and it saw any.

        Raises:
            StoreError: It saw one and cannot be read.
        """
        path = Path(f"{ledger}.head")
        if not path.is_file():
            return None
        with writable(path, "read"):
            head_file = cls(path, open_sidecar(path))
        try:
            head, length = head_file.head(), os.fstat(head_file._descriptor).st_size
        finally:
            head_file.close()
        if head is None and length > _SLOT:
            raise StoreError(
                "ledger_rolled_back",
                str(path),
                "saw a world and cannot be read any more; put a whole one back, or move it away "
                "for a new world",
            )
        return head

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
                f"saw turn {seen.turn} and {ledger} holds no world; put the ledger back, or, for "
                "a new world here, move the files away that remember this one (.head, .tokens, "
                ".key); there is no head to accept",
            )

    def head(self) -> Head | None:
        """The newest head it saw; None for a new file."""
        heads = [head for slot in (0, 1) if (head := self._slot(slot)) is not None]
        return max(heads, key=lambda head: head.turn, default=None)

    def write(self, head: Head) -> None:
        """Remember a head; durable when this returns.

        Raises:
            StoreError: It could not be written.
        """
        mark = json.encode(_Mark(head, digest(json.encode(head))))
        slot = head.turn % 2
        self._fill(slot, mark)
        other = self._slot(1 - slot)
        if other is not None and other.turn >= head.turn:
            # Of a longer ledger that this one replaces: it would outrank the head just written.
            self._fill(1 - slot, b"")

    def check(self, head: Head, head_hash_at: dict[int, str]) -> None:
        """Compare a ledger's head with the file.

        Args:
            head: Of the ledger.
            head_hash_at: The ledger's chain head by turn, for its last two turns.

        Raises:
            StoreError: The ledger is behind, has other turns, or is past its first turn
                without a head file.
        """
        seen = self.head()
        if seen is None and head.turn == 0:
            return  # Power went between the ledger's first commit and its first head.
        if seen is None:
            raise StoreError(
                "ledger_unwitnessed",
                str(self.path),
                "holds no head for this ledger; if you trust the ledger as it is, accept its "
                "head with SIM_ENGINE_ACCEPT_HEAD=1 or --accept-head",
            )
        if head.turn < seen.turn:
            raise StoreError(
                "ledger_rolled_back",
                str(self.path),
                f"saw turn {seen.turn} and the ledger ends with turn {head.turn}; restore the "
                "ledger, or accept its head (SIM_ENGINE_ACCEPT_HEAD=1, --accept-head) if you "
                "rolled it back yourself",
            )
        if head.turn > seen.turn + 1 or head_hash_at.get(seen.turn) != seen.hash:
            raise StoreError(
                "ledger_rolled_back",
                str(self.path),
                f"saw another turn {seen.turn} than the ledger has; restore the ledger, or "
                "accept its head (SIM_ENGINE_ACCEPT_HEAD=1, --accept-head) if you know why",
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

    def _fill(self, slot: int, text: bytes) -> None:
        with writable(self.path):
            written = os.pwrite(self._descriptor, text.ljust(_SLOT, b"\n"), _SLOT * slot)
            if written < _SLOT:
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            os.fdatasync(self._descriptor)

    def _slot(self, slot: int) -> Head | None:
        text = os.pread(self._descriptor, _SLOT, _SLOT * slot)
        try:
            mark = json.decode(text, type=_Mark)
        except DecodeError:
            return None
        return mark.head if digest(json.encode(mark.head)) == mark.checksum else None
