"""Small trainings that tests play."""

from __future__ import annotations

from typing import Any

from sim_economy.experiments.training.training_study import TrainingStudy, load_training

PLANTED: dict[str, Any] = {
    "name": "planted",
    "turns": 10,
    "generations": 12,
    "candidates": 6,
    "seeds": 2,
    "holdout_seeds": 4,
    "set": {"num_agents": 3},
    "numbers": {"job_below": {"from": -400, "to": 4000}},
}
"""Jobs pay more than they cost here, so that working at any balance is best."""


def small_training(**changes: Any) -> TrainingStudy:
    return load_training({**PLANTED, **changes})
