from __future__ import annotations

import statistics

import pytest

from sim_economy.statistics.descriptive import (
    coefficient_of_variation,
    correlation,
    interquartile_range,
)

FIRST = [1.0, 4.0, 2.0, 8.0, 5.0]
SECOND = [-3.0, 1.0, 0.5, -9.0, 2.0]


def test_the_coefficient_of_variation_is_positive_below_zero_too() -> None:
    assert coefficient_of_variation([1, 3]) == pytest.approx(2**0.5 / 2)
    assert coefficient_of_variation([-1, -3]) == pytest.approx(2**0.5 / 2)


@pytest.mark.parametrize("values", [[4], [-1, 1]])
def test_the_coefficient_of_variation_needs_two_values_and_a_mean(values: list[float]) -> None:
    assert coefficient_of_variation(values) is None


def test_the_interquartile_range_is_interpolated_and_zero_for_one_value() -> None:
    assert interquartile_range(FIRST) == 5 - 2
    assert interquartile_range([0, 10]) == 7.5 - 2.5
    assert interquartile_range([7]) == 0


def test_the_correlation_is_the_one_of_the_standard_library() -> None:
    assert correlation(FIRST, SECOND) == pytest.approx(statistics.correlation(FIRST, SECOND))
    assert correlation(FIRST, [-value for value in FIRST]) == pytest.approx(-1)


def test_what_does_not_vary_correlates_with_nothing() -> None:
    assert correlation([1, 1], [1, 2]) is None
    assert correlation([1], [2]) is None
