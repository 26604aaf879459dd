"""Usage under rules version 3: one draw an agent and turn, each half read off a table."""

from __future__ import annotations

import statistics
from collections import Counter
from decimal import ROUND_UP, Decimal, localcontext
from itertools import islice, pairwise
from math import log
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim_economy.agents import quantiles
from sim_economy.agents.usage_model import parse_usage
from sim_economy.core.randomness import draw, seed_key
from sim_economy.core.rules_version import RulesVersion
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.usage.unit_weights import Usage

UNIFORM = {"distribution": "uniform", "low": 40, "high": 280}
EXPONENTIAL = {"distribution": "exponential", "mean": 200}
LOGNORMAL = {"distribution": "lognormal", "median": 180, "sigma": Decimal("0.6")}
HALF = st.integers(0, 2**32 - 1)


def drawn(
    thinking: dict[str, Any], output: dict[str, Any], turns: int, agents: int = 8, seed: int = 7
) -> list[list[Usage]]:
    config = parse_world_config(
        {"num_agents": agents, "seed": seed}, WorldConfig(rules_version=RulesVersion.V3)
    )
    usage = {"source": "distribution", "thinking": thinking, "output": output}
    return list(islice(parse_usage(usage, Path()).turns(config), turns))


def test_one_draw_gives_thinking_from_its_upper_half_and_output_from_its_lower() -> None:
    turns = drawn(UNIFORM, {**UNIFORM, "low": 0, "high": 99}, 5, seed=1001)
    for turn, used in enumerate(turns, 1):
        for agent, (thinking, output) in enumerate(used):
            number = draw(seed_key(1001), turn, "usage", agent)
            assert thinking == 40 + (number >> 32) * 241 // 2**32
            assert output == (number % 2**32) * 100 // 2**32


@pytest.mark.parametrize(
    ("thinking", "cdf"),
    [
        (EXPONENTIAL, stats.expon(scale=200).cdf),
        (LOGNORMAL, stats.lognorm(0.6, scale=180).cdf),
        (UNIFORM, stats.uniform(40, 241).cdf),
    ],
)
def test_draws_follow_their_distribution_in_both_halves(thinking: dict[str, Any], cdf: Any) -> None:
    used = [pair for turn in drawn(thinking, thinking, 1000) for pair in turn]
    for half in zip(*used, strict=True):
        assert stats.kstest([units + 0.5 for units in half], cdf).pvalue > 0.001
    assert abs(statistics.correlation(*zip(*used, strict=True))) < 0.04


@pytest.mark.parametrize(
    ("table", "exact"),
    [
        (quantiles.exponential(Decimal(10**6)), stats.expon(scale=10**6).ppf),
        (quantiles.lognormal(Decimal(10**6), Decimal("0.6")), stats.lognorm(0.6, scale=10**6).ppf),
    ],
)
def test_a_table_holds_the_quantiles_rounded_down(table: tuple[int, ...], exact: Any) -> None:
    assert len(table) == quantiles.SIZE
    expected = exact([(index + 0.5) / quantiles.SIZE for index in range(quantiles.SIZE)])
    assert all(0 <= found - units < 1.001 for units, found in zip(table, expected, strict=True))
    assert all(one <= other for one, other in pairwise(table))


@given(HALF, HALF)
def test_more_chance_never_means_fewer_units(one: int, other: int) -> None:
    table = quantiles.exponential(Decimal(200))
    less, more = sorted((one, other))
    assert quantiles.quantile(table, less) <= quantiles.quantile(table, more)


def test_between_two_quantiles_lies_a_straight_line_and_beyond_the_ends_nothing() -> None:
    table = [index * 1000 for index in range(quantiles.SIZE)]
    half = 1 << 31
    first = half // quantiles.SIZE
    assert quantiles.quantile(table, 0) == quantiles.quantile(table, first) == 0
    assert quantiles.quantile(table, first + 2**16 // 2) == 500
    assert quantiles.quantile(table, half) == 32767_500
    assert quantiles.quantile(table, 2**32 - 1) == table[-1]
    assert quantiles.quantile(table, 2**32 - 1 - first) == pytest.approx(table[-1], abs=1)


@pytest.mark.parametrize(
    ("thinking", "first"),
    [
        (UNIFORM, [203, 212, 213, 45, 227, 160]),
        (EXPONENTIAL, [226, 252, 254, 4, 302, 139]),
        (LOGNORMAL, [237, 253, 255, 54, 285, 180]),
    ],
)
def test_the_draws_are_the_same_on_every_machine(
    thinking: dict[str, Any], first: list[int]
) -> None:
    ((*used,),) = drawn(thinking, thinking, 1)
    assert [units for pair in used for units in pair][: len(first)] == first


def test_tables_do_not_depend_on_the_callers_decimal_context() -> None:
    expected = quantiles.exponential(Decimal(31)), quantiles.lognormal(Decimal(31), Decimal(1))
    for cached in (quantiles.exponential, quantiles.lognormal, quantiles._logarithms):
        cached.cache_clear()
    with localcontext() as context:
        context.prec = 3
        context.rounding = ROUND_UP
        found = quantiles.exponential(Decimal(31)), quantiles.lognormal(Decimal(31), Decimal(1))
    assert found == expected


def test_no_table_passes_the_largest_input() -> None:
    wild = quantiles.lognormal(Decimal(INPUT_LIMIT), Decimal(10))
    assert (min(wild), max(wild)) == (0, INPUT_LIMIT)
    assert Counter(wild)[INPUT_LIMIT] == quantiles.SIZE // 2
    assert quantiles.exponential(Decimal(1))[-1] == int(17 * log(2))
