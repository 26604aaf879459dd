"""Debt rails, for all lanes: loans, and what of inflows repays them.

Of an inflow a part repays what is owed, rounded up, and no more than that. Several inflows of one
agent may therefore be repaid from together, in any order, as long as nothing is lent in between:
the parts add up to what is owed at most.

Source: docs/spec/economy.md, G3.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled, compiled_apart
from sim_economy.batch.governance.governance_arrays import Governance
from sim_economy.batch.governance.governance_lanes import (
    AGENT_ROWS,
    COOLDOWN,
    DEBT_CAP,
    GIVEN,
    HELD,
    LAST_LOAN,
    OWED,
    RECEIVABLE,
    REPAYMENT_SHARE,
    TIP_PARTS,
    TRANSFER_PARTS,
    UNCOVERED,
)
from sim_economy.batch.lanes import (
    ACTION,
    ALLOWANCE,
    AMOUNT,
    BALANCE,
    BLOCK,
    BONUS,
    BONUSES,
    EMPLOYED,
    INTERVENED,
    LANES,
    ROWS,
    STAKED,
    TARGET,
    TIP,
    UNSTAKING,
    WAITING_BURN,
    WAITING_OUT,
    WAITING_STAKE,
    WAITING_TIP,
    WINNER,
    Int32s,
    Int64s,
)
from sim_economy.batch.steps.action_lanes import BURN, JOB, STAKE, TRANSFER

MILLION: Final = np.int64(10**6)
NOTHING: Final = np.int64(0)


@compiled
def part_of(amount: np.int64, share: np.int64) -> np.int64:
    """The part of an inflow that repays what is owed, rounded up."""
    return (amount * share + (MILLION - 1)) // MILLION


@compiled
def repay_parts(
    all_rows: Int32s,
    governance: Governance,
    agent: np.int64,
    lane: np.int64,
    parts: np.int64,
) -> np.int64:
    """Take from a balance what repays, and hand back how much it is."""
    at = agent * AGENT_ROWS + lane
    tokens = min(parts, governance.agents[at + RECEIVABLE])
    governance.agents[at + RECEIVABLE] -= tokens
    all_rows[agent * ROWS + BALANCE + lane] -= np.int32(tokens)
    return tokens


@compiled
def repay(
    all_rows: Int32s,
    totals: Int64s,
    governance: Governance,
    agent: np.int64,
    lane: np.int64,
    amount: np.int64,
) -> None:
    """Repay from an inflow that has just been posted to a balance."""
    parts = part_of(amount, governance.doses[REPAYMENT_SHARE + lane])
    totals[INTERVENED + lane] += repay_parts(all_rows, governance, agent, lane, parts)


@compiled
def note_balance(rows: Int32s, own: Int64s) -> None:
    """Note one agent's balance before an inflow."""
    for lane in range(LANES):
        own[HELD + lane] = rows[BALANCE + lane]


@compiled_apart
def repay_rise(all_rows: Int32s, totals: Int64s, governance: Governance, agent: np.int64) -> None:
    """Repay from the one inflow since an agent's balance was noted."""
    for lane in range(LANES):
        at = agent * ROWS + BALANCE + lane
        rise = np.int64(all_rows[at]) - governance.agents[agent * AGENT_ROWS + HELD + lane]
        if rise > 0:
            repay(all_rows, totals, governance, agent, lane, rise)


@compiled_apart
def note_balances(all_rows: Int32s, governance: Governance, agents: np.int64) -> None:
    """Note every agent's balance before inflows."""
    for agent in range(agents):
        own = governance.agents[agent * AGENT_ROWS : (agent + 1) * AGENT_ROWS]
        note_balance(all_rows[agent * ROWS : (agent + 1) * ROWS], own)


@compiled_apart
def repay_rises(all_rows: Int32s, totals: Int64s, governance: Governance, agents: np.int64) -> None:
    """Repay from the one inflow of each agent since all balances were noted."""
    for agent in range(agents):
        repay_rise(all_rows, totals, governance, agent)


@compiled_apart
def note_lifted(rows: Int32s, own: Int64s) -> None:
    """Note the debt that a new period will lift; what is lifted is not lent for again."""
    for lane in range(LANES):
        if rows[ALLOWANCE + lane] != 0:
            own[GIVEN + lane] += max(NOTHING, -np.int64(rows[BALANCE + lane]))


@compiled_apart
def withhold_of_first_job(
    turn: Int32s, all_rows: Int32s, parameters: Int32s, governance: Governance, agent: np.int64
) -> None:
    """Withhold a part of the bonus of a first job that was just paid."""
    rows = all_rows[agent * ROWS : (agent + 1) * ROWS]
    for lane in range(LANES):
        if rows[ACTION + lane] == JOB and rows[EMPLOYED + lane] == 0:
            _withhold_of_bonus(turn, all_rows, parameters, governance, agent, lane)


@compiled_apart
def withhold_of_winner(
    turn: Int32s, all_rows: Int32s, parameters: Int32s, governance: Governance
) -> None:
    """Withhold a part of the bonus that the winner of a block was just paid."""
    for lane in range(LANES):
        if turn[BLOCK + lane] != 0:
            winner = np.int64(turn[WINNER + lane])
            _withhold_of_bonus(turn, all_rows, parameters, governance, winner, lane)


@compiled_apart
def _withhold_of_bonus(
    turn: Int32s,
    all_rows: Int32s,
    parameters: Int32s,
    governance: Governance,
    agent: np.int64,
    lane: np.int64,
) -> None:
    share = governance.doses[REPAYMENT_SHARE + lane]
    parts = part_of(np.int64(parameters[BONUS + lane]), share)
    tokens = repay_parts(all_rows, governance, agent, lane, parts)
    turn[BONUSES + lane] -= np.int32(tokens)


@compiled_apart
def note_submitted(turn: Int32s, rows: Int32s, governance: Governance, agent: np.int64) -> None:
    """Note what of one agent's transaction will repay: of its tip, of its transfer."""
    all_own, doses = governance.agents, governance.doses
    for lane in range(LANES):
        action, share = rows[ACTION + lane], doses[REPAYMENT_SHARE + lane]
        if (action == STAKE) | (action == BURN) | (action == TRANSFER):
            tip = part_of(np.int64(turn[TIP + lane]), share)
            all_own[agent * AGENT_ROWS + TIP_PARTS + lane] += tip
        if action == TRANSFER:
            to = np.int64(turn[TARGET + lane]) * AGENT_ROWS
            amount = part_of(np.int64(turn[AMOUNT + lane]), share)
            all_own[to + TRANSFER_PARTS + lane] += amount


@compiled_apart
def repay_of_block(
    turn: Int32s, all_rows: Int32s, totals: Int64s, governance: Governance, agents: np.int64
) -> None:
    """Repay from the transfers and tips of a block that was just finalised.

    An agent's own tip is no inflow of it.
    """
    all_own = governance.agents
    for lane in range(LANES):
        if turn[BLOCK + lane] == 0:
            continue
        winner, tips = np.int64(turn[WINNER + lane]), NOTHING
        for agent in range(agents):
            at = agent * AGENT_ROWS + lane
            if agent != winner:
                tips += all_own[at + TIP_PARTS]
            parts = all_own[at + TRANSFER_PARTS]
            totals[INTERVENED + lane] += repay_parts(all_rows, governance, agent, lane, parts)
            all_own[at + TIP_PARTS] = 0
            all_own[at + TRANSFER_PARTS] = 0
        totals[INTERVENED + lane] += repay_parts(all_rows, governance, winner, lane, tips)


@compiled_apart
def note_uncovered(rows: Int32s, own: Int64s) -> None:
    """Note what of a fee a balance will not cover."""
    for lane in range(LANES):
        if rows[ACTION + lane] != JOB:
            fee, held = own[OWED + lane], np.int64(rows[BALANCE + lane])
            own[UNCOVERED + lane] += fee - min(fee, max(NOTHING, held))


@compiled_apart
def lend(
    all_rows: Int32s, totals: Int64s, governance: Governance, agent: np.int64, number: np.int64
) -> None:
    """Lend one agent what its debt is beyond the cap, as far as uncovered fees made it."""
    rows = all_rows[agent * ROWS : (agent + 1) * ROWS]
    own = governance.agents[agent * AGENT_ROWS : (agent + 1) * AGENT_ROWS]
    doses = governance.doses
    for lane in range(LANES):
        last = own[LAST_LOAN + lane]
        if last != 0 and number - last < doses[COOLDOWN + lane]:
            continue
        depth = -np.int64(rows[BALANCE + lane]) - doses[DEBT_CAP + lane]
        for row in (STAKED, UNSTAKING, WAITING_STAKE, WAITING_BURN, WAITING_OUT, WAITING_TIP):
            depth -= np.int64(rows[row + lane])
        tokens = min(depth, own[UNCOVERED + lane] - own[GIVEN + lane])
        if tokens > 0:
            rows[BALANCE + lane] += np.int32(tokens)
            own[GIVEN + lane] += tokens
            own[RECEIVABLE + lane] += tokens
            own[LAST_LOAN + lane] = number
            totals[INTERVENED + lane] -= tokens
