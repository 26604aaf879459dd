from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from sim_economy.reports.sensitivity.sensitivity_report import conclusions
from sim_economy.reports.sensitivity.swept_outcomes import SensitivityMethod, sensitivity_of
from tests.cli.shell import complaint, json_of, sim_economy
from tests.reports.swept_rows import ACROSS, UP, made_up_rows, write_sweep_folder
from tests.reports.test_sensitivity_report import INPUTS, made_up_frame


def solvent_in_the_middle(tariff: float, caution: int, replicate: int) -> tuple[float, int]:
    return (0.0 if caution > 0 else 60.0), (500 if caution < 300 else -20)


@pytest.fixture
def swept(tmp_path: Path) -> Path:
    """A finished sweep over the two axes of the map."""
    frame = made_up_rows((0.5, 1.0, 1.5), (-180, 60, 360), solvent_in_the_middle)
    return write_sweep_folder(tmp_path / "swept", frame, ["turns", UP, ACROSS])


def test_a_map_is_drawn_from_a_finished_sweep(swept: Path, tmp_path: Path) -> None:
    out = tmp_path / "map"
    ended = sim_economy("map", swept, "--out", out)
    assert ended.returncode == 0, ended.stderr
    text = " ".join(ended.stdout.split())
    assert "both solvent in 33.3 % of the plane" in text
    assert "in the paper's world agents are insolvent" in text
    assert f"read {out / 'map.html'}" in text
    page = (out / "map.html").read_text("utf-8")
    assert f'"folder":"{swept.as_posix()}"' in page


def test_a_map_for_programs_is_one_document(swept: Path, tmp_path: Path) -> None:
    found = json_of(sim_economy("map", swept, "--out", tmp_path / "map", "--json"))
    (horizon,) = found["horizons"]
    assert (horizon["turns"], horizon["cells"], horizon["window"]) == (60, 9, 3)
    assert horizon["share_interval"] == [1 / 3, 1 / 3]
    assert Path(found["report"]).exists()


def test_a_map_is_drawn_again_but_never_over_strange_files(swept: Path, tmp_path: Path) -> None:
    out = tmp_path / "map"
    for _ in range(2):
        assert sim_economy("map", swept, "--out", out).returncode == 0
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "map.md").write_text("# my own map", encoding="utf-8")
    assert "strange" in complaint(sim_economy("map", swept, "--out", strange))
    assert (strange / "map.md").read_text("utf-8") == "# my own map"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--turns", "60"), "or play it again with `sim-economy sweep STUDY --fresh`"),
        (("--across", "no_such_key"), "the rows have no column no_such_key"),
    ],
)
def test_a_map_that_cannot_be_drawn_says_why(
    swept: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    said = complaint(sim_economy("map", swept, "--out", tmp_path / "map", *arguments))
    assert words in " ".join(said.split())


def test_a_folder_without_a_sweep_has_no_map_and_no_sensitivity(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for command in ("map", "sensitivity"):
        said = complaint(sim_economy(command, tmp_path / "empty", "--out", tmp_path / "out"))
        assert "holds no sweep" in said


def test_sensitivity_is_told_from_a_finished_sweep(tmp_path: Path) -> None:
    frame = made_up_frame(SensitivityMethod.SOBOL, 64)
    folder = write_sweep_folder(tmp_path / "swept", frame, INPUTS, "sobol")
    ended = sim_economy("sensitivity", folder)
    assert ended.returncode == 0, ended.stderr
    found = sensitivity_of(frame, INPUTS, SensitivityMethod.SOBOL)
    text = " ".join(ended.stdout.split())
    for sentence in conclusions(found):
        assert sentence in text
    assert (folder / "sensitivity" / "sensitivity.html").exists()
    again = json_of(sim_economy("sensitivity", folder, "--json"))
    assert again["conclusions"] == conclusions(found)
    assert (again["points"], again["runs"], again["failed"]) == (320, 960, 0)


def test_sensitivity_of_named_outcomes_and_those_of_the_question(tmp_path: Path) -> None:
    frame = made_up_frame(SensitivityMethod.MORRIS, 20).with_columns(pl.lit(1).alias("blocks"))
    folder = write_sweep_folder(tmp_path / "swept", frame, INPUTS, "morris")
    arguments = ("--outcome", "mean_debt", "--outcome", "blocks", "--json")
    found = json_of(sim_economy("sensitivity", folder, *arguments))
    assert len(found["conclusions"]) == 6
    assert found["conclusions"][-1] == "Nothing that was varied changes blocks."
    said = complaint(sim_economy("sensitivity", folder, "--outcome", "no_such"))
    assert "the rows have no column no_such" in said
    assert "kept are" in said
    assert "insolvent_percent" in said


def test_a_map_of_fewer_horizons_is_not_written_over_one_of_more(
    swept: Path, tmp_path: Path
) -> None:
    out = tmp_path / "map"
    assert sim_economy("map", swept, "--out", out).returncode == 0
    page = (out / "map.html").read_bytes()
    said = " ".join(complaint(sim_economy("map", "--turns", "5", "--out", out)).split())
    assert "holds a map after 60 turns; draw all with --turns 5 --turns 60" in said
    assert (out / "map.html").read_bytes() == page


def test_what_is_no_sweep_says_where_sweeps_are(swept: Path) -> None:
    said = complaint(sim_economy("sensitivity", swept.parent))
    assert "holds no sweep; its sweeps are in swept" in " ".join(said.split())


def test_an_axis_that_is_not_there_is_answered_with_those_that_are(swept: Path) -> None:
    said = " ".join(complaint(sim_economy("map", swept, "--up", "study_cost")).split())
    assert f"varied are {UP}, {ACROSS}: name one with --up" in said
