"""Scenarios of a log: turns with dates, units, names, what is said of them, and their files."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from sim_economy.core.errors import ScenarioError
from sim_economy.experiments.experiment import run_experiment
from sim_economy.orchestrator.price_weights import price_weights
from sim_economy.scenarios.scenario import Scenario, load_scenario
from sim_economy.scenarios.usage_scenario import usage_scenario
from sim_economy.usage.civil_time import resolve_periods
from sim_economy.usage.usage_form import KINDS
from tests.cli.shell import complaint, sim_economy
from tests.usage.logs import csv_log, log_row

ROWS: Final = (
    log_row("2026-03-28T10:00:00Z", "triage", team="a", model="dear", input=10, output=3),
    log_row("2026-03-28T11:00:00Z", "triage", team="b", model="cheap", output=5),
    log_row("2026-03-30T10:00:00Z", "schöne agentin", model="cheap", thinking=7),
    log_row("2026-03-30T10:00:00Z", "schöne agentin", model="cheap", thinking=1),
)
TEXT: Final = """
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
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    csv_log(tmp_path / "log.csv", ROWS)
    path = tmp_path / "month.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def problems(file: Path, changes: dict[str, Any]) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(file, changes)
    return caught.value.problems


def used(scenario: Scenario) -> list[list[tuple[int, int]]]:
    return list(scenario.usage.turns(scenario.config))


def test_a_log_gives_turns_agents_and_dates(file: Path) -> None:
    scenario = load_scenario(file)
    assert scenario.config.agent_ids == ("a_triage", "b_triage", "sch_ne_agentin")
    assert used(scenario) == [[(0, 3), (0, 5), (0, 0)], [(0, 0)] * 3, [(0, 0), (0, 0), (8, 0)]]
    assert scenario.turns == 3
    assert [scenario.turn_name(turn) for turn in (1, 3)] == ["28 March 2026", "30 March 2026"]
    assert resolve_periods("week", scenario.calendar, scenario.turns) == [1, 3]
    assert scenario.agent_names == {
        "a_triage": "a/triage",
        "b_triage": "b/triage",
        "sch_ne_agentin": "schöne agentin",
    }
    assert scenario.agent_teams == {"a_triage": "a", "b_triage": "b"}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_what_an_import_writes_is_played_under_the_logs_own_names(form: str, file: Path) -> None:
    raw, rows = file.parent / "raw.csv", file.parent / f"rows.{form}"
    text = "".join(f"2026-03-28T10:00:00Z,{name},m,0,7\n" for name in ("=a", "'b"))
    raw.write_text(f"time,agent,model,input,output\n{text}", encoding="utf-8")
    assert sim_economy("usage", raw, "--out", rows).returncode == 0
    scenario = load_scenario(file, [f"usage.path={rows.name}"])
    assert [*scenario.agent_names.values()] == ["'b", "=a"]
    assert used(scenario) == [[(0, 7), (0, 7)]]


def test_settings_keep_the_names_and_the_start(file: Path) -> None:
    settings = load_scenario(file).settings
    assert settings["agent_names"]["a_triage"] == "a/triage"
    assert settings["usage"]["start"] == "2026-03-28"


def test_settings_are_the_same_for_the_same_units(file: Path) -> None:
    digests = {
        load_scenario(file, changes).settings["usage"]["digest"]
        for changes in ({}, {"usage.units": {"output": 1}}, {"usage.start": "2026-03-28"})
    }
    assert len(digests) == 1


@pytest.mark.parametrize("start", ["2026-03-29", date(2026, 3, 29)])
def test_a_start_leaves_rows_out_and_says_so(file: Path, start: Any) -> None:
    scenario = load_scenario(file, {"usage.start": start, "turns": 2})
    assert used(scenario) == [[(0, 0)], [(8, 0)]]
    assert f"of the 4 rows of {file.parent / 'log.csv'}, 2 before turn 1 are left out" in (
        scenario.usage_warnings
    )


def test_rows_after_the_last_turn_are_left_out_and_said(file: Path) -> None:
    said = load_scenario(file, {"turns": 1}).usage_warnings
    assert any("2 after turn 1 are left out" in warning for warning in said)


def test_gaps_and_tokens_of_weight_0_are_said(file: Path) -> None:
    gaps, unweighted = load_scenario(file).usage_warnings
    assert "has no row for 6 of 9 agent-turns; they count as no usage" in gaps
    assert unweighted.endswith("is left out: 10 input")


def test_losses_are_warned_of_where_they_are_large_and_stated_where_not(file: Path) -> None:
    large = load_scenario(file, {"usage.units": {"input": 1, "per": 4}})
    loss = "leaves out 0.5 of the 6.5 units"
    assert any(loss in said for said in large.usage_warnings)
    assert any(loss in said for said in large.usage_facts)
    exact = load_scenario(file, {"usage.units": {"input": 1}})
    assert not any("leaves out" in said for said in [*exact.usage_warnings, *exact.usage_facts])


def test_what_another_turn_length_may_cost_is_stated_where_anything_is_rounded(file: Path) -> None:
    bound = "for each agent-turn with use, at most 12 tokens here"
    assert any(bound in said for said in load_scenario(file).usage_facts)
    whole = load_scenario(file, {"thinking_layer_discount": 1})
    assert not any("at most" in said for said in whole.usage_facts)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"usage.turn_length": "2d"}, "usage.turn_length: must be 1d, 1w, 1mo, or"),
        ({"usage.timezone": "Europe/Berln"}, "usage.timezone: must be a time zone such as"),
        ({"usage.start": "soon"}, "usage.start: must be a date or time such as 2026-03-01"),
        ({"usage.turn_length": None}, "usage.timezone: needs usage.turn_length"),
        ({"usage.units": {"m": {"output": 1}}}, "usage.units: no weights for cheap, dear of"),
        ({"turns": 4}, "usage.path: the trace ends with turn 3 and the run has 4"),
        ({"num_agents": 2}, "world.agent_ids: 3 names for num_agents = 2"),
        ({"usage": {"source": "published"}}, 'world.agent_ids: "from usage" needs a trace'),
    ],
)
def test_what_is_wrong_is_named(file: Path, changes: dict[str, Any], problem: str) -> None:
    assert problems(file, changes)[0].startswith(problem)


def test_a_world_may_name_the_agents_by_the_ids_that_the_log_gives(file: Path) -> None:
    named = ["sch_ne_agentin", "b_triage", "a_triage", "nobody"]
    assert used(load_scenario(file, {"agent_ids": named}))[0] == [(0, 0), (0, 5), (0, 3), (0, 0)]
    (problem,) = problems(file, {"agent_ids": named[:2]})
    assert 'or agent_ids = "from usage"' in problem


def test_an_experiment_keeps_the_version_of_the_time_zone_data(file: Path, tmp_path: Path) -> None:
    run_experiment(load_scenario(file), tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["time_zone_data"].startswith("20")
    environment = (tmp_path / "out" / "environment.txt").read_text()
    assert f"time zone data {manifest['time_zone_data']}\n" in environment


# Prices


LISTED: Final = """
{"cheap": {"input_cost_per_token": 1.25e-07, "output_cost_per_token": 1e-06},
 "dear": {"input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
          "cache_read_input_token_cost": 3e-07, "cache_creation_input_token_cost": 3.75e-06,
          "cache_creation_input_token_cost_above_1hr": 6e-06,
          "output_cost_per_token_batches": 7.5e-06, "output_cost_per_reasoning_token": 2e-05}}
"""
TABLE: Final = """
currency = "EUR"
[cheap]
input = 0.125
output = 1
[dear]
input = 3
output = 15
cached_input = 0.3
cache_write = 3.75
"""


def weights(tmp_path: Path, name: str, text: str, model: str) -> list[float]:
    (tmp_path / name).write_text(text)
    own = price_weights(tmp_path / name, [model]).by_model[model]
    return [getattr(own, kind) / 10**6 for kind in KINDS]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("cheap", [0.125, 0.125, 0.125, 1, 1]),
        ("dear", [3, 0.3, 3.75, 20, 15]),
        ("vendor/dear", [3, 0.3, 3.75, 20, 15]),
        ("dear+1h", [3, 0.3, 6, 20, 15]),
        ("dear+batch", [3, 0.3, 3.75, 7.5, 7.5]),
    ],
)
def test_a_weight_is_the_price_of_a_million_tokens(
    tmp_path: Path, model: str, expected: list[float]
) -> None:
    assert weights(tmp_path, "list.json", LISTED, model) == expected


def test_prices_of_our_own_are_read_too(tmp_path: Path) -> None:
    assert weights(tmp_path, "prices.toml", TABLE, "dear") == [3, 0.3, 3.75, 15, 15]
    assert price_weights(tmp_path / "prices.toml", []).currency == "EUR"


@pytest.mark.parametrize("model", ["other", "cheap+1h", "cheap+batch", "dear+unknown", ""])
def test_a_model_without_a_price_is_an_error(tmp_path: Path, model: str) -> None:
    with pytest.raises(ScenarioError, match="has no price for"):
        weights(tmp_path, "list.json", LISTED, model)


@pytest.mark.parametrize(
    "text", ["[]", "{", '{"m": {"input_cost_per_token": "1", "output_cost_per_token": 1}}', "NaN"]
)
def test_a_file_that_is_no_list_of_prices_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ScenarioError, match="prices: "):
        weights(tmp_path, "list.json", text, "m")


def test_a_scenario_of_prices_charges_what_they_say(file: Path) -> None:
    folder = file.parent
    prices = folder / "list.json"
    prices.write_text(LISTED)
    text = usage_scenario(
        folder / "log.csv",
        folder,
        name="month",
        weights=lambda models: price_weights(prices, models),
    )
    file.write_text(text)
    scenario = load_scenario(file)
    assert used(scenario)[0][:2] == [(0, 3 * 10 + 15 * 3), (0, 5)]
    assert scenario.config.thinking_layer_discount == 10**6
    assert scenario.config.commons_threshold_per_turn == 0
    assert scenario.usage_log is not None
    assert scenario.usage_log.table.currency == "USD"
    assert scenario.settings["usage"]["path"] == "log.csv"


def test_a_dear_log_gets_the_least_per_that_fits(file: Path) -> None:
    folder = file.parent
    (folder / "list.json").write_text(LISTED)
    csv_log(folder / "log.csv", [log_row("2026-03-28T10:00:00Z", model="dear", output=10**9)])
    file.write_text(
        usage_scenario(
            folder / "log.csv",
            folder,
            name="month",
            weights=lambda models: price_weights(folder / "list.json", models),
        )
    )
    assert load_scenario(file).usage_log.table.per == 7  # type: ignore[union-attr]


# The command


def test_init_writes_a_scenario_of_a_log_that_plays(tmp_path: Path) -> None:
    csv_log(tmp_path / "log.csv", ROWS)
    (tmp_path / "list.json").write_text(LISTED)
    made = ["init", "month.toml", "--usage", "log.csv", "--prices", "list.json"]
    assert sim_economy(*made, "--timezone", "Europe/Berlin", cwd=tmp_path).returncode == 0
    played = sim_economy("run", "month.toml", "--json", cwd=tmp_path)
    balances = json.loads(played.stdout)["balances"]
    assert balances == {
        "a_triage": 10**8 - 75,
        "b_triage": 10**8 - 5,
        "sch_ne_agentin": 10**8 - 8,
    }
    assert "warning: log.csv has no row for 6 of 9 agent-turns" in played.stderr


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--prices", "list.json"], "--prices needs --usage"),
        (["--usage", "log.csv", "--turn-length", "2d"], "must be 1d, 1w, 1mo, or minutes"),
        (["--usage", "log.csv", "--timezone", "Mars"], "must be a time zone"),
        (["--usage", "nowhere.csv"], "there is no file nowhere.csv"),
        (["--usage", "log.csv", "--prices", "nowhere.json"], "nowhere.json cannot be read"),
    ],
)
def test_init_says_what_is_wrong_and_writes_nothing(
    tmp_path: Path, options: list[str], problem: str
) -> None:
    csv_log(tmp_path / "log.csv", ROWS)
    assert problem in complaint(sim_economy("init", "month.toml", *options, cwd=tmp_path))
    assert not (tmp_path / "month.toml").exists()
