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
    for lane in range(LANES):
        action = rows[ACTION + lane]
        if action <= IDLE:
            continue
        amount = np.int64(turn[AMOUNT + lane])
        balance = rows[BALANCE + lane]
        staked = rows[STAKED + lane]
        refused = False
        if action == UNSTAKE:
            if amount == WITHOUT_AMOUNT:
                refused = not all_stake or staked < 1
                turn[AMOUNT + lane] = staked
            else:
                refused = amount < 1 or amount > staked
        elif action == STUDY:
            refused = parameters[STUDY_COST + lane] > balance
        elif action == BID_CORE:
            refused = not auction_open or amount < 1 or amount > balance
        elif action != STOPPED:
            tip = np.int64(turn[TIP + lane])
            refused = amount < 1 or tip < 0 or amount + tip > balance
            if action == TRANSFER:
                target = turn[TARGET + lane]
                refused = refused or target < 0 or target >= agents or target == agent
        if refused:
            rows[ACTION + lane] = IDLE
            turn[REJECTED + lane] += np.int32(1)


STUDY_BIT: Final = 1 << 6
UNSTAKE_BIT: Final = 1 << 4
TRANSFER_BIT: Final = 1 << 7
COSTLY_BITS: Final = 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8
"""Bits of actions that take something from a balance when they apply; of some by themselves."""


@compiled
def count_choices(turn: Int32s, rows: Int32s) -> np.int64:
    """Count what agents chose; what is counted nowhere else is mining.

    Returns:
        A bit for each kind of action that some lane chose; 0 where all mine or work.
    """
    others = ZERO
    for lane in range(LANES):
        action = rows[ACTION + lane]
        turn[JOBS_CHOSEN + lane] += np.int32(action == JOB)
        others |= np.int32(action > JOB)
    if others == 0:
        return np.int64(0)
    for lane in range(LANES):
        action = rows[ACTION + lane]
        turn[STAKES_CHOSEN + lane] += np.int32(action == STAKE)
        turn[UNSTAKES_CHOSEN + lane] += np.int32(action == UNSTAKE)
        turn[BURNS_CHOSEN + lane] += np.int32(action == BURN)
        turn[STUDIES_CHOSEN + lane] += np.int32(action == STUDY)
        turn[TRANSFERS_CHOSEN + lane] += np.int32(action == TRANSFER)
        turn[OTHERS_CHOSEN + lane] += np.int32((action == IDLE) | (action == BID_CORE))
    chosen = np.int64(0)
    for lane in range(LANES):
        chosen |= np.int64(1) << rows[ACTION + lane]
    return chosen


@compiled
def submit(turn: Int32s, rows: Int32s, parameters: Int32s) -> bool:
    """Take from a balance what stake, burn, transfer, study and bid cost, and let it wait.

    Returns:
        Whether anything waits now for a block.
    """
    waits = ZERO
    for lane in range(LANES):
        action = rows[ACTION + lane]
        amount = turn[AMOUNT + lane]
        stake = amount if action == STAKE else ZERO
        burn = amount if action == BURN else ZERO
        out = amount if action == TRANSFER else ZERO
        submitted = (action == STAKE) | (action == BURN) | (action == TRANSFER)
        tip = turn[TIP + lane] if submitted else ZERO
        bid = amount if action == BID_CORE else ZERO
        cost = parameters[STUDY_COST + lane] if action == STUDY else ZERO
        rows[WAITING_STAKE + lane] += stake
        rows[WAITING_BURN + lane] += burn
        rows[WAITING_OUT + lane] += out
        rows[WAITING_TIP + lane] += tip
        rows[BID + lane] = bid
        turn[TIPS_WAITING + lane] += tip
        turn[STAKES_WAITING + lane] += np.int32(action == STAKE)
        turn[BURNS_WAITING + lane] += np.int32(action == BURN)
        turn[TRANSFERS_WAITING + lane] += np.int32(action == TRANSFER)
        turn[STUDY_COSTS + lane] += cost
        rows[BALANCE + lane] -= np.int32(stake + burn + out + tip + bid + cost)
        turn[GUARD + lane] |= (
            rows[WAITING_STAKE + lane]
            | rows[WAITING_BURN + lane]
            | rows[WAITING_OUT + lane]
            | turn[TIPS_WAITING + lane]
        )
        waits |= stake | burn | out | tip
    return waits != 0


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
        started |= amount
    return started != 0
