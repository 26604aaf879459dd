"""Ledger locations: a file or a database schema, before its store is open."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from filelock import FileLock

from sim_economy.core.errors import ExtraMissingError, StoreError, WorldUnknownError
from sim_economy.ledger.sidecars.database_address import address_name, is_no_file
from sim_economy.ledger.sidecars.ledger_files import (
    locked,
    remove_ledger,
    sync_folder,
    true_path,
    writable,
)
from sim_economy.ledger.sidecars.ledger_lock import LedgerLock
from sim_economy.ledger.stores.protocol import Store
from sim_economy.ledger.stores.sqlite import SQLiteStore, is_blank, refuse_log

if TYPE_CHECKING:
    from types import ModuleType

    from sim_economy.ledger.stores.postgres import PostgresStore

DEFAULT_WORLD: Final = "default"
"""The world of the drop-in contract; every engine has one."""

_WORLD_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@runtime_checkable
class LedgerLocation(Protocol):
    """The location of one world's ledger, and of the engine's other worlds."""

    @property
    def name(self) -> str:
        """Its name in messages, without a password."""

    @property
    def sidecar(self) -> Path:
        """The common path of the sidecar files: head, tokens, key."""

    def exists(self) -> bool:
        """Test whether a world was started here.

        Raises:
            StoreError: It cannot be determined.
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

    def world(self, world_id: str) -> LedgerLocation:
        """The location of another world of the same engine.

        Raises:
            WorldUnknownError: No world can have this name.
        """

    def worlds(self) -> list[str]:
        """The names of the worlds other than the default one, in order."""


class SQLiteLocation:
    """A file; other worlds lie in the folder `FILE.worlds`.

    A symbolic link stands for the file it leads to: lock and sidecar files are that file's.
    """

    def __init__(self, path: str | Path) -> None:
        self._given = Path(path)
        self.path = true_path(path)
        self.name = str(self.path)
        self.sidecar = self.path

    def exists(self) -> bool:
        """Test whether the file exists and is not blank."""
        self._check_link()
        return self.path.exists() and not is_blank(self.path)

    def new(self) -> SQLiteStore:
        """A new file instead of a blank one."""
        self._check_link()
        if self.path.is_file():
            lock = LedgerLock.taken(self.path)
            try:
                if is_blank(self.path):
                    refuse_log(self.path)
                    remove_ledger(self.path)
            finally:
                lock.release()
        folder = self.path.parent
        with writable(self.name, "created"):
            if not folder.exists():
                folder.mkdir()
                sync_folder(folder.parent)
        return SQLiteStore.new(self.path)

    def open(self, *, read_only: bool = False, frozen: bool = False) -> SQLiteStore:
        """The ledger in the file."""
        if not read_only:
            self._check_link()
        return SQLiteStore.open(self.path, read_only=read_only, frozen=frozen)

    def world(self, world_id: str) -> SQLiteLocation:
        """The file of another world."""
        return SQLiteLocation(self._folder / f"{_checked_world_id(world_id)}.sqlite")

    def worlds(self) -> list[str]:
        """The names of the files in the folder."""
        found = (path for path in self._folder.glob("*.sqlite") if _WORLD_ID.fullmatch(path.stem))
        return sorted(path.stem for path in found if not is_blank(path))

    def _check_link(self) -> None:
        """Check that no head file lies by the name of a link, where nobody would ask it."""
        head = Path(f"{self._given}.head")
        if self._given != self.path and os.path.lexists(head):
            raise StoreError(
                "ledger_unwitnessed",
                str(head),
                f"lies beside a symbolic link; move it to {self.path}.head, and .tokens, .key and "
                ".worlds likewise: the ledger is there",
            )

    @property
    def _folder(self) -> Path:
        return Path(f"{self.path}.worlds")


def _checked_world_id(world_id: str) -> str:
    """The name of a world other than the default one.

    Raises:
        WorldUnknownError: No world can have this name.
    """
    if not is_world_id(world_id):
        raise WorldUnknownError
    return world_id


class PostgresLocation:
    """A schema of a PostgreSQL database; other worlds are other schemas of it.

    The files kept outside the ledger lie in a folder of this machine.
    """

    def __init__(
        self, location: str, world_id: str = DEFAULT_WORLD, state: str | Path | None = None
    ) -> None:
        """Name a world of a database.

        Args:
            location: A connection URI; its fragment, if it has one, names the world.
            state: The folder of head, tokens and key; SIM_ENGINE_STATE when None.

        Raises:
            ExtraMissingError: psycopg is not installed.
            WorldUnknownError: No world can have this name.
        """
        self._location, _, named = location.partition("#")
        self._world_id = named or world_id
        if self._world_id != DEFAULT_WORLD:
            _checked_world_id(self._world_id)
        self._folder = Path(state or os.environ.get("SIM_ENGINE_STATE") or "sim-economy-state")
        self._postgres = _postgres()
        world = "" if self._world_id == DEFAULT_WORLD else f"#{self._world_id}"
        self.name = f"{address_name(self._location)}{world}"
        self.sidecar = self._folder / self._world_id

    def exists(self) -> bool:
        """Test whether the schema holds any table."""
        found: bool = self._postgres.holds_anything(self.name, self._location, self._world_id)
        return found

    def new(self) -> PostgresStore:
        """A schema that is missing or empty."""
        lock = self._locked()
        try:
            store: PostgresStore = self._postgres.PostgresStore.new(
                self.name, self._location, self._world_id, lock
            )
        except BaseException:
            lock.release()
            raise
        return store

    def open(self, *, read_only: bool = False, frozen: bool = False) -> PostgresStore:
        """The ledger in the schema."""
        lock = None if read_only else self._locked()
        try:
            store: PostgresStore = self._postgres.PostgresStore.open(
                self.name, self._location, self._world_id, lock, frozen=frozen
            )
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        return store

    def world(self, world_id: str) -> PostgresLocation:
        """The schema of another world."""
        return PostgresLocation(self._location, _checked_world_id(world_id), self._folder)

    def worlds(self) -> list[str]:
        """The names of the other schemas that hold a world."""
        found = self._postgres.world_ids(self.name, self._location)
        ours = {DEFAULT_WORLD, self._world_id}
        return [name for name in found if name not in ours and _WORLD_ID.fullmatch(name)]

    def _locked(self) -> FileLock:
        """The lock of the sidecar files: another engine's ledger may not share them."""
        with writable(self._folder, "created"):
            if not self._folder.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                sync_folder(self._folder.parent)
        return locked(self.sidecar)


def _postgres() -> ModuleType:
    try:
        from sim_economy.ledger.stores import postgres  # noqa: PLC0415
    except ImportError:
        raise ExtraMissingError("a ledger in PostgreSQL", "psycopg", "postgres") from None
    return postgres


def is_database(location: str | Path) -> bool:
    """Test whether a location is a database, not a path."""
    return str(location).startswith(("postgresql://", "postgres://"))


def is_world_id(text: str) -> bool:
    """Test whether a further world can have this name."""
    return text != DEFAULT_WORLD and _WORLD_ID.fullmatch(text) is not None


def check_world_name(location: LedgerLocation, world_id: str, named: str) -> None:
    """Check that a ledger is the world's that it is opened as.

    Args:
        world_id: The world; the default one may also be the ledger of a run, whose name none of an
            engine's worlds can have.
        named: The name in its genesis record.

    Raises:
        StoreError: It is another world's.
    """
    is_run = world_id == DEFAULT_WORLD and not is_world_id(named)
    if named != world_id and not is_run:
        raise StoreError(
            "ledger_foreign",
            location.name,
            f"is the ledger of the world `{named}`, not of `{world_id}`; put each ledger back in "
            "its place, with what lies beside it",
        )


def location_of(location: str | Path) -> LedgerLocation:
    """The location that a path, or the URI of a PostgreSQL database, names.

    Raises:
        ExtraMissingError: It is a database and its driver is not installed.
        WorldUnknownError: The URI's fragment is not a valid name of a world.
        StoreError: It is a URI of another kind.
    """
    if is_database(location):
        return PostgresLocation(str(location))
    if is_no_file(str(location)):
        raise StoreError(
            "ledger_format",
            "the location",
            "is neither a file nor a postgresql:// URI; a database is postgresql://USER@HOST/NAME",
        )
    return SQLiteLocation(location)
