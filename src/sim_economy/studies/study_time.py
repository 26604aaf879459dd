"""How long what is left of a study will take on idle processors, from turns of it played now."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from sim_economy.studies.equal_tokens import Match
from sim_economy.studies.played_cells import play_cell
from sim_economy.studies.study_arms import ArmKind, Cell, off_arm
from sim_economy.studies.trained_arms import Training
from sim_economy.studies.treatment_study import GRANT, Horizon, StudyBehaviour

_TRIED_TURNS: Final = 60
_UNDER_RULES: Final = 1.25
"""What a turn takes under a treatment, of what it takes without one."""
_TARIFF_TRIES: Final = 4
"""Doses at which a tariff is played until it is matched, usually."""


def estimated_seconds(
    cells: Iterable[Cell], matches: Sequence[Match], trainings: Sequence[Training], jobs: int
) -> float:
    """Seconds that cells, matches and trainings will take in so many processes side by side."""
    turns: dict[str, float] = {}
    behaviours: dict[str, StudyBehaviour] = {}
    weighed = [(cell, 2 if cell.arm.kind is ArmKind.FIXED else 1) for cell in cells]
    weighed += [
        (match.cell, 1 if match.reference.key == GRANT else _TARIFF_TRIES) for match in matches
    ]
    weighed += [(own.cell, 1) for own in trainings]
    for cell, times in weighed:
        behaviours[cell.behaviour.name] = cell.behaviour
        turns[cell.behaviour.name] = turns.get(cell.behaviour.name, 0) + times * cell.turns
    for training in trainings:
        turns[training.cell.behaviour.name] += _training_turns(training)
    alike = {_kind(own): own for own in behaviours.values()}
    each = {kind: _turn_seconds(behaviour) for kind, behaviour in alike.items()}
    return sum(each[_kind(behaviours[name])] * own for name, own in turns.items()) / jobs


def _kind(behaviour: StudyBehaviour) -> tuple[str, int]:
    """By what worlds take about the same time: scenario, and how many agents there are."""
    return behaviour.scenario.source, behaviour.scenario.base.config.num_agents


def _training_turns(training: Training) -> int:
    """Turns that are played on the seeds of generations, and on hold-out seeds."""
    own = training.training
    candidates = 4 + int(3 * math.log(len(own.numbers)))
    runs = own.generations * (candidates * own.seeds + own.holdout_seeds)
    return own.turns * (runs + 2 * own.holdout_seeds)


def _turn_seconds(behaviour: StudyBehaviour) -> float:
    """Seconds of processor time of a turn; those of one scenario take about the same."""
    short = replace(behaviour, horizons=(Horizon(_TRIED_TURNS, 1),))
    started = time.process_time()
    play_cell(Cell(short, off_arm()))
    return _UNDER_RULES * (time.process_time() - started) / _TRIED_TURNS
