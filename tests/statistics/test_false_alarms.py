"""Comparisons of a treatment with itself raise false alarms as often as they say, no more.

Both arms have seeds of their own, so that what is compared differs by chance alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pytest
from scipy.stats import binom

from sim_economy.scenarios.scenario import load_scenario
from sim_economy.statistics.equivalence import paired_equivalence
from sim_economy.statistics.multiple_testing import adjusted_p_values, holm
from sim_economy.statistics.paired_differences import paired_estimate, sign_flip_p_value
from tests.statistics.sampled import DISTRIBUTIONS, SIZES, Samples, drawn, student_finds

CHECKS: Final = 50
"""Shares that are held to their bounds at once, so that one in twenty nights has a red test."""

COMPARISONS: Final = [
    (12, 400),
    (24, 400),
    *(pytest.param(pairs, 10_000, marks=pytest.mark.nightly) for pairs in SIZES),
]
"""Pairs, and how many comparisons of so many."""


def bounds(comparisons: int) -> tuple[float, float]:
    """Between these lies the share of false alarms of 5 %, for each of 50 checks."""
    tail = 0.05 / CHECKS / 2
    low, high = binom(comparisons, 0.05).ppf([tail, 1 - tail])
    return float(low / comparisons), float(high / comparisons)


def assert_within(share: float, comparisons: int) -> None:
    low, high = bounds(comparisons)
    assert low <= share <= high


def same_twice(distribution: str, comparisons: int, pairs: int) -> Samples:
    """Differences of two arms of the same treatment, `[comparison, pair]`."""
    size = (comparisons, pairs)
    return drawn(distribution, size, 11) - drawn(distribution, size, 12)


def test_the_bounds_are_430_and_573_of_ten_thousand() -> None:
    assert bounds(10_000) == (0.0430, 0.0573)


@pytest.mark.parametrize(("pairs", "comparisons"), COMPARISONS)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_sign_flips_raise_false_alarms_as_often_as_they_say(
    distribution: str, pairs: int, comparisons: int
) -> None:
    p_values = [
        sign_flip_p_value(differences, seed)
        for seed, differences in enumerate(same_twice(distribution, comparisons, pairs).tolist())
    ]
    alarms = sum(value is not None and value <= 0.05 for value in p_values)
    assert_within(alarms / comparisons, comparisons)


@pytest.mark.parametrize(("pairs", "comparisons"), COMPARISONS)
def test_students_t_raises_false_alarms_as_often_as_it_says_for_normal_values(
    pairs: int, comparisons: int
) -> None:
    assert_within(student_finds(same_twice("normal", comparisons, pairs)), comparisons)


@pytest.mark.parametrize(("pairs", "comparisons"), COMPARISONS)
@pytest.mark.parametrize("distribution", ["lognormal", "bimodal"])
def test_students_t_raises_no_more_false_alarms_for_skewed_values(
    distribution: str, pairs: int, comparisons: int
) -> None:
    found = student_finds(same_twice(distribution, comparisons, pairs))
    assert 0 < found <= bounds(comparisons)[1]


def families(comparisons: int) -> Iterator[dict[str, float | None]]:
    """The p-values of ten outcomes, five of which are primary, of a treatment with itself."""
    chance = np.random.default_rng(13)
    for family in chance.normal(0, 1, (comparisons, 10, 12)).tolist():
        yield {f"{index}": sign_flip_p_value(own, 1) for index, own in enumerate(family)}


@pytest.mark.parametrize("comparisons", [200, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_a_family_of_outcomes_raises_any_false_alarm_as_often_as_one_would(
    comparisons: int,
) -> None:
    primary = [f"{index}" for index in range(5)]
    first = rest = 0
    for p_values in families(comparisons):
        adjusted = adjusted_p_values(p_values, primary)
        alarms = {name for name, value in adjusted.items() if value is not None and value <= 0.05}
        first += not alarms.isdisjoint(primary)
        rest += bool(alarms.difference(primary))
    assert 0 < first / comparisons <= bounds(comparisons)[1]
    assert 0 < rest / comparisons <= bounds(comparisons)[1]


@pytest.mark.parametrize(("pairs", "comparisons"), COMPARISONS)
def test_an_effect_as_large_as_the_smallest_is_called_equivalent_as_often_as_said(
    pairs: int, comparisons: int
) -> None:
    # As far away as the other test never fails, so that this one decides.
    shifted = drawn("normal", (comparisons, pairs), 14) + 5
    found = sum(paired_equivalence(own, 5).is_equivalent for own in shifted.tolist())
    assert_within(found / comparisons, comparisons)


@pytest.mark.nightly
def test_outcomes_of_worlds_raise_false_alarms_as_often_as_they_say() -> None:
    kernel = pytest.importorskip("sim_economy.batch.play")
    worlds = pytest.importorskip("sim_economy.batch.world_batch")
    comparisons, pairs = 10_000, 12
    batch = worlds.WorldBatch(
        config=load_scenario("as-run").config,
        turns=60,
        seeds=np.arange(1, 2 * comparisons * pairs + 1),
        usage=worlds.UniformUsage(thinking=(50, 350), output=(40, 280)),
    )
    varied = 0
    for metric in kernel.play_batch(batch).metrics.values():
        first, second = np.asarray(metric, dtype=float).reshape(2, comparisons, pairs)
        differences = second - first
        if (differences.std(axis=1) > 0).all():
            assert_within(student_finds(differences), comparisons)
            varied += 1
        else:  # so rare that it is the same in all pairs of some comparison
            assert student_finds(differences) <= bounds(comparisons)[1]
    assert 20 <= varied <= CHECKS


def test_the_same_runs_twice_are_certain_and_raise_no_alarm() -> None:
    found = paired_estimate([0.0] * 24, seed=1)
    assert found.is_certain
    assert found.mean == 0
    assert found.p_value is None


def test_ten_outcomes_without_a_correction_raise_an_alarm_in_two_comparisons_of_five() -> None:
    found = [
        [value for value in p_values.values() if value is not None] for p_values in families(300)
    ]
    plain = np.mean([min(family) <= 0.05 for family in found])
    corrected = np.mean([min(holm(family)) <= 0.05 for family in found])
    assert plain == pytest.approx(1 - 0.95**10, abs=0.09)
    assert corrected <= bounds(300)[1]
