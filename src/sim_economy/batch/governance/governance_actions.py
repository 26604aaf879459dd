"""T2 and T3 of a turn under interventions in all lanes.

Read it beside `block_actions`: inflows repay loans, and shocks strike after income.

Source: docs/spec/economy.md, sections 2 and 13.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch import shape as at
from sim_economy.batch.arrays import BlockWorlds, Shared, Workspace
from sim_economy.batch.block_actions import apply, decide_one
from sim_economy.batch.compiling import compiled_apart
from sim_economy.batch.decisions.family import TRANSFERS, due, find_poorest
from sim_economy.batch.decisions.table_layout import NEEDS_POOREST
from sim_economy.batch.governance.debt_rails_lanes import (
    note_balance,
    note_lifted,
    note_submitted,
    repay_rise,
)
from sim_economy.batch.governance.governance_arrays import Governance
from sim_economy.batch.governance.governance_lanes import AGENT_ROWS, LENDS
from sim_economy.batch.governance.shock_lanes import strike
from sim_economy.batch.lanes import LANES, ROWS
from sim_economy.batch.results.totals_lanes import add_up_turn
from sim_economy.batch.steps.action_lanes import BURN_BIT, STAKE_BIT, TRANSFER_BIT
from sim_economy.batch.steps.auction_lanes import sell_cores
from sim_economy.batch.steps.block_lanes import release
from sim_economy.batch.steps.income_lanes import (
    LATER_PERIOD,
    NO_PERIOD,
    STOP_RULE,
    close_period,
    grant,
    stop_the_empty,
    top_up,
)

SUBMIT_BITS: Final = STAKE_BIT | BURN_BIT | TRANSFER_BIT


@compiled_apart
def act_under_rules(
    shared: Shared,
    worlds: BlockWorlds,
    work: Workspace,
    governance: Governance,
    number: np.int64,
) -> None:
    """T2 and T3: agents decide on what they saw, receive what is due, then act."""
    shape = shared.shape
    agents = shape[at.AGENTS]
    slots = min(shape[at.DELAY], shape[at.TURNS]) + 1
    by_table = shape[at.BY_TABLE] != 0
    asked = shared.table[NEEDS_POOREST] != 0 if by_table else due(number, shared.periods[TRANSFERS])
    if asked:
        find_poorest(work.turn, work.rows, ROWS, agents)
    for agent in range(agents):
        rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
        chosen = decide_one(shared, worlds, work, rows, number, agent)
        flag = number % slots * agents + agent
        if work.releases[flag] != 0 and number > shape[at.DELAY]:
            release(work.turn, rows, work.released[flag * LANES : (flag + 1) * LANES])
            work.releases[flag] = np.uint8(0)
        if shape[at.HAS_INCOME]:
            receive_under_rules(shared, worlds, work, governance, number, agent)
        strike(work, governance, agent, number)
        if shape[at.EMPTY_RULE] == STOP_RULE:
            stop_the_empty(work.turn, rows)
        if chosen != 0:
            apply(shared, worlds, work, rows, number, agent, chosen)
            if governance.rules[LENDS] and chosen & SUBMIT_BITS:
                note_submitted(work.turn, rows, governance, agent)
        add_up_turn(work.turn, work.totals)
    if shape[at.AUCTION] != 0 and number == 1:
        sell_cores(work.turn, work.rows, agents, shape[at.CORE_SHARES])


@compiled_apart
def receive_under_rules(
    shared: Shared,
    worlds: BlockWorlds,
    work: Workspace,
    governance: Governance,
    number: np.int64,
    agent: np.int64,
) -> None:
    """T2: one agent's income, and what of it repays a loan; see `block_actions.receive_income`."""
    rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
    own = governance.agents[agent * AGENT_ROWS : (agent + 1) * AGENT_ROWS]
    lends = governance.rules[LENDS] != 0
    begins = shared.income[number]
    if begins == LATER_PERIOD:
        forgiven = shared.shape[at.FORGIVEN] != 0
        if lends and forgiven:
            note_lifted(rows, own)
        close_period(work.turn, rows, worlds.parameters, forgiven)
    if begins != NO_PERIOD:
        note_balance(rows, own)
        grant(work.turn, rows)
        if lends:
            repay_rise(work.rows, work.totals, governance, agent)
    for given in range(0, len(shared.top_ups), 3):
        if shared.top_ups[given] == number and shared.top_ups[given + 1] == agent:
            note_balance(rows, own)
            top_up(work.turn, rows, np.int32(shared.top_ups[given + 2]))
            if lends:
                repay_rise(work.rows, work.totals, governance, agent)
