"""A study of treatments that takes a second, for tests."""

from __future__ import annotations

from typing import Any

from sim_economy.studies.study_arms import Cell, planned_cells
from sim_economy.studies.study_reader import read_treatment_study
from sim_economy.studies.treatment_study import TreatmentStudy

SMALL: dict[str, Any] = {
    "name": "small",
    "question": "Which rule keeps agents solvent?",
    "scenario": "as-run",
    "horizons": [{"turns": 20, "seeds": 6}, {"turns": 30, "seeds": 3}],
    "behaviours": [
        {"name": "published"},
        {"name": "cautious", "set": {"policy.job_below": 100}},
    ],
    "treatments": [
        {
            "name": "fee cap",
            "key": "governance.fee_cap.cap_ratio",
            "doses": [4, 1.5],
            "dose": 1.5,
            "wages": True,
        },
        {
            "name": "rails",
            "key": "governance.debt_rails.debt_cap",
            "doses": [500, 10],
            "dose": 500,
        },
        {
            "name": "tariff cut",
            "key": "base_inference_rate",
            "doses": [0.5],
            "dose": 0.5,
            "is_reference": True,
        },
        {"name": "grant", "key": "grant", "doses": [50], "dose": 50, "is_reference": True},
    ],
    "factorial": ["fee cap", "rails"],
    "full_factorial": ["fee cap", "rails"],
    "robustness": [
        {"name": "twice the tariff", "set": {"base_inference_rate": 2}},
        {
            "name": "waves",
            "entries": [{"turn": 1, "until": 5, "target": "usage", "factor": 2}],
            "every": 10,
        },
    ],
    "outcomes": [
        {"name": "insolvent_percent", "smallest_effect": 5},
        {"name": "platform", "smallest_effect": 100},
    ],
    "shocks": [
        {
            "name": "a loss in turn 10",
            "entries": [{"turn": 10, "target": "loss", "agents": "all", "tokens": 300}],
        }
    ],
    "training": {
        "repeats": 2,
        "turns": 10,
        "generations": 1,
        "seeds": 2,
        "holdout_seeds": 2,
        "numbers": {"job_below": {"from": -400, "to": 400}, "burn_above": {"from": 0, "to": 900}},
    },
    "threshold": {
        "key": "policy.job_below",
        "values": [-180, 200],
        "published": -180,
        "seeds": 2,
        "turns": 10,
        "window_turns": 20,
        "window_seeds": 2,
    },
    "slice": {"turns": 10, "seeds": 2, "behaviours": ["published"]},
}


def small_study(**changes: Any) -> TreatmentStudy:
    """The study, with other values at its top."""
    return read_treatment_study({**SMALL, **changes})


def cell_of(study: TreatmentStudy, behaviour: str, arm: str) -> Cell:
    """A cell by its names."""
    return next(
        cell
        for cell in planned_cells(study)
        if (cell.behaviour.name, cell.arm.name) == (behaviour, arm)
    )
