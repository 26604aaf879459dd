"""A sweep, or the sweeps of a map's folder, as a source: a field of cells, and worlds behind it."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Final

from sim_economy.core.errors import FolderError, WorldUnknownError
from sim_economy.experiments.sweeps.sweep_folder import MANIFEST
from sim_economy.ledger.sidecars.locations import SQLiteLocation
from sim_economy.viewer.answer_rows import ListedWorld
from sim_economy.viewer.answers import CatalogueAnswer
from sim_economy.viewer.folders.catalogue_answer import catalogue_of
from sim_economy.viewer.folders.folder_files import document_path, listed_documents
from sim_economy.viewer.folders.ledger_world import LedgerWorld
from sim_economy.viewer.maps.map_answers import (
    CellAnswer,
    MapAnswer,
    PlaneAnswer,
    PlayedRowAnswer,
)
from sim_economy.viewer.maps.map_description import (
    cell_description,
    map_description,
    plane_description,
)
from sim_economy.viewer.maps.map_queries import choice_of, sweep_of, whole_of
from sim_economy.viewer.maps.planes import PlaneChoice, SweptPlane, plane_of
from sim_economy.viewer.maps.played_row import LEDGER, played_row
from sim_economy.viewer.maps.swept_rows import SweptRows
from sim_economy.viewer.sources import Query, SourceRoute, WorldSource

_PAGE_MAX: Final = 200
_PLANES_MAX: Final = 4
_PLANE: Final = ("sweep", "across", "up", "metric", "held")
_ROW: Final = re.compile(r"(?:sweep-([1-9][0-9]{0,3})-)?row-(0|[1-9][0-9]{0,11})")
"""The name of a row's world."""


def sweep_folders(folder: Path) -> list[Path]:
    """The folders of sweeps in a folder: itself, or those of the horizons of a map."""
    if (folder / MANIFEST).exists():
        return [folder]
    found = [path.parent for path in folder.glob(f"turns-*/{MANIFEST}")]
    return sorted(found, key=lambda path: (len(path.name), path.name))


class SweepSource:
    """Sweeps that are looked at; what is played again goes into a temporary folder."""

    def __init__(self, folder: Path) -> None:
        """Open the sweeps of a folder.

        Raises:
            FolderError: It holds none, or one that this release plays otherwise.
            ExtraMissingError: A library of the extra `report` is not installed.
        """
        folders = sweep_folders(folder)
        if not folders:
            raise FolderError("folder_foreign", str(folder), "holds no sweep; play one there first")
        self._folder = folder
        self._sweeps = [SweptRows(each) for each in folders]
        self._temporary = TemporaryDirectory(prefix="sim-economy-view-")
        self._played: dict[str, PlayedRowAnswer] = {}
        self._worlds: dict[str, WorldSource] = {}
        self._planes: dict[tuple[object, ...], SweptPlane] = {}
        self._lock = Lock()
        self._playing = Lock()
        self.routes: tuple[SourceRoute, ...] = (
            SourceRoute(path="map", query=(), answer=MapAnswer, work=self._map),
            SourceRoute(path="map/plane", query=_PLANE, answer=PlaneAnswer, work=self._plane),
            SourceRoute(
                path="map/cell",
                query=(*_PLANE, "cell", "after", "limit"),
                answer=CellAnswer,
                work=self._cell,
            ),
            SourceRoute(
                path="map/world",
                query=("sweep", "row"),
                answer=PlayedRowAnswer,
                work=self._world,
                posts=True,
            ),
        )

    def catalogue(self) -> CatalogueAnswer:
        """The folder, and every row that was played again."""
        return catalogue_of(
            "sweep",
            self._title,
            worlds=tuple(map(_listed, self._played.values())),
            documents=listed_documents(self._folder),
            has_map=True,
        )

    @property
    def _title(self) -> str:
        return self._folder.resolve().name

    def world(self, world_id: str) -> WorldSource:
        """A row, played again when it has not been yet.

        Raises:
            WorldUnknownError: No row has this name.
        """
        found = _ROW.fullmatch(world_id)
        sweep = int(found[1] or 1) - 1 if found else -1
        if found is None or not 0 <= sweep < len(self._sweeps):
            raise WorldUnknownError
        row = int(found[2])
        if row >= self._sweeps[sweep].plan.rows or world_id != self._world_id(sweep, row):
            raise WorldUnknownError
        return self._world_of(self._row(sweep, row))

    def _world_id(self, sweep: int, row: int) -> str:
        return f"sweep-{sweep + 1}-row-{row}" if len(self._sweeps) > 1 else f"row-{row}"

    def _world_of(self, played: PlayedRowAnswer) -> WorldSource:
        with self._lock:
            world_id = played.world_id
            if world_id not in self._worlds:
                path = Path(self._temporary.name) / world_id / LEDGER
                title = _listed(played).title
                self._worlds[world_id] = LedgerWorld(
                    SQLiteLocation(path), title=title, world_id=world_id, kind="sweep"
                )
            return self._worlds[world_id]

    def document(self, name: str) -> Path:
        """A file of the folder that the catalogue lists."""
        return document_path(self._folder, name)

    def close(self) -> None:
        """Remove the temporary folder."""
        self._temporary.cleanup()

    def _map(self, _: Query) -> MapAnswer:
        return map_description(self._title, self._sweeps)

    def _plane(self, query: Query) -> PlaneAnswer:
        rows = sweep_of(query, self._sweeps)
        choice = choice_of(query, rows)
        return plane_description(rows, choice, self._plane_of(rows, choice))

    def _cell(self, query: Query) -> CellAnswer:
        rows = sweep_of(query, self._sweeps)
        choice = choice_of(query, rows)
        limit = min(whole_of(query, "limit", _PAGE_MAX, least=1), _PAGE_MAX)
        return cell_description(
            rows,
            choice,
            self._plane_of(rows, choice),
            whole_of(query, "cell"),
            whole_of(query, "after", 0),
            limit,
        )

    def _plane_of(self, rows: SweptRows, choice: PlaneChoice) -> SweptPlane:
        """A plane, kept for those who ask for its cells next."""
        held = tuple(sorted(choice.held.items()))
        key = rows.folder, choice.across, choice.up, choice.metric, held
        with self._lock:
            if key not in self._planes:
                while len(self._planes) >= _PLANES_MAX:
                    del self._planes[next(iter(self._planes))]
                self._planes[key] = plane_of(rows, choice)
            return self._planes[key]

    def _world(self, query: Query) -> PlayedRowAnswer:
        rows = sweep_of(query, self._sweeps)
        return self._row(self._sweeps.index(rows), whole_of(query, "row"))

    def _row(self, sweep: int, row: int) -> PlayedRowAnswer:
        """A row, played again once."""
        world_id = self._world_id(sweep, row)
        with self._playing:
            if world_id not in self._played:
                folder = Path(self._temporary.name) / world_id
                self._played[world_id] = played_row(self._sweeps[sweep], row, folder, world_id)
            return self._played[world_id]


def _listed(played: PlayedRowAnswer) -> ListedWorld:
    return ListedWorld(
        world_id=played.world_id,
        title=f"Row {played.row:,}",
        note=played.answer,
        replayed=True,
        figures={fact.name: fact.value for fact in played.settings} | {"seed": str(played.seed)},
    )
