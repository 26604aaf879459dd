"""Rows of the shipped map, drawn at random and played again by the core: no number differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim_economy.cli.map import HORIZONS, STUDY
from sim_economy.experiments.sweeps.compared_rows import compare_rows
from sim_economy.experiments.sweeps.study import load_study
from sim_economy.experiments.sweeps.sweep import run_sweep
from sim_economy.experiments.sweeps.sweep_plan import SweepPlan


def check(turns: int, seeds: int, rows: int, folder: Path) -> None:
    study = load_study(STUDY, {"vary.turns": [turns], "seeds": seeds})
    outcome = run_sweep(study, folder, runs_max=10_000_000)
    assert outcome.statuses["kernel"] > outcome.rows // 2
    compared = compare_rows(SweepPlan(study), folder, rows)
    assert len(compared.rows) == rows
    assert compared.differing == ()


def test_five_rows_of_a_small_map_are_the_cores(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    check(60, 3, 5, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize(("turns", "seeds"), HORIZONS)
def test_a_hundred_rows_of_each_horizon_of_the_map_are_the_cores(
    turns: int, seeds: int, tmp_path: Path
) -> None:
    check(turns, seeds, 100, tmp_path)
