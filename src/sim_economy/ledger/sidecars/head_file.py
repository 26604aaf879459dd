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
from sim_economy.ledger.sidecars.ledger_files import sync_folder, writable

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
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            sync_folder(path.parent)
        return cls(path, descriptor)

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
        except (DecodeError, RecursionError):
            return None
        return mark.head if digest(json.encode(mark.head)) == mark.checksum else None
