"""The tables `[income]` and `[cores]` of a scenario file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from sim_economy.core.errors import ScenarioError
from sim_economy.runs.extended_metrics import INCOME_METRICS, all_metrics, doubts, supply_changes
from sim_economy.runs.policy_loop import play_run
from sim_economy.scenarios.scenario import Scenario, load_scenario
from tests.usage.logs import csv_log, log_row

FILE: Final = """
turns = 12
runs = 1
policy = "idle"
[world]
genesis_tokens_per_agent = 0
[income]
allowance = 300
period_turns = 4
when_empty = "stop"
[cores.owners]
agent_0 = 4
"""


def scenario(folder: Path, text: str = FILE, *changes: str) -> Scenario:
    path = folder / "own.toml"
    path.write_text(text, encoding="utf-8")
    return load_scenario(path, changes)


def test_a_file_may_state_income_and_owners_and_a_change_goes_over_it(tmp_path: Path) -> None:
    stated = scenario(tmp_path).settings["world"]
    assert stated["income"]["allowance"] == 300
    assert stated["cores"] == {"owners": {"agent_0": 4}}
    assert stated["interest_rate_per_turn"] == "0.0"
    changed = scenario(tmp_path, FILE, "income.allowance=800").config.income
    assert changed is not None
    assert changed.allowance == 800


def test_problems_of_all_tables_are_named_by_their_keys(tmp_path: Path) -> None:
    text = """
    [world]
    num_cores = 0
    income = 3
    [income]
    allowance = -1
    period = "week"
    [cores.owners]
    nobody = 1
    """
    with pytest.raises(ScenarioError) as caught:
        scenario(tmp_path, text)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "world.income",
        "income.period",
        "world.num_cores",
        "income.allowance",
        "cores.owners",
    ]


def test_a_run_with_income_adds_up_and_says_what_it_refused(tmp_path: Path) -> None:
    with_income = scenario(tmp_path)
    run = play_run(with_income, 1)
    assert sum(supply_changes(run).values()) == run.series.token_supply[-1]
    found = all_metrics(run)
    assert found.keys() >= INCOME_METRICS.keys()
    assert found["allowances"] == 8 * 300 * 3
    assert (found["units_denied"] or 0) > 0
    assert any("refused is lost" in doubt for doubt in doubts(with_income, [run]))


def test_what_is_staked_as_a_period_closes_is_reported_as_sheltered(tmp_path: Path) -> None:
    rule = 'when_empty = "debt"\ncarryover_max = 0'
    text = FILE.replace('when_empty = "stop"', rule).replace('"idle"', '"published"')
    run = play_run(scenario(tmp_path, text, "genesis_tokens_per_agent=5000"), 1)
    staked = [agent for agent, held in enumerate(run.series.staked[3]) if held]
    assert staked
    assert run.income
    assert all(run.income.sheltered[agent] > 0 for agent in staked)


def test_a_world_without_income_has_none_of_its_metrics() -> None:
    run = play_run(load_scenario("as-run", {"turns": 2}), 1)
    assert not all_metrics(run).keys() & INCOME_METRICS.keys()


DATED: Final = """
policy = "idle"
runs = 1
[usage]
source = "trace"
path = "log.csv"
turn_length = "1d"
timezone = "Europe/Berlin"
[world]
agent_ids = "from usage"
commons_threshold_per_turn = 0
genesis_tokens_per_agent = 0
[income]
allowance = 100
period = "month"
when_empty = "stop"
[[income.top_ups]]
date = 2026-03-31
agent = "b_triage"
tokens = 40
"""
"""Five days over the end of a month, of which the first period has three."""

USED: Final = (
    ("2026-03-29T10:00:00Z", "a", 90),
    ("2026-03-29T10:00:00Z", "b", 130),
    ("2026-03-31T10:00:00Z", "a", 30),
    ("2026-03-31T10:00:00Z", "b", 20),
    ("2026-03-31T22:30:00Z", "a", 7),
    ("2026-04-02T10:00:00Z", "b", 5),
)


@pytest.fixture
def dated(tmp_path: Path) -> Path:
    rows = [log_row(time, "triage", team=team, output=tokens) for time, team, tokens in USED]
    csv_log(tmp_path / "log.csv", rows)
    return tmp_path


def test_months_and_dates_of_a_log_become_turns(dated: Path) -> None:
    stated = scenario(dated, DATED).settings["world"]["income"]
    assert stated["period_starts"] == [1, 4]
    assert stated["top_ups"] == [{"turn": 3, "agent": "b_triage", "tokens": 40}]


def test_allowances_come_with_the_months_of_a_log(dated: Path) -> None:
    run = play_run(scenario(dated, DATED), 1)
    # The one of team b is 30 below zero, then given 40; both are as good as new on 1 April, and
    # a call of 31 March at half past ten UTC is one of 1 April in Berlin.
    assert run.series.balances == [[10, -30], [10, -30], [-20, -10], [73, 90], [73, 85]]
    assert run.income
    assert run.income.first_denied == [None, None]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("income.period=year", "income.period: must be one of day, week, month"),
        ("income.period=3", "income.period: must be one of day, week, month"),
        ("income.period_turns=7", "income.period: set it or the turns of periods, not both"),
        ("income.period=day", "income.when_empty: stop needs periods of at least two turns"),
        ("usage.turn_length=1mo", "income.when_empty: stop needs periods of at least two turns"),
        (
            'income.top_ups=[{date = "2026-05-01", agent = "b_triage", tokens = 1}]',
            "income.top_ups[0].date: must be in a turn; turn 1 is 29 March 2026, the last one 2",
        ),
        (
            'income.top_ups=[{date = "soon", agent = "b_triage", tokens = 1}]',
            "income.top_ups[0].date: must be a date or time such as 2026-03-01",
        ),
        (
            'income.top_ups=[{date = "2026-04-01", turn = 1, agent = "b_triage", tokens = 1}]',
            "income.top_ups[0]: set turn or date, not both",
        ),
    ],
)
def test_what_dates_cannot_say_is_refused(dated: Path, change: str, problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario(dated, DATED, change)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(problem)


def test_a_period_shorter_than_a_turn_is_refused(dated: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario(dated, DATED, "usage.turn_length=1w", "income.period=day")
    assert caught.value.problems == ["income.period: a day is shorter than a turn of 1w"]


def test_periods_and_dates_need_turns_with_dates(tmp_path: Path) -> None:
    top_up = 'income.top_ups=[{date = "2026-03-31", agent = "agent_0", tokens = 1}]'
    with pytest.raises(ScenarioError) as caught:
        scenario(tmp_path, FILE.replace("period_turns = 4", 'period = "month"'), top_up)
    assert caught.value.problems == [
        "income.period: a month needs turns with dates; set usage.turn_length, or period_turns",
        "income.top_ups[0].date: needs turns with dates; set usage.turn_length, or turn",
    ]


def test_of_a_log_that_cannot_be_read_nothing_more_is_said(dated: Path) -> None:
    (dated / "log.csv").unlink()
    with pytest.raises(ScenarioError) as caught:
        scenario(dated, DATED)
    assert caught.value.problems == [f"usage.path: there is no file {dated / 'log.csv'}"]
