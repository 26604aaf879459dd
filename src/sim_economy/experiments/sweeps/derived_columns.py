"""Derived metrics of many runs at once, bit for bit those of `row_metrics`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sim_economy.statistics.inequality import gini, shifted

if TYPE_CHECKING:
    import numpy as np

    Column = np.ndarray[Any, Any]

_EXACT: Final = 2**53
"""Whole numbers up to it are floats unchanged, and so are sums of them."""


def derived_columns(
    totals: Mapping[str, Column], balances: Column, staked: Column, turns: int
) -> dict[str, Column]:
    """The derived metrics of runs of one length and number of agents, `[run]` each.

    Args:
        totals: Their whole metrics.
        balances: At the end, `[agent, run]`, as `staked`.
    """
    agents = len(balances)
    return {
        "insolvent_percent": _divided(100 * totals["negative_agent_turns"], agents * turns),
        "mean_debt": _divided(totals["debt_token_turns"], agents * turns),
        "rent_total": totals["fees_covered"] - totals["dividends_total"],
        "mean_balance_final": _divided(balances.sum(axis=0), agents),
        "gini_wealth_shifted": _ginis(balances + staked),
    }


def _divided(above: Column, below: int) -> Column:
    """Quotients, each rounded once."""
    import numpy as np  # noqa: PLC0415 - only where there are very many

    if abs(above).max(initial=0) < _EXACT:
        quotients: Column = above / below
        return quotients
    return np.array([number / below for number in above.tolist()])


def _ginis(wealth: Column) -> Column:
    """The shifted Gini coefficient of each run, of `[agent, run]`."""
    import numpy as np  # noqa: PLC0415

    agents = len(wealth)
    least = wealth.min(axis=0)
    positive = np.sort(wealth + np.where(least <= 0, 1 - least, 0), axis=0)
    totals = positive.sum(axis=0)
    ranked = (np.arange(1, agents + 1)[:, None] * positive).sum(axis=0)
    if positive.max(initial=0) * agents * agents >= _EXACT:
        # Sums of floats would be rounded in an order of their own.
        return np.array([gini(shifted(run)) for run in wealth.T.tolist()])
    found: Column = 2.0 * ranked / (agents * totals) - (agents + 1) / agents
    return found
