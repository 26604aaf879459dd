"""Intervals cover what the table says, and samples find their row of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pytest
from scipy.special import stdtrit
from scipy.stats import bootstrap

from sim_economy.statistics.coverage import (
    COVERAGE_MIN,
    COVERAGES,
    Coverage,
    nearest_coverage,
    sample_coverage,
)
from sim_economy.statistics.intervals import Interval, bootstrap_interval, student_interval
from sim_economy.statistics.l_moments import LMomentRatios, l_moment_ratios
from tests.statistics.sampled import DISTRIBUTIONS, SIZES, drawn, errors_of

Intervals = Callable[[list[float], int], Interval]


def student(values: list[float], seed: int) -> Interval:
    return student_interval(values)


def bca(values: list[float], seed: int) -> Interval:
    return bootstrap_interval(values, seed, resamples=1999)


def covered(interval: Intervals, row: Coverage, samples: int) -> float:
    """The share of samples of a kind whose interval holds the true mean."""
    mean, held = DISTRIBUTIONS[row.distribution].mean, 0
    for seed, values in enumerate(drawn(row.distribution, (samples, row.values), 1).tolist()):
        low, high = interval(values, seed)
        assert low is not None
        assert high is not None
        held += low <= mean <= high
    return held / samples


def test_the_table_has_each_kind_of_sample_once() -> None:
    kinds = [(row.distribution, row.values) for row in COVERAGES]
    assert kinds == [(name, size) for name in DISTRIBUTIONS for size in SIZES]


FEW: Final = [row for row in COVERAGES if row.values == 12]


def named(row: Coverage) -> str:
    return f"{row.distribution}-{row.values}"


@pytest.mark.parametrize("row", FEW, ids=named)
def test_a_few_samples_are_covered_as_the_table_says(row: Coverage) -> None:
    assert covered(student, row, 1000) == pytest.approx(
        row.student, abs=3 * errors_of(row.student, 1000)
    )
    assert covered(bca, row, 300) == pytest.approx(row.bca, abs=3 * errors_of(row.bca, 300))


@pytest.mark.nightly
@pytest.mark.parametrize("row", COVERAGES, ids=named)
def test_samples_are_covered_as_the_table_says(row: Coverage) -> None:
    for interval, share in ((student, row.student), (bca, row.bca)):
        allowed = 3 * errors_of(share, 4_000, 20_000) + 0.0005  # the table is rounded
        assert covered(interval, row, 4_000) == pytest.approx(share, abs=allowed)


# What the statistics of studies were specified with, in percent: t at 12, 24 and 100 values, then
# BCa at the level that it says, without widening. Each is taken as measured on 1,000 samples, by
# which t on normal values, in truth 95 for any number, is off by less than three errors.

SPECIFIED: Final[dict[str, tuple[Sequence[float], Sequence[float]]]] = {
    "normal": ((96.3, 95.2, 94.2), (91.6, 92.4, 93.8)),
    "lognormal": ((84.6, 89.3, 91.2), (84.2, 89.5, 92.1)),
    "bimodal": ((75.7, 91.0, 94.1), ()),
}


def plain_bca(distribution: str, size: int, samples: int, at_once: int = 50) -> float:
    """The share that scipy's BCa covers."""
    mean, held = DISTRIBUTIONS[distribution].mean, 0
    values = drawn(distribution, (samples, size), 2)
    for start in range(0, samples, at_once):
        low, high = bootstrap(
            (values[start : start + at_once],),
            np.mean,
            axis=1,
            n_resamples=1999,
            batch=200,
            rng=start,
        ).confidence_interval
        held += int(np.count_nonzero((low <= mean) & (mean <= high)))
    return held / samples


@pytest.mark.nightly
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_coverage_is_the_specified_one(distribution: str, size: int) -> None:
    of_student, of_bca = SPECIFIED[distribution]
    index = SIZES.index(size)
    values = drawn(distribution, (100_000, size), 3)
    error = values.std(axis=1, ddof=1) / math.sqrt(size)
    away = np.abs(values.mean(axis=1) - DISTRIBUTIONS[distribution].mean)
    share = float(np.mean(away <= stdtrit(size - 1, 0.975) * error))
    stated = of_student[index] / 100
    assert share == pytest.approx(stated, abs=3 * errors_of(stated, 1000, 100_000))
    if of_bca:
        stated = of_bca[index] / 100
        found = plain_bca(distribution, size, 2000)
        assert found == pytest.approx(stated, abs=3 * errors_of(stated, 1000, 2000))


@pytest.mark.parametrize("row", COVERAGES, ids=named)
def test_the_shape_of_a_row_is_the_median_of_its_samples(row: Coverage) -> None:
    shapes = [
        l_moment_ratios(values)
        for values in drawn(row.distribution, (1500, row.values), 4).tolist()
    ]
    assert None not in shapes
    skewness = np.median([abs(shape.skewness) for shape in shapes if shape])
    kurtosis = np.median([shape.kurtosis for shape in shapes if shape])
    assert (skewness, kurtosis) == pytest.approx(row.shape, abs=0.025)


@pytest.mark.parametrize("row", COVERAGES, ids=named)
def test_a_row_is_the_nearest_to_itself_and_to_its_mirror(row: Coverage) -> None:
    assert nearest_coverage(row.values, row.shape) == row
    mirrored = LMomentRatios(-row.shape.skewness, row.shape.kurtosis)
    assert nearest_coverage(row.values, mirrored) == row


@pytest.mark.parametrize(
    ("count", "nearest"), [(4, 12), (16, 12), (17, 24), (48, 24), (49, 100), (10**6, 100)]
)
def test_the_nearest_number_of_values_is_so_in_ratio(count: int, nearest: int) -> None:
    assert nearest_coverage(count, LMomentRatios(0, 0.12)).values == nearest


def kinds_found(distribution: str, size: int) -> dict[str, float]:
    found = [sample_coverage(values) for values in drawn(distribution, (500, size), 5).tolist()]
    names = [row.distribution for row in found if row]
    return {name: names.count(name) / 500 for name in DISTRIBUTIONS}


def test_samples_find_their_kind_the_better_the_more_values_they_have() -> None:
    for size, least in ((12, 0.85), (24, 0.95), (100, 0.99)):
        assert kinds_found("normal", size)["normal"] > least
    for distribution, shares in {
        "lognormal": (0.3, 0.5, 0.6),
        "bimodal": (0.5, 0.6, 0.7),
    }.items():
        for size, least in zip(SIZES, shares, strict=True):
            assert kinds_found(distribution, size)[distribution] > least


def test_samples_of_skewed_values_are_warned_of_more_often_than_normal_ones() -> None:
    def warned(distribution: str) -> float:
        rows = [sample_coverage(own) for own in drawn(distribution, (500, 12), 6).tolist()]
        return sum(row is not None and row.student < COVERAGE_MIN for row in rows) / 500

    assert warned("normal") < 0.12
    assert warned("lognormal") > 0.7
    assert warned("bimodal") > 0.65


def test_a_sample_without_a_spread_or_with_fewer_than_four_values_has_no_shape() -> None:
    assert sample_coverage([3.0] * 24) is None
    assert sample_coverage([1.0, 2.0, 9.0]) is None
    with pytest.raises(ValueError, match="give at least one"):
        sample_coverage([])


def test_l_moment_ratios_worked_out_by_hand() -> None:
    # Of 1, 2, 3, 4 both are 0; of 0, 0, 0, 1 the weighted moments are 1/4 each: both are 1.
    assert l_moment_ratios([4, 2, 1, 3]) == pytest.approx((0, 0))
    assert l_moment_ratios([0, 0, 1, 0]) == pytest.approx((1, 1))


def test_l_moment_ratios_do_not_change_with_unit_and_level_and_turn_with_the_sign() -> None:
    values = drawn("lognormal", (1, 30), 7)[0].tolist()
    plain = l_moment_ratios(values)
    assert plain is not None
    assert l_moment_ratios([7 * value - 40 for value in values]) == pytest.approx(plain)
    turned = l_moment_ratios([-value for value in values])
    assert turned == pytest.approx((-plain.skewness, plain.kurtosis))


def test_l_moment_ratios_of_many_values_are_those_in_closed_form() -> None:
    chance = np.random.default_rng(1)
    uniform, normal, exponential = (
        l_moment_ratios(draw(size=20_000).tolist())
        for draw in (chance.uniform, chance.normal, chance.exponential)
    )
    assert uniform == pytest.approx((0, 0), abs=0.01)
    assert normal == pytest.approx((0, 0.1226), abs=0.01)
    assert exponential == pytest.approx((1 / 3, 1 / 6), abs=0.02)
