"""A sweep, or the sweeps of a map's folder, as a source: a field of cells, and worlds behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Final

from sim_economy.core.errors import FolderError, InputError, WorldUnknownError
from sim_economy.experiments.sweeps.sweep_folder import MANIFEST
from sim_economy.viewer.answer_rows import ListedDocument, ListedWorld
from sim_economy.viewer.answers import CatalogueAnswer
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
from sim_economy.viewer.maps.planes import Plane, PlaneChoice, plane_of
from sim_economy.viewer.maps.played_row import LEDGER, played_row
from sim_economy.viewer.maps.swept_rows import SweptRows
from sim_economy.viewer.sources import Query, SourceRoute, WorldSource

_PAGE_MAX: Final = 200
_PLANES_MAX: Final = 4
_PLANE: Final = ("sweep", "across", "up", "metric", "held")
_REPORTS: Final[Mapping[str, str]] = {
    "map.html": "The report of the map",
    "sweep.html": "The report of the sweep",
    "sensitivity.html": "Which input decides",
}


def sweep_folders(folder: Path) -> list[Path]:
    """The folders of sweeps in a folder: itself, or those of the horizons of a map."""
    if (folder / MANIFEST).exists():
        return [folder]
    found = [path.parent for path in folder.glob(f"turns-*/{MANIFEST}")]
    return sorted(found, key=lambda path: (len(path.name), path.name))


class SweepSource:
    """Sweeps that are looked at; what is played again goes into a temporary folder."""

    def __init__(self, folder: Path, open_ledger: Callable[[Path, str, str], WorldSource]) -> None:
        """Open the sweeps of a folder.

        Args:
            open_ledger: Opens a ledger by its path, its name in addresses and its title.

        Raises:
            FolderError: It holds none, or one that this release plays otherwise.
            ExtraMissingError: A library of the extra `report` is not installed.
        """
        folders = sweep_folders(folder)
        if not folders:
            raise FolderError("folder_foreign", str(folder), "holds no sweep; play one there first")
        self._folder = folder
        self._sweeps = [SweptRows(each) for each in folders]
        self._open_ledger = open_ledger
        self._temporary = TemporaryDirectory(prefix="sim-economy-view-")
        self._played: dict[str, PlayedRowAnswer] = {}
        self._worlds: dict[str, WorldSource] = {}
        self._planes: dict[tuple[object, ...], Plane] = {}
        self._lock = Lock()
        self.routes = (
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
        return CatalogueAnswer(
            kind="sweep",
            title=self._title,
            answer="",
            worlds=tuple(map(_listed, self._played.values())),
            documents=tuple(
                ListedDocument(name=name, title=title, size=(self._folder / name).stat().st_size)
                for name, title in _REPORTS.items()
                if (self._folder / name).is_file()
            ),
            tables=(),
            has_map=True,
            asks_token=False,
            version=version("sim-economy"),
        )

    @property
    def _title(self) -> str:
        return self._folder.resolve().name

    def world(self, world_id: str) -> WorldSource:
        """A row that was played again.

        Raises:
            WorldUnknownError: None of this name was.
        """
        with self._lock:
            if world_id not in self._played:
                raise WorldUnknownError
            if world_id not in self._worlds:
                path = Path(self._temporary.name) / world_id / LEDGER
                title = _listed(self._played[world_id]).title
                self._worlds[world_id] = self._open_ledger(path, world_id, title)
            return self._worlds[world_id]

    def document(self, name: str) -> Path:
        """A report of the folder.

        Raises:
            InputError: There is none of this name.
        """
        if name not in {document.name for document in self.catalogue().documents}:
            raise InputError("name", "is not a document that the catalogue lists")
        return self._folder / name

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

    def _plane_of(self, rows: SweptRows, choice: PlaneChoice) -> Plane:
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
        row = whole_of(query, "row")
        sweep = f"sweep-{self._sweeps.index(rows) + 1}-" if len(self._sweeps) > 1 else ""
        world_id = f"{sweep}row-{row}"
        with self._lock:
            if world_id not in self._played:
                folder = Path(self._temporary.name) / world_id
                self._played[world_id] = played_row(rows, row, folder, world_id)
            return self._played[world_id]


def _listed(played: PlayedRowAnswer) -> ListedWorld:
    return ListedWorld(
        world_id=played.world_id,
        title=f"Row {played.row:,}",
        note=played.answer,
        replayed=True,
        figures={fact.name: fact.value for fact in played.settings} | {"seed": str(played.seed)},
    )
