"""Worlds with interventions: kernel and core agree on every account of every turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.equivalence import directed_interventions as directed
from tests.equivalence.kernel_comparison import Comparison, batch_of, compared
from tests.equivalence.random_interventions import random_governed_group, random_governed_groups
from tests.equivalence.test_every_turn import REPLICATES, summed
from tests.equivalence.world_groups import WorldGroup

np = pytest.importorskip("numpy")
pytest.importorskip("numba")

Family = Callable[[], Iterator[WorldGroup]]

WORLDS = 4_000
NIGHTLY_PARTS = 20
NIGHTLY_WORLDS = 25_000
GROUPS_APART = 1_000_000
"""Numbers between the first groups of two parts, so that no group is in both."""
BEYOND_MAX = 0.25
"""The share of random worlds that may leave the kernel's exact range."""

WITHIN_RANGE: tuple[Family, ...] = (
    directed.waivers,
    directed.wages,
    directed.cap_windows,
    directed.ginis,
    directed.wide_ginis,
    directed.levies,
    directed.relieved,
    directed.loans,
    directed.repayments,
    directed.rebates,
    directed.shocks,
    directed.second_chunks,
)
AT_THE_ENDS: tuple[Family, ...] = (directed.capped_limits,)


def _held(part: int, worlds: int) -> None:
    found = Comparison()
    for group in random_governed_groups(part * GROUPS_APART, worlds):
        found.add(compared(group, every_turn=True))
    assert found.differences == []
    assert found.worlds >= worlds
    assert found.beyond < BEYOND_MAX * found.worlds


def test_random_worlds_under_all_rules_are_the_cores() -> None:
    _held(0, WORLDS)


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(1, 1 + NIGHTLY_PARTS))
def test_half_a_million_random_worlds_under_rules_are_the_cores(part: int) -> None:
    _held(part, NIGHTLY_WORLDS)


def _found(family: Family) -> Comparison:
    found = Comparison()
    for group in family():
        found.add(compared(group, every_turn=True))
    return found


@pytest.mark.parametrize("family", WITHIN_RANGE, ids=[own.__name__ for own in WITHIN_RANGE])
def test_rules_are_exact_at_their_edges(family: Family) -> None:
    found = _found(family)
    assert found.differences == []
    assert found.beyond == 0


@pytest.mark.parametrize("family", AT_THE_ENDS, ids=[own.__name__ for own in AT_THE_ENDS])
def test_what_passes_a_range_of_a_rule_is_given_back(family: Family) -> None:
    found = _found(family)
    assert found.differences == []
    assert 0 < found.beyond < found.worlds


def test_sums_of_every_turn_are_the_cores_under_rules() -> None:
    from sim_economy.batch.play import play_batch  # noqa: PLC0415

    for number in range(40):
        group = random_governed_group(number)
        points = np.arange(len(group.seeds)) // REPLICATES
        result = play_batch(batch_of(group, group.turns), threads=1, points=points)
        assert result.series is not None
        for point, (sums, squares) in enumerate(summed(group, result.beyond)):
            assert result.series.sums[point].tolist() == sums, (group.name, point)
            assert result.series.squares(point) == squares, (group.name, point)


def test_every_rule_is_on_in_many_random_groups_and_off_in_many() -> None:
    found: Counter[str] = Counter()
    for number in range(300):
        governance = random_governed_group(number).config.governance
        assert governance is not None
        found.update(name for name in governance.__struct_fields__ if getattr(governance, name))
    for rule in (
        "fee_cap",
        "reinvestment_rebate",
        "debt_rails",
        "concentration_monitor",
        "shocks",
    ):
        assert 90 < found[rule] < 210, (rule, found)
