"""The slice of the shipped study, as the command plays it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim_economy.cli import cli
from sim_economy.runs.policy_loop import play_run
from sim_economy.scenarios.scenario import load_scenario

KNOWN = {-400: 82.4, -180: 81.7, 0: 41.6, 100: 9.7, 200: 0.0}
"""Agent-turns below zero of the 24 published seeds, in percent, by the threshold of "job"."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slice") / "study"
    call = ["study", "paper-questions", "--slice", "--out", str(folder), "--jobs", "2", "--json"]
    result = CliRunner().invoke(cli, call, catch_exceptions=False)
    assert "this takes" in result.stderr
    (folder.parent / "answer.json").write_text(result.stdout)
    return folder


def thresholds(folder: Path) -> dict[int, float]:
    with (folder / "thresholds.csv").open(newline="") as file:
        rows = csv.DictReader(file)
        assert rows.fieldnames == ["threshold", "insolvent_percent"]
        return {int(row["threshold"]): float(row["insolvent_percent"]) for row in rows}


def test_the_threshold_curve_is_the_known_one(folder: Path) -> None:
    curve = thresholds(folder)
    for threshold, percent in KNOWN.items():
        assert round(curve[threshold], 1) == percent


def test_its_published_point_is_the_published_experiment(folder: Path) -> None:
    scenario = load_scenario("as-run")
    runs = [play_run(scenario, run) for run in range(1, 25)]
    insolvent = sum(balance < 0 for run in runs for turn in run.series.balances for balance in turn)
    share = 100 * insolvent / (24 * 60 * 8)
    assert thresholds(folder)[-180] == pytest.approx(share, abs=5e-5)


def test_its_page_opens_with_the_answer(folder: Path) -> None:
    found = json.loads((folder.parent / "answer.json").read_text())
    assert found["finished"]
    text = (folder / "study.md").read_text()
    title, _, answer = text.partition("\n\n")
    assert title == "# Which rule keeps agents solvent, and at whose cost? (a slice of the study)"
    assert answer.startswith(f"**{found['answer']}**")
    assert (folder / "study.html").exists()
    assert "82.4 %" in found["answer"]
    assert "fee cap 1.5 lowers them most" in found["answer"]
