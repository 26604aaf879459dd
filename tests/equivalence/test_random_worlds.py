"""Random worlds: kernel and core agree on every account of every turn, and on every metric."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.equivalence.kernel_comparison import Comparison, compared
from tests.equivalence.random_worlds import random_groups

pytest.importorskip("numba")

PARTS = 4
WORLDS_OF_A_PART = 5_000
GROUPS_APART = 1_000_000
"""Numbers between the first groups of two parts, so that no group is in both."""
NIGHTLY_PARTS = 40
NIGHTLY_WORLDS = 25_000
BEYOND_MAX = 0.25
"""The share of worlds that may leave the kernel's exact range."""


def _compared(part: int, worlds: int, *, every_turn: bool) -> Iterator[Comparison]:
    for group in random_groups(part * GROUPS_APART, worlds):
        yield compared(group, every_turn=every_turn)


def _held(part: int, worlds: int, *, every_turn: bool) -> None:
    found = Comparison()
    for of_group in _compared(part, worlds, every_turn=every_turn):
        found.add(of_group)
    assert found.differences == []
    assert found.worlds >= worlds
    assert found.beyond < BEYOND_MAX * found.worlds


@pytest.mark.parametrize("part", range(PARTS))
def test_the_kernel_plays_random_worlds_as_the_core_does(part: int) -> None:
    _held(part, WORLDS_OF_A_PART, every_turn=True)


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(PARTS, PARTS + NIGHTLY_PARTS))
def test_the_kernel_plays_a_million_random_worlds_as_the_core_does(part: int) -> None:
    _held(part, NIGHTLY_WORLDS, every_turn=True)
