"""The folder of an orchestrated run as a source of the viewer."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Final

from sim_economy.core.errors import WorldUnknownError
from sim_economy.ledger.sidecars.locations import SQLiteLocation
from sim_economy.viewer.answer_rows import ListedWorld
from sim_economy.viewer.answers import CatalogueAnswer
from sim_economy.viewer.folders.catalogue_answer import catalogue_of
from sim_economy.viewer.folders.folder_files import document_path, listed_documents
from sim_economy.viewer.folders.ledger_world import LedgerWorld
from sim_economy.viewer.sources import SourceRoute, WorldSource


class OrchestratedRunSource:
    """The folder of a run whose agents are models: its ledger and its calls."""

    routes: tuple[SourceRoute, ...] = ()

    def __init__(self, folder: Path) -> None:
        """Read what decides the run.

        Raises:
            FolderError: It is no run's, or of another version.
        """
        from sim_economy.orchestrator.record.call_folder import (  # noqa: PLC0415 - weighs
            LEDGER,
            read_task,
        )

        self._folder = folder
        self._ledger = folder / LEDGER
        self._task = read_task(folder)

    def catalogue(self) -> CatalogueAnswer:
        """The run, where its ledger is here."""
        world = ListedWorld(
            world_id="",
            title=self._task.name,
            note=f"a run of models, {self._task.turns:,} turns planned",
            replayed=False,
            figures={},
        )
        return catalogue_of(
            "orchestrated_run",
            str(self._folder),
            answer="" if self._ledger.exists() else _LEDGER_ELSEWHERE,
            worlds=(world,) if self._ledger.exists() else (),
            documents=listed_documents(self._folder),
        )

    def world(self, world_id: str) -> WorldSource:
        """The run."""
        if world_id or not self._ledger.exists():
            raise WorldUnknownError
        return self._run

    @cached_property
    def _run(self) -> WorldSource:
        backends = self._task.plan.backends
        return LedgerWorld(
            SQLiteLocation(self._ledger),
            title=self._task.name,
            kind="orchestrated_run",
            deciders={
                agent_id: backend.model or f"policy {backend.policy}"
                for agent_id, backend in backends.items()
            },
            calls_folder=self._folder,
            turns_planned=self._task.turns,
        )

    def document(self, name: str) -> Path:
        """One of the folder's files."""
        return document_path(self._folder, name)

    def close(self) -> None:
        """Nothing stays open between two readings."""


_LEDGER_ELSEWHERE: Final = (
    "This run was played on an engine, which keeps its ledger: open the engine's address, or read "
    "the run here with `sim-economy inspect`."
)
