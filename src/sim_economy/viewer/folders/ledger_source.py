"""A ledger as a source of the viewer."""

from __future__ import annotations

from pathlib import Path

from sim_economy.core.errors import InputError, StoreError, WorldUnknownError
from sim_economy.ledger.sidecars.locations import LedgerLocation
from sim_economy.viewer.answer_rows import ListedWorld
from sim_economy.viewer.answers import CatalogueAnswer
from sim_economy.viewer.folders.catalogue_answer import catalogue_of
from sim_economy.viewer.folders.ledger_world import LedgerWorld
from sim_economy.viewer.sources import SourceRoute, WorldSource


class LedgerFileSource:
    """One ledger: a file, or a schema of a PostgreSQL database, and its engine's other worlds."""

    routes: tuple[SourceRoute, ...] = ()

    def __init__(self, location: LedgerLocation) -> None:
        """Name a ledger that is there.

        Raises:
            StoreError: There is none.
        """
        if not location.exists():
            raise StoreError("ledger_missing", location.name, "there is no ledger; check the path")
        self._location = location
        self._worlds: dict[str, WorldSource] = {}

    def catalogue(self) -> CatalogueAnswer:
        """The ledger's world, and those beside it."""
        names = ("", *self._location.worlds())
        worlds = tuple(
            ListedWorld(
                world_id=name,
                title=name or Path(self._location.name).name,
                note="a world of the same engine" if name else "the world of this ledger",
                replayed=False,
                figures={},
            )
            for name in names
        )
        return catalogue_of("ledger", self._location.name, worlds=worlds)

    def world(self, world_id: str) -> WorldSource:
        """The world of the ledger, or one beside it."""
        if world_id not in self._worlds:
            location = self._location.world(world_id) if world_id else self._location
            if not location.exists():
                raise WorldUnknownError
            title = world_id or Path(location.name).name
            self._worlds[world_id] = LedgerWorld(location, title=title, world_id=world_id)
        return self._worlds[world_id]

    def document(self, name: str) -> Path:
        """None: a ledger has no further files to show."""
        raise InputError("name", f"is of no document here: {name[:80]}")

    def close(self) -> None:
        """Nothing stays open between two readings."""
