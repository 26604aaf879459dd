"""Where a world's ledger is, or will be: what is known of a store before it is open."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Protocol

from sim_economy.core.errors import StoreError, WorldUnknownError
from sim_economy.store.files import remove_ledger
from sim_economy.store.protocol import Store
from sim_economy.store.sqlite import SQLiteStore, is_blank

DEFAULT_WORLD: Final = "default"
"""The world of the drop-in contract; every engine has a place for it."""

_WORLD_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class Place(Protocol):
    """One world's place; beside it are those of the engine's other worlds."""

    @property
    def name(self) -> str:
        """How messages call it; no password is in it."""

    @property
    def beside(self) -> Path:
        """What the names of the files kept outside the ledger begin with: head, tokens, key."""

    def exists(self) -> bool:
        """Whether a world was started here.

        Raises:
            StoreError: It cannot be told.
        """

    def new(self) -> Store:
        """An empty store to create the world in, held by this writer; nothing may be there.

        Raises:
            StoreError: It cannot be written.
        """

    def open(self, *, read_only: bool = False, frozen: bool = False) -> Store:
        """The store of the world that was started here.

        Args:
            frozen: A reader sees it as it is now, whatever is written meanwhile.

        Raises:
            StoreError: It is missing, in use by another writer, or no ledger of this format.
        """

    def world(self, world_id: str) -> Place:
        """The place of another world of the same engine.

        Raises:
            WorldUnknownError: No world can have this name.
        """

    def worlds(self) -> list[str]:
        """The names of the worlds started beside the default one, in order."""


class SQLitePlace:
    """A file; other worlds lie in the folder `FILE.worlds`."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.name = str(path)
        self.beside = self.path

    def exists(self) -> bool:
        """Whether the file is there and not blank."""
        return self.path.exists() and not is_blank(self.path)

    def new(self) -> SQLiteStore:
        """A new file in place of a blank one."""
        if self.path.exists() and is_blank(self.path):
            remove_ledger(self.path)
        try:
            self.path.parent.mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(
                "ledger_unwritable", self.name, f"cannot be created: {error.strerror}"
            ) from None
        return SQLiteStore.new(self.path)

    def open(self, *, read_only: bool = False, frozen: bool = False) -> SQLiteStore:
        """The ledger in the file."""
        return SQLiteStore.open(self.path, read_only=read_only, frozen=frozen)

    def world(self, world_id: str) -> SQLitePlace:
        """The file of another world."""
        return SQLitePlace(self._folder / f"{checked_world_id(world_id)}.sqlite")

    def worlds(self) -> list[str]:
        """The names of the files in the folder."""
        found = (path for path in self._folder.glob("*.sqlite") if _WORLD_ID.fullmatch(path.stem))
        return sorted(path.stem for path in found if not is_blank(path))

    @property
    def _folder(self) -> Path:
        return Path(f"{self.path}.worlds")


def checked_world_id(world_id: str) -> str:
    """The name of a world beside the default one.

    Raises:
        WorldUnknownError: No world can have this name.
    """
    if world_id == DEFAULT_WORLD or not _WORLD_ID.fullmatch(world_id):
        raise WorldUnknownError
    return world_id


def place_of(location: str | Path) -> Place:
    """The place that a path names."""
    return SQLitePlace(location)
