"""A study played into its folder: each cell once, in any session, several at a time."""

from __future__ import annotations

import io
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct

from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import attempt
from sim_economy.experiments.worker_pool import worker_pool
from sim_economy.ledger.readers.plain_text import write_csv_rows
from sim_economy.ledger.sidecars.run_folder import claimed, write_whole
from sim_economy.studies.equal_tokens import (
    Match,
    planned_matches,
    play_match,
)
from sim_economy.studies.played_cells import play_cell
from sim_economy.studies.study_arms import Cell, off_arm, planned_cells
from sim_economy.studies.study_folder import StudyFolder, is_study_folder
from sim_economy.studies.study_outcomes import OUTCOMES
from sim_economy.studies.study_time import estimated_seconds
from sim_economy.studies.trained_arms import Training, planned_trainings, play_training
from sim_economy.studies.treatment_study import TreatmentStudy

TRAININGS: Final = "trainings"
"""The folder of what was trained, generation by generation."""
THRESHOLDS_CSV: Final = "thresholds.csv"
"""The curve of insolvency over one key of behaviour: `threshold, insolvent_percent`."""


class StudySession(Struct, frozen=True, kw_only=True):
    """What a session of a study did.

    Attributes:
        cells: Of the whole study.
        resumed: Those that earlier sessions had played.
        is_finished: Whether every cell is played.
    """

    cells: int
    resumed: int
    is_finished: bool


def run_study(
    study: TreatmentStudy,
    folder: Path,
    *,
    jobs: int = 1,
    fresh: bool = False,
    seconds_max: float | None = None,
    progress: Callable[[int], None] = lambda cells: None,
    notify: Callable[[str], None] = lambda text: None,
) -> StudySession:
    """Play every cell of a study that the folder does not hold yet.

    Args:
        jobs: Processes to play in.
        fresh: Play every cell again instead of resuming.
        seconds_max: After which to stop; what is played stays, and the same call goes on.
        progress: Called with how many more cells are played; first with those of earlier sessions.
        notify: Called with how long it will take, before the first cell.

    Raises:
        ScenarioError: An arm does not fit a scenario; with every problem found.
        FolderError: In use, another's, of another study, or not writable.
        PolicyFailedError: A policy raised.
    """
    cells = planned_cells(study)
    matches = planned_matches(study)
    check_arms(cells)
    with claimed(folder, "study", is_study_folder):
        own = StudyFolder(folder, study)
        own.begin(fresh=fresh)
        missing = [cell for cell in cells if not own.holds(cell)]
        unmatched = [match for match in matches if not own.holds(match.cell)]
        trainings = planned_trainings(study, folder / TRAININGS)
        untrained = [training for training in trainings if not own.holds(training.cell)]
        left = len(missing) + len(unmatched) + len(untrained)
        whole = cells_of(study)
        progress(whole - left)
        if left:
            seconds = estimated_seconds(missing, unmatched, untrained, jobs)
            notify(estimate_text(seconds, study.minutes_max))
        session = _Session(own, seconds_max, progress)
        with _where(jobs) as workers:
            session.play(missing, workers)
            if all(map(own.holds, cells)):
                _write_thresholds(study, own)
                session.match(unmatched, workers)
            session.train(untrained, workers)
        return StudySession(
            cells=whole,
            resumed=whole - left,
            is_finished=not missing_cells(study, own),
        )


def cells_of(study: TreatmentStudy) -> int:
    """How many cells a study has, those matched at equal tokens and those trained too."""
    return len(_all_cells(study, Path()))


def missing_cells(study: TreatmentStudy, folder: StudyFolder) -> list[Cell]:
    """Cells that a folder does not hold yet."""
    return [cell for cell in _all_cells(study, folder.path) if not folder.holds(cell)]


def _all_cells(study: TreatmentStudy, folder: Path) -> list[Cell]:
    return [
        *planned_cells(study),
        *(match.cell for match in planned_matches(study)),
        *(own.cell for own in planned_trainings(study, folder)),
    ]


def check_arms(cells: Iterable[Cell]) -> None:
    """Hold every arm to its scenario before anything is played.

    Raises:
        ScenarioError: With every problem found.
    """
    problems: list[str] = []
    for cell in cells:
        attempt(problems, f"{cell.name}: ", cell.behaviour.scenario.at, cell.arm.settings)
    if problems:
        raise ScenarioError(problems)


def estimate_text(seconds: float, minutes_max: int) -> str:
    """How long it will take, and whether that is more than the study allows itself."""
    about = f"about {math.ceil(seconds)} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
    text = f"this takes {about} of idle processors; interrupt it whenever you like: "
    text += "the same command goes on"
    if seconds > 60 * minutes_max:
        return f"{text}. That is more than the {minutes_max} minutes that the study allows itself"
    return text


def _where(jobs: int) -> AbstractContextManager[Executor | None]:
    """The processes to play in; None for this one."""
    return nullcontext() if jobs <= 1 else worker_pool(jobs)


A = TypeVar("A")
B = TypeVar("B")


class _Session:
    """Plays what is missing, and keeps each cell when it is finished."""

    def __init__(
        self, folder: StudyFolder, seconds_max: float | None, progress: Callable[[int], None]
    ) -> None:
        self._folder = folder
        self._ends = math.inf if seconds_max is None else time.monotonic() + seconds_max
        self._progress = progress

    def play(self, cells: Sequence[Cell], workers: Executor | None) -> None:
        """Play cells, long ones first, so that no process is left alone with one at the end."""
        ordered = sorted(cells, key=lambda cell: -cell.turns)
        for cell, rows in self._results(play_cell, ordered, workers):
            self._folder.keep(cell, rows)
            self._progress(1)

    def train(self, trainings: Sequence[Training], workers: Executor | None) -> None:
        """Train agents against arms, and play these with what they learned."""
        for _, (cell, rows) in self._results(play_training, trainings, workers):
            self._folder.keep(cell, rows)
            self._progress(1)

    def match(self, matches: Sequence[Match], workers: Executor | None) -> None:
        """Match references with the tokens of arms that are played."""
        asked = [self._with_tokens(match) for match in matches]
        asked.sort(key=lambda match: -match.cell.turns)
        for _, matched in self._results(play_match, asked, workers):
            self._folder.keep(matched.cell, matched.rows)
            self._progress(1)

    def _with_tokens(self, match: Match) -> Match:
        behaviour, turns = match.cell.behaviour.name, match.cell.arm.turns
        assert turns is not None
        target = self._folder.read(behaviour, match.cell.arm.matched).at(turns)
        off = self._folder.read(behaviour, off_arm().name).at(turns)
        return match.of(
            tokens=sum(row.granted_total for row in target),
            fees=sum(row.fees_charged for row in off),
        )

    def _results(
        self, play: Callable[[A], B], tasks: Sequence[A], workers: Executor | None
    ) -> Iterator[tuple[A, B]]:
        """Each task with its result, in any order; none is begun after the session's end."""
        if workers is None:
            for task in tasks:
                if time.monotonic() >= self._ends:
                    return
                yield task, play(task)
            return
        waiting: dict[Future[B], A] = {}
        left = deque(tasks)
        while left or waiting:
            while left and len(waiting) < _WAITING_MAX and time.monotonic() < self._ends:
                task = left.popleft()
                waiting[workers.submit(play, task)] = task
            if not waiting:
                return
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), future.result()


_WAITING_MAX: Final = 16
"""Cells that are given out and not fetched yet."""


def _write_thresholds(study: TreatmentStudy, folder: StudyFolder) -> None:
    """Write the threshold curve, a row for each value."""
    if study.threshold is None:
        return
    insolvent = OUTCOMES["insolvent_percent"]
    rows = []
    for value, behaviour in zip(study.threshold.values, study.threshold_behaviours, strict=True):
        own = folder.read(behaviour.name, off_arm().name).at(study.threshold.turns)
        share = sum(map(insolvent.of, own)) / len(own)
        rows.append({"threshold": value, "insolvent_percent": f"{share:.4f}"})
    text = io.StringIO()
    write_csv_rows(text, ("threshold", "insolvent_percent"), rows, raw=True)
    write_whole(folder.path / THRESHOLDS_CSV, text.getvalue().encode())
