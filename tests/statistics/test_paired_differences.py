"""Pairs: two intervals, sign flips by hand and by count, equivalence as statsmodels has it."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.weightstats import ttost_paired

from sim_economy.statistics.equivalence import paired_equivalence
from sim_economy.statistics.intervals import (
    UNKNOWN,
    Interval,
    bootstrap_interval,
    student_interval,
)
from sim_economy.statistics.paired_differences import (
    FLIPS,
    paired_estimate,
    sign_flip_p_value,
)

PAIRS = [3.0, -1.0, 4.5, 2.0, 7.0, 0.5, -2.5, 6.0, 1.0, 3.5]


def counted(differences: list[float]) -> float:
    """The share of all sign patterns whose sum is at least as far from zero."""
    sums = [
        abs(sum(sign * value for sign, value in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return sum(each >= abs(sum(differences)) - 1e-9 for each in sums) / len(sums)


def test_an_estimate_has_the_mean_both_intervals_and_a_test() -> None:
    found = paired_estimate(PAIRS, seed=1)
    assert (found.pairs, found.mean) == (10, 2.4)
    assert found.student == student_interval(PAIRS)
    assert found.bca == bootstrap_interval(PAIRS, 1)
    assert found.p_value == sign_flip_p_value(PAIRS, seed=1)
    assert not found.is_certain


@pytest.mark.parametrize("pairs", [2, 3, 7, 10, 12])
def test_flips_of_few_pairs_are_all_gone_through(pairs: int) -> None:
    chance = np.random.default_rng(pairs)
    differences = np.round(chance.normal(0.4, 1, pairs), 1).tolist()
    assert sign_flip_p_value(differences, seed=1) == pytest.approx(counted(differences))
    assert sign_flip_p_value(differences, seed=2) == sign_flip_p_value(differences, seed=1)


@pytest.mark.parametrize("pairs", [5, 12, 13, 40])
def test_flips_give_what_those_of_scipy_give(pairs: int) -> None:
    differences = np.random.default_rng(pairs).normal(0.3, 1, pairs)
    expected = scipy.stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=2**16, rng=1
    )
    found = sign_flip_p_value(differences.tolist(), seed=1)
    assert found == pytest.approx(expected.pvalue, abs=1e-9 if pairs <= 12 else 0.02)


def test_flips_worked_out_by_hand() -> None:
    # Of 3, 1, 1 the eight sums are 5, 3, 3, 1 and their negatives.
    assert sign_flip_p_value([3, 1, 1], seed=1) == pytest.approx(2 / 8)
    assert sign_flip_p_value([3, 1, -1], seed=1) == pytest.approx(6 / 8)
    assert sign_flip_p_value([1, 0], seed=1) == 1


def test_flips_of_many_pairs_are_drawn_from_the_seed_and_never_give_zero() -> None:
    chance = np.random.default_rng(3)
    differences = chance.normal(0.3, 1, 30).tolist()
    first, again, other = (sign_flip_p_value(differences, seed) for seed in (1, 1, 2))
    assert first == again != other
    student = float(scipy.stats.ttest_1samp(differences, 0).pvalue)
    assert first == pytest.approx(student, abs=0.03)
    apart = [100.0 + value for value in differences]
    assert sign_flip_p_value(apart, seed=1) == 1 / (FLIPS + 1)


def test_a_test_does_not_change_with_the_unit_or_the_sign() -> None:
    plain = sign_flip_p_value(PAIRS, seed=1)
    assert sign_flip_p_value([-1e6 * value for value in PAIRS], seed=1) == plain


def test_pairs_that_all_differ_alike_are_certain_and_leave_nothing_to_test() -> None:
    found = paired_estimate([-5.0] * 24, seed=1)
    assert found.is_certain
    assert (found.mean, found.student, found.bca) == (-5, Interval(-5, -5), Interval(-5, -5))
    assert found.p_value is None


def test_a_single_pair_says_nothing_of_chance() -> None:
    found = paired_estimate([4.0], seed=1)
    assert (found.mean, found.student, found.bca) == (4, UNKNOWN, UNKNOWN)
    assert found.p_value is None
    assert not found.is_certain
    assert not paired_equivalence([0.0], 1).is_equivalent


def test_whole_numbers_of_an_array_have_the_mean_of_floats() -> None:
    found = paired_estimate(np.array([1, 2, 2, 2]), seed=1)  # type: ignore[arg-type]
    assert found.mean == 1.75


@pytest.mark.parametrize("differences", [[], [1.0, math.nan], [1.0, math.inf]])
def test_what_is_no_number_is_refused_with_a_way_on(differences: list[float]) -> None:
    for function in (paired_estimate, sign_flip_p_value, paired_equivalence):
        with pytest.raises(ValueError, match=r"give at least one|leave out"):
            function(differences, 1)


@pytest.mark.parametrize("effect", [1.0, 2.0, 3.0, 4.5, 20.0])
def test_equivalence_is_the_one_of_statsmodels(effect: float) -> None:
    found = paired_equivalence(PAIRS, effect)
    expected, *_ = ttost_paired(np.array(PAIRS), np.zeros(len(PAIRS)), -effect, effect)
    assert found.p_value == pytest.approx(expected)
    assert found.is_equivalent is bool(expected < 0.05)
    assert found.interval == student_interval(PAIRS, 0.9)


@pytest.mark.parametrize("effect", [0.5, 1.0, 2.0, 3.0, 4.0, 4.2, 4.3, 5.0])
def test_means_are_equivalent_where_the_90_percent_interval_lies_within_the_effect(
    effect: float,
) -> None:
    for sign in (1, -1):
        found = paired_equivalence([sign * value for value in PAIRS], effect)
        low, high = found.interval
        assert low is not None
        assert high is not None
        assert found.is_equivalent is (-effect < low and high < effect)


def test_a_certain_difference_is_equivalent_if_it_is_smaller_than_the_effect() -> None:
    assert paired_equivalence([0.0] * 5, 1).is_equivalent
    assert paired_equivalence([-0.9] * 5, 1).is_equivalent
    assert not paired_equivalence([1.0] * 5, 1).is_equivalent
    assert paired_equivalence([0.0] * 5, 1).p_value is None


@pytest.mark.parametrize("effect", [0.0, -1.0, math.inf, math.nan])
def test_an_effect_that_is_not_above_zero_is_refused(effect: float) -> None:
    with pytest.raises(ValueError, match="give a number above zero"):
        paired_equivalence(PAIRS, effect)
