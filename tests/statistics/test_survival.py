"""Time to an event: the curve, its bands and its restricted mean, against statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from statsmodels.duration.survfunc import SurvfuncRight

from sim_economy.statistics.intervals import UNKNOWN
from sim_economy.statistics.survival import (
    Duration,
    first_below,
    kaplan_meier,
    restricted_mean,
)


def seen(*times: float) -> list[Duration]:
    return [Duration(time, is_observed=True) for time in times]


def censored(*times: float) -> list[Duration]:
    return [Duration(time, is_observed=False) for time in times]


def drawn(seed: int, count: int = 60) -> list[Duration]:
    chance = np.random.default_rng(seed)
    times = chance.geometric(0.05, count)
    return [Duration(float(min(time, 40)), bool(time <= 40)) for time in times]


def test_a_curve_worked_out_by_hand() -> None:
    # Of five, one at 2; then one of three at 4 (another left at 3); the rest stay to 6.
    found = kaplan_meier([*seen(2, 4), *censored(3, 6, 6)])
    assert found.times == [2, 3, 4, 6]
    assert found.at_risk == [5, 4, 3, 2]
    assert found.events == [1, 0, 1, 0]
    assert found.survival == pytest.approx([4 / 5, 4 / 5, 8 / 15, 8 / 15])
    assert restricted_mean(found, 6) == pytest.approx(2 + 2 * 4 / 5 + 2 * 8 / 15)
    assert restricted_mean(found, 3) == pytest.approx(2 + 4 / 5)
    assert restricted_mean(found, 0) == 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_curve_and_its_bands_are_those_of_statsmodels(seed: int) -> None:
    durations = drawn(seed)
    found = kaplan_meier(durations)
    times, status = zip(*durations, strict=True)
    expected = SurvfuncRight(np.array(times), np.array(status, dtype=int))
    here = {time: index for index, time in enumerate(found.times)}
    quantile = scipy.stats.norm.ppf(0.975)
    for time, share, error in zip(
        expected.surv_times, expected.surv_prob, expected.surv_prob_se, strict=True
    ):
        index = here[float(time)]
        assert found.survival[index] == pytest.approx(share)
        half = quantile * error / (share * abs(math.log(share)))
        middle = math.log(-math.log(share))
        bounds = [math.exp(-math.exp(middle + sign * half)) for sign in (1, -1)]
        assert found.bands[index] == pytest.approx(bounds)
        assert found.at_risk[index] == expected.n_risk[expected.surv_times == time][0]


def test_without_censoring_the_curve_is_the_share_left_and_its_area_the_mean() -> None:
    times = [3.0, 1.0, 4.0, 1.0, 5.0]
    found = kaplan_meier(seen(*times))
    assert found.survival == pytest.approx([3 / 5, 2 / 5, 1 / 5, 0])
    assert restricted_mean(found, 5) == pytest.approx(np.mean(times))
    assert restricted_mean(found, 50) == pytest.approx(np.mean(times))


def test_where_nobody_has_the_event_all_are_left_and_no_band_is_known() -> None:
    found = kaplan_meier(censored(60, 60, 60))
    assert (found.survival, found.bands) == ([1.0], [UNKNOWN])
    assert restricted_mean(found, 60) == 60


def test_where_nobody_is_left_the_band_is_unknown() -> None:
    found = kaplan_meier(seen(1, 2))
    assert found.survival[-1] == 0
    assert found.bands[-1] == UNKNOWN
    assert found.bands[0] != UNKNOWN


def test_nothing_is_said_of_a_time_that_nobody_was_watched_at() -> None:
    found = kaplan_meier([*seen(2), *censored(6)])
    with pytest.raises(ValueError, match="nobody was watched after 6"):
        restricted_mean(found, 7)
    with pytest.raises(ValueError, match="not negative"):
        restricted_mean(found, -1)


@pytest.mark.parametrize("time", [-1.0, math.inf, math.nan])
def test_a_duration_that_is_none_is_refused(time: float) -> None:
    with pytest.raises(ValueError, match="censor it where its watch ended"):
        kaplan_meier(seen(time))
    with pytest.raises(ValueError, match="give at least one"):
        kaplan_meier([])


def test_a_series_is_watched_until_it_first_falls_below_the_line() -> None:
    assert first_below([5, 0, -1, 3, -2]) == Duration(3, is_observed=True)
    assert first_below([5, 0, 1]) == Duration(3, is_observed=False)
    assert first_below([5, 0, 1], line=1) == Duration(2, is_observed=True)
    assert first_below([]) == Duration(0, is_observed=False)
