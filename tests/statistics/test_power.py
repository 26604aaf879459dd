"""Power is that of statsmodels, and what samples show."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from sim_economy.statistics.power import (
    detectable_effect,
    paired_power,
    pairs_needed,
    pilot_deviation,
)
from tests.statistics.sampled import DISTRIBUTIONS, SIZES, drawn, errors_of, student_finds

PLANTED: Final = [2_000, pytest.param(20_000, marks=pytest.mark.nightly)]
"""Comparisons with an effect that was put into them."""


@pytest.mark.parametrize("pairs", [2, 5, 12, 24, 100, 1000])
@pytest.mark.parametrize("effect", [0.0, 0.1, 0.6, 2.0, -0.6])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_power_is_the_one_of_statsmodels(pairs: int, effect: float, alpha: float) -> None:
    tail = {"effect_size": abs(effect), "nobs": pairs, "alpha": alpha / 2}
    upper = TTestPower().power(**tail, alternative="larger")
    lower = TTestPower().power(**tail, alternative="smaller")
    expected = upper + (0 if math.isnan(lower) else lower)
    assert paired_power(3 * effect, 3, pairs, alpha) == pytest.approx(expected, abs=1e-7)


def test_without_an_effect_the_power_is_the_level() -> None:
    for alpha in (0.05, 0.01):
        assert paired_power(0, 1, 24, alpha) == pytest.approx(alpha)


def test_24_pairs_see_six_tenths_of_a_standard_deviation() -> None:
    assert round(detectable_effect(1, 24), 2) == 0.6
    assert paired_power(0.6, 1, 24) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("effect", [0.05, 0.2, 0.6, 1.0, 5.0])
@pytest.mark.parametrize("power", [0.8, 0.95])
def test_the_pairs_needed_are_the_fewest_that_have_the_power(effect: float, power: float) -> None:
    pairs = pairs_needed(effect, 1, power)
    assert pairs is not None
    assert paired_power(effect, 1, pairs) >= power
    assert pairs == 2 or paired_power(effect, 1, pairs - 1) < power
    if pairs > 5:
        expected = TTestPower().solve_power(abs(effect), power=power, alpha=0.05)
        assert pairs == math.ceil(expected)


def test_no_number_of_pairs_finds_an_effect_of_zero() -> None:
    assert pairs_needed(0, 1) is None


def test_the_detectable_effect_is_found_with_the_power() -> None:
    for pairs in (3, 12, 100):
        effect = detectable_effect(7, pairs, power=0.9)
        assert paired_power(effect, 7, pairs) == pytest.approx(0.9)


def test_a_pilot_gives_its_deviation_or_an_upper_limit() -> None:
    pilot = [1.0, 4.0, 2.0, 8.0, 5.0]
    assert pilot_deviation(pilot) == pytest.approx(np.std(pilot, ddof=1))
    assert pilot_deviation(pilot, 0.8) > pilot_deviation(pilot)


def test_the_upper_limit_of_a_pilots_deviation_covers_what_it_says() -> None:
    chance = np.random.default_rng(5)
    samples = chance.normal(0, 2, (4000, 6)).tolist()
    covered = np.mean([pilot_deviation(sample, 0.8) >= 2 for sample in samples])
    assert covered == pytest.approx(0.8, abs=3 * (0.16 / 4000) ** 0.5)


def test_what_has_no_power_is_refused_with_a_way_on() -> None:
    with pytest.raises(ValueError, match="need no test"):
        paired_power(1, 0, 24)
    with pytest.raises(ValueError, match="two pairs or more, not 1"):
        paired_power(1, 1, 1)
    with pytest.raises(ValueError, match="two pairs or more"):
        pilot_deviation([3.0])


@pytest.mark.parametrize("comparisons", PLANTED)
@pytest.mark.parametrize("pairs", SIZES)
def test_planted_effects_are_found_with_the_computed_power(pairs: int, comparisons: int) -> None:
    effect = 2.8 / math.sqrt(pairs)
    expected = paired_power(effect, 1, pairs)
    found = student_finds(drawn("normal", (comparisons, pairs), 21) + effect)
    assert found == pytest.approx(expected, abs=3 * errors_of(expected, comparisons))


@pytest.mark.parametrize("comparisons", PLANTED)
@pytest.mark.parametrize("pairs", SIZES)
@pytest.mark.parametrize("distribution", ["lognormal", "bimodal"])
def test_effects_planted_between_skewed_arms_are_found_with_the_computed_power_at_least(
    distribution: str, pairs: int, comparisons: int
) -> None:
    size = (comparisons, pairs)
    deviation = math.sqrt(2) * DISTRIBUTIONS[distribution].deviation
    effect = 2.8 * deviation / math.sqrt(pairs)
    arms = drawn(distribution, size, 22), drawn(distribution, size, 23) + effect
    expected = paired_power(effect, deviation, pairs)
    assert student_finds(arms[1] - arms[0]) >= expected - 3 * errors_of(expected, comparisons)


def skewed_effect(distribution: str, pairs: int, comparisons: int, sign: int) -> float:
    """What is found of an effect that is itself skewed, less the power computed for it.

    Args:
        sign: 1 if the effect and the tail of its distribution point the same way, else -1.
    """
    own = DISTRIBUTIONS[distribution]
    effect = 2.8 * own.deviation / math.sqrt(pairs)
    values = drawn(distribution, (comparisons, pairs), 24) - own.mean
    return student_finds(values + sign * effect) - paired_power(effect, own.deviation, pairs)


@pytest.mark.parametrize("comparisons", PLANTED)
@pytest.mark.parametrize("pairs", SIZES)
@pytest.mark.parametrize("distribution", ["lognormal", "bimodal"])
def test_planted_effects_that_are_skewed_themselves_are_found_but_for_what_a_tail_hides(
    distribution: str, pairs: int, comparisons: int
) -> None:
    error = errors_of(0.75, comparisons)
    assert skewed_effect(distribution, pairs, comparisons, 1) >= -3 * error
    hidden = skewed_effect(distribution, pairs, comparisons, -1)
    assert hidden >= -0.065 - 3 * error
