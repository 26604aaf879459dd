"""An experiment's folder as a source of the viewer."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from sim_economy.core.errors import ReplayError, WorldUnknownError
from sim_economy.ledger.sidecars.locations import SQLiteLocation
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.viewer.answer_rows import ListedWorld
from sim_economy.viewer.answers import CatalogueAnswer
from sim_economy.viewer.folders.catalogue_answer import catalogue_of
from sim_economy.viewer.folders.folder_files import (
    csv_rows,
    document_path,
    listed_documents,
    report_answer,
)
from sim_economy.viewer.folders.ledger_world import LedgerWorld
from sim_economy.viewer.sources import SourceRoute, WorldSource

if TYPE_CHECKING:
    from sim_economy.scenarios.scenario import Scenario


class ExperimentSource:
    """An experiment's folder: its runs, each a ledger; one that kept none is played again."""

    routes: tuple[SourceRoute, ...] = ()

    def __init__(self, folder: Path) -> None:
        """Read what its runs were played with.

        Raises:
            ScenarioError: It is no experiment's, or damaged.
        """
        from sim_economy.scenarios.scenario import load_scenario  # noqa: PLC0415 - not for a ledger

        self._folder = folder
        self._scenario: Scenario = load_scenario(folder)
        self._worlds: dict[str, WorldSource] = {}
        self._replays: Path | None = None
        self._playing = Lock()

    def catalogue(self) -> CatalogueAnswer:
        """The runs that are finished, with their metrics, and the report."""
        from sim_economy.experiments.resume import ledger_path, run_path  # noqa: PLC0415

        figures = self._figures()
        worlds = tuple(
            ListedWorld(
                world_id=f"run-{run:04d}",
                title=f"Run {run}",
                note=f"seed {self._scenario.seed + run}",
                replayed=not ledger_path(self._folder, run).exists(),
                figures=figures.get(str(run), {}),
            )
            for run in range(1, self._scenario.runs + 1)
            if run_path(self._folder, run).exists()
        )
        return catalogue_of(
            "experiment",
            str(self._folder),
            answer=report_answer(self._folder / "report.md"),
            worlds=worlds,
            documents=listed_documents(self._folder),
        )

    def _figures(self) -> Mapping[str, dict[str, str]]:
        """The metrics of each run, by its number."""
        columns, *rows = [*csv_rows(self._folder / "run_metrics.csv")] or [[]]
        return {row[0]: dict(zip(columns[1:], row[1:], strict=False)) for row in rows if row}

    def world(self, world_id: str) -> WorldSource:
        """A run; where its ledger was not kept, it is played again, which takes its time."""
        with self._playing:
            if world_id not in self._worlds:
                self._worlds[world_id] = self._opened(world_id)
            return self._worlds[world_id]

    def _opened(self, world_id: str) -> WorldSource:
        from sim_economy.experiments.resume import ledger_path, run_path  # noqa: PLC0415
        from sim_economy.runs.agent_outcomes import policy_names  # noqa: PLC0415

        number = world_id.removeprefix("run-")
        run = int(number) if number.isascii() and number.isdigit() and len(number) < 9 else 0
        if not 1 <= run <= self._scenario.runs or world_id != f"run-{run:04d}":
            raise WorldUnknownError
        if not run_path(self._folder, run).exists():
            raise WorldUnknownError
        path = ledger_path(self._folder, run)
        agent_ids = self._scenario.config.agent_ids
        return LedgerWorld(
            SQLiteLocation(path if path.exists() else self._played_again(run)),
            title=f"{self._scenario.name}, run {run}",
            world_id=world_id,
            kind="experiment",
            deciders={
                agent_ids[agent]: name for agent, name in policy_names(self._scenario).items()
            },
            turns_planned=self._scenario.turns,
        )

    def _played_again(self, run: int) -> Path:
        """A ledger of a run in the temporary folder, with the head that the folder remembers.

        Raises:
            ReplayError: It is another head.
        """
        from sim_economy.experiments.resume import run_path  # noqa: PLC0415
        from sim_economy.runs.policy_loop import play_run  # noqa: PLC0415
        from sim_economy.runs.run import decode_run  # noqa: PLC0415

        if self._replays is None:
            self._replays = Path(tempfile.mkdtemp(prefix="sim-economy-view-"))
        path = self._replays / f"run-{run:04d}.sqlite"
        with closing(SQLiteStore.new(path)) as store:
            play_run(self._scenario, run, store)
            head = store.head().hash
        _, _, content = run_path(self._folder, run).read_bytes().partition(b"\n")
        if head != decode_run(content).head:
            problem = f"run {run} played again ends with another head than {self._folder} keeps"
            raise ReplayError(self._scenario.turns, problem)
        return path

    def document(self, name: str) -> Path:
        """One of the folder's files."""
        return document_path(self._folder, name)

    def close(self) -> None:
        """Remove what was played again."""
        if self._replays is not None:
            shutil.rmtree(self._replays, ignore_errors=True)
