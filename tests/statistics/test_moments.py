"""Moments of many groups are those of each group by itself."""

from __future__ import annotations

import statistics
from fractions import Fraction

import numpy as np
import pytest

from sim_economy.statistics.moments import real_moments, whole_moments


@pytest.mark.parametrize("scale", [1, 10**6, 2**40, 2**61])
def test_moments_of_whole_numbers_are_exact(scale: int) -> None:
    values = np.array([[3, -1, 2, 7], [5, 5, 5, 5], [-4, 1, 0, 9], [1, 2, 3, 4]], np.int64) * scale
    values = np.minimum(values, 2**62)
    counted = np.array([[True] * 4, [True] * 4, [True, False, True, False], [False] * 4])
    found = whole_moments(values, counted)
    groups = [
        [int(value) for value, counts in zip(row, which, strict=True) if counts]
        for row, which in zip(values, counted, strict=True)
    ]
    assert found.counts == [4, 4, 2, 0]
    assert found.sums == [sum(group) for group in groups]
    assert found.squares == [sum(value * value for value in group) for group in groups]
    means = [float(Fraction(sum(group), len(group))) if group else None for group in groups]
    assert found.means == means
    spread = [
        float(statistics.variance([Fraction(value) for value in group])) if len(group) > 1 else None
        for group in groups
    ]
    assert found.variances == spread


def test_a_group_of_one_has_a_mean_and_no_variance() -> None:
    found = whole_moments(np.array([[7]]), np.array([[True]]))
    assert (found.means, found.variances) == ([7.0], [None])
    real = real_moments(np.array([[0.5]]), np.array([[True]]))
    assert (real.means, real.variances, real.sums) == ([0.5], [None], None)


def test_moments_of_reals_are_rounded_once() -> None:
    values = np.array([[0.1] * 10, [float(index) for index in range(10)]])
    counted = np.ones(values.shape, bool)
    counted[1, 9] = False
    found = real_moments(values, counted)
    assert found.counts == [10, 9]
    assert found.means == [0.1, 4.0]
    assert found.variances[0] == 0.0
    assert found.variances[1] == statistics.variance(range(9))
