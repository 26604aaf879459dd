"""Who goes broke, and when: the sentence, the table, the picture and the file say one thing."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Final

import msgspec
import pytest

from sim_economy.reports.comparisons.comparison import TreatmentRuns, compared
from sim_economy.reports.comparisons.comparison_report import write_comparison
from sim_economy.reports.comparisons.insolvency import (
    Outcomes,
    answer,
    broke_table,
    insolvency_table,
    outcome_rows,
    policies_table,
    reading_of_insolvency,
    shown_agents,
    treatments_table,
)
from sim_economy.reports.page.document import plain
from sim_economy.runs.agent_outcomes import AgentOutcome, agent_outcomes
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
    text = plain((folder / "out/comparison.md").read_text())
    assert text.startswith(
        "# Compared: low, high\n\nUnder high 2 of 3 agents go broke, writer first"
    )
    section = text.partition("## Who goes broke, and when")[2].partition("## Differences")[0]
    under_low = section.partition("Under low")[2].partition("Under high")[0]
    told = dict(re.findall(r"(\w+) in turn (\d+)", under_low))
    with (folder / "out/agents.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["treatment"] == "low"]
    kept = {row["agent_id"]: row["first_turn"] for row in rows if row["first_turn"]}
    assert {name: float(turn) for name, turn in told.items()} == {
        name: float(turn) for name, turn in kept.items()
    }
    table = insolvency_table(compared(sides).outcomes)
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
    said = (
        "Under high 2 of 3 agents go broke, writer first, in turn 1; "
        "under low the same 2 do, writer first, in turn 4."
    )
    assert " ".join(shown.stdout.split()).startswith(said)
    told = json_of(
        sim_economy("compare", "low.toml", "high.toml", "--out", "c", "--json", cwd=folder)
    )
    assert told["answer"] == said
    assert {(row["treatment"], row["agent_id"], row["first_turn"]) for row in told["agents"]} == {
        ("low", "coder", 11),
        ("low", "critic", None),
        ("low", "writer", 4),
        ("high", "coder", 3),
        ("high", "critic", None),
        ("high", "writer", 1),
    }


CLIP: Final = """
[income]
allowance = 60
period_turns = 10
when_empty = "clip"
"""


def test_refused_usage_is_said_where_nobody_is_broke(folder: Path) -> None:
    """Of 100 tokens and 60 in turns 1 and 11, coder uses 10 a turn and writer 30."""
    sides = [scenario(folder, "low", 1, turns=3)]
    path = folder / "clip.toml"
    path.write_text(SCENARIO.format(name="clip", price=1, turns=20, runs=1) + CLIP)
    sides.append(load_scenario(path))
    found = {side.name: agent_outcomes([play_run(side, 1)], side) for side in sides}
    assert plain(answer(found)) == (
        "Nobody goes broke under low or clip. Where usage is refused: under clip 2 of 3 agents "
        "run out of tokens, writer first, in turn 6."
    )
    assert reading_of_insolvency("clip", found["clip"]) == (
        "Under clip nobody goes broke. 2 of 3 agents run out of tokens, writer first, in turn 6."
    )
    assert [row[-1] for row in treatments_table(found).rows] == [None, 2]
    cells = {row[0]: row[-2] for row in insolvency_table(found).rows}
    assert cells == {"coder": 17, "critic": None, "writer": 6}
    assert "out of tokens" not in str(insolvency_table({"low": found["low"]}).columns)


def outcome(name: str, turn: float | None, runs: int = 1, policy: str = "idle") -> AgentOutcome:
    numbers = dict.fromkeys(
        ("turns_below", "final", "fees", "interest", "jobs", "core_shares", "lending", "tips"), 0.0
    )
    return AgentOutcome(
        agent_id=name,
        policy=policy,
        runs=runs,
        broke=0 if turn is None else runs,
        first_turn=turn,
        lowest=0 if turn is None else -1,
        contracts=0.0,
        other=0.0,
        income=0.0,
        out=None,
        first_out=None,
        **numbers,
    )


def outcomes(*firsts: dict[str, float | None], runs: int = 1) -> Outcomes:
    return {
        f"t{index}": [outcome(name, turn, runs) for name, turn in own.items()]
        for index, own in enumerate(firsts)
    }


NOBODY: dict[str, float | None] = {"ann": None, "bob": None, "cid": None}
ANN: dict[str, float | None] = {"ann": 9, "bob": None, "cid": None}
BOTH: dict[str, float | None] = {"ann": 9, "bob": 12, "cid": None}
TIED: dict[str, float | None] = {"ann": 4, "bob": 4, "cid": 6}
ALL: dict[str, float | None] = {"ann": 4, "bob": 4, "cid": 4}


@pytest.mark.parametrize(
    ("first", "other", "said"),
    [
        (NOBODY, NOBODY, "Nobody goes broke under t0 or t1."),
        (NOBODY, ANN, "Under t1 1 of 3 agents goes broke, ann in turn 9; under t0 nobody does."),
        (
            ANN,
            NOBODY,
            "Under t1 nobody goes broke; under t0 1 of 3 agents does, ann in turn 9.",
        ),
        (
            BOTH,
            TIED,
            (
                "Under t1 all 3 agents go broke, ann and bob first, in turn 4; "
                "under t0 2 of 3 agents do, ann first, in turn 9."
            ),
        ),
        (
            BOTH,
            BOTH,
            (
                "Under t1 2 of 3 agents go broke, ann first, in turn 9; "
                "under t0 the same 2 do, ann first, in turn 9."
            ),
        ),
        (
            ALL,
            BOTH,
            (
                "Under t1 2 of 3 agents go broke, ann first, in turn 9; "
                "under t0 all 3 agents do, all in turn 4."
            ),
        ),
        (
            ANN,
            {"ann": 1},
            (
                "Under t1 its only agent goes broke, ann in turn 1; "
                "under t0 1 of 3 agents does, ann in turn 9."
            ),
        ),
    ],
)
def test_the_answer_is_true_of_any_two_treatments(
    first: dict[str, float | None], other: dict[str, float | None], said: str
) -> None:
    assert plain(answer(outcomes(first, other))) == said


@pytest.mark.parametrize(
    ("treatments", "said"),
    [
        ([NOBODY] * 3, "Nobody goes broke under any of 3 treatments."),
        (
            [NOBODY, BOTH, ALL],
            (
                "Of 3 treatments, most agents go broke under t2: 3 of 3, all in turn 4; "
                "fewest under t0: nobody."
            ),
        ),
        (
            [ANN, ALL, TIED, ANN],
            (
                "Of 4 treatments, most agents go broke under t1 and t2: 3 of 3, all in turn 4 "
                "under t1; fewest under t0 and t3: 1 of 3, ann in turn 9 under t0."
            ),
        ),
        (
            [BOTH, {**BOTH, "bob": 2}, BOTH],
            "Under each of 3 treatments 2 of 3 agents go broke, bob first, in turn 2 under t1.",
        ),
    ],
)
def test_the_answer_names_the_worst_and_the_best_of_many(
    treatments: list[dict[str, float | None]], said: str
) -> None:
    assert plain(answer(outcomes(*treatments))) == said


def test_the_answer_over_several_runs_says_that_turns_are_medians() -> None:
    assert plain(answer(outcomes(NOBODY, {**BOTH, "ann": 9.5}, runs=4))) == (
        "Under t1 2 of 3 agents go broke in at least half of the 4 runs, ann first, in turn 9.5 "
        "(median); under t0 nobody does."
    )


def test_tables_by_treatment_by_policy_and_of_the_broke_say_the_same() -> None:
    found = outcomes(NOBODY, BOTH)
    assert [row[2:6] for row in treatments_table(found).rows] == [
        (3, 0, None, None),
        (3, 2, "ann", 9),
    ]
    assert policies_table(found) is None
    mixed = {"t0": [outcome("ann", 9), outcome("bob", None, policy="miner")]}
    by_policy = policies_table(mixed)
    assert by_policy is not None
    assert [row[:4] for row in by_policy.rows] == [("t0", "idle", 1, 1), ("t0", "miner", 1, 0)]
    assert [row[:2] for row in broke_table(found).rows] == [("ann", "never"), ("bob", "never")]


def test_those_broke_in_few_runs_stand_behind_those_broke_in_most() -> None:
    seldom = msgspec.structs.replace(outcome("cid", 1, 4), broke=1)
    found = {"t0": [outcome("ann", 9, 4), outcome("bob", None, 4), seldom]}
    assert shown_agents(found) == ["ann", "cid", "bob"]
