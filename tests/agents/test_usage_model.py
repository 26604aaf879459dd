"""Where usage comes from: the published draws and named distributions."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from decimal import ROUND_UP, Decimal, localcontext
from itertools import islice
from math import exp, log
from pathlib import Path
from typing import Any, Final

import pytest
from scipy import stats

from sim_economy.agents.usage_model import (
    DistributedUsage,
    Exponential,
    PublishedUsage,
    UsageSource,
    parse_usage,
)
from sim_economy.core.errors import ScenarioError
from sim_economy.core.rules_version import RulesVersion
from sim_economy.core.table_reader import NumberText
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.usage.unit_weights import Usage

HERE: Final = Path()
NOTHING: Final = {"distribution": "constant", "value": 0}
UNIFORM: Final = {"distribution": "uniform", "low": 40, "high": 280}
EXPONENTIAL: Final = {"distribution": "exponential", "mean": 200}
LOGNORMAL: Final = {"distribution": "lognormal", "median": 180, "sigma": NumberText("0.6")}


def drawn(source: UsageSource, turns: int, seed: int = 7, agents: int = 8) -> list[list[Usage]]:
    config = parse_world_config({"seed": seed, "num_agents": agents})
    return list(islice(source.turns(config), turns))


def distributed(thinking: dict[str, Any], output: dict[str, Any] | None = None) -> UsageSource:
    output = output or NOTHING
    given = {"source": "distribution", "thinking": thinking, "output": output}
    return parse_usage(given, HERE)


def sample(thinking: dict[str, Any]) -> list[int]:
    """10,000 draws."""
    return [units for turn in drawn(distributed(thinking), 1250) for units, _ in turn]


@pytest.mark.parametrize("run", [1, 2, 24])
def test_the_published_usage_is_the_sequence_of_pythons_generator_seeded_1000_and_run(
    run: int,
) -> None:
    generator = random.Random(1000 + run)
    expected = []
    for _ in range(60):
        turn = []
        for _ in range(8):
            thinking = generator.randint(50, 350)
            turn.append((thinking, generator.randint(40, 280)))
        expected.append(turn)
    assert drawn(PublishedUsage(), 60, seed=1000 + run) == expected


def test_the_published_usage_starts_anew_for_each_reader_and_lasts_for_ever() -> None:
    source = PublishedUsage()
    assert drawn(source, 3) == drawn(source, 5)[:3]
    assert source.problems(WorldConfig(), 10**6) == []


def test_a_constant_is_constant() -> None:
    usage = distributed({"distribution": "constant", "value": 12}, {**NOTHING, "value": 3})
    assert drawn(usage, 2, agents=3) == [[(12, 3)] * 3] * 2


def test_a_uniform_distribution_gives_every_value_from_low_to_high_alike() -> None:
    found = Counter(sample(UNIFORM))
    assert {*found} == {*range(40, 281)}
    assert stats.chisquare([found[value] for value in range(40, 281)]).pvalue > 0.001


def test_a_uniform_distribution_of_one_value_gives_it() -> None:
    assert {*sample({"distribution": "uniform", "low": 9, "high": 9})} == {9}


def test_an_exponential_distribution_has_its_mean_and_median() -> None:
    found = sample(EXPONENTIAL)
    assert statistics.mean(found) == pytest.approx(199.5, rel=0.04)  # rounded down: minus a half
    assert statistics.median(found) == pytest.approx(200 * log(2), rel=0.04)
    assert stats.kstest(found, stats.expon(scale=200).cdf).pvalue > 0.001


def test_a_lognormal_distribution_has_its_median_mean_and_spread() -> None:
    found = sample(LOGNORMAL)
    assert statistics.median(found) == pytest.approx(179.5, rel=0.03)
    assert statistics.mean(found) == pytest.approx(180 * exp(0.18), rel=0.03)
    logarithms = [log(units) for units in found]
    assert statistics.stdev(logarithms) == pytest.approx(0.6, rel=0.03)
    assert stats.kstest(found, stats.lognorm(0.6, scale=180).cdf).pvalue > 0.001


def test_a_lognormal_distribution_without_spread_is_its_median() -> None:
    assert {*sample({"distribution": "lognormal", "median": 50, "sigma": 0})} == {50}


@pytest.mark.parametrize(
    "thinking",
    [
        {"distribution": "exponential", "mean": INPUT_LIMIT},
        {"distribution": "lognormal", "median": INPUT_LIMIT, "sigma": 10},
    ],
)
def test_no_draw_is_below_zero_or_beyond_the_largest_input(thinking: dict[str, Any]) -> None:
    found = sample(thinking)
    assert min(found) >= 0
    assert max(found) == INPUT_LIMIT


@pytest.mark.parametrize("thinking", [UNIFORM, EXPONENTIAL, LOGNORMAL])
def test_the_same_seed_gives_the_same_draws_and_another_seed_others(
    thinking: dict[str, Any],
) -> None:
    source = distributed(thinking, thinking)
    assert drawn(source, 5) == drawn(source, 5)
    assert drawn(source, 5) != drawn(source, 5, seed=8)


@pytest.mark.parametrize("thinking", [UNIFORM, EXPONENTIAL, LOGNORMAL])
def test_an_agents_draws_do_not_depend_on_how_many_agents_there_are(
    thinking: dict[str, Any],
) -> None:
    few, many = (drawn(distributed(thinking, UNIFORM), 4, agents=agents) for agents in (3, 8))
    assert few == [turn[:3] for turn in many]


@pytest.mark.parametrize("thinking", [UNIFORM, EXPONENTIAL, LOGNORMAL])
def test_thinking_and_output_are_drawn_apart(thinking: dict[str, Any]) -> None:
    alone = [used[0] for turn in drawn(distributed(thinking), 5) for used in turn]
    both = [used for turn in drawn(distributed(thinking, thinking), 5) for used in turn]
    assert [first for first, _ in both] == alone
    assert [second for _, second in both] != alone


@pytest.mark.parametrize("thinking", [UNIFORM, EXPONENTIAL, LOGNORMAL])
def test_draws_do_not_depend_on_the_callers_decimal_context(thinking: dict[str, Any]) -> None:
    expected = drawn(distributed(thinking), 5)
    with localcontext() as context:
        context.prec = 3
        context.rounding = ROUND_UP
        assert drawn(distributed(thinking), 5) == expected


@pytest.mark.parametrize(
    ("thinking", "version", "first"),
    [
        (UNIFORM, RulesVersion.V2, [252, 62, 119, 50, 221, 202, 230, 96]),
        (EXPONENTIAL, RulesVersion.V2, [24, 475, 221, 632, 56, 79, 47, 290]),
        (LOGNORMAL, RulesVersion.V2, [148, 27, 199, 165, 91, 472, 247, 143]),
        (UNIFORM, RulesVersion.V3, [203, 213, 227, 60, 157, 94, 164, 243]),
        (EXPONENTIAL, RulesVersion.V3, [226, 254, 302, 18, 133, 51, 146, 371]),
        (LOGNORMAL, RulesVersion.V3, [237, 255, 285, 79, 176, 115, 185, 329]),
    ],
)
def test_the_draws_are_the_same_on_every_machine(
    thinking: dict[str, Any], version: RulesVersion, first: list[int]
) -> None:
    config = parse_world_config({"seed": 7}).under_rules(version)
    turn = next(iter(distributed(thinking).turns(config)))
    assert [units for units, _ in turn] == first


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({}, ["usage.source: must be one of published, trace, distribution"]),
        ({"source": "dice"}, ["usage.source: must be one of published, trace, distribution"]),
        ({"source": ["trace"]}, ["usage.source: must be one of published, trace, distribution"]),
        ({"source": "published", "path": "x"}, ["usage.path: unknown key"]),
        (
            {"source": "trace", "paht": "x"},
            ["usage.paht: unknown key; did you mean path?", "usage.path: is missing"],
        ),
        (
            {"source": "distribution"},
            ["usage.thinking: is missing", "usage.output: is missing"],
        ),
        (
            {"source": "trace", "path": "x", "repeat": "yes"},
            ["usage.repeat: must be true or false"],
        ),
    ],
)
def test_a_usage_table_that_makes_no_sense_is_refused_with_every_problem(
    given: dict[str, Any], problems: list[str]
) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_usage(given, HERE)
    assert caught.value.problems == problems


NO_INTEGER: Final = f"must be an integer from 0 to {INPUT_LIMIT}"
NO_NUMBER: Final = f"must be a number from 0 to {INPUT_LIMIT}"


@pytest.mark.parametrize(
    ("thinking", "problem"),
    [
        (5, ": must be a table"),
        (
            {"distribution": "zipf", "value": 1},
            ".distribution: must be one of constant, uniform, exponential, lognormal",
        ),
        ({"distribution": "uniform", "low": 1}, ".high: is missing"),
        ({**UNIFORM, "mean": 1}, ".mean: unknown key"),
        ({**NOTHING, "value": True}, f".value: {NO_INTEGER}"),
        ({**NOTHING, "value": "5"}, f".value: {NO_INTEGER}"),
        ({**NOTHING, "value": -1}, f".value: {NO_INTEGER}"),
        ({**NOTHING, "value": NumberText("1.5")}, f".value: {NO_INTEGER}"),
        ({**NOTHING, "value": INPUT_LIMIT + 1}, f".value: {NO_INTEGER}"),
        ({**EXPONENTIAL, "mean": NumberText("-0.1")}, f".mean: {NO_NUMBER}"),
        ({**EXPONENTIAL, "mean": NumberText("inf")}, f".mean: {NO_NUMBER}"),
        ({**UNIFORM, "low": 281}, ": low must not be above high"),
        ({**LOGNORMAL, "sigma": NumberText("10.1")}, ".sigma: must be a number from 0 to 10"),
        pytest.param({**EXPONENTIAL, "mean": NumberText("nan")}, f".mean: {NO_NUMBER}"),
    ],
)
def test_a_distribution_that_makes_no_sense_is_refused(thinking: Any, problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        distributed(thinking)
    assert caught.value.problems == [f"usage.thinking{problem}"]


def test_the_problems_of_both_distributions_are_found_at_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        distributed({**NOTHING, "value": -1}, {**UNIFORM, "low": 281})
    assert len(caught.value.problems) == 2


def test_arguments_are_kept_as_they_were_written() -> None:
    source = distributed({"distribution": "exponential", "mean": NumberText("0.1")})
    assert isinstance(source, DistributedUsage)
    assert source.thinking == Exponential(Decimal("0.1"))
    assert source.problems(WorldConfig(), 10**6) == []
    assert drawn(source, 1, agents=WorldConfig().num_agents)
