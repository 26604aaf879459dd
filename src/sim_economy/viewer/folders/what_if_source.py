"""The folder of a what-if as a source of the viewer."""

from __future__ import annotations

from pathlib import Path

from sim_economy.core.errors import WorldUnknownError
from sim_economy.viewer.answers import CatalogueAnswer
from sim_economy.viewer.folders.catalogue_answer import catalogue_of
from sim_economy.viewer.folders.folder_files import (
    csv_table,
    document_path,
    listed_documents,
    report_answer,
)
from sim_economy.viewer.sources import SourceRoute, WorldSource


class WhatIfSource:
    """The folder of a what-if: its answer, its bills and its report; it has no world."""

    routes: tuple[SourceRoute, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def catalogue(self) -> CatalogueAnswer:
        """What the report says, the bills as a table, and the files."""
        return catalogue_of(
            "what_if",
            str(self._folder),
            answer=report_answer(self._folder / "whatif.md"),
            documents=listed_documents(self._folder),
            tables=csv_table(self._folder / "whatif.csv", "Bills"),
        )

    def world(self, world_id: str) -> WorldSource:
        """None: tariffs are compared without a ledger."""
        del world_id
        raise WorldUnknownError

    def document(self, name: str) -> Path:
        """One of the folder's files."""
        return document_path(self._folder, name)

    def close(self) -> None:
        """Nothing is open."""
