from __future__ import annotations

from pathlib import Path

import pytest

import sim_economy as se
from sim_economy.core.errors import ScenarioError
from sim_economy.reports.sensitivity.sensitivity_report import conclusions
from sim_economy.reports.sensitivity.swept_outcomes import SensitivityMethod
from tests.reports.swept_rows import ACROSS, UP, made_up_rows, write_sweep_folder
from tests.reports.test_sensitivity_report import INPUTS, made_up_frame, made_up_sensitivity


@pytest.fixture
def swept(tmp_path: Path) -> Path:
    def outcome(tariff: float, caution: int, replicate: int) -> tuple[float, int]:
        return (0.0 if caution > 0 else 60.0), (500 if caution < 300 else -20)

    frame = made_up_rows((0.5, 1.0, 1.5), (-180, 60, 360), outcome)
    return write_sweep_folder(tmp_path / "swept", frame, ["turns", UP, ACROSS])


def test_a_map_in_a_notebook_has_cells_and_window_as_frames(swept: Path, tmp_path: Path) -> None:
    played = se.solvency_map(swept)
    assert played.cells.height == 9
    assert played.cells["row"].n_unique() == 9
    assert played.window.rows() == [(60, 0.5, 60, 60), (60, 1, 60, 60), (60, 1.5, 60, 60)]
    assert played.answer in repr(played)
    assert "<table" in played._repr_html_()
    assert played.report(tmp_path / "page").read_text("utf-8").startswith("<!DOCTYPE html>")


def test_a_map_of_nothing_is_refused() -> None:
    with pytest.raises(ScenarioError, match="name at least one finished sweep"):
        se.solvency_map()


def test_sensitivity_in_a_notebook_has_estimates_and_noise_as_frames(tmp_path: Path) -> None:
    frame = made_up_frame(SensitivityMethod.SOBOL, 256)
    folder = write_sweep_folder(tmp_path / "swept", frame, INPUTS, "sobol")
    played = se.sensitivity(folder)
    found = made_up_sensitivity(SensitivityMethod.SOBOL)
    assert played.conclusions == conclusions(found)
    assert played.estimates.height == 15
    first = played.estimates.row(0, named=True)
    own = found.outcomes[0].sobol
    assert own is not None
    assert first["first %"] == pytest.approx(100 * own[0].first, abs=0.005)
    assert played.noise["outcome"].to_list() == [own.metric for own in found.outcomes]
    assert "<table" in played._repr_html_()
    assert played.report(tmp_path / "page").exists()
