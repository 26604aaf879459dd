"""What one agent does in one turn, for all lanes: refusals, and actions that are no job.

Source: docs/spec/economy.md, section 3, L6 and S2.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import (
    ACTION,
    AMOUNT,
    BALANCE,
    BID,
    BURNS_CHOSEN,
    BURNS_WAITING,
    GUARD,
    JOBS_CHOSEN,
    LANES,
    OTHERS_CHOSEN,
    REJECTED,
    ROWS,
    STAKED,
    STAKES_CHOSEN,
    STAKES_WAITING,
    STUDIES_CHOSEN,
    STUDY_COST,
    STUDY_COSTS,
    TARGET,
    TIP,
    TIPS_WAITING,
    TRANSFERS_CHOSEN,
    TRANSFERS_WAITING,
    UNSTAKES_CHOSEN,
    UNSTAKING,
    WAITING_BURN,
    WAITING_IN,
    WAITING_OUT,
    WAITING_STAKE,
    WAITING_TIP,
    Bytes,
    Int32s,
)

MINE: Final = np.int32(0)
JOB: Final = np.int32(1)
IDLE: Final = np.int32(2)
STAKE: Final = np.int32(3)
UNSTAKE: Final = np.int32(4)
BURN: Final = np.int32(5)
STUDY: Final = np.int32(6)
TRANSFER: Final = np.int32(7)
BID_CORE: Final = np.int32(8)
STOPPED: Final = np.int32(9)
"""Codes of actions; the last is what is left of the input of an agent that may use nothing."""

WITHOUT_AMOUNT: Final = np.int32(-(1 << 31))
"""The amount of an unstake that names none."""


ZERO: Final = np.int32(0)


@compiled
def refuse(
    turn: Int32s,
    rows: Int32s,
    parameters: Int32s,
    agent: np.int64,
    agents: np.int64,
    all_stake: bool,
    auction_open: bool,
) -> None:
    """Turn an action that a rule refuses into idling, and count it.

    Args:
        all_stake: Whether an unstake without an amount takes all.
        auction_open: Whether bids for core shares are heard.

    Source: docs/spec/economy.md, A1 to A3, S2 and C1.
    """
    own, count = np.int32(agent), np.int32(agents)
    for lane in range(LANES):
        action, target = rows[ACTION + lane], turn[TARGET + lane]
        balance, staked = rows[BALANCE + lane], rows[STAKED + lane]
        unstakes = action == UNSTAKE
        takes_all = unstakes & (turn[AMOUNT + lane] == WITHOUT_AMOUNT)
        amount = staked if takes_all else turn[AMOUNT + lane]
        turn[AMOUNT + lane] = amount
        tip = turn[TIP + lane]
        bids = action == BID_CORE
        transfers = action == TRANSFER
        submits = (action == STAKE) | (action == BURN) | transfers
        refused = (unstakes | bids | submits) & (amount < 1)
        refused |= unstakes & (amount > staked)
        refused |= takes_all & (not all_stake)
        refused |= (action == STUDY) & (parameters[STUDY_COST + lane] > balance)
        refused |= bids & ((amount > balance) | (not auction_open))
        refused |= submits & ((tip < 0) | (tip > balance))
        refused |= submits & (amount > np.int32(balance - tip))
        refused |= transfers & ((target < 0) | (target >= count) | (target == own))
        rows[ACTION + lane] = IDLE if refused else action
        turn[REJECTED + lane] += np.int32(refused)


STAKE_BIT: Final = 1 << 3
UNSTAKE_BIT: Final = 1 << 4
BURN_BIT: Final = 1 << 5
STUDY_BIT: Final = 1 << 6
TRANSFER_BIT: Final = 1 << 7
BID_BIT: Final = 1 << 8
OTHER_BITS: Final = 1 << 2 | BID_BIT
NOT_MINING_OR_JOB: Final = np.int32(~3)


@compiled
def count_choices(turn: Int32s, rows: Int32s) -> np.int64:
    """Count what agents chose; what is counted nowhere else is mining.

    Returns:
        A bit for each kind of action that some lane chose; 0 where all mine or work.
    """
    bits = ZERO
    for lane in range(LANES):
        action = rows[ACTION + lane]
        turn[JOBS_CHOSEN + lane] += np.int32(action == JOB)
        bits = np.int32(bits | np.int32(np.int32(1) << action))
    chosen = np.int64(bits & NOT_MINING_OR_JOB)
    if chosen & STAKE_BIT:
        count_kind(turn, rows, STAKES_CHOSEN, STAKE)
    if chosen & UNSTAKE_BIT:
        count_kind(turn, rows, UNSTAKES_CHOSEN, UNSTAKE)
    if chosen & BURN_BIT:
        count_kind(turn, rows, BURNS_CHOSEN, BURN)
    if chosen & STUDY_BIT:
        count_kind(turn, rows, STUDIES_CHOSEN, STUDY)
    if chosen & TRANSFER_BIT:
        count_kind(turn, rows, TRANSFERS_CHOSEN, TRANSFER)
    if chosen & OTHER_BITS:
        count_kind(turn, rows, OTHERS_CHOSEN, IDLE)
        count_kind(turn, rows, OTHERS_CHOSEN, BID_CORE)
    return chosen


@compiled
def count_kind(turn: Int32s, rows: Int32s, row: np.int64, kind: np.int32) -> None:
    """Count one kind of action in a row."""
    for lane in range(LANES):
        turn[row + lane] += np.int32(rows[ACTION + lane] == kind)


@compiled
def submit(turn: Int32s, rows: Int32s, parameters: Int32s, chosen: np.int64) -> bool:
    """Take from a balance what stake, burn, transfer, study and bid cost, and let it wait.

    Args:
        chosen: A bit for each kind of action that some lane chose.

    Returns:
        Whether anything waits now for a block.
    """
    waits = False
    if chosen & STAKE_BIT:
        waits |= submit_kind(turn, rows, STAKE, WAITING_STAKE, STAKES_WAITING)
    if chosen & BURN_BIT:
        waits |= submit_kind(turn, rows, BURN, WAITING_BURN, BURNS_WAITING)
    if chosen & TRANSFER_BIT:
        waits |= submit_kind(turn, rows, TRANSFER, WAITING_OUT, TRANSFERS_WAITING)
    if chosen & STUDY_BIT:
        for lane in range(LANES):
            cost = parameters[STUDY_COST + lane] if rows[ACTION + lane] == STUDY else ZERO
            turn[STUDY_COSTS + lane] += cost
            rows[BALANCE + lane] -= cost
    if chosen & BID_BIT:
        for lane in range(LANES):
            bid = turn[AMOUNT + lane] if rows[ACTION + lane] == BID_CORE else ZERO
            rows[BID + lane] = bid
            rows[BALANCE + lane] -= bid
    return waits


@compiled
def submit_kind(
    turn: Int32s, rows: Int32s, kind: np.int32, waiting: np.int64, counted: np.int64
) -> bool:
    """Let what one kind of action takes wait for a block, with its tip.

    Args:
        waiting: The agent's row of what waits.
        counted: The world's row of how many wait.

    Returns:
        Whether any lane submitted any.
    """
    some = ZERO
    for lane in range(LANES):
        submits = rows[ACTION + lane] == kind
        amount = turn[AMOUNT + lane] if submits else ZERO
        tip = turn[TIP + lane] if submits else ZERO
        rows[waiting + lane] += amount
        rows[WAITING_TIP + lane] += tip
        turn[TIPS_WAITING + lane] += tip
        turn[counted + lane] += np.int32(submits)
        rows[BALANCE + lane] -= np.int32(amount + tip)
        turn[GUARD + lane] |= rows[waiting + lane] | turn[TIPS_WAITING + lane]
        some = np.int32(some | amount)
    return some != 0


@compiled
def address_transfers(turn: Int32s, rows: Int32s, all_rows: Int32s, waits: Bytes) -> None:
    """Let what is transferred wait for its recipient."""
    for lane in range(LANES):
        if rows[ACTION + lane] == TRANSFER:
            at = np.int64(turn[TARGET + lane]) * ROWS + WAITING_IN + lane
            all_rows[at] += turn[AMOUNT + lane]
            waits[turn[TARGET + lane]] = np.uint8(1)
            turn[GUARD + lane] |= all_rows[at]


@compiled
def start_releases(turn: Int32s, rows: Int32s, released: Int32s) -> bool:
    """Move what is unstaked on its way.

    Args:
        released: What returns in the turn that is due, of this agent.

    Source: docs/spec/economy.md, S2.
    """
    started = ZERO
    for lane in range(LANES):
        amount = turn[AMOUNT + lane] if rows[ACTION + lane] == UNSTAKE else ZERO
        rows[STAKED + lane] -= amount
        rows[UNSTAKING + lane] += amount
        released[lane] = amount
        turn[GUARD + lane] |= rows[UNSTAKING + lane]
        started = np.int32(started | amount)
    return started != 0
