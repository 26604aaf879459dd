"""The lock of a ledger's one writer: of its name, and of the file itself by whatever name."""

from __future__ import annotations

import os
import sys
from collections import Counter, defaultdict
from pathlib import Path
from threading import Lock
from typing import Final, Self

from filelock import FileLock

from sim_economy.core.errors import StoreError
from sim_economy.ledger.sidecars.ledger_files import locked, writable

if sys.platform == "linux":
    from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock

_Inode = tuple[int, int]

_mutex: Final = Lock()
_connections: Final[Counter[_Inode]] = Counter()
_unclosed: Final[defaultdict[_Inode, list[int]]] = defaultdict(list)


class LedgerLock:
    """Two locks, held by one writer for as long as its store is open.

    The lock file keeps out who comes by the same name, also before there is a ledger. The lock of
    the file itself keeps out who comes by another name, or after the lock file was removed; only on
    Linux, elsewhere it would shut out SQLite too.
    """

    def __init__(self, path: Path, name_lock: FileLock, descriptor: int) -> None:
        self._path = path
        self._name_lock = name_lock
        self._descriptor = descriptor
        self._inode = _inode_of(os.fstat(descriptor))

    @classmethod
    def taken(cls, path: Path, *, new: bool = False) -> Self:
        """Lock a ledger file, or make an empty one and lock it.

        Raises:
            StoreError: Another process holds it or could by another name, there is one already
                where a new one is wanted, or it cannot be opened.
        """
        name_lock = locked(path)
        descriptor = -1
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL if new else os.O_RDONLY
            with writable(path, "created" if new else "opened"):
                descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
            lock = cls(path, name_lock, descriptor)
            lock._take_file()
        except BaseException:
            if descriptor >= 0:
                _close_later(_inode_of(os.fstat(descriptor)), descriptor)
            name_lock.release()
            raise
        return lock

    def _take_file(self) -> None:
        if os.fstat(self._descriptor).st_nlink > 1:
            raise StoreError(
                "ledger_in_use",
                str(self._path),
                "has a second name (a hard link), by which another engine could write it; remove "
                "one of the two, or serve a copy",
            )
        if sys.platform == "linux":
            try:
                flock(self._descriptor, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                raise StoreError(
                    "ledger_in_use",
                    str(self._path),
                    "another process writes this file, maybe by another name; stop that one or "
                    "name another file",
                ) from None

    def check_path(self) -> None:
        """Check that the locked file is still what its path leads to.

        Raises:
            StoreError: It was moved, removed or replaced.
        """
        try:
            found = _inode_of(self._path.stat())
        except OSError:
            found = None
        if found != self._inode:
            raise StoreError(
                "ledger_missing",
                str(self._path),
                "was moved, removed or replaced while this process writes it; put the file back, "
                "or stop this process and start it on the file that is there",
            )

    def release(self) -> None:
        """Release both; releasing twice is fine."""
        if self._descriptor >= 0:
            if sys.platform == "linux":
                flock(self._descriptor, LOCK_UN)
            _close_later(self._inode, self._descriptor)
            self._descriptor = -1
        self._name_lock.release()


def connected(path: Path) -> _Inode:
    """Note that SQLite has a file open in this process, until it is `disconnected`."""
    with writable(path, "opened"), _mutex:
        inode = _inode_of(path.stat())
        _connections[inode] += 1
    return inode


def disconnected(inode: _Inode) -> None:
    """Note that SQLite has closed a file."""
    with _mutex:
        _connections[inode] -= 1
        _close_unused(inode)


def _close_later(inode: _Inode, descriptor: int) -> None:
    with _mutex:
        _unclosed[inode].append(descriptor)
        _close_unused(inode)


def _close_unused(inode: _Inode) -> None:
    # To close any descriptor of a file ends all locks that SQLite holds on it in this process.
    if _connections[inode] == 0:
        del _connections[inode]
        for descriptor in _unclosed.pop(inode, []):
            os.close(descriptor)


def _inode_of(found: os.stat_result) -> _Inode:
    return found.st_dev, found.st_ino
