"""T2 and T3 of a turn in all lanes: decisions, what is due, income, actions.

Source: docs/spec/economy.md, section 2.
"""

from __future__ import annotations

import numpy as np

from sim_economy.batch import shape as at
from sim_economy.batch.arrays import WAITING, BlockWorlds, Shared, Workspace
from sim_economy.batch.compiling import compiled
from sim_economy.batch.decisions.by_table import decide_by_table
from sim_economy.batch.decisions.family import (
    BURNS_DUE,
    DUE_FOR_ALL,
    DUE_FOR_ONE,
    STAKES_DUE,
    STUDIES_DUE,
    TRANSFERS_DUE,
    UNSTAKES_DUE,
    decide,
    find_poorest,
    work_or_mine,
)
from sim_economy.batch.decisions.table_layout import NEEDS_POOREST
from sim_economy.batch.lanes import LANES, ROWS, WEIGHTS, Int32s
from sim_economy.batch.results.totals_lanes import add_up_turn, ends_group
from sim_economy.batch.steps.action_lanes import (
    STUDY_BIT,
    TRANSFER_BIT,
    UNSTAKE_BIT,
    address_transfers,
    count_choices,
    refuse,
    start_releases,
    submit,
)
from sim_economy.batch.steps.auction_lanes import sell_cores
from sim_economy.batch.steps.bill_lanes import study
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


@compiled
def act(shared: Shared, worlds: BlockWorlds, work: Workspace, number: np.int64) -> None:
    """T2 and T3: agents decide on what they saw, then what is due returns, then they act."""
    shape = shared.shape
    agents = shape[at.AGENTS]
    slots = min(shape[at.DELAY], shape[at.TURNS]) + 1
    by_table = shape[at.BY_TABLE] != 0
    # Nobody bids in the published family.
    auction = shape[at.AUCTION] != 0 and number == 1 and by_table
    clock = shared.clocks[number]
    asked = shared.table[NEEDS_POOREST] != 0 if by_table else clock & TRANSFERS_DUE != 0
    if asked:
        find_poorest(work.turn, work.rows, ROWS, agents)
    quiet = not by_table and clock & DUE_FOR_ALL == 0
    first_flag = number % slots * agents
    for agent in range(agents):
        rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
        chosen = np.int64(0)
        if quiet and shared.clocks[number + agent] & DUE_FOR_ONE == 0:
            work_or_mine(work.turn, rows, worlds.parameters)
        else:
            chosen = decide_one(shared, worlds, work, rows, number, agent)
        flag = first_flag + agent
        if work.releases[flag] != 0 and number > shape[at.DELAY]:
            release(work.turn, rows, work.released[flag * LANES : (flag + 1) * LANES])
            work.releases[flag] = np.uint8(0)
        if shape[at.HAS_INCOME]:
            receive_income(shared, worlds, work, rows, number, agent)
            add_up_turn(work.turn, work.totals)
            if shape[at.EMPTY_RULE] == STOP_RULE:
                stop_the_empty(work.turn, rows)
        if chosen != 0:
            apply(shared, worlds, work, rows, number, agent, chosen)
        if ends_group(agent, agents):
            add_up_turn(work.turn, work.totals)
    if auction:
        sell_cores(work.turn, work.rows, agents, shape[at.CORE_SHARES])


@compiled
def decide_one(
    shared: Shared,
    worlds: BlockWorlds,
    work: Workspace,
    rows: Int32s,
    number: np.int64,
    agent: np.int64,
) -> np.int64:
    """Decide one agent's action on the state before the turn.

    Returns:
        A bit for each kind of action that some lane chose; 0 where all mine or work.
    """
    turn, parameters = work.turn, worlds.parameters
    if shared.shape[at.BY_TABLE]:
        agents = shared.shape[at.AGENTS]
        table, scratch, scores = shared.table, work.scratch, work.scores
        decide_by_table(turn, rows, parameters, table, scratch, scores, number, agent, agents)
    else:
        clock, own = shared.clocks[number], shared.clocks[number + agent]
        stakes, burns = own & STAKES_DUE != 0, own & BURNS_DUE != 0
        if clock & DUE_FOR_ALL == 0:  # the same without what is due for all, and compiled apart
            decide(turn, rows, parameters, np.int32(agent), False, stakes, burns, False, False)
        else:
            unstakes, transfers = clock & UNSTAKES_DUE != 0, clock & TRANSFERS_DUE != 0
            studies = clock & STUDIES_DUE != 0
            decide(
                turn,
                rows,
                parameters,
                np.int32(agent),
                unstakes,
                stakes,
                burns,
                transfers,
                studies,
            )
    return count_choices(turn, rows)


@compiled
def apply(
    shared: Shared,
    worlds: BlockWorlds,
    work: Workspace,
    rows: Int32s,
    number: np.int64,
    agent: np.int64,
    chosen: np.int64,
) -> None:
    """T3: one agent's action, if no rule refuses it.

    Args:
        chosen: A bit for each kind of action that some lane chose.
    """
    shape = shared.shape
    agents = shape[at.AGENTS]
    auction = shape[at.AUCTION] != 0 and number == 1
    all_stake = shape[at.ALL_STAKE] != 0
    refuse(work.turn, rows, worlds.parameters, agent, agents, all_stake, auction)
    if submit(work.turn, rows, worlds.parameters, chosen):
        work.waits[agent] = np.uint8(1)
        work.flags[WAITING] = np.uint8(1)
        if chosen & TRANSFER_BIT:
            address_transfers(work.turn, rows, work.rows, work.waits)
    if chosen & STUDY_BIT:
        weights = work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS]
        prices = work.prices[agent * LANES : (agent + 1) * LANES]
        divisor = np.float64(shape[at.PRICE_DIVISOR])
        most = np.float64(shape[at.PRICE_MOST])
        scaled = study(rows, weights, prices, worlds.rates, divisor, most)
        work.scaled[agent] = np.uint8(scaled)
    if chosen & UNSTAKE_BIT:
        slots = min(shape[at.DELAY], shape[at.TURNS]) + 1
        flag = (number + shape[at.DELAY]) % slots * agents + agent
        released = work.released[flag * LANES : (flag + 1) * LANES]
        work.releases[flag] = np.uint8(start_releases(work.turn, rows, released))


@compiled
def receive_income(
    shared: Shared,
    worlds: BlockWorlds,
    work: Workspace,
    rows: Int32s,
    number: np.int64,
    agent: np.int64,
) -> None:
    """T2: what an agent is granted, and what of the last grant does not outlast a period."""
    begins = shared.income[number]
    if begins == LATER_PERIOD:
        forgiven = shared.shape[at.FORGIVEN] != 0
        close_period(work.turn, rows, worlds.parameters, forgiven)
    if begins != NO_PERIOD:
        grant(work.turn, rows)
    for given in range(0, len(shared.top_ups), 3):
        if shared.top_ups[given] == number and shared.top_ups[given + 1] == agent:
            top_up(work.turn, rows, np.int32(shared.top_ups[given + 2]))
