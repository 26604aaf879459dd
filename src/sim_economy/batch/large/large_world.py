"""One world of many agents, 64 of them side by side, a lane each.

Read it beside `block`, whose steps it calls; a group is the 64 agents of one row.

Source: docs/spec/economy.md, section 2; docs/batch.md.
"""

from __future__ import annotations

import numpy as np

from sim_economy.batch import shape as at
from sim_economy.batch.arrays import BlockWorlds
from sim_economy.batch.block import (
    NEXT_INDEX,
    begin,
    close_turn,
    draw_keys,
    end_run,
)
from sim_economy.batch.block_tickets import weigh_burns
from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import (
    BALANCE,
    BONUS,
    BONUSES,
    CLAIMS,
    CORES,
    LANES,
    POOL,
    ROWS,
    SHARES,
    SPENT_AGE,
    WEIGHTS,
    WINNER,
)
from sim_economy.batch.large.large_world_actions import act_large
from sim_economy.batch.large.large_world_arrays import (
    LEAST_PLATFORM,
    NEXT_TOP_UP,
    PLATFORM_TURN,
    LargeWorld,
    numbers_of,
)
from sim_economy.batch.large.large_world_end import close_large, watch_platform
from sim_economy.batch.large.large_world_lanes import (
    add_across,
    add_by_lane,
    pay,
    pay_all_tips,
)
from sim_economy.batch.large.large_world_lottery import draw_winner, weigh_group
from sim_economy.batch.results.digest_lanes import BURN
from sim_economy.batch.results.totals_lanes import add_up_bills, add_up_turn, ends_group
from sim_economy.batch.steps.bill_lanes import (
    charge_nothing_where_stopped,
    charge_usage,
    collect,
    pay_credited_jobs,
    pay_first_jobs,
)
from sim_economy.batch.steps.block_lanes import (
    count_blocks,
    count_finalised,
    finalise,
    has_tips,
)
from sim_economy.batch.steps.dividend_lanes import (
    add_claim,
    begin_claims,
    bound_claims,
    has_shares,
    pay_claim,
    pay_core_owner,
    share_by_cores,
)
from sim_economy.batch.steps.income_lanes import (
    CLIP_RULE,
    STOP_RULE,
    clip_to_balance,
)
from sim_economy.batch.steps.lottery_lanes import (
    begin_tickets,
    decide_whether_stake_counts,
    settle_draw,
)
from sim_economy.batch.steps.usage_lanes import (
    LISTED,
    TABLED,
    UNIFORM,
    charge_drawn_usage,
    charge_scaled_usage,
    listed_usage,
    tabled_usage,
    uniform_usage,
)


@compiled
def play_large(world: LargeWorld) -> None:
    """Play from genesis to the last turn; what became of the world is in the first lane."""
    shared, work = world.shared, world.work
    begin(shared, world.worlds, work)
    begin_lanes(world)
    has_burns = False
    turns = shared.shape[at.TURNS]
    for number in range(1, turns + 1):
        draw_keys(world.worlds, work, number)  # T1
        for lane in range(LANES):
            work.keys[lane] += np.uint64(lane) * NEXT_INDEX
        act_large(world, number)  # T2 and T3
        prepare_tickets(world, number, has_burns)
        bill_large(world, number, has_burns)  # T4
        has_burns |= make_large_block(world, number, has_burns)  # T5
        pay_large_dividends(world)  # T6
        if number == turns and shared.shape[at.ENDS]:  # T9
            end_run(shared, work)
        close_turn(shared, work, number)
        watch_platform(world, number)
    close_large(world)


@compiled
def begin_lanes(world: LargeWorld) -> None:
    """Genesis of what differs by lane: no tokens beyond the last agent, given core shares."""
    work = world.work
    world.own[LEAST_PLATFORM] = np.int64(2**62)
    world.own[PLATFORM_TURN] = 0
    world.own[NEXT_TOP_UP] = 0
    groups = world.shared.shape[at.AGENTS]
    for agent in range(world.agents, groups * LANES):
        work.rows[(groups - 1) * ROWS + BALANCE + agent % LANES] = np.int32(0)
    world.owners[:] = np.uint8(0)
    for agent in range(world.agents):
        if world.cores[agent] == 0:
            continue
        group, lane = divmod(agent, LANES)
        world.owners[group] = np.uint8(1)
        work.rows[group * ROWS + CORES + lane] = world.cores[agent]
        work.turn[SHARES + lane] += world.cores[agent]


@compiled
def prepare_tickets(world: LargeWorld, number: np.int64, has_burns: bool) -> None:
    """L2 and L3: what burns weigh in this turn, and whether stake and burns count."""
    shared, work = world.shared, world.work
    if has_burns:
        weigh_burns(shared, world.worlds, work, number)
    begin_tickets(work.draws)
    if shared.shape[at.SEPARATE_TICKETS]:
        window = np.int32(shared.shape[at.WINDOW])
        decide_whether_stake_counts(work.turn, np.int32(number), window)


@compiled
def bill_large(world: LargeWorld, number: np.int64, has_burns: bool) -> None:
    """T4: usage is drawn and paid, jobs are paid, debts bear interest.

    Tickets are weighed on the way: a bill changes none, and memory is read once less.
    """
    work, shape = world.work, world.shared.shape
    groups, separate = shape[at.AGENTS], shape[at.SEPARATE_TICKETS] != 0
    work.totals[POOL : POOL + LANES] = 0
    for group in range(groups):
        rows = work.rows[group * ROWS : (group + 1) * ROWS]
        weights = work.weights[group * WEIGHTS : (group + 1) * WEIGHTS]
        worlds = numbers_of(world, group)
        charge_large(world, worlds, number, group)
        if shape[at.EMPTY_RULE] == STOP_RULE:
            charge_nothing_where_stopped(work.turn, rows)
        elif shape[at.EMPTY_RULE] == CLIP_RULE:
            clip_to_balance(work.turn, rows, weights)
        if shape[at.CREDITS_USAGE]:
            pay_credited_jobs(work.turn, rows, worlds.parameters, worlds.rates)
        if not shape[at.BONUS_PER_BLOCK]:
            pay_first_jobs(work.turn, rows, worlds.parameters)
        collect(work.turn, rows, worlds.rates)
        weigh_group(world.tickets, work, group, worlds.rates, separate, has_burns)
        if ends_group(group, groups) or group == groups - 1:
            add_up_bills(work.turn, work.totals)
        if ends_group(group, groups):
            add_up_turn(work.turn, work.totals)


@compiled
def charge_large(world: LargeWorld, worlds: BlockWorlds, number: np.int64, group: np.int64) -> None:
    """B1 to B3: the usage of 64 agents, and what it costs."""
    shared, work = world.shared, world.work
    shape = shared.shape
    step = np.uint64(group * LANES) * NEXT_INDEX
    scaled = work.scaled[group] != 0
    prices = work.prices[group * LANES : (group + 1) * LANES]
    if shape[at.USAGE_KIND] == UNIFORM and scaled:
        charge_drawn_usage(work.turn, worlds.usage, prices, work.keys, step)
        return
    if shape[at.USAGE_KIND] == LISTED:
        start = (number - 1) * world.agents + group * LANES
        listed_usage(work.turn, worlds.parameters, shared.usage, start, 1)
    elif shape[at.USAGE_KIND] == TABLED:
        tabled_usage(work.turn, shared.usage, work.keys, step)
    else:
        uniform_usage(work.turn, worlds.parameters, work.keys, step)
    if scaled:
        charge_scaled_usage(work.turn, worlds.usage, prices)
    else:
        weights = work.weights[group * WEIGHTS : (group + 1) * WEIGHTS]
        charge_usage(work.turn, weights, worlds.parameters, worlds.rates)


@compiled
def make_large_block(world: LargeWorld, number: np.int64, has_burns: bool) -> bool:
    """T5: draw the block; what waits is finalised, the winner is paid."""
    shared, work = world.shared, world.work
    shape, turn = shared.shape, work.turn
    separate = shape[at.SEPARATE_TICKETS] != 0
    worlds, last = world.worlds, world.last
    if not draw_winner(worlds, last, work, world.tickets, world.agents, separate):
        return has_burns
    settle_draw(turn, np.int32(number))
    has_burns |= finalise_large(world, number)
    count_finalised(turn)
    if has_tips(turn):
        pay_all_tips(turn, work.rows)
    if shape[at.BONUS_PER_BLOCK]:
        bonus = world.worlds.parameters[BONUS]
        pay(turn, work.rows, np.int64(turn[WINNER]), np.int64(bonus))
        turn[BONUSES] += bonus
    count_blocks(turn)
    return has_burns


@compiled
def finalise_large(world: LargeWorld, number: np.int64) -> bool:
    """L6: all that waits reaches its goal.

    Returns:
        Whether anything was burned.
    """
    shape, work = world.shared.shape, world.work
    groups, turns = shape[at.AGENTS], shape[at.TURNS]
    first_flag = number % (min(shape[at.MATURITY], turns) + 1) * groups
    weighs_at_end = turns - number < world.worlds.parameters[SPENT_AGE]
    burned_any = False
    for group in range(groups):
        if ends_group(group, groups):
            add_up_turn(work.turn, work.totals)
        if work.waits[group] == 0:
            continue
        flag = first_flag + group
        burned = work.burned[flag * LANES : (flag + 1) * LANES]
        rows = work.rows[group * ROWS : (group + 1) * ROWS]
        waits, burns = finalise(work.turn, work.draws, rows, burned)
        work.waits[group] = np.uint8(waits)
        work.burns[flag] = np.uint8(burns)
        burned_any |= burns
        if burns and weighs_at_end:
            add_by_lane(work.digests, burned, BURN, group * LANES, number)
    return burned_any


@compiled
def pay_large_dividends(world: LargeWorld) -> None:
    """T6: the covered fees of all lanes are shared."""
    work, shape = world.work, world.shared.shape
    groups, totals = shape[at.AGENTS], work.totals
    totals[POOL : POOL + LANES] = add_across(totals[POOL : POOL + LANES])
    by_claim = shape[at.SHARES_BY_CLAIM] != 0
    if by_claim:
        begin_claims(totals)
        for group in range(groups):
            add_claim(totals, work.rows[group * ROWS : (group + 1) * ROWS])
        totals[CLAIMS : CLAIMS + LANES] = add_across(totals[CLAIMS : CLAIMS + LANES])
        bound_claims(work.turn, totals, work.draws, world.worlds.parameters, world.agents)
    elif has_shares(work.turn):
        share_by_cores(work.turn, totals, shape[at.CORE_SHARES])
    else:
        return
    for group in range(groups):
        rows = work.rows[group * ROWS : (group + 1) * ROWS]
        if by_claim:
            pay_claim(work.turn, totals, work.draws, rows)
        elif world.owners[group]:
            pay_core_owner(work.turn, rows)
        if ends_group(group, groups):
            add_up_turn(work.turn, totals)
