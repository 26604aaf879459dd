"""The record that `recorder.c`, preloaded into an engine, keeps of a folder's changes."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

_HEADER: Final = struct.Struct("=6q")


class Kind(IntEnum):
    """What was changed; the first nine as in `recorder.c`, the others are notes of the client."""

    OPENED = 1
    CREATED = 2
    EMPTIED = 3
    WRITTEN = 4
    CUT = 5
    SYNCED = 6
    REMOVED = 7
    RENAMED = 8
    CLOSED = 9
    ASKED = 100
    ANSWERED = 101


class Change(NamedTuple):
    """One change, in the order in which they were made.

    Attributes:
        offset: Where it was written, or the length it was cut to; the turn of a note.
        name: Inside the folder; "" for the folder itself.
        content: What was written, the new name of what was renamed, or the head of an answer.
    """

    kind: Kind
    process: int
    descriptor: int
    offset: int
    name: str
    content: bytes


def compiled_recorder(folder: Path) -> Path | None:
    """The recorder as a library to preload; None where it cannot be compiled."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    library = folder / "recorder.so"
    source = Path(__file__).with_name("recorder.c")
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"],
        capture_output=True,
        check=False,
    )
    return library if done.returncode == 0 else None


class Log:
    """The record of one folder, to which the client adds what it knows of answers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(self, kind: Kind, turn: int, head: str = "") -> None:
        """Write a note after everything that has happened."""
        text = head.encode()
        os.write(self._descriptor, _HEADER.pack(kind, 0, -1, turn, 0, len(text)) + text)

    def close(self) -> None:
        os.close(self._descriptor)

    def changes(self) -> Iterator[Change]:
        """Everything recorded, in order."""
        with self.path.open("rb") as log:
            while header := log.read(_HEADER.size):
                kind, process, descriptor, offset, named, filled = _HEADER.unpack(header)
                name = log.read(named).decode()
                yield Change(
                    Kind(kind),
                    process,
                    descriptor=descriptor,
                    offset=offset,
                    name=name,
                    content=log.read(filled),
                )
