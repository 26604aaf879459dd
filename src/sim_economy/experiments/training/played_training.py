"""Training for a notebook: the command's folder, its policy, its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sim_economy.agents.catalogue import settable_parameters
from sim_economy.agents.policies.rule_policy import Rules
from sim_economy.agents.policy import Policy
from sim_economy.agents.population import described
from sim_economy.core.errors import InputError
from sim_economy.core.governance_config import RULES
from sim_economy.core.table_reader import is_whole
from sim_economy.core.units import MILLION
from sim_economy.experiments.training.trained_numbers import TrainedNumber
from sim_economy.experiments.training.training import TrainingOutcome, run_training
from sim_economy.experiments.training.training_results import SCENARIO, TrainingResult
from sim_economy.experiments.training.training_study import (
    WEALTH,
    TrainingStudy,
    load_training,
)
from sim_economy.ledger.sidecars.run_folder import output_folder
from sim_economy.reports.page.document import Figure, plain
from sim_economy.reports.training.training_frames import (
    GenerationFrame,
    NumberFrame,
    TrainingFrames,
)
from sim_economy.reports.training.training_report import training_figure, write_training_report
from sim_economy.reports.training.training_sentences import answer
from sim_economy.runs.row_metrics import ROW_METRICS


class PlayedTraining:
    """A policy that was trained, and the folder that keeps its generations.

    Attributes:
        outcome: Generations, and the result once all are finished.
    """

    def __init__(self, study: TrainingStudy, folder: Path, outcome: TrainingOutcome) -> None:
        self.study = study
        self.folder = folder
        self.outcome = outcome

    @property
    def result(self) -> TrainingResult:
        """What the training came to.

        Raises:
            InputError: It is not finished.
        """
        if self.outcome.result is None:
            raise InputError("training", "is not finished; the same call goes on")
        return self.outcome.result

    @property
    def policy(self) -> Policy:
        """The trained policy, for any call that takes one.

        Raises:
            InputError: The training is not finished.
        """
        return self.study.family.policy_at(tuple(self.result.numbers.values()))

    @property
    def scenario(self) -> Path:
        """The file of the scenario in which the trained policy plays."""
        return self.folder / SCENARIO

    @property
    def answer(self) -> str:
        """What the trained policy reaches on fresh seeds, in one sentence.

        Raises:
            InputError: The training is not finished.
        """
        return plain(answer(self._frames))

    def picture(self) -> Figure:
        """The objective by generation; a notebook shows it.

        Raises:
            InputError: The training is not finished.
            ExtraMissingError: A library of the extra `report` is not installed.
        """
        return training_figure(self._frames)

    def report(self) -> Path:
        """Write the report into the folder; the page to read.

        Raises:
            InputError: The training is not finished.
            ExtraMissingError: A library of the extra `report` is not installed.
        """
        return write_training_report(self.folder, self._frames)[-1]

    @property
    def _frames(self) -> TrainingFrames:
        study, result = self.study, self.result
        base = study.own.base
        own, trained = result.own.metrics, result.trained.metrics
        policy = self.policy
        return TrainingFrames(
            name=study.name,
            objective=_OBJECTIVE if study.objective == WEALTH else ROW_METRICS[study.objective],
            unit=" tokens" if study.objective == WEALTH else "",
            who=_who(study),
            before=_before(study),
            rules=_rules(study),
            is_better_more=study.is_better_more,
            generations=[
                GenerationFrame(outcomes=own.outcomes, holdout=own.holdout)
                for own in self.outcome.generations
            ],
            own=result.own.objective,
            trained=result.trained.objective,
            metrics={name: (own[name], trained[name]) for name in own},
            numbers=_numbers(study, result, policy),
            rule_texts=_rule_texts(policy),
            weights=bool(study.family.features),
            agent_turns=base.config.num_agents * base.turns,
            runs=study.runs,
            provenance=_provenance(study),
        )

    def __repr__(self) -> str:
        """How far it is, and where."""
        done = f"{len(self.outcome.generations)} of {self.study.generations} generations"
        return f"<Training {self.study.name}: {done}, in {self.folder}>"


_OBJECTIVE = "mean final wealth"


def _who(study: TrainingStudy) -> str:
    """Whose outcome it is, up to the number."""
    if study.objective != WEALTH:
        return f"{ROW_METRICS[study.objective]} is, on average,"
    agents = study.trained.agents
    return f"{agents[0]} ends with" if agents else "the agents end with"


def _before(study: TrainingStudy) -> str:
    groups = [group for group in study.own.base.population if group.agents]
    return f"with the scenario's own population ({'; '.join(map(described, groups))})"


def _rules(study: TrainingStudy) -> list[str]:
    """Interventions that are on, each with what the file states of it."""
    given = study.own.given.get("governance") or {}
    found = []
    for name in RULES:
        if isinstance(given.get(name), Mapping):
            stated = ", ".join(f"{key} = {held}" for key, held in given[name].items())
            found.append(f"{name.replace('_', ' ')} ({stated})" if stated else name)
    wages = [f"wages = {given['wages']}"] if "wages" in given else []
    return [*found, *wages, *(["shocks"] if given.get("shocks") else [])]


def _numbers(study: TrainingStudy, result: TrainingResult, policy: Policy) -> list[NumberFrame]:
    known = settable_parameters(policy)
    return [
        NumberFrame(
            name=number.name,
            start=_shown(number, number.start),
            value=_shown(number, value),
            meaning=known[number.name][0].meaning
            if number.name in known and not isinstance(policy, Rules)
            else "",
        )
        for number, value in zip(study.family.numbers, result.numbers.values(), strict=True)
    ]


def _shown(number: TrainedNumber, held: int) -> int | float:
    return held / MILLION if number.scale == MILLION else held


def _rule_texts(policy: Policy) -> list[str]:
    if not isinstance(policy, Rules):
        return []
    return [f"{action} when {when}" if when else action for when, action in policy.rules]


def _provenance(study: TrainingStudy) -> dict[str, str]:
    """What a training was played with, in words."""
    base = study.own.base
    first, last = study.first_seed(1) + 1, study.first_seed(study.generations) + study.seeds
    return {
        "training": study.name,
        "training hash": study.hash,
        "scenario": f"{study.own.source}: {base!r}",
        "policy": study.family.policy_name,
        "who follows it": "all agents" if study.trained_agents == "all" else "the first agent",
        "objective": f"{study.direction} {study.objective}",
        "generations": f"{study.generations:,} of {study.candidates:,} candidates",
        "seeds of generations": f"{first} to {last}, {study.seeds:,} for each generation",
        "hold-out seeds": f"{study.seed + 1} to {study.seed + study.holdout_seeds}",
        "rules version": base.config.rules_version,
    }


def train(
    study: str | Path | Mapping[str, Any],
    folder: str | Path | None = None,
    *,
    jobs: int = 1,
    fresh: bool = False,
    seconds_max: float | None = None,
    progress: Callable[[int], None] = lambda runs: None,
    **changes: Any,
) -> PlayedTraining:
    """Train a policy against a scenario's rules; the same call goes on with an interrupted one.

    Args:
        study: A training file, or a table of its keys.
        changes: Keys of the file, and settings of its scenario.

    Raises:
        ScenarioError: With every problem found, or a run failed.
        FolderError: The folder is in use, another's, or holds another training.
        ExtraMissingError: A library of the extra `training` is not installed.
    """
    if not is_whole(jobs) or jobs < 1:
        raise InputError("jobs", "must be an integer from 1 on")
    loaded = load_training(study, changes)
    into = training_folder(loaded) if folder is None else Path(folder)
    outcome = run_training(
        loaded, into, jobs=int(jobs), fresh=fresh, seconds_max=seconds_max, progress=progress
    )
    return PlayedTraining(loaded, into, outcome)


def training_folder(study: TrainingStudy) -> Path:
    """Where a training is played if nobody says."""
    return output_folder(study.name, "training", foreign="settings.json")
