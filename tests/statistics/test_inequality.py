from __future__ import annotations

import random
from itertools import pairwise

import pytest

from sim_economy.statistics.inequality import (
    gini,
    gini_absolute,
    gini_normalised,
    hhi,
    lorenz,
    shifted,
    top_share,
    wealth_shift,
)

HAND = [
    ([5, 5, 5, 5], 0.0),
    ([0, 0, 0, 4], 0.75),
    ([1, 2, 3, 4], 0.25),
    ([1, 3], 0.25),
    ([7], 0.0),
    ([0, 0], 0.0),
]


@pytest.mark.parametrize(("values", "expected"), HAND)
def test_the_gini_coefficient_is_the_one_worked_out_by_hand(
    values: list[float], expected: float
) -> None:
    assert gini(values) == pytest.approx(expected)


def test_the_gini_coefficient_takes_signed_values_as_they_are() -> None:
    assert gini([-1, 3]) == pytest.approx(1.0)
    assert gini([-3, 1]) == pytest.approx(-1.0)
    assert gini([-2, 2]) == 0.0


@pytest.mark.parametrize(
    ("values", "shift"), [([1, 2], 0), ([0, 2], 1), ([-5, 2], 6), ([0.5, 1], 0)]
)
def test_the_shift_makes_the_least_value_one_only_where_it_is_not_positive(
    values: list[float], shift: float
) -> None:
    assert wealth_shift(values) == shift
    assert min(shifted(values)) == (1 if shift else min(values))


def test_the_top_share_is_zero_where_the_sum_is_not_positive() -> None:
    assert top_share([1, 3]) == 0.75
    assert top_share([-3, 1]) == 0.0
    assert top_share([-1, 1]) == 0.0


def test_the_normalised_gini_is_the_gini_times_n_over_n_minus_one_without_debts() -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    assert gini_normalised(values) == pytest.approx(gini(values) * 4 / 3)
    assert gini_normalised([0, 0, 0, 4]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-2, 2], 1.0),
        ([-4, 0, 4], 1.0),
        ([-1, -1], 0.0),
        ([-1, 1, 3], 0.8),
        ([0, 0], 0.0),
        ([3], 0.0),
    ],
)
def test_the_normalised_gini_with_debts_is_the_one_worked_out_by_hand(
    values: list[float], expected: float
) -> None:
    assert gini_normalised(values) == pytest.approx(expected)


def test_the_normalised_gini_stays_between_zero_and_one_and_keeps_its_size_under_scaling() -> None:
    draw = random.Random(1)
    for _ in range(500):
        values = [draw.uniform(-100, 100) for _ in range(draw.randint(2, 12))]
        found = gini_normalised(values)
        assert 0 <= found <= 1 + 1e-12
        assert gini_normalised([7 * value for value in values]) == pytest.approx(found)
        assert gini_normalised([-value for value in values]) == pytest.approx(found)


def test_the_normalised_gini_reaches_one_where_all_gain_and_all_debt_are_two_agents() -> None:
    assert gini_normalised([-6, 0, 0, 0, 10]) == pytest.approx(1.0)


def test_the_absolute_gini_is_half_the_mean_difference_and_ignores_a_shift() -> None:
    assert gini_absolute([1, 3]) == pytest.approx(0.5)
    assert gini_absolute([-1, 1]) == pytest.approx(0.5)
    values = [-180.0, -90.0, 20.0, 400.0]
    pairs = [abs(x - y) for x in values for y in values]
    assert gini_absolute(values) == pytest.approx(sum(pairs) / len(pairs) / 2)
    assert gini_absolute([value + 1000 for value in values]) == pytest.approx(gini_absolute(values))
    assert gini_absolute([1, 2, 3, 4]) == pytest.approx(gini([1, 2, 3, 4]) * 2.5)


@pytest.mark.parametrize(
    ("counts", "expected"), [([1, 1, 1, 1], 0.25), ([4, 0], 1.0), ([3, 1], 0.625), ([0, 0], 0.0)]
)
def test_the_concentration_of_shares_is_the_sum_of_their_squares(
    counts: list[int], expected: float
) -> None:
    assert hhi(counts) == expected


def test_a_lorenz_curve_starts_at_nothing_and_its_area_gives_the_gini() -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    agent_indices, shares = lorenz(values)
    assert (agent_indices[0], shares[0], agent_indices[-1], shares[-1]) == (0, 0, 1, 1)
    assert shares[1:] == pytest.approx([0.1, 0.3, 0.6, 1.0])
    area = sum((low + high) / 2 / 4 for low, high in pairwise(shares))
    assert 1 - 2 * area == pytest.approx(gini(values))
