from __future__ import annotations

import numpy as np
import pytest

from sim_economy.statistics.resampled_means import RESAMPLES, resampled_means


def test_points_with_the_same_values_have_the_same_mean_in_every_resample() -> None:
    values = np.array([[1.0, 5.0, 9.0, 2.0], [1.0, 5.0, 9.0, 2.0], [2.0, 6.0, 10.0, 3.0]])
    means = resampled_means(values, seed=3)
    assert means.shape == (RESAMPLES, 3)
    assert (means[:, 0] == means[:, 1]).all()
    assert means[:, 2] - means[:, 0] == pytest.approx(1)
    assert means[:, 0].std() > 0


def test_means_spread_as_the_standard_error_says() -> None:
    values = np.random.default_rng(1).normal(10, 2, (3, 400))
    means = resampled_means(values, seed=3)
    assert means.mean(axis=0) == pytest.approx(values.mean(axis=1), abs=0.02)
    assert means.std(axis=0) == pytest.approx(values.std(axis=1) / 20, rel=0.15)


def test_a_missing_replicate_counts_for_nothing() -> None:
    values = np.array([[4.0, np.nan, 4.0, 4.0]])
    means = resampled_means(values, seed=3)
    assert np.nanmin(means) == np.nanmax(means) == 4


def test_the_same_seed_draws_the_same_resamples() -> None:
    values = np.random.default_rng(1).normal(0, 1, (5, 9))
    assert (resampled_means(values, seed=3) == resampled_means(values, seed=3)).all()
    assert (resampled_means(values, seed=3) != resampled_means(values, seed=4)).any()
