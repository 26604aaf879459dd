"""The metrics that a comparison knows: their columns, their names in text, their units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sim_economy.core.errors import InputError
from sim_economy.core.suggestions import suggestion
from sim_economy.runs.extended_metrics import EXTENDED_METRICS

COMPARED_METRICS: Final[Mapping[str, str]] = {
    "contracts_proposed": "contracts proposed",
    "contracts_started": "contracts started",
    "contracts_settled": "contracts settled",
    "contracts_defaulted": "contracts defaulted",
    "contracts_lapsed": "contracts lapsed",
    "contracts_void": "contracts void",
    "fees": "fees",
    "interest": "interest",
    "dividends": "dividends",
    "token_supply_final": "final token supply",
    "gini_balance_shifted": "shifted Gini of balances",
    "gini_wealth_shifted": "shifted Gini of wealth",
    "negative_balance_agents": "agents below zero",
    "winner_hhi": "concentration of winners (HHI)",
    "turns_with_block": "blocks",
    "rejections": "rejected inputs",
}
"""Metrics that treatments are always compared by: published and extended columns, with names."""

_PUBLISHED: Final[Mapping[str, str]] = {
    "turns": "turns",
    "fees_total": "total fees",
    "block_count_db": "blocks in the ledger",
    "settled_contracts": "settled contracts",
    "defaulted_contracts": "defaulted contracts",
    "mean_balance_final": "mean balance at the end",
    "median_balance_final": "median balance at the end",
    "min_balance_final": "least balance at the end",
    "max_balance_final": "greatest balance at the end",
    "gini_wealth_final": "Gini of wealth",
    "top1_wealth_share_final": "top-1 share of wealth",
    "wealth_shift_used": "shift of wealth",
    "top1_wealth_shifted_share_final": "shifted top-1 share of wealth",
    **{f"validator_{kind}": f"blocks by {kind}" for kind in ("mine", "stake", "burn")},
    **{
        f"tx_{kind}": f"{kind} transactions"
        for kind in ("transfer", "stake", "unstake", "burn", "study", "job")
    },
    **{
        f"actions_{action}": f"{action} actions"
        for action in ("mine", "stake", "unstake", "burn", "study", "job", "transfer")
    },
}

METRIC_NAMES: Final[Mapping[str, str]] = {**EXTENDED_METRICS, **_PUBLISHED, **COMPARED_METRICS}
"""Every metric that a comparison can be asked for by name."""

_WITHOUT_UNIT: Final = frozenset(
    {
        "gini_balance_shifted",
        "gini_normalised",
        "gini_wealth_final",
        "gini_wealth_shifted",
        "insolvent_share",
        "top1_wealth_share_final",
        "top1_wealth_shifted_share_final",
        "winner_hhi",
    }
)
_COUNTED: Final[Mapping[str, str]] = {
    "block_count_db": "blocks",
    "defaulted_contracts": "contracts",
    "first_negative_turn": "turns",
    "median_first_negative_turn": "turns",
    "negative_balance_agents": "agents",
    "rejections": "inputs",
    "settled_contracts": "contracts",
    "turns": "turns",
    "turns_with_block": "blocks",
}
_BEGINNINGS: Final[Mapping[str, str]] = {
    "actions_": "actions",
    "contracts_": "contracts",
    "tx_": "transactions",
    "validator_": "blocks",
}


def unit_of(column: str) -> str:
    """What a metric counts; empty for shares and indices."""
    if column in _WITHOUT_UNIT:
        return ""
    counted = (unit for beginning, unit in _BEGINNINGS.items() if column.startswith(beginning))
    return _COUNTED.get(column) or next(counted, "tokens")


def check_metrics(named: Sequence[str]) -> None:
    """Hold the metrics that a user named to those there are.

    Raises:
        InputError: One is not known.
    """
    for name in named:
        if name not in METRIC_NAMES:
            raise InputError(
                "metric", f"{name!r} is not known{suggestion(name, METRIC_NAMES)}{_SEE}"
            )


_SEE: Final = "; every column of run_metrics.csv and run_measures.csv can be named"
