"""What became of each world, for all lanes: the metrics of a run."""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch import lanes as at
from sim_economy.batch.arrays import Workspace
from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import BALANCE, FLOWS, LANES, LIMIT, ROWS, Int64s

FLOW_METRICS: Final = (
    ("fees_total", at.CHARGED),
    ("fees_covered", at.COVERED),
    ("fees_waived", at.WAIVED),
    ("dividends_total", at.DIVIDENDS),
    ("interest_total", at.INTEREST),
    ("job_credits_total", at.CREDITS),
    ("relief_total", at.RELIEF),
    ("bonuses_total", at.BONUSES),
    ("debt_token_turns", at.DEBT),
)
"""Sums over the run, with their rows."""
COUNT_METRICS: Final = (
    ("blocks", at.BLOCKS),
    ("validator_stake", at.STAKE_BLOCKS),
    ("validator_burn", at.BURN_BLOCKS),
    ("negative_agent_turns", at.NEGATIVE),
    ("actions_stake", at.STAKES_CHOSEN),
    ("actions_unstake", at.UNSTAKES_CHOSEN),
    ("actions_burn", at.BURNS_CHOSEN),
    ("actions_study", at.STUDIES_CHOSEN),
    ("actions_job", at.JOBS_CHOSEN),
    ("actions_transfer", at.TRANSFERS_CHOSEN),
    ("rejections", at.REJECTED),
    ("tx_stake", at.STAKES_DONE),
    ("tx_burn", at.BURNS_DONE),
    ("tx_transfer", at.TRANSFERS_DONE),
    ("tx_unstake", at.RELEASES_DONE),
    ("first_negative_turn", at.FIRST_NEGATIVE),
    ("platform_negative_turn", at.PLATFORM_NEGATIVE),
)
TOTAL_METRICS: Final = (
    ("platform_final", at.PLATFORM),
    ("platform_min", at.PLATFORM_MIN),
)
AGENT_METRICS: Final = (
    "token_supply_final",
    "destroyed_final",
    "negative_balance_agents",
    "min_balance_final",
    "max_balance_final",
    "actions_mine",
    "validator_mine",
)
METRICS: Final = (
    *(name for name, _ in FLOW_METRICS),
    *(name for name, _ in TOTAL_METRICS),
    *(name for name, _ in COUNT_METRICS),
    *AGENT_METRICS,
)
"""In the order of the rows that `read_metrics` fills."""

_FLOW_ROWS: Final = tuple(row - FLOWS for _, row in FLOW_METRICS)
_TOTAL_ROWS: Final = tuple(row for _, row in TOTAL_METRICS)
_COUNT_ROWS: Final = tuple(row for _, row in COUNT_METRICS)
_SUPPLY = LANES * METRICS.index("token_supply_final")
_DESTROYED = LANES * METRICS.index("destroyed_final")
_BELOW = LANES * METRICS.index("negative_balance_agents")
_LEAST = LANES * METRICS.index("min_balance_final")
_MOST = LANES * METRICS.index("max_balance_final")
_MINED = LANES * METRICS.index("actions_mine")
_MINED_BLOCKS = LANES * METRICS.index("validator_mine")
_OWNED: Final = (
    BALANCE, at.STAKED, at.UNSTAKING,
    at.WAITING_STAKE, at.WAITING_BURN, at.WAITING_OUT, at.WAITING_TIP,
)  # fmt: skip
_NOT_MINING: Final = (
    at.STAKES_CHOSEN, at.UNSTAKES_CHOSEN, at.BURNS_CHOSEN, at.STUDIES_CHOSEN, at.JOBS_CHOSEN,
    at.TRANSFERS_CHOSEN, at.OTHERS_CHOSEN,
)  # fmt: skip


@compiled
def read_metrics(work: Workspace, agents: np.int64, turns: np.int64, found: Int64s) -> None:
    """Fill in the metrics of 64 worlds.

    Args:
        found: `[metric, lane]`, flat.
    """
    index = 0
    for row in _FLOW_ROWS:
        for lane in range(LANES):
            found[index + lane] = work.totals[row + lane]
        index += LANES
    for row in _TOTAL_ROWS:
        for lane in range(LANES):
            found[index + lane] = work.totals[row + lane]
        index += LANES
    for row in _COUNT_ROWS:
        for lane in range(LANES):
            found[index + lane] = work.turn[row + lane]
        index += LANES
    _read_balances(work, agents, found)
    for lane in range(LANES):
        chosen = agents * turns
        for row in _NOT_MINING:
            chosen -= work.turn[row + lane]
        found[_MINED + lane] = chosen
        found[_MINED_BLOCKS + lane] = (
            work.turn[at.BLOCKS + lane]
            - work.turn[at.STAKE_BLOCKS + lane]
            - work.turn[at.BURN_BLOCKS + lane]
        )
        found[_DESTROYED + lane] = (
            work.totals[at.INTEREST - FLOWS + lane]
            + work.totals[at.STUDY_COSTS - FLOWS + lane]
            + work.totals[at.BURNS - FLOWS + lane]
            + work.totals[at.LOST + lane]
        )


@compiled
def _read_balances(work: Workspace, agents: np.int64, found: Int64s) -> None:
    """Fill in what balances say at the end."""
    for lane in range(LANES):
        found[_SUPPLY + lane] = 0
        found[_BELOW + lane] = 0
        found[_LEAST + lane] = LIMIT
        found[_MOST + lane] = -LIMIT
    for agent in range(agents):
        rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
        for lane in range(LANES):
            balance = np.int64(rows[BALANCE + lane])
            for owned in _OWNED:
                found[_SUPPLY + lane] += rows[owned + lane]
            found[_BELOW + lane] += balance < 0
            found[_LEAST + lane] = min(found[_LEAST + lane], balance)
            found[_MOST + lane] = max(found[_MOST + lane], balance)
