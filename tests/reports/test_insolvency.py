"""Who goes broke, and when: the sentence, the table, the picture and the file say one thing."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from sim_economy.reports.comparison import TreatmentRuns, outcomes_of, write_comparison
from sim_economy.reports.insolvency import (
    agent_outcomes,
    insolvency_table,
    outcome_rows,
    reading_of_insolvency,
)
from sim_economy.runs.policy_loop import play_run
from sim_economy.scenarios.scenario import Scenario, load_scenario
from tests.cli.shell import json_of, sim_economy

NAMES = ["coder", "critic", "writer"]
SCENARIO = """
name = "{name}"
turns = {turns}
runs = {runs}
policy = "idle"
[world]
num_agents = 3
agent_ids = ["coder", "critic", "writer"]
base_inference_rate = {price}
interest_rate_per_turn = 0
genesis_tokens_per_agent = 100
commons_threshold_per_turn = 0
[usage]
source = "trace"
path = "trace.csv"
repeat = true
"""
UNITS = {"coder": 10, "critic": 0, "writer": 30}
"""Output units of every turn: with 100 tokens, price 1: coder is broke in turn 11, writer in 4."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [f"{turn},{name},0,{UNITS[name]}" for turn in range(1, 41) for name in NAMES]
    (tmp_path / "trace.csv").write_text("turn,agent,thinking,output\n" + "\n".join(rows) + "\n")
    return tmp_path


def scenario(folder: Path, name: str, price: int, turns: int = 20, runs: int = 1) -> Scenario:
    path = folder / f"{name}.toml"
    path.write_text(SCENARIO.format(name=name, price=price, turns=turns, runs=runs))
    return load_scenario(path)


def played(chosen: Scenario) -> TreatmentRuns:
    return TreatmentRuns(chosen, [play_run(chosen, run) for run in range(1, chosen.runs + 1)])


def test_the_reading_names_everybody_and_the_turn(folder: Path) -> None:
    low, high = (played(scenario(folder, name, price)) for name, price in (("low", 1), ("high", 5)))
    assert reading_of_insolvency("low", agent_outcomes(low.runs)) == (
        "Under low 2 of 3 agents go broke: writer in turn 4, coder in turn 11."
    )
    assert reading_of_insolvency("high", agent_outcomes(high.runs)) == (
        "Under high 2 of 3 agents go broke: writer in turn 1, coder in turn 3."
    )
    free = played(scenario(folder, "free", 0))
    assert (
        reading_of_insolvency("free", agent_outcomes(free.runs)) == "Under free nobody goes broke."
    )
    short = played(scenario(folder, "short", 1, turns=5))
    assert "1 of 3 agents goes broke: writer in turn 4." in reading_of_insolvency(
        "s", agent_outcomes(short.runs)
    )


def test_an_outcome_is_counted_by_hand(folder: Path) -> None:
    coder, critic, writer = agent_outcomes(played(scenario(folder, "low", 1)).runs)
    assert (coder.first_turn, coder.lowest, coder.final) == (11, 100 - 200, -100)
    assert coder.turns_below == 10
    assert (critic.broke, critic.first_turn, critic.lowest) == (0, None, 100)
    assert (writer.first_turn, writer.final) == (4, 100 - 600)


def test_sentence_table_figure_and_file_agree(folder: Path) -> None:
    sides = [played(scenario(folder, name, price)) for name, price in (("low", 1), ("high", 5))]
    write_comparison(folder / "out", sides)
    text = (folder / "out/comparison.md").read_text()
    beginning = text.partition("## Side by side")[0]
    assert beginning.startswith("# Compared: low, high\n\n## Who goes broke, and when\n")
    told = dict(re.findall(r"(\w+) in turn (\d+)", beginning.partition("Under high")[0]))
    with (folder / "out/agents.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["treatment"] == "low"]
    kept = {row["agent_id"]: row["first_turn"] for row in rows if row["first_turn"]}
    assert {name: float(turn) for name, turn in told.items()} == {
        name: float(turn) for name, turn in kept.items()
    }
    table = insolvency_table(outcomes_of(sides))
    assert [row[0] for row in table.rows] == ["writer", "coder", "critic"]
    assert [row[1] for row in table.rows] == [4, 11, None]
    figure = (folder / "out/figures/insolvency.svg").read_text()
    assert all(f">{name}<" in figure for name in (*NAMES, "low", "high", "never"))
    page = (folder / "out/comparison.html").read_text()
    assert page.index("<svg") < page.index("Side by side")


def test_over_several_runs_it_is_the_median_and_half_of_them(folder: Path) -> None:
    runs = played(scenario(folder, "low", 1, runs=4)).runs
    for run, turn in zip(runs, (4, 6, 8, None), strict=True):
        for index, held in enumerate(run.series.balances, 1):
            held[2] = -1 if turn is not None and index >= turn else 50
            held[0] = -1 if run.run == 1 and index == 3 else 50
    coder, _, writer = agent_outcomes(runs)
    assert (writer.broke, writer.first_turn, writer.goes_broke) == (3, 6, True)
    assert (coder.broke, coder.first_turn, coder.goes_broke) == (1, 3, False)
    reading = reading_of_insolvency("low", agent_outcomes(runs))
    assert reading == (
        "Under low 1 of 3 agents goes broke in at least half of the 4 runs: writer in turn 6."
    )
    assert len(outcome_rows({"low": agent_outcomes(runs)})) == 3


def test_the_command_says_it_first_and_to_scripts(folder: Path) -> None:
    for name, price in (("low", 1), ("high", 5)):
        scenario(folder, name, price)
    shown = sim_economy("compare", "low.toml", "high.toml", "--out", "c", cwd=folder)
    first, second = shown.stdout.splitlines()[:2]
    assert first == "Under low 2 of 3 agents go broke: writer in turn 4, coder in turn 11."
    assert second.startswith("Under high 2 of 3 agents go broke: ")
    told = json_of(
        sim_economy("compare", "low.toml", "high.toml", "--out", "c", "--json", cwd=folder)
    )
    assert {(row["treatment"], row["agent_id"], row["first_turn"]) for row in told["agents"]} == {
        ("low", "coder", 11),
        ("low", "critic", None),
        ("low", "writer", 4),
        ("high", "coder", 3),
        ("high", "critic", None),
        ("high", "writer", 1),
    }
