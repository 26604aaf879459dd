"""Decisions of the published policy and its family: thresholds and amounts by world.

Source: docs/spec/experiment.md; `agents.policies.published_policy`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.action_lanes import (
    BURN,
    JOB,
    MINE,
    STAKE,
    STUDY,
    TRANSFER,
    UNSTAKE,
    WITHOUT_AMOUNT,
)
from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import (
    ACTION,
    AMOUNT,
    BALANCE,
    JOBS_CHOSEN,
    LANES,
    POLICY,
    POOREST,
    STAKED,
    TARGET,
    TIP,
    Int32s,
)

NUMBERS: Final = (
    "job_below", "stake_above", "stake_max", "stake_tokens", "burn_above", "burn_tokens",
    "transfer_above", "transfer_tokens", "transfer_fee", "study_above",
)  # fmt: skip
"""Parameters that may differ from world to world, in the order of their rows."""
PERIODS: Final = (
    "unstake_period", "stake_period", "burn_period", "transfer_period", "study_period",
)  # fmt: skip
"""Parameters that all worlds of a batch share."""

(
    JOB_BELOW,
    STAKE_ABOVE,
    STAKE_MAX,
    STAKE_TOKENS,
    BURN_ABOVE,
    BURN_TOKENS,
    TRANSFER_ABOVE,
    TRANSFER_TOKENS,
    TRANSFER_FEE,
    STUDY_ABOVE,
) = range(POLICY, POLICY + LANES * len(NUMBERS), LANES)


UNSTAKES, STAKES, BURNS, TRANSFERS, STUDIES = range(len(PERIODS))


@compiled
def due(number: np.int64, period: np.int64) -> bool:
    """Whether a turn is one of a period's; a period of 0 has none."""
    return period > 0 and number % period == 0


@compiled
def is_quiet(periods: Int32s, number: np.int64, agent: np.int64) -> bool:
    """Whether there is nothing to choose in a turn but a job or mining."""
    return not (
        due(number, periods[UNSTAKES])
        or due(number + agent, periods[STAKES])
        or due(number + agent, periods[BURNS])
        or due(number, periods[TRANSFERS])
        or due(number, periods[STUDIES])
    )


@compiled
def work_or_mine(turn: Int32s, rows: Int32s, parameters: Int32s) -> None:
    """Decide one agent's action in a quiet turn."""
    for lane in range(LANES):
        works = np.int32(rows[BALANCE + lane] < parameters[JOB_BELOW + lane])
        rows[ACTION + lane] = works
        turn[JOBS_CHOSEN + lane] += works


@compiled
def find_poorest(turn: Int32s, all_rows: Int32s, rows_of_agent: np.int64, agents: np.int64) -> None:
    """Keep who has the lowest balance, the first of equals."""
    for lane in range(LANES):
        turn[POOREST + lane] = np.int32(0)
        turn[TARGET + lane] = all_rows[BALANCE + lane]
    for agent in range(1, agents):
        rows = all_rows[agent * rows_of_agent : (agent + 1) * rows_of_agent]
        for lane in range(LANES):
            lower = rows[BALANCE + lane] < turn[TARGET + lane]
            turn[TARGET + lane] = rows[BALANCE + lane] if lower else turn[TARGET + lane]
            turn[POOREST + lane] = np.int32(agent) if lower else turn[POOREST + lane]


@compiled
def decide(
    turn: Int32s,
    rows: Int32s,
    parameters: Int32s,
    periods: Int32s,
    number: np.int64,
    agent: np.int64,
) -> None:
    """Decide one agent's action: of seven rules the first that matches."""
    unstakes = due(number, periods[UNSTAKES])
    stakes = due(number + agent, periods[STAKES])
    burns = due(number + agent, periods[BURNS])
    transfers = due(number, periods[TRANSFERS])
    studies = due(number, periods[STUDIES])
    for lane in range(LANES):
        balance = rows[BALANCE + lane]
        staked = rows[STAKED + lane]
        action, amount, tip = MINE, np.int32(0), np.int32(0)
        if studies & (balance > parameters[STUDY_ABOVE + lane]):
            action = STUDY
        gives = transfers & (balance > parameters[TRANSFER_ABOVE + lane])
        if gives & (turn[POOREST + lane] != agent):
            action = TRANSFER
            amount, tip = parameters[TRANSFER_TOKENS + lane], parameters[TRANSFER_FEE + lane]
        if burns & (balance > parameters[BURN_ABOVE + lane]):
            action, amount, tip = BURN, parameters[BURN_TOKENS + lane], np.int32(0)
        more = balance > parameters[STAKE_ABOVE + lane]
        if stakes & more & (staked < parameters[STAKE_MAX + lane]):
            action, amount, tip = STAKE, parameters[STAKE_TOKENS + lane], np.int32(0)
        if unstakes & (staked > 0):
            action, amount, tip = UNSTAKE, np.int32(WITHOUT_AMOUNT), np.int32(0)
        if balance < parameters[JOB_BELOW + lane]:
            action = JOB
        rows[ACTION + lane] = np.int32(action)
        turn[AMOUNT + lane] = np.int32(amount)
        turn[TIP + lane] = np.int32(tip)
        turn[TARGET + lane] = turn[POOREST + lane]
