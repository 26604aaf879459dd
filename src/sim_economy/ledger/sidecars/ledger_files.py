"""Ledger files and their locks, write-ahead logs and rollback journals."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EMFILE, ENFILE
from itertools import count
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


def true_path(path: str | Path) -> Path:
    """The path of the file that a path leads to; itself where it is no symbolic link."""
    path = Path(path)
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def refuse_link(path: Path) -> None:
    """Refuse a symbolic link in the place of a sidecar file: it would be written through.

    Raises:
        StoreError: It is one.
    """
    if path.is_symlink():
        raise StoreError(
            "ledger_unwritable",
            str(path),
            "is a symbolic link; put the file itself in its place",
        )


def open_sidecar(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open a sidecar file, of its owner alone from now on.

    Raises:
        StoreError: It is a link, no plain file, or open to others and not ours to close to them.
        OSError: It cannot be opened.
    """
    refuse_link(path)
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        found = os.fstat(descriptor)
        if found.st_nlink > 1 or not stat.S_ISREG(found.st_mode):
            raise StoreError(
                "ledger_unwritable",
                str(path),
                "has a second name (a hard link) or is no plain file; put a copy in its place",
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            with writable(path, "closed to others (chmod 600)"):
                os.fchmod(descriptor, 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_sidecar(path: Path) -> bytes:
    """The content of a sidecar file, of its owner alone from now on.

    Raises:
        StoreError: As `open_sidecar`.
        OSError: It cannot be read.
    """
    with os.fdopen(open_sidecar(path), "rb") as file:
        return file.read()


def locked(path: Path) -> FileLock:
    """The lock of a ledger's one writer, taken.

    Raises:
        StoreError: Another process holds it, or the folder cannot be written.
    """
    lock = FileLock(f"{path}.lock", thread_local=False)
    refuse_link(Path(lock.lock_file))
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


def write_private(path: Path, text: bytes, *, replaces: bool = False) -> None:
    """Keep a text in a new file that only its owner may read, on the disk when this returns.

    What is there already is set aside, never written over: a killed start of a world may have left
    it, or it is all that is left of one.

    Args:
        replaces: Whether it takes the place of the same world's file, which is not set aside.

    Raises:
        StoreError: It cannot be written, or a symbolic link is in its place.
    """
    refuse_link(path)
    part = path.with_name(f"{path.name}.part")
    with writable(path):
        part.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if not replaces:
                _set_aside(path)
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def _set_aside(path: Path) -> None:
    """Give a file the first free one of the names `PATH.1`, `PATH.2` and so on."""
    if path.exists():
        names = (path.with_name(f"{path.name}.{number}") for number in count(1))
        path.rename(next(name for name in names if not os.path.lexists(name)))
