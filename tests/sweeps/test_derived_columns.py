"""Derived metrics of many runs at once are those of each by itself, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from sim_economy.experiments.sweeps.derived_columns import OF_ACCOUNTS, derived_columns
from sim_economy.runs.row_metrics import DERIVED_METRICS, derived_metrics


@pytest.mark.parametrize("agents", [1, 2, 8, 31, 3000])
@pytest.mark.parametrize("size", [10, 3000, 2**31, 2**50])
def test_columns_are_the_metrics_of_each_run(agents: int, size: int) -> None:
    draw = np.random.default_rng(agents + size)
    runs, turns = 60, 60
    balances = draw.integers(-size, size, (agents, runs))
    staked = draw.integers(0, size, (agents, runs))
    balances[:, 0], staked[:, 0] = 0, 0
    names = ("negative_agent_turns", "debt_token_turns", "fees_covered", "dividends_total")
    totals = {name: draw.integers(0, size, runs) for name in names}
    found = derived_columns(totals, (balances, staked), agents, turns)
    assert found.keys() == DERIVED_METRICS.keys()
    without = derived_columns(totals, None, agents, turns)
    assert without.keys() == DERIVED_METRICS.keys() - OF_ACCOUNTS
    for run in range(runs):
        known = derived_metrics(
            {name: int(column[run]) for name, column in totals.items()},
            balances[:, run].tolist(),
            staked[:, run].tolist(),
            turns,
        )
        assert {name: column[run] for name, column in found.items()} == known
