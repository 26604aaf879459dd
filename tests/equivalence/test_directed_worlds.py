"""Worlds at the edges of divisions, tickets and ranges: kernel and core agree there too."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.equivalence import directed_divisions, directed_limits, directed_lottery
from tests.equivalence.kernel_comparison import Comparison, compared
from tests.equivalence.world_groups import WorldGroup

pytest.importorskip("numba")

Family = Callable[[], Iterator[WorldGroup]]

WITHIN_RANGE: tuple[Family, ...] = (
    directed_divisions.fees,
    directed_divisions.scaled_fees,
    directed_divisions.thinking,
    directed_divisions.interest,
    directed_divisions.relief,
    directed_divisions.dividends,
    directed_divisions.uneven_pools,
    directed_divisions.clipped,
    directed_divisions.first_jobs,
    directed_lottery.thresholds,
    directed_lottery.burns,
    directed_lottery.releases,
    directed_lottery.windows,
    directed_lottery.transfers,
    directed_limits.rates,
    directed_limits.long_sums,
    directed_limits.two_lists,
)
"""Families whose worlds the kernel holds, but for a few."""
AT_THE_ENDS: tuple[Family, ...] = (
    directed_divisions.quantiles,
    directed_lottery.tickets,
    directed_lottery.decayed_thresholds,
    directed_limits.balances,
    directed_limits.debts_that_double,
    directed_limits.usage,
    directed_limits.prices,
    directed_limits.amounts,
    directed_limits.incomes,
    directed_limits.top_ups,
    directed_limits.inside_a_turn,
    directed_limits.crowds,
)


def _found(family: Family) -> Comparison:
    found = Comparison()
    for group in family():
        found.add(compared(group, every_turn=True))
    return found


def _name(family: Family) -> str:
    return family.__name__


@pytest.mark.parametrize("family", WITHIN_RANGE, ids=_name)
def test_the_kernel_is_exact_at_the_edge(family: Family) -> None:
    found = _found(family)
    assert found.differences == []
    assert found.beyond <= found.worlds // 20


@pytest.mark.parametrize("family", AT_THE_ENDS, ids=_name)
def test_what_passes_a_range_is_given_back_and_never_wrapped(family: Family) -> None:
    found = _found(family)
    assert found.differences == []
    assert 0 < found.beyond < found.worlds
