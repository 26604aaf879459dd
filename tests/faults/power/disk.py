"""A folder on a disk that keeps what was synced, and of the rest whatever it likes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final, NamedTuple

from tests.faults.power.recording import Change, Kind

SECTOR: Final = 512
"""Bytes a disk writes whole or not at all."""

FATES: Final = ("kept", "dropped", "some", "torn")
"""What may become of one file's unsynced writes."""


class _Write(NamedTuple):
    """Content at an offset; without content, the file cut or stretched to that length."""

    offset: int
    content: bytes | None


class _File:
    """One file, whatever its name."""

    def __init__(self) -> None:
        self.synced = bytearray()
        self.unsynced: list[_Write] = []

    def sync(self) -> None:
        for write in self.unsynced:
            _apply(self.synced, write)
        self.unsynced.clear()

    def left(self, draws: random.Random) -> bytearray:
        """What a power cut leaves of it."""
        content = bytearray(self.synced)
        fate = draws.choice(FATES)
        if fate == "dropped":
            return content
        torn = draws.randrange(len(self.unsynced)) if fate == "torn" and self.unsynced else -1
        for index, write in enumerate(self.unsynced):
            if index == torn:
                _tear(content, write, draws)
            elif fate == "kept" or index < torn or draws.random() < 0.5:
                _apply(content, write)
            elif write.content is not None and draws.random() < 0.5:
                _stretch(content, write.offset + len(write.content))
        return content


class Disk:
    """The folder after every change up to now.

    Names are durable once the folder was synced, contents once the file was; each unsynced name
    and each file meets a fate of its own.
    """

    def __init__(self) -> None:
        self._names: dict[str, _File] = {}
        self._synced_names: dict[str, _File] = {}
        self._unsynced_names: dict[str, list[_File | None]] = {}
        self._open: dict[tuple[int, int], _File | None] = {}

    def apply(self, change: Change) -> None:
        """Follow one recorded change."""
        handle = change.process, change.descriptor
        match change.kind:
            case Kind.CREATED:
                self._open[handle] = file = _File()
                self._bind(change.name, file)
            case Kind.OPENED:
                # A file that lies there since before the recording would be missed here.
                self._open[handle] = self._names[change.name] if change.name else None
            case Kind.CLOSED:
                del self._open[handle]
            case Kind.WRITTEN:
                self._file(handle).unsynced.append(_Write(change.offset, change.content))
            case Kind.CUT | Kind.EMPTIED:
                self._file(handle).unsynced.append(_Write(change.offset, None))
            case Kind.SYNCED:
                self._sync(self._open[handle])
            case Kind.REMOVED:
                self._bind(change.name, None)
            case Kind.RENAMED:
                moved = self._names[change.name]
                self._bind(change.content.decode(), moved)
                self._bind(change.name, None)
            case Kind.ASKED | Kind.ANSWERED:
                pass

    def leave(self, folder: Path, draws: random.Random) -> None:
        """Write into an empty folder what a power cut now may leave."""
        names: dict[str, _File | None] = dict(self._synced_names)
        for name, bindings in self._unsynced_names.items():
            kept = draws.randint(0, len(bindings))
            if kept:
                names[name] = bindings[kept - 1]
        for name, file in names.items():
            if file is not None:
                (folder / name).write_bytes(file.left(draws))

    def _sync(self, file: _File | None) -> None:
        if file is not None:
            file.sync()
        else:
            self._synced_names = dict(self._names)
            self._unsynced_names.clear()

    def _file(self, handle: tuple[int, int]) -> _File:
        file = self._open[handle]
        assert file is not None, "nobody writes into a folder"
        return file

    def _bind(self, name: str, file: _File | None) -> None:
        self._unsynced_names.setdefault(name, []).append(file)
        if file is None:
            del self._names[name]
        else:
            self._names[name] = file


def _stretch(content: bytearray, length: int) -> None:
    content.extend(bytes(max(0, length - len(content))))


def _apply(content: bytearray, write: _Write) -> None:
    if write.content is None:
        del content[write.offset :]
        _stretch(content, write.offset)
    else:
        end = write.offset + len(write.content)
        _stretch(content, end)
        content[write.offset : end] = write.content


def _tear(content: bytearray, write: _Write, draws: random.Random) -> None:
    """Apply some sectors of a write: the first ones, or any."""
    if write.content is None:
        return
    first, last = write.offset // SECTOR, (write.offset + len(write.content) - 1) // SECTOR
    sectors = range(first, last + 1)
    count = draws.randrange(len(sectors))
    kept = sectors[:count] if draws.random() < 0.5 else draws.sample(sectors, count)
    for sector in sorted(kept):
        start = max(write.offset, sector * SECTOR)
        end = min(write.offset + len(write.content), (sector + 1) * SECTOR)
        part = write.content[start - write.offset : end - write.offset]
        _apply(content, _Write(start, part))
