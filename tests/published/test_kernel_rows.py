"""The published rows once more, played by the batch kernel."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import pytest

from sim_economy.batch.published_usage import published_lists
from sim_economy.batch.state_digest import state_digest
from sim_economy.batch.world_batch import BatchResult, FamilyPolicy, ListedUsage, WorldBatch
from sim_economy.runs.policy_loop import play
from sim_economy.runs.run_metrics import metrics_csv
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.statistics.inequality import gini, shifted, top_share, wealth_shift
from sim_economy.world.world import World
from tests.published.test_published import PUBLISHED_CSV

SCENARIO = load_scenario("as-run")
SEEDS = np.arange(1001, 1025)


@pytest.fixture(scope="module")
def played() -> BatchResult:
    from sim_economy.batch.play import play_batch  # noqa: PLC0415 - imports Numba

    batch = WorldBatch(
        config=SCENARIO.config,
        turns=60,
        seeds=SEEDS,
        policy=FamilyPolicy(),
        usage=ListedUsage(units=published_lists(SEEDS.tolist(), 60, 8), index=np.arange(24)),
    )
    return play_batch(batch, accounts=True)


def test_all_792_cells_come_out_of_the_kernel(played: BatchResult) -> None:
    rows = [_row(played, index) for index in range(24)]
    assert not played.beyond.any()
    assert metrics_csv(rows) == PUBLISHED_CSV


def test_each_published_run_ends_in_the_state_that_the_core_has(played: BatchResult) -> None:
    for run in range(1, 25):
        config = SCENARIO.config_of_run(run)
        world = World(config, recorded=False)
        for _ in play(world, SCENARIO.policies, SCENARIO.usage.turns(config), 60):
            pass
        assert state_digest(world.state, config) == int(played.digests[run - 1]), run


def _row(played: BatchResult, index: int) -> dict[str, int | float]:
    """The 34 columns of a run from what the kernel says of it."""
    found = {name: int(column[index]) for name, column in played.metrics.items()}
    assert played.balances is not None
    assert played.staked is not None
    balances: list[Any] = played.balances[:, index].tolist()
    staked = played.staked[:, index].tolist()
    wealth = [free + kept for free, kept in zip(balances, staked, strict=True)]
    positive = shifted(wealth)
    actions = ("mine", "stake", "unstake", "burn", "study", "job", "transfer")
    return {
        "run_id": index + 1,
        "turns": 60,
        "token_supply_final": found["token_supply_final"],
        "fees_total": found["fees_total"],
        "turns_with_block": found["blocks"],
        "block_count_db": found["blocks"],
        "settled_contracts": 0,
        "defaulted_contracts": 0,
        "mean_balance_final": statistics.mean(balances),
        "median_balance_final": statistics.median(balances),
        "min_balance_final": found["min_balance_final"],
        "max_balance_final": found["max_balance_final"],
        "negative_balance_agents": found["negative_balance_agents"],
        "gini_wealth_final": gini(wealth),
        "top1_wealth_share_final": top_share(wealth),
        "wealth_shift_used": wealth_shift(wealth),
        "gini_wealth_shifted": gini(positive),
        "top1_wealth_shifted_share_final": top_share(positive),
        **{f"validator_{kind}": found[f"validator_{kind}"] for kind in ("mine", "stake", "burn")},
        **{f"tx_{kind}": found[f"tx_{kind}"] for kind in ("transfer", "stake", "unstake", "burn")},
        "tx_study": 0,
        "tx_job": 0,
        **{f"actions_{action}": found[f"actions_{action}"] for action in actions},
    }
