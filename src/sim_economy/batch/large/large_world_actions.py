"""T2 and T3 of a large world: decisions, what is due, income, actions.

Source: docs/spec/economy.md, section 2; docs/batch.md.
"""

from __future__ import annotations

import numpy as np

from sim_economy.batch import shape as at
from sim_economy.batch.compiling import compiled
from sim_economy.batch.decisions.family import (
    BURNS,
    STAKES,
    STUDIES,
    TRANSFERS,
    UNSTAKES,
    due,
)
from sim_economy.batch.lanes import (
    LANES,
    ROWS,
    WEIGHTS,
    Int32s,
)
from sim_economy.batch.large.large_world_arrays import (
    NEXT_TOP_UP,
    LargeWorld,
    numbers_of,
)
from sim_economy.batch.large.large_world_lanes import (
    address_transfers_across,
    decide_by_clocks,
    find_poorest_agent,
    mark_due,
    top_up_agent,
)
from sim_economy.batch.results.totals_lanes import add_up_turn, ends_group
from sim_economy.batch.steps.action_lanes import (
    STUDY_BIT,
    TRANSFER_BIT,
    UNSTAKE_BIT,
    count_choices,
    refuse,
    start_releases,
    submit,
)
from sim_economy.batch.steps.bill_lanes import (
    study,
)
from sim_economy.batch.steps.block_lanes import (
    release,
)
from sim_economy.batch.steps.income_lanes import (
    LATER_PERIOD,
    NO_PERIOD,
    STOP_RULE,
    close_period,
    grant,
    stop_the_empty,
)


@compiled
def act_large(world: LargeWorld, number: np.int64) -> None:
    """T2 and T3: agents decide on what they saw, then what is due returns, then they act."""
    shared, work = world.shared, world.work
    shape, groups, periods = shared.shape, shared.shape[at.AGENTS], shared.periods
    unstakes, transfers = due(number, periods[UNSTAKES]), due(number, periods[TRANSFERS])
    studies = due(number, periods[STUDIES])
    stake_clock, burn_clock = world.clocks[:LANES], world.clocks[LANES:]
    if transfers:
        find_poorest_agent(work.turn, work.rows, world.agents)
    first_flag = number % (min(shape[at.DELAY], shape[at.TURNS]) + 1) * groups
    for group in range(groups):
        rows = work.rows[group * ROWS : (group + 1) * ROWS]
        parameters = numbers_of(world, group).parameters
        first = group * LANES
        mark_due(stake_clock, number + first, np.int64(periods[STAKES]))
        mark_due(burn_clock, number + first, np.int64(periods[BURNS]))
        decide_by_clocks(
            work.turn, rows, parameters, unstakes, transfers, studies, world.clocks, first
        )
        chosen = count_choices(work.turn, rows)
        flag = first_flag + group
        if work.releases[flag] != 0 and number > shape[at.DELAY]:
            release(work.turn, rows, work.released[flag * LANES : (flag + 1) * LANES])
            work.releases[flag] = np.uint8(0)
        if shape[at.HAS_INCOME]:
            receive_large_income(world, rows, parameters, number, group)
            add_up_turn(work.turn, work.totals)
            if shape[at.EMPTY_RULE] == STOP_RULE:
                stop_the_empty(work.turn, rows)
        if chosen != 0:
            apply_large(world, rows, parameters, number, group, chosen)
        if ends_group(group, groups):
            add_up_turn(work.turn, work.totals)


@compiled
def receive_large_income(
    world: LargeWorld, rows: Int32s, parameters: Int32s, number: np.int64, group: np.int64
) -> None:
    """T2: what a group is granted; top-ups lie in the order of turns and agents."""
    shared, turn = world.shared, world.work.turn
    begins = shared.income[number]
    if begins == LATER_PERIOD:
        close_period(turn, rows, parameters, shared.shape[at.FORGIVEN] != 0)
    if begins != NO_PERIOD:
        grant(turn, rows)
    given = world.own[NEXT_TOP_UP]
    end = (group + 1) * LANES
    while given < len(shared.top_ups) and shared.top_ups[given] == number:
        if shared.top_ups[given + 1] >= end:
            break
        tokens = np.int32(shared.top_ups[given + 2])
        top_up_agent(turn, world.work.rows, shared.top_ups[given + 1], tokens)
        add_up_turn(turn, world.work.totals)
        given += 3
    world.own[NEXT_TOP_UP] = given


@compiled
def apply_large(
    world: LargeWorld,
    rows: Int32s,
    parameters: Int32s,
    number: np.int64,
    group: np.int64,
    chosen: np.int64,
) -> None:
    """T3: the actions of 64 agents, if no rule refuses them."""
    shape, work = world.shared.shape, world.work
    # The policy gives nothing to itself, so no agent is compared with its target.
    refuse(work.turn, rows, parameters, -1, world.agents, shape[at.ALL_STAKE] != 0, False)
    if submit(work.turn, rows, parameters, chosen):
        work.waits[group] = np.uint8(1)
        if chosen & TRANSFER_BIT:
            address_transfers_across(work.turn, rows, work.rows, work.waits)
    if chosen & STUDY_BIT:
        weights = work.weights[group * WEIGHTS : (group + 1) * WEIGHTS]
        prices = work.prices[group * LANES : (group + 1) * LANES]
        divisor = np.float64(shape[at.PRICE_DIVISOR])
        most = np.float64(shape[at.PRICE_MOST])
        scaled = study(rows, weights, prices, world.worlds.rates, divisor, most)
        work.scaled[group] = np.uint8(scaled)
    if chosen & UNSTAKE_BIT:
        slots = min(shape[at.DELAY], shape[at.TURNS]) + 1
        flag = (number + shape[at.DELAY]) % slots * shape[at.AGENTS] + group
        released = work.released[flag * LANES : (flag + 1) * LANES]
        work.releases[flag] = np.uint8(start_releases(work.turn, rows, released))
