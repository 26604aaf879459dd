from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable

import pytest
import scipy.stats

from sim_economy.statistics.intervals import (
    UNKNOWN,
    Interval,
    bootstrap_interval,
    median_interval,
    normal_halfwidth,
    student_interval,
)

VALUES = [24753.0, 24690.0, 24382.0, 25268.0, 24946.0]


def test_the_published_halfwidth_is_196_hundredths_of_a_standard_error() -> None:
    assert normal_halfwidth([1, 2, 3]) == 1.96 * (1 / math.sqrt(3))


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_students_interval_is_the_one_of_scipy(confidence: float) -> None:
    error = scipy.stats.sem(VALUES)
    mean = statistics.mean(VALUES)
    expected = scipy.stats.t.interval(confidence, len(VALUES) - 1, loc=mean, scale=error)
    assert student_interval(VALUES, confidence) == pytest.approx(expected)


def test_the_interval_of_one_value_is_unknown() -> None:
    assert normal_halfwidth([3.0]) is None
    assert student_interval([3.0]) == UNKNOWN
    assert bootstrap_interval([3.0], seed=1) == UNKNOWN


def test_several_equal_values_have_a_point() -> None:
    assert student_interval([3.0, 3.0]) == Interval(3.0, 3.0)
    assert bootstrap_interval([3, 3], seed=1) == Interval(3.0, 3.0)


def test_the_bootstrap_is_unknown_where_even_the_range_covers_less_than_it_says() -> None:
    assert bootstrap_interval(VALUES, seed=1) == UNKNOWN
    assert bootstrap_interval(VALUES, seed=1, confidence=0.9) != UNKNOWN
    assert bootstrap_interval([*VALUES, 24500.0], seed=1) != UNKNOWN


def test_the_interval_of_a_median_covers_as_much_as_it_says() -> None:
    assert median_interval([1, 2, 3, 4, 5]) == UNKNOWN
    assert median_interval([6, 1, 2, 3, 4, 5]) == Interval(1, 6)
    assert median_interval([*range(1, 11)]) == Interval(2, 9)
    assert median_interval([1] * 5 + [math.inf] * 5) == Interval(1, math.inf)
    # The least rank whose coverage is enough, by the binomial distribution.
    for n in range(6, 60):
        low, high = median_interval([float(value) for value in range(n)])
        assert low is not None
        assert high == n - 1 - low
        outside = scipy.stats.binom.cdf(low, n, 0.5)
        assert outside <= 0.025 < scipy.stats.binom.cdf(low + 1, n, 0.5)


def test_the_bootstrap_of_values_too_close_to_tell_apart_is_unknown() -> None:
    assert bootstrap_interval([1e-300] * 5 + [2e-300], seed=1) == UNKNOWN


def test_the_bootstrap_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    draws = [random.Random(3).gauss(0, 1) for _ in range(40)]
    draws = [value + index / 7 for index, value in enumerate(draws)]
    assert bootstrap_interval(draws, 1) == bootstrap_interval(draws, 1)
    assert bootstrap_interval(draws, 1) != bootstrap_interval(draws, 2)


def test_the_bootstrap_interval_holds_the_mean_and_comes_near_the_normal_one() -> None:
    generator = random.Random(5)
    draws = [generator.gauss(100, 15) for _ in range(200)]
    low, high = bootstrap_interval(draws, 1)
    mean, half = statistics.mean(draws), normal_halfwidth(draws)
    assert low is not None
    assert high is not None
    assert low < mean < high
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)


def coverage(interval: Callable[[list[float]], Interval], size: int, samples: int) -> float:
    """The share of samples of a standard normal whose interval holds 0."""
    generator = random.Random(size)
    held = 0
    for _ in range(samples):
        low, high = interval([generator.gauss(0, 1) for _ in range(size)])
        assert low is not None
        assert high is not None
        held += low <= 0 <= high
    return held / samples


def few_resamples(values: list[float]) -> Interval:
    return bootstrap_interval(values, 1, resamples=1999)


def test_the_bootstrap_covers_what_it_says_for_few_values() -> None:
    assert coverage(few_resamples, 12, 500) > 0.925


@pytest.mark.nightly
@pytest.mark.parametrize("size", [8, 12, 24])
@pytest.mark.parametrize("interval", [student_interval, few_resamples])
def test_intervals_cover_what_they_say(
    interval: Callable[[list[float]], Interval], size: int
) -> None:
    assert 0.93 < coverage(interval, size, 4000) < 0.965
