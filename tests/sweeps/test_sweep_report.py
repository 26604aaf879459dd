"""The report of a sweep: its answer first, a picture for whatever was varied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars
import pytest

import sim_economy as se
from sim_economy.reports.page.document import plain
from sim_economy.reports.sweeps.sweep_picture import sweep_picture
from sim_economy.reports.sweeps.sweep_report import SweepFrames, sweep_answer, sweep_report


def frames_of(keys: dict[str, bool], points: dict[str, Any], **columns: Any) -> SweepFrames:
    count = len(next(iter(points.values())))
    defaults = {
        "runs": [3] * count,
        "insolvent_percent_mean": [float(10 * index) for index in range(count)],
        "insolvent_percent_variance": [1.0] * count,
        "platform_final_mean": [5.0] * count,
        "platform_final_variance": [0.0] * count,
    }
    held = {"point": list(range(count)), **points, **defaults, **columns}
    return SweepFrames(
        name="test",
        keys=keys,
        metrics=("platform_final", "insolvent_percent"),
        points=polars.DataFrame(held),
        seeds=3,
        provenance={"study": "test"},
    )


def picture_of(frames: SweepFrames) -> str:
    found = sweep_picture(frames.points, frames.keys, "insolvent_percent", "below zero")
    assert len(found.rows) == frames.points.height
    assert "<image" not in found.drawing.svg  # a page would not show it
    assert found.narrow is not None
    return found.name


GRID = {"a": [1.0, 1.0, 2.0, 2.0], "b": [5, 6, 5, 6]}


@pytest.mark.parametrize(
    ("keys", "points", "name"),
    [
        ({"a": True, "b": True}, GRID, "map"),
        ({"a": True, "rule": False}, {"a": GRID["a"], "rule": ["x", "y", "x", "y"]}, "curves"),
        ({"a": True}, {"a": [1.0, 2.0, 3.0]}, "curves"),
        ({"a": True, "b": True}, {"a": [0.1, 0.2, 0.3], "b": [7, 9, 8]}, "clouds"),
        ({"rule": False}, {"rule": ["x", "y"]}, "points"),
    ],
)
def test_there_is_a_picture_for_whatever_was_varied(
    keys: dict[str, bool], points: dict[str, Any], name: str
) -> None:
    assert picture_of(frames_of(keys, points)) == name


def test_further_keys_make_panels_and_too_many_of_them_clouds() -> None:
    wide = {
        "a": [float(a) for a in range(3) for _ in range(6)],
        "b": [b for _ in range(3) for b in range(3) for _ in range(2)],
        "turns": [60, 1500] * 9,
    }
    assert picture_of(frames_of({"a": True, "b": True, "turns": True}, wide)) == "map"
    wide["turns"] = list(range(18))
    assert picture_of(frames_of({"a": True, "b": True, "turns": True}, wide)) == "clouds"


def test_the_answer_counts_points_where_nobody_is_insolvent() -> None:
    frames = frames_of(
        {"a": True},
        {"a": [1.0, 2.0, 3.0, 4.0]},
        insolvent_percent_mean=[4.9, 5.0, 0.0, 60.0],
        platform_final_mean=[0.0, 9.0, -0.5, 9.0],
    )
    said = plain(sweep_answer(frames))
    assert said.startswith("1 of 4 points (25 %) are solvent; ")
    assert "0.0 % at a = 3, and the most, 60.0 % at a = 4." in said
    figures = [figure.value for figure in sweep_report(frames).key_figures]
    assert figures == ["2 of 4", "1 of 4", "12"]


def test_points_of_which_every_run_failed_count_for_nothing() -> None:
    frames = frames_of(
        {"a": True},
        {"a": [1.0, 2.0]},
        runs=[3, 0],
        insolvent_percent_mean=[0.0, None],
        platform_final_mean=[0.0, None],
    )
    assert plain(sweep_answer(frames)).startswith("1 of 1 points (100 %)")
    assert "3 failed" in sweep_report(frames).key_figures[2].note


def test_the_page_stands_alone_and_opens_with_the_answer(tmp_path: Path) -> None:
    given = {"turns": 3, "seeds": 2, "vary": {"study_cost": [1, 2], "num_agents": [2, 3]}}
    played = se.sweep(given, tmp_path / "own")
    page = played.report().read_text(encoding="utf-8")
    assert played.report().name == "sweep.html"
    assert page.index("of 4 points") < page.index("<svg") < page.index("played_with")
    assert "http" not in page.partition("<main")[2].replace("http://www.w3.org", "")
    assert (tmp_path / "own/tables/ends.csv").exists()
    text = (tmp_path / "own/sweep.md").read_text(encoding="utf-8")
    assert text.startswith("# Sweep study")
