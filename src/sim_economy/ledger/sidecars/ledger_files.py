"""Ledger files and their locks, write-ahead logs and rollback journals."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EMFILE, ENFILE
from pathlib import Path

from filelock import FileLock, Timeout

from sim_economy.core.errors import StoreError


@contextmanager
def writable(path: str | Path, work: str = "written") -> Iterator[None]:
    """Raise what the operating system refuses as the ledger's failure.

    Args:
        path: What messages name.
        work: What messages say cannot be done: written, created or removed.

    Raises:
        StoreError: It was refused.
    """
    try:
        yield
    except OSError as error:
        code = "ledger_unreadable" if error.errno in {EMFILE, ENFILE} else "ledger_unwritable"
        raise StoreError(code, str(path), f"cannot be {work}: {error.strerror}") from error


def locked(path: Path) -> FileLock:
    """The lock of a ledger's one writer, taken.

    Raises:
        StoreError: Another process holds it, or the folder cannot be written.
    """
    lock = FileLock(f"{path}.lock", thread_local=False)
    with writable(path):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise StoreError(
                "ledger_in_use",
                str(path),
                "another process writes it; stop that one or name another file",
            ) from None
    return lock


def remove_ledger(path: Path) -> None:
    """Remove a ledger file and the files that SQLite keeps with it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable.

    Raises:
        OSError: It could not be done.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_private(path: Path, text: bytes) -> None:
    """Keep a text in a file that only its owner may read, on the disk when this returns.

    Raises:
        StoreError: It cannot be written.
    """
    with writable(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
