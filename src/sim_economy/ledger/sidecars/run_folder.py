"""A folder of files that one process writes: claimed, and each file whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from sim_economy.core.errors import FolderError


@contextmanager
def claimed(folder: Path, work: str, is_ours: Callable[[Path], bool]) -> Iterator[None]:
    """Hold a folder as its one writer; it is made if it is not there.

    Args:
        work: What messages call the work in it, such as experiment.
        is_ours: Whether the folder may be written to, looking at what is in it.

    Raises:
        FolderError: It is another's, in use, or not writable.
    """
    try:
        with writing_into(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if not is_ours(folder):
                raise FolderError(
                    "folder_foreign",
                    str(folder),
                    f"is not empty and no {work}'s; name an empty or a new folder",
                )
            with FileLock(folder / ".lock").acquire(timeout=0):
                yield
    except Timeout:
        raise FolderError(
            "folder_in_use",
            str(folder),
            f"another {work} is writing here; wait for it or name another folder",
        ) from None


@contextmanager
def writing_into(path: Path) -> Iterator[None]:
    """Raise what the operating system refuses of a folder, or a file, as its failure.

    Raises:
        FolderError: It was refused: no room, no right, no descriptor.
    """
    try:
        yield
    except Timeout:
        raise
    except OSError as error:
        raise FolderError(
            "folder_unwritable",
            str(path),
            f"cannot be written: {error.strerror or error}; what is finished is kept: mend that "
            "and run the same command again",
        ) from error


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file whole, so that a reader or a crash never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
