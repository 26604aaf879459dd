"""Grants that would have sufficed, and the chances of next month."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from msgspec.structs import replace
from scipy.stats import binom

from sim_economy.core.income_config import IncomeConfig
from sim_economy.core.world_config import WorldConfig
from sim_economy.statistics.intervals import wilson_interval
from sim_economy.tariffs.column_billing import asked_usage, billed_columns
from sim_economy.tariffs.outlook import Periods, sufficient_grants, whole_days
from sim_economy.tariffs.tariff import Tariff
from sim_economy.tariffs.tariff_run import TariffRun
from sim_economy.usage.unit_weights import UnitTable
from tests.whatif.logs import compared
from tests.whatif.test_column_billing import Units, by_the_engine, worlds


def run_of(units: Units, config: WorldConfig) -> TariffRun:
    columns = np.array(units, dtype=np.int64).reshape(len(units), config.num_agents, 2)
    thinking, output = columns[:, :, 0], columns[:, :, 1]
    asked = asked_usage(thinking, output, config)
    return TariffRun(
        tariff=Tariff(name="A", units=UnitTable()),
        thinking=thinking,
        output=output,
        config=config,
        asked=asked,
        bills=billed_columns(asked, config),
        warnings=[],
        facts=[],
    )


def is_dry_under(run: TariffRun, grants: list[int]) -> list[bool]:
    """Whether each agent runs dry on its own grant, said with the rules of the engine."""
    found = []
    for agent, grant in enumerate(grants):
        name = run.config.agent_ids[agent]
        income = replace(
            run.config.income or IncomeConfig(period_starts=(1,)),
            allowance=grant,
            allowances=(),
            top_ups=(),
        )
        alone = replace(
            run.config,
            num_agents=1,
            agent_ids=(name,),
            income=income,
            genesis_tokens_per_agent=0,
            interest_rate_per_turn=0,
        )
        units = [
            [(int(run.thinking[turn, agent]), int(run.output[turn, agent]))]
            for turn in range(len(run.thinking))
        ]
        played = by_the_engine(units, alone)
        lowest = min(row[0] for row in played["balances"])
        found.append(lowest < 0 or any(row[0] for row in played["denied"]))
    return found


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_the_grant_that_suffices_is_minimal_in_the_engine_too(
    world: tuple[Units, WorldConfig],
) -> None:
    units, config = world
    run = run_of(units, config)
    turns = len(units)
    found = sufficient_grants(run, Periods(1, turns, 1, 0))
    assert found is not None
    fit = [grant < 2**31 for grant in found]
    ends = is_dry_under(run, [min(grant, 2**31 - 1) for grant in found])
    assert not any(dry for dry, fits in zip(ends, fit, strict=True) if fits)
    less = is_dry_under(run, [max(0, min(grant, 2**31) - 1) for grant in found])
    assert all(dry for dry, grant, fits in zip(less, found, fit, strict=True) if grant and fits)


USE = {(day, "red/ann"): 10 for day in range(1, 32)} | {(1, "blue/cat"): 7}


@pytest.mark.parametrize(
    ("table", "options", "granted", "partial"),
    [
        ('period = "month"', {}, 310, 0),
        ('period = "week"', {}, 70, 2),
        ('period = "day"', {}, 10, 0),
        ('period = "month"', {"end": "2026-03-30"}, None, 1),
        ('period = "month"', {"start": "2026-02-28"}, 310, 1),
        ("period_turns = 10", {}, 100, 1),
    ],
)
def test_partial_periods_are_left_out_and_said(
    tmp_path: Path, table: str, options: dict[str, Any], granted: int | None, partial: int
) -> None:
    found = compared(tmp_path, USE, [""], f"allowance = 1000\n{table}\n", **options)
    (played,) = found.played
    assert played.row_of("agent", "ann").sufficient_allowance == granted
    assert played.periods.partial == partial
    assert any("partial periods of" in warning for warning in found.warnings) == bool(partial)


def test_without_allowances_the_whole_log_is_one_period(tmp_path: Path) -> None:
    found = compared(tmp_path, USE)
    assert found.played[0].row_of("team", "red").sufficient_allowance == 310
    assert found.played[0].row_of("all").sufficient_allowance == 317


def test_what_is_held_at_the_start_and_topped_up_counts_for_nothing(tmp_path: Path) -> None:
    allowances = (
        "genesis_tokens_per_agent = 100\n"
        '[[top_ups]]\ndate = 2026-03-11\nagent = "ann"\ntokens = 50\n'
    )
    found = compared(tmp_path, USE, [""], allowances)
    ann = found.played[0].row_of("agent", "ann")
    assert ann.first_dry_date == "2026-03-16"
    assert ann.sufficient_allowance == 310


def test_what_a_month_certainly_holds_or_lacks_has_its_chance(tmp_path: Path) -> None:
    allowances = 'period = "month"\n[teams]\nred = 299\nblue = 300\n'
    (played,) = compared(tmp_path, USE, [""], allowances).played
    by_team = {own.team: own for own in played.chances or []}
    assert by_team["red"].share == 1
    assert by_team[""].share == 1
    assert 0 <= by_team["blue"].low <= by_team["blue"].share <= by_team["blue"].high < 0.1


def test_the_chance_is_that_of_drawn_days(tmp_path: Path) -> None:
    # Four days of 31 cost 100 each; it takes six of them in 30 to go beyond 500.
    use = {(day, "ann"): 100 if day % 10 == 1 else 0 for day in range(1, 32)}
    allowances = 'allowance = 500\nperiod = "month"\n'
    (played,) = compared(tmp_path, use, [""], allowances).played
    (ann, _) = played.chances or []
    assert ann.low < binom.sf(5, 30, 4 / 31) < ann.high
    assert ann == (compared(tmp_path, use, [""], allowances).played[0].chances or [])[0]


def test_few_days_or_long_turns_give_no_chances(tmp_path: Path) -> None:
    allowances = 'allowance = 500\nperiod = "month"\n'
    assert (
        compared(tmp_path, {(1, "a"): 1, (6, "a"): 1}, [""], allowances).played[0].chances is None
    )
    weekly = compared(tmp_path, USE, [""], allowances, turn_length="1w")
    assert weekly.played[0].chances is None


def test_days_that_the_log_has_in_part_are_not_drawn(tmp_path: Path) -> None:
    use = {(day, "ann"): 1 for day in range(1, 10)}
    hourly = compared(tmp_path, use, [""], 'allowance = 9\nperiod = "day"\n', turn_length="1h")

    days = whole_days(hourly.log)
    assert days is not None
    assert len(days) == 7
    assert days[0] == (16, 39)


def test_the_interval_of_a_share_is_wilsons() -> None:
    low, high = wilson_interval(10, 100)
    assert low == pytest.approx(0.05523, abs=1e-5)
    assert high == pytest.approx(0.17437, abs=1e-5)


def test_ten_percent_less_is_worked_out_from_the_units(tmp_path: Path) -> None:
    (played,) = compared(tmp_path, {(1, "ann"): 105, (2, "ann"): 9}).played
    assert played.less.fees_total == 94 + 8
