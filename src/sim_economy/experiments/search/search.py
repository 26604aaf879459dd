"""A search, generation after generation: in any session, to the same bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.core.errors import needing
from sim_economy.experiments.generation_folder import GenerationFolder
from sim_economy.experiments.search.pareto_front import pareto_front
from sim_economy.experiments.search.point_sampler import Point, PointSampler
from sim_economy.experiments.search.search_results import (
    FrontPoint,
    PointOutcome,
    SearchGeneration,
    SearchResult,
)
from sim_economy.experiments.search.search_study import SearchStudy
from sim_economy.experiments.sweeps.point_player import PointPlayer, mean
from sim_economy.experiments.sweeps.swept_keys import SweptKey
from sim_economy.experiments.worker_pool import core_executor
from sim_economy.ledger.sidecars.run_folder import claimed
from sim_economy.statistics.intervals import wilson_interval


class SearchOutcome(Struct, frozen=True, kw_only=True):
    """The result of a session of a search.

    Attributes:
        generations: All that are finished.
        resumed: Those that earlier sessions had finished.
        result: None where time was up before.
    """

    generations: list[SearchGeneration]
    resumed: int
    result: SearchResult | None


def run_search(
    study: SearchStudy,
    folder: Path,
    *,
    jobs: int = 1,
    fresh: bool = False,
    seconds_max: float | None = None,
    progress: Callable[[int], None] = lambda runs: None,
) -> SearchOutcome:
    """Search for the front, going on after the last generation that the folder holds.

    Args:
        jobs: Processes in which the core plays; no result depends on them.
        seconds_max: After which no further generation begins; the same call goes on.
        progress: Called with how many more runs are played, resumed ones too.

    Raises:
        FolderError: In use, another's, of another search, or not writable.
        ExtraMissingError: A library is not installed.
        ScenarioError: A run failed.
    """
    with needing("a search", "search"):
        import optuna  # noqa: F401, PLC0415
        import scipy  # noqa: F401, PLC0415
    with claimed(folder, "search", is_search_folder), core_executor(jobs) as executor:
        types = SearchGeneration, SearchResult
        own = GenerationFolder(folder, "search", study.settings, study.hash, types)
        own.begin(fresh=fresh)
        session = _Session(study, own, PointPlayer(study.runs, executor), progress)
        return session.play(None if seconds_max is None else time.monotonic() + seconds_max)


def is_search_folder(folder: Path) -> bool:
    """Test whether the folder is empty, or a search's."""
    return GenerationFolder.is_ours(folder, "search")


def lacking(study: SearchStudy, outcome: PointOutcome, seeds: int) -> list[float]:
    """By how much each constraint is missed: its share less the lower end of what was seen."""
    found = []
    for constraint, count in zip(study.constraints, outcome.holds, strict=True):
        low, _ = wilson_interval(count, seeds)
        assert low is not None, seeds
        found.append(max(0.0, constraint.percent / 100 - low))
    return found


class _Session:
    """One process's work on a search."""

    def __init__(
        self,
        study: SearchStudy,
        folder: GenerationFolder[SearchGeneration, SearchResult],
        player: PointPlayer,
        progress: Callable[[int], None],
    ) -> None:
        self._study = study
        self._folder = folder
        self._player = player
        self._progress = progress
        directions = [own.direction for own in study.objectives]
        self._sampler = PointSampler(study.keys, directions, study.points, study.seed)
        self._known: dict[Point, PointOutcome] = {}

    def play(self, ends: float | None) -> SearchOutcome:
        """Play what is missing, until all is there or time is up."""
        generations: list[SearchGeneration] = []
        resumed = 0
        for number in range(1, self._study.generations + 1):
            asked = tuple(self._sampler.ask())
            kept = self._folder.generation(number)
            if kept is None:
                if ends is not None and time.monotonic() >= ends:
                    return SearchOutcome(generations=generations, resumed=resumed, result=None)
                kept = self._generation(number, asked)
                self._folder.keep(number, kept)
            else:
                resumed += 1
                if (kept.number, kept.points) != (number, asked):
                    raise self._folder.changed(number)
            self._known |= dict(zip(kept.points, kept.outcomes, strict=True))
            self._tell(kept)
            generations.append(kept)
            self._progress(self._study.points * self._study.seeds)
        result = self._folder.result()
        if result is None:
            result = self._result()
            self._folder.finish(result)
        return SearchOutcome(generations=generations, resumed=resumed, result=result)

    def _generation(self, number: int, asked: tuple[Point, ...]) -> SearchGeneration:
        """Play points of a generation that no earlier one had."""
        study = self._study
        new = [point for point in dict.fromkeys(asked) if point not in self._known]
        first = study.seed + study.holdout_seeds
        found = dict(zip(new, self._outcomes(new, study.keys, first, study.seeds), strict=True))
        outcomes = tuple((self._known | found)[point] for point in asked)
        return SearchGeneration(number=number, points=asked, outcomes=outcomes)

    def _tell(self, generation: SearchGeneration) -> None:
        seeds = self._study.seeds
        self._sampler.tell(
            [outcome.objectives for outcome in generation.outcomes],
            [lacking(self._study, outcome, seeds) for outcome in generation.outcomes],
        )

    def _outcomes(
        self,
        points: Sequence[Point],
        keys: Sequence[SweptKey],
        first_seed: int,
        seeds: int,
        behaviour: str | None = None,
    ) -> list[PointOutcome]:
        """What each point comes to on the same seeds."""
        if not points:
            return []
        study = self._study
        columns = zip(*points, strict=True)
        varied = [
            replace(key, values=column)
            for key, column in zip(keys, columns, strict=True)
            if behaviour is None or not key.name.startswith("policy")
        ]
        if behaviour is not None:
            varied.append(_followed(behaviour, len(points)))
        played = self._player.play(study.scenario, varied, first_seed, seeds, study.metrics)
        return [self._outcome(played.metrics, index) for index in range(len(points))]

    def _outcome(self, metrics: Any, index: int) -> PointOutcome:
        study = self._study
        return PointOutcome(
            objectives=tuple(mean(metrics[own.metric][index]) for own in study.objectives),
            holds=tuple(
                sum(map(own.holds, metrics[own.metric][index])) for own in study.constraints
            ),
        )

    def _result(self) -> SearchResult:
        study = self._study
        missed = {
            point: sum(lacking(study, outcome, study.seeds))
            for point, outcome in self._known.items()
        }
        feasible = [point for point in self._known if not missed[point]]
        front = self._front(feasible) if feasible else [min(missed, key=lambda own: missed[own])]
        fresh = self._outcomes(front, study.keys, study.seed, study.holdout_seeds)
        others = {
            name: self._outcomes(front, study.keys, study.seed, study.holdout_seeds, name)
            for name in study.behaviours
        }
        return SearchResult(
            search_hash=study.hash,
            tried=len(self._known),
            feasible=len(feasible),
            front=tuple(
                FrontPoint(
                    point=point,
                    searched=self._known[point],
                    holdout=fresh[index],
                    behaviours={name: found[index] for name, found in others.items()},
                )
                for index, point in enumerate(front)
            ),
        )

    def _front(self, feasible: Sequence[Point]) -> list[Point]:
        """The front of the feasible points, in the order of its objectives."""
        values = [self._known[point].objectives for point in feasible]
        directions = [own.direction for own in self._study.objectives]
        front = [feasible[index] for index in pareto_front(values, directions)]
        return sorted(front, key=lambda point: (self._known[point].objectives, point))


def _followed(policy: str, points: int) -> SweptKey:
    """The policy of all agents, the same at each point."""
    return SweptKey(name="policy", scale=1, values=(0,) * points, low=0, high=0, labels=(policy,))
