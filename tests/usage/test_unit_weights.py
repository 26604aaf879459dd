"""Units from tokens by kind and model."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import read_toml
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.usage.counted_usage import CountedUsage, Counts, LoggedAgent
from sim_economy.usage.unit_weights import UnitTable, billed_units, least_per, parse_units
from sim_economy.usage.usage_form import KINDS

ANN: Final = LoggedAgent("ann", "")


def units_of(toml: str) -> UnitTable:
    problems: list[str] = []
    table = parse_units(read_toml(toml), problems)
    assert problems == []
    return table


def problems_of(toml: str) -> list[str]:
    problems: list[str] = []
    parse_units(read_toml(toml), problems)
    return problems


def used(**models: Counts) -> CountedUsage:
    return CountedUsage(path="log.csv", counts={1: {ANN: models}}, rows_by_turn={1: len(models)})


def test_without_weights_units_are_tokens_of_thinking_and_output() -> None:
    assert billed_units(used(m=(1, 2, 3, 4, 5)), units_of("")).units == {1: {ANN: (4, 5)}}


def test_input_kinds_and_output_are_one_sum_and_thinking_another() -> None:
    table = units_of("input = 1\ncache_read = 10\ncache_write = 100\nthinking = 2\noutput = 1000")
    assert billed_units(used(m=(1, 2, 3, 4, 5)), table).units == {1: {ANN: (8, 5321)}}


def test_a_model_has_its_own_weights_else_those_of_the_longest_prefix_else_the_default() -> None:
    table = units_of(
        """
        ["gpt-5-mini"]
        output = 2
        ["gpt-*"]
        output = 3
        ["gpt-5*"]
        output = 4
        [default]
        output = 5
        """
    )
    wanted = {"gpt-5-mini": 2, "gpt-5-mini+batch": 4, "gpt-4": 3, "claude": 5, "": 5}
    for model, weight in wanted.items():
        assert billed_units(used(**{model: (0, 0, 0, 0, 1)}), table).units[1][ANN] == (0, weight)


def test_a_model_without_weights_is_an_error_that_names_it() -> None:
    with pytest.raises(ScenarioError, match="no weights for claude, rows without a model of log"):
        billed_units(
            used(claude=(0, 0, 0, 0, 1), **{"": (0, 0, 0, 0, 1)}), units_of("['gpt*']\noutput=1")
        )


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("input = -1", "usage.units.input: must be from 0 to 1000000"),
        ("output = 1.0000001", "usage.units.output: must have at most 6 decimal places"),
        ("per = 0", "usage.units.per: must be an integer from 1"),
        ("per = 1.5", "usage.units.per: must be an integer from 1"),
        ("inptu = 1", "usage.units.inptu: unknown key"),
        ("output = 1\n[default]\ninput = 1", "usage.units: output: write them into [usage.units.d"),
        ("['m*']\nthoughts = 1", "usage.units.m*.thoughts: unknown key"),
    ],
)
def test_wrong_weights_are_named(toml: str, problem: str) -> None:
    (found,) = problems_of(toml)
    assert found.startswith(problem)


COUNTS: Final = st.tuples(*[st.integers(0, 10**7)] * 5)
WEIGHTS: Final = st.fixed_dictionaries({kind: st.integers(0, 5 * 10**6) for kind in KINDS})


@settings(deadline=None)
@given(st.lists(COUNTS, min_size=1, max_size=4), WEIGHTS, st.integers(10, 1000))
def test_sums_are_exact_and_rounded_down_once(
    models: list[Any], weights: dict[str, int], per: int
) -> None:
    lines = [f"{kind} = {weight / 10**6:.6f}" for kind, weight in weights.items()]
    counted = used(**{f"m{index}": counts for index, counts in enumerate(models)})
    billed = billed_units(counted, units_of("\n".join([*lines, f"per = {per}"])))
    exact = [Fraction(weights[kind], 10**6 * per) for kind in KINDS]
    parts = [[sum(own[at] for own in models) * exact[at]] for at in range(5)]
    thinking, other = sum(parts[3]), sum(parts[0] + parts[1] + parts[2] + parts[4])
    assert billed.units == {1: {ANN: (thinking // 1, other // 1)}}
    assert Fraction(billed.sums.exact, billed.sums.scale) == thinking + other
    assert Fraction(billed.sums.lost, billed.sums.scale) == thinking % 1 + other % 1


@settings(deadline=None)
@given(st.integers(INPUT_LIMIT, 10**15))
def test_the_least_per_that_fits_is_named_and_fits(tokens: int) -> None:
    counted = used(m=(0, 0, 0, 0, tokens))
    least = least_per(counted, units_of(""))
    assert billed_units(counted, units_of(f"per = {least}")).units[1][ANN][1] <= INPUT_LIMIT
    if least > 1:
        with pytest.raises(
            ScenarioError, match=f"the least that fits is usage.units.per = {least}"
        ):
            billed_units(counted, units_of(f"per = {least - 1}"))


def test_input_of_weight_0_is_counted_by_kind() -> None:
    table = units_of("[default]\ncache_read = 1\n[m]\ninput = 1\ncache_read = 1")
    billed = billed_units(used(m=(1, 2, 3, 0, 0), n=(4, 5, 6, 0, 0)), table)
    assert billed.sums.unweighted == {"input": 4, "cache_write": 9}


@pytest.mark.parametrize(
    ("tokens", "least"), [(INPUT_LIMIT, 1), (INPUT_LIMIT + 1, 2), (2 * INPUT_LIMIT + 2, 3)]
)
def test_an_input_carries_exactly_so_many_units(tokens: int, least: int) -> None:
    assert least_per(used(m=(0, 0, 0, 0, tokens)), units_of("")) == least
