"""The sentence that opens everything is true: for nobody, for all, for one run, for one agent."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from msgspec.structs import replace

from sim_economy.experiments.experiment import run_experiment
from sim_economy.reports.page.document import plain
from sim_economy.reports.sentences import answer, what_contracts_did, who_collected, who_goes_broke
from sim_economy.runs.agent_outcomes import AgentOutcome, agent_outcomes, collectors
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run import Run
from sim_economy.scenarios.scenario import Scenario, load_scenario


def played(name: str = "as-run", runs: int = 1, **changes: Any) -> tuple[Scenario, list[Run]]:
    scenario = load_scenario(name, changes)
    return scenario, [play_run(scenario, run) for run in range(1, runs + 1)]


def told(name: str = "as-run", runs: int = 1, **changes: Any) -> str:
    return plain(answer(*played(name, runs, **changes)))


def outcome(agent_id: str, broke: int, turn: float | None, lowest: int, runs: int) -> AgentOutcome:
    means = dict.fromkeys(
        ("turns_below", "final", "fees", "interest", "jobs", "core_shares", "lending"), 0.0
    )
    return AgentOutcome(
        agent_id=agent_id,
        policy=None,
        runs=runs,
        broke=broke,
        first_turn=turn,
        lowest=lowest,
        tips=0.0,
        contracts=0.0,
        other=0.0,
        income=0.0,
        out=None,
        first_out=None,
        **means,
    )


def test_all_who_go_broke_are_counted_with_the_first_and_the_deepest() -> None:
    assert told() == (
        "All 8 agents go broke, agent_3 and agent_6 first, in turn 8, and agent_2 deepest, at "
        "\u2212368 tokens; the platform keeps 7,874 tokens, 92 % of what agents lost."
    )


def test_nobody_broke_is_said_with_the_lowest_balance() -> None:
    assert told(turns=2, policy="miner", runs=3).startswith(
        "None of the 8 agents goes broke in any of the 3 runs (lowest balance of any turn: "
    )
    assert told(base_inference_rate=0, policy="idle") == (
        "None of the 8 agents goes broke (lowest balance of any turn: 1,000 tokens, agent_0); "
        "the platform keeps nothing."
    )


STOP = {"period_turns": 10, "when_empty": "stop"}


def test_refused_usage_is_said_instead_of_debts() -> None:
    assert told(turns=30, policy="idle", income={**STOP, "allowance": 10}).startswith(
        "All 8 agents run out of tokens, agent_3 and agent_6 first, in turn 9; the platform keeps "
    )
    some = told(turns=30, policy="idle", income={**STOP, "allowances": {"agent_3": 90_000}})
    assert some.startswith("7 of 8 agents run out of tokens, ")


def test_nobody_is_said_to_run_out_where_no_usage_was_refused() -> None:
    none = "None of the 8 agents runs out of tokens (lowest balance of any turn: "
    assert told(turns=3, policy="idle", income={**STOP, "allowance": 9_000}).startswith(none)


def test_who_ends_below_zero_has_run_out_though_no_usage_was_refused() -> None:
    sentence = told(turns=9, policy="idle", income={**STOP, "allowance": 10})
    assert sentence.startswith(
        "2 of 8 agents run out of tokens, agent_3 and agent_6 first, in turn"
    )


def test_what_expires_is_not_what_agents_paid() -> None:
    text = told(turns=30, policy="idle", income={**STOP, "allowance": 5_000})
    assert text.endswith("tokens, all that agents paid.")


def test_one_agent_is_not_called_all() -> None:
    assert told(num_agents=1).startswith("The only agent goes broke: agent_0, in turn 10, down to ")
    assert told(num_agents=1, turns=3).startswith("The only agent does not go broke (lowest ")


def test_a_platform_that_pays_more_than_it_takes_is_said_to() -> None:
    text = told("rentiers")
    assert "; core owners collect 26,500 tokens (agent_0 and 3 others alike), and " in text
    assert text.endswith("the platform pays out 5,179 tokens more than it takes.")


def test_an_answer_has_no_more_than_some_45_words() -> None:
    for name in ("as-written", "market", "rentiers", "coordination_push"):
        assert len(told(name, 3).split()) <= 52, name


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        (
            [outcome("a", 1, 4, -9, 4), outcome("b", 1, 6, -5, 4), outcome("c", 0, None, 3, 4)],
            (
                "No agent goes broke in at least half of the 4 runs: 2 of 3 do in fewer, a and b "
                "most often, in 1."
            ),
        ),
        (
            [outcome("a", 1, 4, -9, 4), outcome("c", 0, None, 3, 4)],
            (
                "No agent goes broke in at least half of the 4 runs: 1 of 2 does in fewer, a most "
                "often, in 1."
            ),
        ),
        (
            [outcome("a", 2, 4.5, -9, 4), outcome("b", 1, 2, -50, 4)],
            (
                "1 of 2 agents goes broke in at least half of the 4 runs: a, in turn 4.5 (median), "
                "down to \u22129 tokens."
            ),
        ),
        (
            [outcome(name, 1, 4, -9, 1) for name in "abc"],
            (
                "All 3 agents go broke, a and 2 others first, in turn 4, and deepest, at "
                "\u22129 tokens."
            ),
        ),
    ],
)
def test_ties_and_rare_cases_are_told_as_they_are(
    outcomes: list[AgentOutcome], sentence: str
) -> None:
    assert plain(who_goes_broke(outcomes)) == sentence


def test_a_name_is_no_markup() -> None:
    scenario, runs = played(num_agents=2, agent_ids=["_a_", "b"])
    for run in runs:
        run.agent_ids = ["*a*](x)", "b"]
    sentence = answer(scenario, runs)
    assert "\\*a\\*\\](x)" in sentence
    assert "*a*](x)" in plain(sentence)


def test_the_most_is_said_of_one_agent_or_of_all_alike() -> None:
    scenario, runs = played("market")
    outcomes = agent_outcomes(runs, scenario)
    sentence = plain(who_collected(collectors(runs, scenario.config), outcomes, runs))
    assert sentence.endswith("sellers collect 500 tokens (agent_11, provider, most of it).")


def test_what_contracts_did_is_an_account_of_final_balances() -> None:
    assert what_contracts_did(played()[1]) is None
    _, runs = played("market")
    assert "kept 3 of the 20 agents from ending below zero" in (what_contracts_did(runs) or "")
    final = runs[0].series.balances[-1]
    final[:] = [-1 if index == 7 else max(held, 1000) for index, held in enumerate(final)]
    runs[0].counts.made = [
        replace(made, gains=(-5, 0, 0), parties=(7, 8, 9)) for made in runs[0].counts.made[:1]
    ]
    if runs[0].counts.made[0].started is None:
        runs[0].counts.made[0] = replace(runs[0].counts.made[0], started=2)
    text = what_contracts_did(runs) or ""
    assert "kept none of the 20 agents from ending below zero and brought 1 there" in text


LINK = re.compile(r"\[([^\]]*)\]\(([^#)]*)#([^)]*)\)")


@pytest.mark.parametrize(
    ("name", "income"),
    [("market", None), ("rentiers", None), ("as-written", None), ("as-run", STOP)],
)
def test_every_number_leads_back_to_a_cell_that_is_there(
    name: str, income: dict[str, Any] | None, tmp_path: Path
) -> None:
    scenario = load_scenario(name, {"runs": 3, "income": income})
    runs = run_experiment(scenario, tmp_path).runs
    found = LINK.findall(answer(scenario, runs))
    assert found
    for text, file, fragment in found:
        *keys, column = map(unquote, fragment.split("/"))
        with (tmp_path / file).open(newline="") as opened:
            rows = [row for row in csv.DictReader(opened) if [*row.values()][: len(keys)] == keys]
        assert column in rows[0]
        if keys and "%" not in text:
            number = abs(float(text.replace(",", "").replace("\u2212", "-")))
            assert number == pytest.approx(abs(float(rows[0][column])), abs=0.5)
