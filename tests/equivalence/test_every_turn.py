"""What stands at the end of every turn, added up by the kernel over the worlds of a point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sim_economy.core.accounts import BALANCE, FIRST, PLATFORM, WIDTH
from tests.equivalence.core_reference import Reference
from tests.equivalence.directed_limits import crowds, incomes
from tests.equivalence.kernel_comparison import batch_of
from tests.equivalence.random_worlds import random_group
from tests.equivalence.world_groups import WorldGroup

np = pytest.importorskip("numpy")
pytest.importorskip("numba")

REPLICATES = 3
GROUPS = 60
FAMILIES = {
    "random": lambda: map(random_group, range(GROUPS)),
    "incomes": incomes,
    "crowds": crowds,
}


def ends_of_turns(played: Reference) -> Iterator[tuple[int, int, int, int]]:
    """Agents below zero, tokens below zero, platform and supply, turn by turn."""
    for accounts in played.accounts:
        debts = [-held for held in accounts[BALANCE::WIDTH] if held < 0]
        yield len(debts), sum(debts), accounts[PLATFORM], sum(accounts[FIRST:])


def summed(group: WorldGroup, beyond: Any) -> list[Any]:
    """Sums and sums of squares by point, `[point][of squares, number][turn]`, by the core."""
    points: list[list[Any]] = []
    for world, played in enumerate(group.references()):
        if world % REPLICATES == 0:
            points.append([[[0] * group.turns for _ in range(4)] for _ in range(2)])
        if beyond[world]:
            continue
        sums, squares = points[-1]
        for turn, numbers in enumerate(ends_of_turns(played)):
            for index, number in enumerate(numbers):
                sums[index][turn] += number
                squares[index][turn] += number * number
    return points


@pytest.mark.parametrize("family", FAMILIES)
def test_sums_and_squares_of_every_turn_are_the_cores(family: str) -> None:
    from sim_economy.batch.play import play_batch  # noqa: PLC0415

    for group in FAMILIES[family]():
        points = np.arange(len(group.seeds)) // REPLICATES
        result = play_batch(batch_of(group, group.turns), threads=1, points=points)
        assert result.series is not None
        wanted = summed(group, result.beyond)
        for point, (sums, squares) in enumerate(wanted):
            assert result.series.sums[point].tolist() == sums, (group.name, point)
            assert result.series.squares(point) == squares, (group.name, point)
