"""Training, generation after generation: in any session, to the same bytes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from sim_economy.core.errors import needing
from sim_economy.experiments.generation_folder import GenerationFolder
from sim_economy.experiments.sweeps.kernel_player import SMALL_ROWS, is_compiled
from sim_economy.experiments.sweeps.point_player import PlayedPoints, PointPlayer, mean
from sim_economy.experiments.sweeps.point_scenarios import SweptScenario
from sim_economy.experiments.sweeps.sweep import COMPILING
from sim_economy.experiments.sweeps.swept_keys import SweptKey
from sim_economy.experiments.training.evolution import Evolution
from sim_economy.experiments.training.scenario_text import scenario_toml
from sim_economy.experiments.training.trained_numbers import Candidate
from sim_economy.experiments.training.training_results import (
    SCENARIO,
    Generation,
    PolicyOutcome,
    TrainingResult,
)
from sim_economy.experiments.training.training_study import WEALTH, TrainingStudy
from sim_economy.experiments.worker_pool import core_executor
from sim_economy.ledger.sidecars.run_folder import claimed, write_whole

_REPORTED: Final = (
    "insolvent_percent", "platform_final", "rent_total", "actions_mine", "actions_job",
    "actions_study", "actions_stake", "actions_unstake", "actions_burn", "actions_transfer",
    "rejections",
)  # fmt: skip
"""Metrics of the result beside the objective."""


class TrainingOutcome(Struct, frozen=True, kw_only=True):
    """The result of a session of training.

    Attributes:
        generations: All that are finished.
        resumed: Those that earlier sessions had finished.
        result: None where time was up before.
    """

    generations: list[Generation]
    resumed: int
    result: TrainingResult | None


def run_training(
    study: TrainingStudy,
    folder: Path,
    *,
    jobs: int = 1,
    fresh: bool = False,
    seconds_max: float | None = None,
    progress: Callable[[int], None] = lambda runs: None,
    notify: Callable[[str], None] = lambda text: None,
) -> TrainingOutcome:
    """Train a policy, going on after the last generation that the folder holds.

    Args:
        jobs: Processes in which the core plays; no result depends on them.
        seconds_max: After which no further generation begins; the same call goes on.
        progress: Called with how many more runs are played, resumed ones too.
        notify: Called with what takes its time, before the first run.

    Raises:
        FolderError: In use, another's, of another training, or not writable.
        ExtraMissingError: A library is not installed.
        ScenarioError: A run failed.
    """
    with needing("training", "training"):
        import cmaes  # noqa: F401, PLC0415
        import scipy  # noqa: F401, PLC0415
    with claimed(folder, "training", is_training_folder), core_executor(jobs) as executor:
        types = Generation, TrainingResult
        own = GenerationFolder(folder, "training", study.settings, study.hash, types)
        own.begin(fresh=fresh)
        player = PointPlayer(study.runs, executor)
        session = _Session(study, own, player, progress, notify)
        return session.play(None if seconds_max is None else time.monotonic() + seconds_max)


def is_training_folder(folder: Path) -> bool:
    """Test whether the folder is empty, or a training's."""
    return GenerationFolder.is_ours(folder, "training")


class _Session:
    """One process's work on a training."""

    def __init__(
        self,
        study: TrainingStudy,
        folder: GenerationFolder[Generation, TrainingResult],
        player: PointPlayer,
        progress: Callable[[int], None],
        notify: Callable[[str], None],
    ) -> None:
        self._study = study
        self._folder = folder
        self._player = player
        self._progress = progress
        self._notify: Callable[[str], None] | None = notify
        self._search = Evolution(study.family.numbers, study.candidates, study.seed)

    def play(self, ends: float | None) -> TrainingOutcome:
        """Play what is missing, until all is there or time is up."""
        generations: list[Generation] = []
        resumed = 0
        for number in range(1, self._study.generations + 1):
            asked = tuple(self._search.ask())
            kept = self._folder.generation(number)
            if kept is None:
                if ends is not None and time.monotonic() >= ends:
                    return TrainingOutcome(generations=generations, resumed=resumed, result=None)
                kept = self._generation(number, asked)
                self._folder.keep(number, kept)
            else:
                resumed += 1
                self._tell(kept.outcomes)
                if (kept.number, kept.candidates, kept.mean) != (number, asked, self._search.mean):
                    raise self._folder.changed(number)
            generations.append(kept)
            self._progress(self._study.candidates * self._study.seeds + self._study.holdout_seeds)
        result = self._folder.result()
        if result is None:
            result = self._result()
            write_whole(self._folder.path / SCENARIO, self._scenario_text().encode())
            self._folder.finish(result)
        self._progress(2 * self._study.holdout_seeds)
        return TrainingOutcome(generations=generations, resumed=resumed, result=result)

    def _generation(self, number: int, asked: tuple[Candidate, ...]) -> Generation:
        study = self._study
        outcomes = self._outcomes(asked, study.first_seed(number), study.seeds)
        means = tuple(mean(values) for values in outcomes)
        self._tell(means)
        after = self._search.mean
        (holdout,) = self._outcomes([after], study.seed, study.holdout_seeds)
        return Generation(
            number=number, candidates=asked, outcomes=means, mean=after, holdout=mean(holdout)
        )

    def _tell(self, outcomes: Sequence[float]) -> None:
        sign = -1 if self._study.is_better_more else 1
        self._search.tell([sign * outcome for outcome in outcomes])

    def _outcomes(
        self, candidates: Sequence[Candidate], first_seed: int, seeds: int
    ) -> list[list[float]]:
        """The objective of each candidate on each seed, `[candidate][seed]`."""
        keys = self._study.family.keys(candidates)
        played = self._play(self._study.trained, keys, first_seed, seeds, ())
        return self._objective(played)

    def _play(
        self,
        scenario: SweptScenario,
        keys: Sequence[SweptKey],
        first_seed: int,
        seeds: int,
        metrics: Sequence[str],
    ) -> PlayedPoints:
        objective = self._study.objective
        wanted = metrics if objective == WEALTH else dict.fromkeys((objective, *metrics))
        self._announce(scenario)
        return self._player.play(
            scenario, keys, first_seed, seeds, [*wanted], wealth=objective == WEALTH
        )

    def _announce(self, scenario: SweptScenario) -> None:
        """Say what takes its time, once: compiling, or the core where the work is much."""
        if self._notify is None or self._player.rows <= SMALL_ROWS:
            return
        reason = self._player.core_reason(scenario)
        if reason:
            self._notify(f"the core plays these runs, one by one: {reason}")
        elif not is_compiled(scenario.base):
            self._notify(COMPILING)
        self._notify = None

    def _objective(self, played: PlayedPoints) -> list[list[float]]:
        if self._study.objective != WEALTH:
            return [[float(own) for own in row] for row in played.metrics[self._study.objective]]
        agents = slice(0, 1) if self._study.trained.agents else slice(None)
        return [[_mean_wealth(own[agents]) for own in row] for row in played.wealth]

    def _result(self) -> TrainingResult:
        study, chosen = self._study, self._search.mean
        return TrainingResult(
            training_hash=study.hash,
            numbers={
                number.name: own for number, own in zip(study.family.numbers, chosen, strict=True)
            },
            policy=_plain(study.family.settings_at(chosen)),
            trained=self._outcome(study.trained, study.family.keys([chosen])),
            own=self._outcome(study.own, ()),
        )

    def _outcome(self, scenario: SweptScenario, keys: Sequence[SweptKey]) -> PolicyOutcome:
        study = self._study
        played = self._play(scenario, keys, study.seed, study.holdout_seeds, _REPORTED)
        return PolicyOutcome(
            objective=tuple(self._objective(played)[0]),
            metrics={name: mean(played.metrics[name][0]) for name in _REPORTED},
        )

    def _scenario_text(self) -> str:
        study = self._study
        given = study.scenario_of(self._search.mean)
        note = f"{study.name}: trained for {study.generations} generations, training {study.hash}"
        return scenario_toml({**given, "name": study.name}, note)


def _mean_wealth(wealth: Sequence[int]) -> float:
    """Whole tokens over the agents, rounded once."""
    return sum(wealth) / len(wealth)


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Parameters with the text of each decimal, as JSON holds them."""
    return json.loads(json.dumps(settings, default=str))  # type: ignore[no-any-return]
