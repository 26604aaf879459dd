"""Interactions on common seeds, recovery from shocks, and detectors of planted classes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from sim_economy.statistics.detection import LeadTimes, lead_times, roc_curve
from sim_economy.statistics.interaction import factorial_contrasts, interaction_contrasts
from sim_economy.statistics.paired_differences import paired_estimate
from sim_economy.statistics.recovery import area_lost, turn_bands, turns_until_back
from sim_economy.statistics.survival import Duration, kaplan_meier


def test_an_interaction_worked_out_by_hand() -> None:
    assert interaction_contrasts([10, 7], [4, 5], [3, 4], [1, 2]) == [2.0, 0.0]


def test_factors_that_only_add_up_do_not_interact_whatever_the_seeds_share() -> None:
    chance = np.random.default_rng(1)
    level, one, other = chance.normal(100, 50, 24), 7.0, -3.0
    cells = [level + one + other, level + one, level + other, level]
    found = interaction_contrasts(*(cell.tolist() for cell in cells))
    assert found == pytest.approx([0.0] * 24, abs=1e-9)


def test_an_interaction_is_estimated_like_a_difference_of_pairs() -> None:
    chance = np.random.default_rng(2)
    cells = [chance.normal(mean, 1, 200).tolist() for mean in (9, 3, 2, 0)]
    found = paired_estimate(interaction_contrasts(*cells), seed=1)
    assert found.pairs == 200
    assert found.student.low is not None
    assert found.student.high is not None
    assert found.student.low < 2 < found.student.high
    assert found.p_value == 1 / 10_000


def test_cells_with_different_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="2, 1, 2, 2 values; give each one for every seed"):
        interaction_contrasts([1, 2], [1], [1, 2], [1, 2])


def test_contrasts_of_a_full_factorial_worked_out_by_hand() -> None:
    cells = {
        frozenset[str](): [1.0],
        frozenset("a"): [3.0],
        frozenset("b"): [2.0],
        frozenset("ab"): [8.0],
        frozenset("c"): [1.0],
        frozenset("ac"): [3.0],
        frozenset("bc"): [2.0],
        frozenset("abc"): [16.0],
    }
    # a alone: 2, with b 6, with c 2, with both 14.
    assert factorial_contrasts(cells, "a") == [6.0]
    # Without c (8 - 3 - 2 + 1) / 2 = 2, with it (16 - 3 - 2 + 1) / 2 = 6.
    assert factorial_contrasts(cells, "ab") == [4.0]
    assert factorial_contrasts(cells, "abc") == [(6.0 - 2.0) / 2]


def test_the_contrast_of_two_factors_is_their_interaction() -> None:
    both, one, other, neither = [10.0, 7.0], [4.0, 5.0], [3.0, 4.0], [1.0, 2.0]
    cells = {
        frozenset[str](): neither,
        frozenset("a"): one,
        frozenset("b"): other,
        frozenset("ab"): both,
    }
    expected = interaction_contrasts(both, one, other, neither)
    assert factorial_contrasts(cells, "ab") == expected
    with pytest.raises(ValueError, match="give every combination of a, b"):
        factorial_contrasts({on: cells[on] for on in cells if on != frozenset("a")}, "ab")
    with pytest.raises(ValueError, match="give every combination of a, b"):
        factorial_contrasts(cells, "ac")
    with pytest.raises(ValueError, match="give each one for every seed"):
        factorial_contrasts({**cells, frozenset("a"): [4.0]}, "ab")


FLAT = [(-1.0, 1.0)] * 8


@pytest.mark.parametrize(
    ("shocked", "stay", "expected"),
    [
        ([0, 0, 5, 3, 0.5, 0, 0, 0], 1, Duration(2, is_observed=True)),
        ([0, 0, 0, 3, 0.5, 0, 0, 0], 1, Duration(2, is_observed=True)),
        ([9, 9, 0, 0, 0, 0, 0, 0], 1, Duration(0, is_observed=True)),
        ([0, 0, 5, 5, 5, 5, 5, 5], 1, Duration(6, is_observed=False)),
        ([0, 0, 5, 0, 5, 0, 0, 0], 1, Duration(1, is_observed=True)),
        ([0, 0, 5, 0, 5, 0, 0, 0], 2, Duration(3, is_observed=True)),
        ([0, 0, 5, 5, 5, 5, 5, 0], 2, Duration(6, is_observed=False)),
        ([0, 0, 5, 5, 5, 5, 0, 0], 2, Duration(4, is_observed=True)),
        ([0, 0, -1, 1, 0, 0, 0, 0], 1, Duration(0, is_observed=True)),
    ],
)
def test_turns_until_a_run_is_back_worked_out_by_hand(
    shocked: list[float], stay: int, expected: Duration
) -> None:
    assert turns_until_back(shocked, FLAT, 2, stay) == expected


def test_runs_that_never_come_back_are_censored_in_the_curve() -> None:
    runs = [[0.0, 5, 5, 0], [0.0, 5, 5, 5], [0.0, 5, 0, 0]]
    found = kaplan_meier([turns_until_back(run, FLAT[:4], 1) for run in runs])
    assert (found.times, found.events) == ([1, 2, 3], [1, 1, 0])
    assert found.survival[-1] == pytest.approx(1 / 3)


def test_a_band_holds_its_share_of_the_runs_in_every_turn() -> None:
    runs = np.random.default_rng(3).normal(0, 1, (400, 5)).cumsum(axis=1)
    bands = turn_bands(runs)
    inside = [
        np.mean((runs[:, turn] >= low) & (runs[:, turn] <= high))
        for turn, (low, high) in enumerate(bands)
    ]
    assert inside == pytest.approx([0.95] * 5)
    assert turn_bands([[0.0, 10.0], [4.0, 10.0]], confidence=0.5) == [(1.0, 3.0), (10.0, 10.0)]


def test_the_area_lost_is_the_sum_of_what_the_pair_has_more() -> None:
    assert area_lost([5, 1, 2, 6], [9, 4, 4, 5], shock=1) == 3 + 2 - 1
    assert area_lost([5, 1], [5, 1], shock=0) == 0


def test_a_shock_outside_the_turns_is_refused() -> None:
    for shock in (-1, 8):
        with pytest.raises(ValueError, match="a shock among them"):
            turns_until_back([0.0] * 8, FLAT, shock)
        with pytest.raises(ValueError, match="a shock among them"):
            area_lost([0.0] * 8, [0.0] * 8, shock)
    with pytest.raises(ValueError, match="as many bands as turns"):
        turns_until_back([0.0] * 7, FLAT, 2)
    with pytest.raises(ValueError, match="same number of turns"):
        turn_bands([])


def test_a_roc_curve_worked_out_by_hand() -> None:
    found = roc_curve([0.9, 0.8, 0.8, 0.1], [True, True, False, False])
    assert found.thresholds == [0.9, 0.8, 0.1]
    assert found.hits == [0, 0.5, 1, 1]
    assert found.false_alarms == [0, 0, 0.5, 1]
    assert found.area == pytest.approx(3.5 / 4)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_area_under_a_roc_curve_is_the_chance_that_a_positive_scores_higher(seed: int) -> None:
    chance = np.random.default_rng(seed)
    is_positive = chance.random(80) < 0.3
    scores = np.round(chance.normal(0, 1, 80) + is_positive, 1)
    found = roc_curve(scores.tolist(), is_positive.tolist())
    pairs = is_positive.sum() * (~is_positive).sum()
    expected = mannwhitneyu(scores[is_positive], scores[~is_positive]).statistic / pairs
    assert found.area == pytest.approx(expected)


def test_a_detector_of_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="plant positives and leave negatives"):
        roc_curve([1.0, 2.0], [True, True])
    with pytest.raises(ValueError, match="2 scores of 1 cases"):
        roc_curve([1.0, 2.0], [True])


def test_lead_times_worked_out_by_hand() -> None:
    found = lead_times([3, 10, None, 8, 5, None], [10, 10, 20, 6, None, None])
    assert found == LeadTimes(leads=[7, 0], missed=2, false_alarms=1)
    with pytest.raises(ValueError, match="1 alarms of 2 cases"):
        lead_times([3], [4, 5])
