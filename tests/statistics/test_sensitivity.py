from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from SALib.sample import morris as morris_sample
from SALib.sample import sobol as sobol_sample

from sim_economy.statistics.elementary_effects import elementary_effects
from sim_economy.statistics.noise_share import noise_share
from sim_economy.statistics.variance_indices import has_second_order, sobol_indices

Rows = list[list[float]]


def ishigami(x: list[float]) -> float:
    a, b, c = (math.pi * (2 * each - 1) for each in x)
    return math.sin(a) + 7 * math.sin(b) ** 2 + 0.1 * c**4 * math.sin(a)


ISHIGAMI_FIRST = (0.3139, 0.4424, 0.0)
ISHIGAMI_TOTAL = (0.5576, 0.4424, 0.2437)
G_WEIGHTS = (0.0, 1.0, 4.5, 9.0, 99.0)


def sobol_g(x: list[float]) -> float:
    pairs = zip(x, G_WEIGHTS, strict=True)
    return math.prod((abs(4 * each - 2) + weight) / (1 + weight) for each, weight in pairs)


def sobol_g_indices() -> tuple[list[float], list[float]]:
    """First-order and total indices in closed form."""
    partial = [1 / (3 * (1 + weight) ** 2) for weight in G_WEIGHTS]
    variance = math.prod(1 + each for each in partial) - 1
    first = [each / variance for each in partial]
    total = [each * (variance + 1) / (1 + each) / variance for each in partial]
    return first, total


def saltelli(inputs: int, base: int, *, second: bool = False) -> Rows:
    problem = {
        "num_vars": inputs,
        "names": [f"x{index}" for index in range(inputs)],
        "bounds": [[0.0, 1.0]] * inputs,
    }
    rows: Rows = sobol_sample.sample(problem, base, calc_second_order=second, seed=3).tolist()
    return rows


def trajectories(inputs: int, count: int) -> Rows:
    problem = {
        "num_vars": inputs,
        "names": [f"x{index}" for index in range(inputs)],
        "bounds": [[0.0, 1.0]] * inputs,
    }
    rows: Rows = morris_sample.sample(problem, count, num_levels=4, seed=3).tolist()
    return rows


CLOSED_FORMS: list[tuple[Callable[[list[float]], float], list[float], list[float]]] = [
    (ishigami, [*ISHIGAMI_FIRST], [*ISHIGAMI_TOTAL]),
    (sobol_g, *sobol_g_indices()),
]


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize(("function", "first", "total"), CLOSED_FORMS)
def test_sobol_indices_are_those_in_closed_form(
    function: Callable[[list[float]], float],
    first: list[float],
    total: list[float],
    *,
    second: bool,
) -> None:
    rows = saltelli(len(first), 4096, second=second)
    found = sobol_indices([function(row) for row in rows], len(first), seed=1)
    assert found is not None
    for own, one, all_orders in zip(found, first, total, strict=True):
        assert own.first == pytest.approx(one, abs=0.02)
        assert own.total == pytest.approx(all_orders, abs=0.02)
        assert abs(own.first - one) <= 2 * own.first_half
        assert abs(own.total - all_orders) <= 2 * own.total_half


def test_an_interval_is_wider_with_fewer_points() -> None:
    few, many = (
        sobol_indices([ishigami(row) for row in saltelli(3, base)], 3, seed=1)
        for base in (128, 4096)
    )
    assert few is not None
    assert many is not None
    assert few[0].first_half > 2 * many[0].first_half > 0


def test_indices_do_not_change_with_the_unit_or_the_level_of_the_outcome() -> None:
    values = [ishigami(row) for row in saltelli(3, 256)]
    plain = sobol_indices(values, 3, seed=1)
    other = sobol_indices([1000 * value - 40 for value in values], 3, seed=1)
    assert plain is not None
    assert other is not None
    assert np.asarray(other) == pytest.approx(np.asarray(plain))


def test_an_outcome_that_does_not_vary_has_no_indices() -> None:
    assert sobol_indices([3.0] * 5 * 8, 3, seed=1) is None
    assert elementary_effects(trajectories(3, 4), [3.0] * 16, 4, seed=1) is None


@pytest.mark.parametrize(
    ("points", "inputs", "second"), [(5 * 64, 3, False), (8 * 64, 3, True), (12 * 8, 10, False)]
)
def test_a_saltelli_design_is_known_by_its_number_of_points(
    points: int, inputs: int, *, second: bool
) -> None:
    assert has_second_order(points, inputs) is second


def test_other_numbers_of_points_are_no_saltelli_design() -> None:
    with pytest.raises(ValueError, match="321 points are no Saltelli design of 3 inputs"):
        has_second_order(321, 3)


def test_effects_of_a_linear_outcome_are_its_slopes_without_spread() -> None:
    rows = trajectories(3, 20)
    found = elementary_effects(rows, [5 * a - 2 * b + 7 for a, b, _ in rows], 4, seed=1)
    assert found is not None
    assert [own.mean for own in found] == pytest.approx([5, -2, 0])
    assert [own.size for own in found] == pytest.approx([5, 2, 0])
    assert [own.spread for own in found] == pytest.approx([0, 0, 0], abs=1e-9)
    assert [own.size_half for own in found] == pytest.approx([0, 0, 0], abs=1e-9)


def test_an_interaction_spreads_effects() -> None:
    rows = trajectories(2, 40)
    found = elementary_effects(rows, [10 * (a - 0.5) * (b - 0.5) for a, b in rows], 4, seed=1)
    assert found is not None
    for own in found:
        assert own.spread > own.size > abs(own.mean)
        assert own.size_half > 0


def test_the_sobol_g_function_is_screened_in_the_order_of_its_weights() -> None:
    rows = trajectories(5, 60)
    found = elementary_effects(rows, [sobol_g(row) for row in rows], 4, seed=1)
    assert found is not None
    sizes = [own.size for own in found]
    assert sizes == sorted(sizes, reverse=True)


def test_points_that_are_no_trajectories_are_refused() -> None:
    with pytest.raises(ValueError, match="7 points are no trajectories of 3 inputs"):
        elementary_effects([[0.0] * 3] * 7, range(7), 4, seed=1)


def replicated(points: int, replicates: int, between: float, within: float) -> list[list[float]]:
    chance = np.random.default_rng(5)
    levels = chance.normal(0, between, points)
    values: Rows = chance.normal(levels[:, None], within, (points, replicates)).tolist()
    return values


def share_of(values: list[list[float]]) -> float:
    counts = [len(row) for row in values]
    means = [float(np.mean(row)) for row in values]
    variances = [float(np.var(row, ddof=1)) for row in values]
    found = noise_share(counts, means, variances, seed=1)
    assert found is not None
    low, high = found.interval
    assert low is not None
    assert high is not None
    assert low <= found.share <= high
    return found.share


def test_the_share_of_noise_is_the_variance_within_points_over_the_total() -> None:
    assert share_of(replicated(2000, 6, between=3, within=1)) == pytest.approx(0.1, abs=0.02)
    assert share_of(replicated(2000, 2, between=1, within=1)) == pytest.approx(0.5, abs=0.05)


def test_few_replicates_do_not_bias_the_share_of_noise() -> None:
    few, many = (share_of(replicated(4000, count, between=1, within=2)) for count in (2, 40))
    assert few == pytest.approx(many, abs=0.04)


def test_points_that_differ_by_chance_alone_are_all_noise() -> None:
    assert share_of(replicated(500, 10, between=0, within=1)) > 0.97


def test_runs_that_do_not_differ_within_points_are_no_noise() -> None:
    found = noise_share([3, 3], [1.0, 2.0], [0.0, 0.0], seed=1)
    assert found is not None
    assert found.share == 0


def test_without_replicates_or_variance_nothing_is_said_of_noise() -> None:
    assert noise_share([1, 1], [1.0, 2.0], [0.0, 0.0], seed=1) is None
    assert noise_share([4, 4], [2.0, 2.0], [0.0, 0.0], seed=1) is None
