"""A folder of files that one process writes: claimed, and each file whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

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


def folder_name(name: str) -> str:
    """The name of a folder for what is called so: one step of a path, whatever is in the name.

    A name of letters, digits, `-`, `_` and points within is its own; another one keeps what it has
    of these, and a digest tells it apart.
    """
    if _PLAIN.fullmatch(name):
        return name
    kept = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:40] or "scenario"
    return f"{kept}-{sha256(name.encode()).hexdigest()[:8]}"


_PLAIN: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9_-])?")


def output_folder(name: str, kind: str, foreign: str) -> Path:
    """The folder `out/NAME`; `out/NAME-KIND` where something else has that name.

    Args:
        foreign: A file by which a folder of something else is known.
    """
    folder = Path("out") / folder_name(name)
    other = folder.with_name(f"{folder.name}-{kind}")
    return other if other.exists() or (folder / foreign).exists() else folder


def refuse_foreign_file(path: Path, beginning: bytes) -> None:
    """Refuse to write over a file that is not an earlier one of the same kind.

    Args:
        beginning: What each file of the kind begins with.

    Raises:
        FolderError: Something else is there.
    """
    if not os.path.lexists(path):
        return
    ours = False
    with suppress(OSError), path.open("rb") as file:
        ours = not path.is_symlink() and file.read(len(beginning)) == beginning
    if not ours:
        raise FolderError(
            "folder_foreign",
            str(path),
            "is there already and is no such file; name a new one, or move that away",
        )


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
