"""Arms whose agents were trained against their rules, before they are compared."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.core.errors import needing
from sim_economy.experiments.training.training import run_training
from sim_economy.experiments.training.training_study import load_training
from sim_economy.ledger.sidecars.run_folder import folder_name
from sim_economy.studies.played_cells import play_cell
from sim_economy.studies.study_arms import Arm, ArmKind, Cell, dose_arm, off_arm
from sim_economy.studies.study_rows import StudyRow
from sim_economy.studies.treatment_study import StudyTraining, TreatmentStudy

SEEDS_APART: Final = 1_000_000
"""From the study's seeds to those of a training, and on to those of the next repeat."""


class Training(Struct, frozen=True, kw_only=True):
    """A policy that is to be trained against the rules of an arm.

    Attributes:
        cell: What is played with it; the settings of its policy are not known yet.
        folder: Where its generations are kept.
    """

    cell: Cell
    training: StudyTraining
    folder: Path


def planned_trainings(study: TreatmentStudy, folder: Path) -> list[Training]:
    """Trainings against each treatment at its dose, and against none, as often as is stated."""
    if study.training is None:
        return []
    behaviour = study.behaviours[0]
    agents = behaviour.scenario.base.config.agent_ids
    tried = [dose_arm(own, own.dose, agents) for own in study.tried(behaviour)]
    found = []
    for arm, repeat in product((off_arm(), *tried), range(1, study.training.repeats + 1)):
        own = Arm(
            name=trained_name(arm.name, repeat),
            kind=ArmKind.TRAINED,
            base=arm.name,
            repeat=repeat,
            treatments=arm.treatments,
            dose=arm.dose,
            settings=arm.settings,
        )
        kept = folder / folder_name(own.name)
        found.append(Training(cell=Cell(behaviour, own), training=study.training, folder=kept))
    return found


def trained_name(arm: str, repeat: int) -> str:
    """The name of an arm with agents of one of its trainings, from 1."""
    return f"{arm}, trained {repeat}"


def play_training(task: Training) -> tuple[Cell, list[StudyRow]]:
    """Train all agents against the arm's rules, and play the study's seeds with what they learned.

    A training that was interrupted goes on with the next generation.

    Raises:
        ExtraMissingError: The library that searches is not installed.
        ScenarioError: What is trained does not fit the scenario.
    """
    with needing("training", "training"):
        import cmaes  # noqa: F401, PLC0415
    study = load_training(_given(task))
    outcome = run_training(study, task.folder)
    assert outcome.result is not None, task
    learned = study.family.changes(tuple(outcome.result.numbers.values()))
    own = task.cell.arm
    arm = replace(own, settings={**own.settings, **learned})
    cell = Cell(task.cell.behaviour, arm)
    return cell, play_cell(cell)


def _given(task: Training) -> dict[str, Any]:
    """The training as its file would state it."""
    scenario, training = task.cell.behaviour.scenario, task.training
    return {
        "name": task.cell.arm.name,
        "scenario": scenario.source,
        "turns": training.turns,
        "policy": "published",
        "generations": training.generations,
        "seeds": training.seeds,
        "holdout_seeds": training.holdout_seeds,
        "seed": scenario.base.seed + SEEDS_APART * task.cell.arm.repeat,
        "set": task.cell.arm.settings,
        "numbers": training.numbers,
    }
