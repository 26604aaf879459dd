"""Decisions of the published policy and its family: thresholds and amounts by world.

Source: docs/spec/experiment.md; `agents.policies.published_policy`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

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
from sim_economy.batch.steps.action_lanes import (
    BURN,
    JOB,
    MINE,
    STAKE,
    STUDY,
    TRANSFER,
    UNSTAKE,
    WITHOUT_AMOUNT,
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
UNSTAKES_DUE, STAKES_DUE, BURNS_DUE, TRANSFERS_DUE, STUDIES_DUE = (
    1 << period for period in range(len(PERIODS))
)
"""Bits of a clock: which periods a number is due in. Stakes and burns go by turn and agent."""
DUE_FOR_ALL: Final = UNSTAKES_DUE | TRANSFERS_DUE | STUDIES_DUE
DUE_FOR_ONE: Final = STAKES_DUE | BURNS_DUE


ZERO: Final = np.int32(0)


@compiled
def due(number: np.int64, period: np.int64) -> bool:
    """Whether a turn is one of a period's; a period of 0 has none."""
    return period > 0 and number % period == 0


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
    own: np.int32,
    unstakes: bool,
    stakes: bool,
    burns: bool,
    transfers: bool,
    studies: bool,
) -> None:
    """Decide one agent's action: of seven rules the first that matches.

    Args:
        unstakes: Whether the period of unstaking is due, as of the others.
    """
    for lane in range(LANES):
        balance = rows[BALANCE + lane]
        poorest = turn[POOREST + lane]
        action = STUDY if studies & (balance > parameters[STUDY_ABOVE + lane]) else MINE
        amount, tip = ZERO, ZERO
        gives = transfers & (balance > parameters[TRANSFER_ABOVE + lane]) & (poorest != own)
        action = TRANSFER if gives else action
        amount = parameters[TRANSFER_TOKENS + lane] if gives else amount
        tip = parameters[TRANSFER_FEE + lane] if gives else tip
        burned = burns & (balance > parameters[BURN_ABOVE + lane])
        action = BURN if burned else action
        amount = parameters[BURN_TOKENS + lane] if burned else amount
        tip = ZERO if burned else tip
        staked = rows[STAKED + lane]
        more = stakes & (balance > parameters[STAKE_ABOVE + lane])
        more &= staked < parameters[STAKE_MAX + lane]
        action = STAKE if more else action
        amount = parameters[STAKE_TOKENS + lane] if more else amount
        tip = ZERO if more else tip
        released = unstakes & (staked > ZERO)
        action = UNSTAKE if released else action
        amount = WITHOUT_AMOUNT if released else amount
        action = JOB if balance < parameters[JOB_BELOW + lane] else action
        rows[ACTION + lane] = action
        turn[AMOUNT + lane] = amount
        turn[TIP + lane] = tip
        turn[TARGET + lane] = poorest
