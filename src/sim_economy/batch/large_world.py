"""One world of many agents, 64 of them side by side, a lane each.

Read it beside `block`, whose steps it calls; a group is the 64 agents of one row.

Source: docs/spec/economy.md, section 2; docs/batch.md.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from sim_economy.batch import shape as at
from sim_economy.batch.action_lanes import (
    STUDY_BIT,
    TRANSFER_BIT,
    UNSTAKE_BIT,
    count_choices,
    refuse,
    start_releases,
    submit,
)
from sim_economy.batch.arrays import BlockWorlds, Shared, Workspace
from sim_economy.batch.bill_lanes import (
    charge_nothing_where_stopped,
    charge_usage,
    collect,
    pay_credited_jobs,
    pay_first_jobs,
    study,
)
from sim_economy.batch.block import (
    NEXT_INDEX,
    begin,
    close_turn,
    draw_keys,
    end_run,
    weigh_burns,
)
from sim_economy.batch.block_lanes import (
    count_blocks,
    count_finalised,
    finalise,
    has_tips,
    release,
)
from sim_economy.batch.compiling import compiled
from sim_economy.batch.decisions.family import (
    BURNS,
    STAKES,
    STUDIES,
    TRANSFERS,
    UNSTAKES,
    due,
)
from sim_economy.batch.digest_lanes import BURN, RELEASE, add_world
from sim_economy.batch.dividend_lanes import (
    add_claim,
    begin_claims,
    bound_claims,
    has_shares,
    pay_claim,
    pay_core_owner,
    share_by_cores,
)
from sim_economy.batch.income_lanes import (
    CLIP_RULE,
    LATER_PERIOD,
    NO_PERIOD,
    STOP_RULE,
    clip_to_balance,
    close_period,
    grant,
    stop_the_empty,
)
from sim_economy.batch.lanes import (
    BALANCE,
    BONUS,
    BONUSES,
    CLAIMS,
    CORES,
    COUNTS,
    FIRST_NEGATIVE,
    FLOW_COUNT,
    FLOWS,
    GUARD,
    LANES,
    PLATFORM,
    PLATFORM_MIN,
    PLATFORM_NEGATIVE,
    POOL,
    REJECTED,
    ROWS,
    SHARES,
    SPENT_AGE,
    WEIGHTS,
    WINNER,
    Bytes,
    Floats,
    Int32s,
    Int64s,
)
from sim_economy.batch.large_world_lanes import (
    add_across,
    add_agents,
    add_by_lane,
    address_transfers_across,
    decide_by_clocks,
    find_poorest_agent,
    mark_due,
    pay,
    pay_all_tips,
    top_up_agent,
)
from sim_economy.batch.large_world_lottery import draw_winner, weigh_group
from sim_economy.batch.lottery_lanes import (
    begin_tickets,
    decide_whether_stake_counts,
    settle_draw,
)
from sim_economy.batch.totals_lanes import add_up_bills, add_up_turn, ends_group
from sim_economy.batch.usage_lanes import (
    LISTED,
    TABLED,
    charge_drawn_usage,
    listed_usage,
    tabled_usage,
    uniform_usage,
)

LEAST_PLATFORM: Final = 0
PLATFORM_TURN: Final = 1
NEXT_TOP_UP: Final = 2
OWN_NUMBERS: Final = 3
"""Numbers of the world that no lane has: the platform's least balance, the first turn that ends
with it below zero, and the first top-up that is not given yet."""


class LargeWorld(NamedTuple):
    """One world, and what it is played on.

    Attributes:
        shared: Of the block's steps; its `AGENTS` are groups, its core shares none.
        worlds: The same numbers in every lane; `last` those of the last group, where lanes
            beyond the last agent hold tokens, usage and tickets of none.
        agents: How many there are.
        cores: Core shares at genesis, `[agent]`.
        own: Numbers of the world that no lane has.
        tickets: Sums of their weights, `[group, kind]`.
        owners: Whether any agent of a group owns a core share, `[group]`.
        clocks: Room for whether stakes, then burns, are due, `[lane]` each.
    """

    shared: Shared
    worlds: BlockWorlds
    last: BlockWorlds
    work: Workspace
    agents: np.int64
    cores: Int32s
    own: Int64s
    tickets: Floats
    owners: Bytes
    clocks: Int32s


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
def numbers_of(world: LargeWorld, group: np.int64) -> BlockWorlds:
    """The numbers of a group."""
    return world.last if group == world.shared.shape[at.AGENTS] - 1 else world.worlds


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
        divisor, most = shape[at.PRICE_DIVISOR], shape[at.PRICE_MOST]
        scaled = study(rows, weights, prices, world.worlds.rates, divisor, most)
        work.scaled[group] = np.uint8(scaled)
    if chosen & UNSTAKE_BIT:
        slots = min(shape[at.DELAY], shape[at.TURNS]) + 1
        flag = (number + shape[at.DELAY]) % slots * shape[at.AGENTS] + group
        released = work.released[flag * LANES : (flag + 1) * LANES]
        work.releases[flag] = np.uint8(start_releases(work.turn, rows, released))


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
    if work.scaled[group]:
        prices = work.prices[group * LANES : (group + 1) * LANES]
        charge_drawn_usage(work.turn, worlds.usage, prices, work.keys, step)
        return
    if shape[at.USAGE_KIND] == LISTED:
        start = (number - 1) * world.agents + group * LANES
        listed_usage(work.turn, worlds.parameters, shared.usage, start, 1)
    elif shape[at.USAGE_KIND] == TABLED:
        tabled_usage(work.turn, shared.usage, work.keys, step)
    else:
        uniform_usage(work.turn, worlds.parameters, work.keys, step)
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
    count_blocks(turn, work.totals)
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
        bound_claims(work.turn, totals, world.worlds.parameters, world.agents)
    elif has_shares(work.turn):
        share_by_cores(work.turn, totals, shape[at.CORE_SHARES])
    else:
        return
    for group in range(groups):
        rows = work.rows[group * ROWS : (group + 1) * ROWS]
        if by_claim:
            pay_claim(work.turn, totals, rows)
        elif world.owners[group]:
            pay_core_owner(work.turn, rows)
        if ends_group(group, groups):
            add_up_turn(work.turn, totals)


@compiled
def watch_platform(world: LargeWorld, number: np.int64) -> None:
    """Keep the platform's least balance, and when it was first below zero."""
    platform = add_across(world.work.totals[PLATFORM : PLATFORM + LANES])
    world.own[LEAST_PLATFORM] = min(world.own[LEAST_PLATFORM], platform)
    if platform < 0 and world.own[PLATFORM_TURN] == 0:
        world.own[PLATFORM_TURN] = number


@compiled
def close_large(world: LargeWorld) -> None:
    """Gather what lanes added up in the first lane, and close the digest."""
    work, shape = world.work, world.shared.shape
    totals, turn = work.totals, work.turn
    groups, turns = shape[at.AGENTS], shape[at.TURNS]
    for row in range(0, FLOW_COUNT * LANES, LANES):
        totals[row] = add_across(totals[row : row + LANES])
    totals[PLATFORM] = add_across(totals[PLATFORM : PLATFORM + LANES])
    totals[PLATFORM_MIN] = world.own[LEAST_PLATFORM]
    turn[PLATFORM_NEGATIVE] = np.int32(world.own[PLATFORM_TURN])
    for lane in range(1, LANES):
        turn[GUARD] |= turn[GUARD + lane] | (turn[GUARD + lane] >> np.int32(31))
        first = turn[FIRST_NEGATIVE + lane]
        if first != 0 and (turn[FIRST_NEGATIVE] == 0 or first < turn[FIRST_NEGATIVE]):
            turn[FIRST_NEGATIVE] = first
        for row in range(COUNTS, FLOWS, LANES):
            turn[row] += turn[row + lane]
    if shape[at.HAS_INCOME] and shape[at.EMPTY_RULE] == STOP_RULE:
        # Lanes beyond the last agent are empty, and were stopped in every turn.
        turn[REJECTED] -= np.int32((groups * LANES - world.agents) * turns)
    close_large_digest(world)


@compiled
def close_large_digest(world: LargeWorld) -> None:
    """The digest of the last state, in the first lane."""
    work, shape = world.work, world.shared.shape
    groups, turns, delay = shape[at.AGENTS], shape[at.TURNS], shape[at.DELAY]
    slots = min(delay, turns) + 1
    for group in range(groups):
        first = group * LANES
        add_agents(work.digests, work.rows[group * ROWS : (group + 1) * ROWS], first)
        for started in range(max(1, turns - delay + 1), turns + 1):
            flag = (started + delay) % slots * groups + group
            if work.releases[flag] != 0:
                released = work.released[flag * LANES : (flag + 1) * LANES]
                add_by_lane(work.digests, released, RELEASE, first, started + delay)
    for lane in range(1, LANES):
        work.digests[0] += work.digests[lane]
    add_world(work.digests, work.turn, work.totals, turns)
