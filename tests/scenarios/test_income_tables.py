"""The tables `[income]` and `[cores]` of a scenario file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from sim_economy.agents.usage_model import PublishedUsage
from sim_economy.core.errors import ScenarioError
from sim_economy.runs.extended_metrics import INCOME_METRICS, all_metrics, doubts, supply_changes
from sim_economy.runs.policy_loop import play_run
from sim_economy.scenarios.dated_income import dated_income
from sim_economy.scenarios.scenario import Scenario, load_scenario

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


class DailyUsage(PublishedUsage, frozen=True):
    """Published draws whose turns are days from a Saturday on."""

    def period_starts(self, period: str, turns: int) -> Sequence[int]:
        if period != "week":
            raise ScenarioError([f"{period} is not one of the periods"])
        return [1, *range(3, turns + 1, 7)]

    def turn_of(self, date: str) -> int:
        return int(date.rpartition("-")[2])


def resolved(**given: Any) -> tuple[Any, list[str]]:
    problems: list[str] = []
    return dated_income(given, DailyUsage(), 20, problems), problems


def test_periods_and_dates_become_turns() -> None:
    top_up = {"date": "2026-03-09", "agent": "agent_0", "tokens": 5}
    table, problems = resolved(allowance=5, period="week", top_ups=[top_up])
    assert problems == []
    assert table == {
        "allowance": 5,
        "period_starts": [1, 3, 10, 17],
        "top_ups": [{"turn": 9, "agent": "agent_0", "tokens": 5}],
    }


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"period": "year"}, "income.period: year is not one of the periods"),
        ({"period": "week", "period_turns": 7}, "income.period: set it or the turns of periods"),
        ({"top_ups": [{"date": "2026-03-09", "turn": 1}]}, "income.top_ups[0]: set turn or date"),
    ],
)
def test_what_dates_cannot_say_is_refused(given: dict[str, Any], problem: str) -> None:
    _, problems = resolved(**given)
    assert len(problems) == 1
    assert problems[0].startswith(problem)
