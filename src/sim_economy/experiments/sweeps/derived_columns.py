"""The derived metrics of many rows at once, to the last bit as `derived_metrics` has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from sim_economy.statistics.inequality import gini, shifted

OF_ACCOUNTS: Final = frozenset({"mean_balance_final", "gini_wealth_shifted"})
"""Metrics that need each agent's accounts at the end."""

Column = np.ndarray[Any, Any]

_EXACT: Final = 2**53
"""Whole numbers below it are floats unchanged, and so are sums of them."""


def derived_columns(
    totals: Mapping[str, Column],
    accounts: tuple[Column, Column] | None,
    agents: int,
    turns: int,
) -> dict[str, Column]:
    """The derived metrics, `[row]` each; those of accounts only where there are any.

    Args:
        accounts: Balances and stake at the end, `[agent, row]`.
    """
    agent_turns = agents * turns
    columns = {
        "insolvent_percent": _divided(100 * totals["negative_agent_turns"], agent_turns),
        "mean_debt": _divided(totals["debt_token_turns"], agent_turns),
        "rent_total": totals["fees_covered"] - totals["dividends_total"],
    }
    if accounts is not None:
        balances, staked = (held.astype(np.int64) for held in accounts)
        columns["mean_balance_final"] = _divided(balances.sum(axis=0), agents)
        columns["gini_wealth_shifted"] = _shifted_gini(balances + staked)
    return columns


def _divided(above: Column, below: int) -> Column:
    """Quotients of whole numbers, each rounded once."""
    if np.abs(above).max(initial=0) < _EXACT:
        quotients: Column = above / below
        return quotients
    return np.array([number / below for number in above.tolist()])


def _shifted_gini(wealth: Column) -> Column:
    """Where all sums are exact floats they have no order; elsewhere one run after the other."""
    ranked = np.sort(wealth, axis=0)
    least = ranked[0]
    ranked = ranked + np.where(least <= 0, 1 - least, 0)
    agents = len(ranked)
    if int(ranked.max(initial=0)) * agents * agents >= _EXACT:
        return np.array([gini(shifted(run)) for run in wealth.T.tolist()])
    total = ranked.sum(axis=0)
    weighted = (np.arange(1, agents + 1)[:, None] * ranked).sum(axis=0)
    found: Column = 2.0 * weighted / (agents * total) - (agents + 1) / agents
    return found
