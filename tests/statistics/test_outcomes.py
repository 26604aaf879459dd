"""Outcomes of agents: depth below a line, the worst, kinds of actions; by hand and by property."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim_economy.statistics.diversity import hill_number
from sim_economy.statistics.expected_shortfall import expected_shortfall
from sim_economy.statistics.inequality import gini_normalised, kolm_pollak_equivalent
from sim_economy.statistics.poverty_indices import PovertyIndices, poverty_indices


def test_poverty_indices_worked_out_by_hand() -> None:
    # -4 and -2 of five values: 2/5 below, depth (4 + 2)/5, squared (16 + 4)/5.
    assert poverty_indices([10, -4, 0, -2, 3]) == PovertyIndices(0.4, 1.2, 4.0)
    assert poverty_indices([10, -4, 0, -2, 3], line=3) == PovertyIndices(0.6, 3.0, 16.6)
    assert poverty_indices([0, 0]) == PovertyIndices(0, 0, 0)


def test_a_transfer_among_those_below_moves_the_squared_depth_alone() -> None:
    before, after = poverty_indices([-2, -2, 9]), poverty_indices([-1, -3, 9])
    assert (before.share, before.depth) == (after.share, after.depth)
    assert before.squared_depth < after.squared_depth


def test_poverty_indices_of_groups_add_up_to_those_of_all() -> None:
    chance = np.random.default_rng(1)
    one, other = chance.normal(0, 100, 30).tolist(), chance.normal(-50, 10, 70).tolist()
    together = poverty_indices([*one, *other])
    parts = [0.3 * a + 0.7 * b for a, b in zip(*map(poverty_indices, (one, other)), strict=True)]
    assert together == pytest.approx(parts)


def test_the_expected_shortfall_is_the_mean_of_the_worst_share() -> None:
    values = [*range(100)]
    assert expected_shortfall(values) == 2.0
    assert expected_shortfall([-value for value in values]) == -97.0
    assert expected_shortfall(values, share=1) == 49.5


def test_the_last_of_the_worst_counts_in_part() -> None:
    # 5 % of 30 values are one and a half.
    values = [-10.0, -4.0, *[5.0] * 28]
    assert expected_shortfall(values) == pytest.approx((-10 - 0.5 * 4) / 1.5)
    assert expected_shortfall([-10.0, 5.0]) == -10


def test_the_expected_shortfall_never_lies_above_the_mean_and_never_breaks_diversification() -> (
    None
):
    chance = np.random.default_rng(2)
    for _ in range(200):
        one, other = (chance.normal(0, 5, 33) for _ in range(2))
        assert expected_shortfall(one.tolist()) <= one.mean()
        apart = expected_shortfall(one.tolist()) + expected_shortfall(other.tolist())
        assert expected_shortfall((one + other).tolist()) >= apart - 1e-9


@pytest.mark.parametrize("share", [0, -0.1, 1.1, math.nan])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        expected_shortfall([1.0], share)


def test_the_normalised_gini_of_signed_values_is_the_published_one() -> None:
    assert gini_normalised([-7, -15, 11, -10, 2, 4, 40]) == pytest.approx(436 / 534, rel=1e-15)


def test_the_equally_distributed_equivalent_worked_out_by_hand() -> None:
    aversion = math.log(2)
    # The mean of 2^-0, 2^-1 and 2^1 is 7/6.
    assert kolm_pollak_equivalent([0, 1, -1], aversion) == pytest.approx(-math.log2(7 / 6))
    assert kolm_pollak_equivalent([3, 3, 3], 0.7) == pytest.approx(3)
    assert kolm_pollak_equivalent([1, 2, 6], 0) == 3


def test_the_equally_distributed_equivalent_lies_between_the_least_value_and_the_mean() -> None:
    values = [-180.0, -90.0, 20.0, 400.0]
    ladder = [kolm_pollak_equivalent(values, aversion) for aversion in (0, 1e-4, 1e-2, 1, 1e3)]
    assert ladder == sorted(ladder, reverse=True)
    assert ladder[0] == 37.5
    assert min(values) <= ladder[-1] < min(values) + 0.01


def test_the_equally_distributed_equivalent_moves_with_all_values() -> None:
    values = [-180.0, -90.0, 20.0, 400.0]
    moved = kolm_pollak_equivalent([value + 1000 for value in values], 0.01)
    assert moved == pytest.approx(kolm_pollak_equivalent(values, 0.01) + 1000)


def test_hill_numbers_worked_out_by_hand() -> None:
    counts = [4, 2, 1, 1]
    assert hill_number(counts, 0) == 4
    assert hill_number(counts, 1) == pytest.approx(math.exp(1.75 * math.log(2)))
    assert hill_number(counts, 2) == pytest.approx(64 / 22)
    assert hill_number(counts, math.inf) == pytest.approx(2)


@pytest.mark.parametrize("order", [0, 0.5, 1, 2, 7, math.inf])
def test_equally_frequent_kinds_count_in_full_and_absent_ones_not_at_all(order: float) -> None:
    assert hill_number([3, 3, 3, 3, 3], order) == pytest.approx(5)
    assert hill_number([3, 0, 3, 0], order) == pytest.approx(2)
    assert hill_number([0, 0], order) == 0


def test_hill_numbers_fall_with_the_order_and_are_continuous_at_one() -> None:
    counts = [50, 20, 20, 5, 1]
    numbers = [hill_number(counts, order) for order in (0, 0.5, 1, 2, 5, math.inf)]
    assert numbers == sorted(numbers, reverse=True)
    assert hill_number(counts, 1 + 1e-7) == pytest.approx(hill_number(counts, 1), rel=1e-6)


def test_what_cannot_be_estimated_is_refused() -> None:
    for function in (poverty_indices, expected_shortfall):
        with pytest.raises(ValueError, match="give at least one"):
            function([])
    with pytest.raises(ValueError, match="not negative"):
        kolm_pollak_equivalent([1.0], -1)
    with pytest.raises(ValueError, match="negative"):
        hill_number([1, -1], 1)
