"""The published metrics of a run, and their aggregate, to the last printed digit.

Source: docs/spec/experiment.md.
"""

from __future__ import annotations

import io
import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sim_economy.core.world_config import config_values, parameters
from sim_economy.ledger.readers.plain_text import write_csv_rows
from sim_economy.runs.run import Run, chosen, fees
from sim_economy.scenarios.scenario import Scenario
from sim_economy.statistics.inequality import gini, shifted, top_share, wealth_shift
from sim_economy.statistics.intervals import normal_halfwidth

Row = dict[str, int | float]
"""Measures of one run by column."""

_VALIDATORS: Final = ("mine", "stake", "burn")
_TRANSACTIONS: Final = ("transfer", "stake", "unstake", "burn", "study", "job")
_ACTIONS: Final = ("mine", "stake", "unstake", "burn", "study", "job", "transfer")


def run_metrics(run: Run) -> Row:
    """The 34 columns of one run, in their published order."""
    series = run.series
    balances = series.balances[-1]
    wealth = [free + kept for free, kept in zip(balances, series.staked[-1], strict=True)]
    positive = shifted(wealth)
    counts = run.counts
    return {
        "run_id": run.run,
        "turns": run.turns,
        "token_supply_final": series.token_supply[-1],
        "fees_total": fees(series),
        "turns_with_block": run.turns - series.winners.count(None),
        "block_count_db": counts.blocks,
        "settled_contracts": counts.contracts.get("settled", 0),
        "defaulted_contracts": counts.contracts.get("defaulted", 0),
        "mean_balance_final": statistics.mean(balances),
        "median_balance_final": statistics.median(balances),
        "min_balance_final": min(balances),
        "max_balance_final": max(balances),
        "negative_balance_agents": sum(balance < 0 for balance in balances),
        "gini_wealth_final": gini(wealth),
        "top1_wealth_share_final": top_share(wealth),
        "wealth_shift_used": wealth_shift(wealth),
        "gini_wealth_shifted": gini(positive),
        "top1_wealth_shifted_share_final": top_share(positive),
        **{f"validator_{kind}": counts.validators.get(kind, 0) for kind in _VALIDATORS},
        **{f"tx_{kind}": counts.transactions.get(kind, 0) for kind in _TRANSACTIONS},
        **{f"actions_{action}": chosen(series, action) for action in _ACTIONS},
    }


def metrics_csv(rows: Sequence[Row]) -> str:
    """`run_metrics.csv`."""
    return table_csv(rows)


def table_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same columns as CSV with LF line ends."""
    text = io.StringIO()
    write_csv_rows(text, list(rows[0]), rows)
    return text.getvalue()


def aggregate(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Mean, standard deviation, 1.96 standard errors, least and greatest of each metric.

    The deviation and the errors of a single run are None.
    """
    summary = {}
    for column in rows[0]:
        if column == "run_id":
            continue
        values = [float(row[column]) for row in rows]
        summary[column] = {
            "mean": statistics.mean(values),
            "std": statistics.stdev(values) if len(values) > 1 else None,
            "ci95": normal_halfwidth(values),
            "min": min(values),
            "max": max(values),
        }
    return summary


def summary_json(scenario: Scenario, rows: Sequence[Row]) -> str:
    """`summary.json`."""
    world = config_values(scenario.config)
    summary = {
        "runs": len(rows),
        "turns": scenario.turns,
        "world_config": {
            name: world[name] for name, parameter in parameters().items() if parameter.in_paper
        },
        "aggregate": aggregate(rows),
    }
    return json.dumps(summary, indent=2, default=float)
