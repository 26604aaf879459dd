"""Small studies that tests play."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sim_economy.experiments.sweeps.study import SweepStudy, load_study
from sim_economy.experiments.sweeps.sweep_plan import SweepPlan


def small_study(**changes: Any) -> SweepStudy:
    """Six points of three runs each, of five turns."""
    given = {
        "name": "small",
        "turns": 5,
        "seeds": 3,
        "set": {"policy": "investor"},
        "per_turn": True,
        "histograms": True,
        "vary": {
            "base_inference_rate": {"from": 0.5, "to": 4, "steps": 3},
            "policy.work_below": [0, 400],
        },
    }
    return load_study({**given, **changes})


def small_plan(**changes: Any) -> SweepPlan:
    return SweepPlan(small_study(**changes))


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of a folder but its lock, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
