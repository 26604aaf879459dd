"""Adjusted p-values are those of statsmodels, and hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from sim_economy.statistics.multiple_testing import adjusted_p_values, benjamini_hochberg, holm

FAMILIES = [
    [0.01, 0.04, 0.03, 0.005],
    [0.2, 0.2, 0.001, 1.0, 0.0],
    [0.04],
    [0.9, 0.8, 0.7],
    np.random.default_rng(1).beta(0.3, 2, 40).tolist(),
]


@pytest.mark.parametrize("p_values", FAMILIES)
def test_adjusted_p_values_are_those_of_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    expected = multipletests(p_values, method="fdr_bh")[1]
    assert benjamini_hochberg(p_values) == pytest.approx(expected)


def test_adjusted_p_values_worked_out_by_hand() -> None:
    # In order 0.005, 0.01, 0.03, 0.04: times 4, 3, 2, 1, never falling; times 4/1, 4/2, 4/3, 4/4.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    found = benjamini_hochberg([0.01, 0.04, 0.03, 0.005])
    assert found == pytest.approx([0.02, 0.04, 0.04, 0.02])


def test_no_test_has_no_adjusted_p_value() -> None:
    assert holm([]) == benjamini_hochberg([]) == []


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(value: float) -> None:
    for function in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match="not between 0 and 1"):
            function([0.5, value])


def test_primary_outcomes_are_one_family_and_the_rest_another() -> None:
    p_values = {"rent": 0.03, "share": 0.02, "depth": 0.01, "gini": 0.04, "alike": None}
    found = adjusted_p_values(p_values, primary=["share", "rent"])
    assert list(found) == list(p_values)
    assert [found["share"], found["rent"]] == pytest.approx([0.04, 0.04])
    assert [found["depth"], found["gini"]] == pytest.approx([0.02, 0.04])
    assert found["alike"] is None


def test_an_outcome_without_a_test_counts_in_no_family() -> None:
    with_it = adjusted_p_values({"a": 0.03, "b": None, "c": 0.04}, primary=["a", "b"])
    assert with_it["a"] == 0.03


def test_a_primary_outcome_without_results_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match="worst: primary, but without results"):
        adjusted_p_values({"share": 0.02}, primary=["share", "worst"])


def test_holm_holds_the_chance_of_any_false_alarm() -> None:
    chance = np.random.default_rng(7)
    alarms = [min(holm(family.tolist())) <= 0.05 for family in chance.uniform(0, 1, (4000, 10))]
    unadjusted = 1 - 0.95**10
    assert np.mean(alarms) == pytest.approx(0.05, abs=3 * (0.05 * 0.95 / 4000) ** 0.5)
    assert unadjusted > 0.4
