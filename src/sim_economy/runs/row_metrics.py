"""The metrics of a run in a sweep: whole numbers, and what is derived from them for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sim_economy.runs.world_totals import WHOLE_METRICS
from sim_economy.statistics.inequality import gini, shifted

DERIVED_METRICS: Final[Mapping[str, str]] = {
    "insolvent_percent": "agent-turns below zero (%)",
    "mean_debt": "debt of an agent in a turn, on average",
    "rent_total": "platform rent: covered fees less dividends",
    "mean_balance_final": "mean balance at the end",
    "gini_wealth_shifted": "shifted Gini coefficient of balance plus stake",
}
"""Metrics that are derived, with their names in text; all but the rent are no whole numbers."""

ROW_METRICS: Final[Mapping[str, str]] = {**WHOLE_METRICS, **DERIVED_METRICS}
"""All metrics of a row."""

WHOLE: Final = frozenset({*WHOLE_METRICS, "rent_total"})
"""Metrics that are whole numbers."""

ALWAYS_KEPT: Final = frozenset({"insolvent_percent", "platform_final"})
"""Metrics that say whether a point is solvent."""


def derived_metrics(
    totals: Mapping[str, int], balances: Sequence[int], staked: Sequence[int], turns: int
) -> dict[str, int | float]:
    """The derived metrics of one run.

    Args:
        totals: Its whole metrics.
        balances: At its end, `[agent]`, as `staked`.
    """
    agents = len(balances)
    wealth = [free + kept for free, kept in zip(balances, staked, strict=True)]
    return {
        "insolvent_percent": 100 * totals["negative_agent_turns"] / (agents * turns),
        "mean_debt": totals["debt_token_turns"] / (agents * turns),
        "rent_total": totals["fees_covered"] - totals["dividends_total"],
        "mean_balance_final": sum(balances) / agents,
        "gini_wealth_shifted": gini(shifted(wealth)),
    }
