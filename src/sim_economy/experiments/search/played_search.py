"""Searches for a notebook: the command's folder, its front, its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sim_economy.core.errors import InputError
from sim_economy.core.table_reader import is_whole
from sim_economy.experiments.search.search import SearchOutcome, run_search
from sim_economy.experiments.search.search_results import PointOutcome, SearchResult
from sim_economy.experiments.search.search_study import SearchStudy, load_search
from sim_economy.ledger.sidecars.run_folder import output_folder
from sim_economy.reports.page.document import Figure, plain
from sim_economy.reports.search.search_frames import (
    ConstraintFrame,
    FrontFrame,
    ObjectiveFrame,
    PlayedPoint,
    SearchFrames,
)
from sim_economy.reports.search.search_report import (
    search_answer,
    search_figure,
    write_search_report,
)
from sim_economy.runs.row_metrics import ROW_METRICS


class PlayedSearch:
    """A search, and the folder that keeps its generations.

    Attributes:
        outcome: Generations, and the result once all are finished.
    """

    def __init__(self, study: SearchStudy, folder: Path, outcome: SearchOutcome) -> None:
        self.study = study
        self.folder = folder
        self.outcome = outcome

    @property
    def result(self) -> SearchResult:
        """What the search came to.

        Raises:
            InputError: It is not finished.
        """
        if self.outcome.result is None:
            raise InputError("search", "is not finished; the same call goes on")
        return self.outcome.result

    @property
    def front(self) -> list[dict[str, Any]]:
        """The settings of each point of the front, as any call takes them.

        Raises:
            InputError: The search is not finished.
        """
        return [
            {
                key.name: key.setting(held)
                for key, held in zip(self.study.keys, own.point, strict=True)
            }
            for own in self.result.front
        ]

    @property
    def answer(self) -> str:
        """How many points are feasible, and what the best one comes to, in one sentence.

        Raises:
            InputError: The search is not finished.
        """
        return plain(search_answer(self._frames))

    def picture(self) -> Figure:
        """The front, as searched and on fresh seeds; a notebook shows it.

        Raises:
            InputError: The search is not finished.
            ExtraMissingError: A library of the extra `report` is not installed.
        """
        return search_figure(self._frames)

    def report(self) -> Path:
        """Write the report into the folder; the page to read.

        Raises:
            InputError: The search is not finished.
            ExtraMissingError: A library of the extra `report` is not installed.
        """
        return write_search_report(self.folder, self._frames)[-1]

    @property
    def _frames(self) -> SearchFrames:
        study, result = self.study, self.result
        tried = {
            point: outcome
            for generation in self.outcome.generations
            for point, outcome in zip(generation.points, generation.outcomes, strict=True)
        }
        return SearchFrames(
            name=study.name,
            objectives=[
                ObjectiveFrame(
                    metric=own.metric,
                    meaning=ROW_METRICS[own.metric],
                    is_better_more=own.direction == "max",
                )
                for own in study.objectives
            ],
            constraints=[
                ConstraintFrame(text=str(own).rpartition(" in ")[0], share=own.percent / 100)
                for own in study.constraints
            ],
            tried=[_played(own, study.seeds) for own in tried.values()],
            feasible=result.feasible,
            front=[
                FrontFrame(
                    values={
                        key.name: key.text(held)
                        for key, held in zip(study.keys, own.point, strict=True)
                    },
                    searched=_played(own.searched, study.seeds),
                    holdout=_played(own.holdout, study.holdout_seeds),
                    behaviours={
                        name: _played(held, study.holdout_seeds)
                        for name, held in own.behaviours.items()
                    },
                )
                for own in result.front
            ],
            provenance=_provenance(study),
        )

    def __repr__(self) -> str:
        """How far it is, and where."""
        done = f"{len(self.outcome.generations)} of {self.study.generations} generations"
        return f"<Search {self.study.name}: {done}, in {self.folder}>"


def _played(outcome: PointOutcome, runs: int) -> PlayedPoint:
    return PlayedPoint(objectives=outcome.objectives, holds=outcome.holds, runs=runs)


def _provenance(study: SearchStudy) -> dict[str, str]:
    """What a search was played with, in words."""
    base = study.scenario.base
    first = study.seed + study.holdout_seeds
    return {
        "search": study.name,
        "search hash": study.hash,
        "scenario": f"{study.scenario.source}: {base!r}",
        "objectives": ", ".join(f"{own.direction} {own.metric}" for own in study.objectives),
        "constraints": "; ".join(map(str, study.constraints)) or "none",
        "varied": "; ".join(
            f"{key.name} from {key.text(key.low)} to {key.text(key.high)}" for key in study.keys
        ),
        "generations": f"{study.generations:,} of {study.points:,} points",
        "seeds": f"{first + 1} to {first + study.seeds}, the same for every point",
        "fresh seeds": f"{study.seed + 1} to {first}",
        "rules version": base.config.rules_version,
    }


def search(
    study: str | Path | Mapping[str, Any],
    folder: str | Path | None = None,
    *,
    jobs: int = 1,
    fresh: bool = False,
    seconds_max: float | None = None,
    progress: Callable[[int], None] = lambda runs: None,
    **changes: Any,
) -> PlayedSearch:
    """Search a scenario's parameters for a Pareto front; the same call resumes.

    Args:
        study: A search file, or a table of its keys.
        changes: Keys of the file, and settings of its scenario.

    Raises:
        ScenarioError: With every problem found, or a run failed.
        FolderError: The folder is in use, another's, or holds another search.
        ExtraMissingError: A library of the extra `search` is not installed.
    """
    if not is_whole(jobs) or jobs < 1:
        raise InputError("jobs", "must be an integer from 1 on")
    loaded = load_search(study, changes)
    into = search_folder(loaded) if folder is None else Path(folder)
    outcome = run_search(
        loaded, into, jobs=int(jobs), fresh=fresh, seconds_max=seconds_max, progress=progress
    )
    return PlayedSearch(loaded, into, outcome)


def search_folder(study: SearchStudy) -> Path:
    """Where a search is played if nobody says."""
    return output_folder(study.name, "search", foreign="settings.json")
