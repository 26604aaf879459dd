"""A block: 64 worlds of one shape, played side by side from genesis to their last turn.

Read it beside `core.turn`: the order of a turn is the same.

Source: docs/spec/economy.md, section 2; docs/batch.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch import shape as at
from sim_economy.batch.arrays import OWNERS, TWO_LISTS, WAITING, BlockWorlds, Shared, Workspace
from sim_economy.batch.block_actions import act
from sim_economy.batch.block_tickets import draw_block, weigh_burns
from sim_economy.batch.compiling import compiled, mixed
from sim_economy.batch.lanes import (
    ALLOWANCE,
    BALANCE,
    BURN_WEIGHT,
    CORES,
    GENESIS,
    LANES,
    PLATFORM_MIN,
    PRICE,
    PRICE_REST,
    ROWS,
    SHARES,
    STUDY_FACTOR,
    UNIT_PRICE,
    WEIGHTS,
)
from sim_economy.batch.results.digest_lanes import (
    BURN,
    RELEASE,
    add_agent,
    add_row,
    add_world,
    coefficient,
)
from sim_economy.batch.results.series_lanes import keep_series
from sim_economy.batch.results.totals_lanes import (
    add_up_bills,
    add_up_flows,
    add_up_turn,
    ends_group,
    fill_pool,
    look,
    look_at_platform,
    look_at_platform_since,
    mark_first_negative,
    open_pool,
    take_another_turn,
)
from sim_economy.batch.steps.bill_lanes import (
    are_scaled,
    charge_drawn_at_long_prices,
    charge_nothing_where_stopped,
    charge_usage,
    collect,
    pay_credited_jobs,
    pay_first_jobs,
)
from sim_economy.batch.steps.block_lanes import (
    count_blocks,
    count_finalised,
    digest_burns,
    finalise,
    give_back,
    has_tips,
    pay_tips,
    pay_winner,
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
from sim_economy.batch.steps.exact_lanes import price_of, scaled_price
from sim_economy.batch.steps.income_lanes import (
    CLIP_RULE,
    STOP_RULE,
    clip_to_balance,
)
from sim_economy.batch.steps.short_lottery_lanes import shorten_rates
from sim_economy.batch.steps.usage_lanes import (
    LISTED,
    TABLED,
    UNIFORM,
    charge_drawn_usage,
    charge_scaled_usage,
    listed_usage,
    read_two_lists,
    tabled_usage,
    uniform_usage,
    usage_of_two_lists,
)
from sim_economy.core.randomness import INDEX_STEP, TURN_STEP, purpose_number

USAGE_PURPOSE: Final = np.uint64(purpose_number("usage"))
LOTTERY_PURPOSE: Final = np.uint64(purpose_number("lottery"))
NEXT_TURN: Final = np.uint64(TURN_STEP)
NEXT_INDEX: Final = np.uint64(INDEX_STEP)
FACTOR_ONE: Final = 1e12


@compiled
def play_block(shared: Shared, worlds: BlockWorlds, work: Workspace) -> None:
    """Play 64 worlds; what became of them is in `work`."""
    shape = shared.shape
    begin(shared, worlds, work)
    has_burns = False
    for number in range(1, shape[at.TURNS] + 1):
        has_burns |= play_turn(shared, worlds, work, number, has_burns)
    close_digest(shared, work)


@compiled
def begin(shared: Shared, worlds: BlockWorlds, work: Workspace) -> None:
    """Genesis: endowments, prices, given core shares, nothing else."""
    work.rows[:] = np.int32(0)
    work.turn[:] = np.int32(0)
    work.totals[:] = 0
    work.draws[:] = 0.0
    work.digests[:] = np.uint64(0)
    work.totals[PLATFORM_MIN : PLATFORM_MIN + LANES] = np.int64(2**62)
    for flags in (work.releases, work.burns, work.waits, work.weighs):
        flags[:] = np.uint8(0)
    divisor = np.float64(shared.shape[at.PRICE_DIVISOR])
    most = np.float64(shared.shape[at.PRICE_MOST])
    for lane in range(LANES):
        price, rest = price_of(worlds.rates[UNIT_PRICE + lane], FACTOR_ONE)
        work.weights[PRICE + lane] = price
        work.weights[PRICE_REST + lane] = rest
        work.weights[STUDY_FACTOR + lane] = FACTOR_ONE
        work.weights[BURN_WEIGHT + lane] = 0.0
        rate = worlds.rates[UNIT_PRICE + lane]
        work.prices[lane] = scaled_price(rate, FACTOR_ONE, divisor, most)
    work.scaled[:] = np.uint8(are_scaled(work.prices))
    if shared.shape[at.TICKET_UNIT]:
        work.short_burns[:] = np.float32(0.0)
        work.behind[:] = np.uint8(0)
        shorten_rates(work.points, worlds.rates, np.float64(shared.shape[at.TICKET_UNIT]))
    work.flags[WAITING] = np.uint8(0)
    work.flags[TWO_LISTS] = np.uint8(read_two_lists(worlds.parameters))
    for agent in range(shared.shape[at.AGENTS]):
        rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
        cores = shared.cores[agent]
        for number in range(WEIGHTS):
            work.weights[agent * WEIGHTS + number] = work.weights[number]
        for lane in range(LANES):
            work.prices[agent * LANES + lane] = work.prices[lane]
            rows[BALANCE + lane] = worlds.parameters[GENESIS + lane]
            rows[CORES + lane] = cores
            work.turn[SHARES + lane] += cores
        if shared.shape[at.HAS_INCOME]:
            for lane in range(LANES):
                rows[ALLOWANCE + lane] = worlds.allowances[agent * LANES + lane]


@compiled
def play_turn(
    shared: Shared, worlds: BlockWorlds, work: Workspace, number: np.int64, has_burns: bool
) -> bool:
    """Play one turn in all lanes.

    Args:
        has_burns: Whether any world has finalised burns.

    Returns:
        Whether any world has now.
    """
    draw_keys(worlds, work, number)  # T1
    act(shared, worlds, work, number)  # T2 and T3
    if number == 1:
        work.flags[OWNERS] = np.uint8(has_shares(work.turn))
    bill(shared, worlds, work, number)  # T4
    burned = make_block(shared, worlds, work, number, has_burns)  # T5
    pay_dividends(shared, worlds, work)  # T6
    if number == shared.shape[at.TURNS] and shared.shape[at.ENDS]:  # T9
        end_run(shared, work)
    close_turn(shared, work, number)
    if shared.shape[at.EVERY_TURN]:
        keep_series(shared, worlds, work, number)
    return burned


@compiled
def draw_keys(worlds: BlockWorlds, work: Workspace, number: np.int64) -> None:
    """The keys of a turn's draws (L8)."""
    past = np.uint64(number) * NEXT_TURN
    for lane in range(LANES):
        key = mixed(worlds.keys[lane] + past)
        work.keys[lane] = key + USAGE_PURPOSE
        work.keys[LANES + lane] = key + LOTTERY_PURPOSE


@compiled
def bill(shared: Shared, worlds: BlockWorlds, work: Workspace, number: np.int64) -> None:
    """T4: usage is drawn and paid, jobs are paid, debts bear interest."""
    shape = shared.shape
    agents = shape[at.AGENTS]
    by_turn = shape[at.SUMS_EVERY_TURN] != 0
    shares = shape[at.SHARES_BY_CLAIM] != 0 or work.flags[OWNERS] != 0
    if by_turn or shares:
        open_pool(work.turn, work.totals)
    for agent in range(agents):
        rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
        weights = work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS]
        charge(shared, worlds, work, number, agent)
        if shape[at.EMPTY_RULE] == STOP_RULE:
            charge_nothing_where_stopped(work.turn, rows)
        elif shape[at.EMPTY_RULE] == CLIP_RULE:
            clip_to_balance(work.turn, rows, weights)
        if shape[at.CREDITS_USAGE]:
            pay_credited_jobs(work.turn, rows, worlds.parameters, worlds.rates)
        if not shape[at.BONUS_PER_BLOCK]:
            pay_first_jobs(work.turn, rows, worlds.parameters)
        collect(work.turn, rows, worlds.rates)
        if by_turn and (ends_group(agent, agents) or agent == agents - 1):
            add_up_bills(work.turn, work.totals)
        if ends_group(agent, agents):
            add_up_turn(work.turn, work.totals)
    if shares and not by_turn:
        fill_pool(work.turn, work.totals)


@compiled
def charge(
    shared: Shared, worlds: BlockWorlds, work: Workspace, number: np.int64, agent: np.int64
) -> None:
    """B1 to B3: one agent's usage, and what it costs."""
    shape = shared.shape
    step = np.uint64(agent) * NEXT_INDEX
    scaled = work.scaled[agent] != 0
    prices = work.prices[agent * LANES : (agent + 1) * LANES]
    weights = work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS]
    if shape[at.USAGE_KIND] == UNIFORM and scaled:
        charge_drawn_usage(work.turn, worlds.usage, prices, work.keys, step)
        return
    if shape[at.USAGE_KIND] == UNIFORM and shape[at.PRICE_MOST] > 0:
        charge_drawn_at_long_prices(work.turn, worlds.usage, weights, work.keys, step)
        return
    draw_usage(shared, worlds, work, number, agent)
    if scaled:
        charge_scaled_usage(work.turn, worlds.usage, prices)
    else:
        charge_usage(work.turn, weights, worlds.parameters, worlds.rates)


@compiled
def draw_usage(
    shared: Shared, worlds: BlockWorlds, work: Workspace, number: np.int64, agent: np.int64
) -> None:
    """One agent's thinking and output."""
    shape = shared.shape
    step = np.uint64(agent) * NEXT_INDEX
    if shape[at.USAGE_KIND] == LISTED:
        start = (number - 1) * shape[at.AGENTS] + agent
        stride = shape[at.USAGE_STRIDE]
        if work.flags[TWO_LISTS]:
            usage_of_two_lists(work.turn, worlds.parameters, shared.usage, start, stride)
        else:
            listed_usage(work.turn, worlds.parameters, shared.usage, start, stride)
    elif shape[at.USAGE_KIND] == TABLED:
        tabled_usage(work.turn, shared.usage, work.keys, step)
    else:
        uniform_usage(work.turn, worlds.parameters, work.keys, step)


@compiled
def make_block(
    shared: Shared, worlds: BlockWorlds, work: Workspace, number: np.int64, has_burns: bool
) -> bool:
    """T5: draw the block; what waits is finalised, the winner is paid."""
    shape = shared.shape
    agents = shape[at.AGENTS]
    if has_burns:
        weigh_burns(shared, worlds, work, number)
    if draw_block(shared, worlds, work, number, has_burns):
        if work.flags[WAITING]:
            has_burns |= finalise_all(shared, worlds, work, number)
            count_finalised(work.turn)
            if has_tips(work.turn):
                pay_tips(work.turn, work.rows)
        if shape[at.BONUS_PER_BLOCK]:
            for agent in range(agents):
                rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
                pay_winner(work.turn, rows, worlds.parameters, np.int32(agent))
        count_blocks(work.turn)
    return has_burns


@compiled
def finalise_all(shared: Shared, worlds: BlockWorlds, work: Workspace, number: np.int64) -> bool:
    """L6: all that waits reaches its goal.

    Returns:
        Whether anything was burned.
    """
    shape = shared.shape
    agents, turns = shape[at.AGENTS], shape[at.TURNS]
    slots = min(shape[at.MATURITY], turns) + 1
    first_flag = number % slots * agents
    burned_any = False
    work.flags[WAITING] = np.uint8(0)
    for agent in range(agents):
        if ends_group(agent, agents):
            add_up_turn(work.turn, work.totals)
        if work.waits[agent] == 0:
            continue
        rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
        flag = first_flag + agent
        burned = work.burned[flag * LANES : (flag + 1) * LANES]
        waits, burns = finalise(work.turn, work.draws, rows, burned)
        work.waits[agent] = np.uint8(waits)
        work.flags[WAITING] |= np.uint8(waits)
        work.burns[flag] = np.uint8(burns)
        if burns:
            factor = coefficient(BURN, agent, number)
            age = np.int32(turns - number)
            digest_burns(work.digests, burned, worlds.parameters, age, factor)
            burned_any = True
    return burned_any


@compiled
def pay_dividends(shared: Shared, worlds: BlockWorlds, work: Workspace) -> None:
    """T6: the covered fees are shared."""
    shape = shared.shape
    agents = shape[at.AGENTS]
    if shape[at.SHARES_BY_CLAIM]:
        begin_claims(work.totals)
        for agent in range(agents):
            add_claim(work.totals, work.rows[agent * ROWS : (agent + 1) * ROWS])
        bound_claims(work.turn, work.totals, work.draws, worlds.parameters, agents)
        for agent in range(agents):
            rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
            pay_claim(work.turn, work.totals, work.draws, rows)
            if ends_group(agent, agents):
                add_up_turn(work.turn, work.totals)
    elif work.flags[OWNERS]:
        share_by_cores(work.turn, work.totals, shape[at.CORE_SHARES])
        for agent in range(agents):
            pay_core_owner(work.turn, work.rows[agent * ROWS : (agent + 1) * ROWS])
            if ends_group(agent, agents):
                add_up_turn(work.turn, work.totals)


@compiled
def end_run(shared: Shared, work: Workspace) -> None:
    """T9 of the last turn: what waits for a block returns to its owner."""
    for agent in range(shared.shape[at.AGENTS]):
        if work.waits[agent] != 0:
            give_back(work.rows[agent * ROWS : (agent + 1) * ROWS])


@compiled
def close_turn(shared: Shared, work: Workspace, number: np.int64) -> None:
    """T9: look at every balance, and add up the turn."""
    agents = shared.shape[at.AGENTS]
    for agent in range(agents):
        look(work.turn, work.rows[agent * ROWS : (agent + 1) * ROWS])
        if ends_group(agent, agents):
            add_up_turn(work.turn, work.totals)
    mark_first_negative(work.turn, np.int32(number))
    last = number == shared.shape[at.TURNS]
    if shared.shape[at.SUMS_EVERY_TURN] or last or not take_another_turn(work.turn):
        add_up_flows(work.turn, work.totals)
        add_up_turn(work.turn, work.totals)
        look_at_platform(work.turn, work.totals, np.int32(number))
    else:
        look_at_platform_since(work.turn, work.totals, np.int32(number))


@compiled
def close_digest(shared: Shared, work: Workspace) -> None:
    """The digest of the last state."""
    shape = shared.shape
    agents, turns, delay = shape[at.AGENTS], shape[at.TURNS], shape[at.DELAY]
    slots = min(delay, turns) + 1
    for agent in range(agents):
        add_agent(work.digests, work.rows[agent * ROWS : (agent + 1) * ROWS], agent)
        for started in range(max(1, turns - delay + 1), turns + 1):
            flag = (started + delay) % slots * agents + agent
            if work.releases[flag] != 0:
                factor = coefficient(RELEASE, agent, started + delay)
                add_row(work.digests, work.released[flag * LANES : (flag + 1) * LANES], factor)
    add_world(work.digests, work.turn, work.totals, turns)
