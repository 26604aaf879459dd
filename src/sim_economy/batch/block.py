"""A block: 64 worlds of one shape, played side by side from genesis to their last turn.

Read it beside `core.turn`: the order of a turn is the same.

Source: docs/spec/economy.md, section 2; docs/batch.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch import shape as at
from sim_economy.batch.arrays import BlockWorlds, Shared, Workspace
from sim_economy.batch.block_actions import act
from sim_economy.batch.compiling import compiled, mixed
from sim_economy.batch.lanes import (
    ALLOWANCE,
    BALANCE,
    BURN_WEIGHT,
    CORES,
    GENESIS,
    LANES,
    PLATFORM_MIN,
    POOL,
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
    add_up_turn,
    ends_group,
    look,
    mark_first_negatives,
)
from sim_economy.batch.steps.bill_lanes import (
    are_scaled,
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
from sim_economy.batch.steps.lottery_lanes import (
    BURN_KIND,
    MINE_KIND,
    STAKE_KIND,
    add_mining_tickets,
    add_separate_tickets,
    begin_passing,
    begin_tickets,
    decay,
    decide_whether_stake_counts,
    draw_point,
    mature,
    pass_mining_ticket,
    pass_separate_ticket,
    settle_draw,
    tell_kinds_apart,
)
from sim_economy.batch.steps.usage_lanes import (
    LISTED,
    TABLED,
    charge_drawn_usage,
    listed_usage,
    tabled_usage,
    uniform_usage,
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
    work.totals[POOL : POOL + LANES] = 0
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
        if ends_group(agent, agents) or agent == agents - 1:
            add_up_bills(work.turn, work.totals)
        if ends_group(agent, agents):
            add_up_turn(work.turn, work.totals)


@compiled
def charge(
    shared: Shared, worlds: BlockWorlds, work: Workspace, number: np.int64, agent: np.int64
) -> None:
    """B1 to B3: one agent's usage, and what it costs."""
    step = np.uint64(agent) * NEXT_INDEX
    if work.scaled[agent]:
        prices = work.prices[agent * LANES : (agent + 1) * LANES]
        charge_drawn_usage(work.turn, worlds.usage, prices, work.keys, step)
        return
    draw_usage(shared, worlds, work, number, agent)
    weights = work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS]
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
        has_burns |= finalise_all(shared, worlds, work, number)
        count_finalised(work.turn)
        if has_tips(work.turn):
            pay_tips(work.turn, work.rows)
        if shape[at.BONUS_PER_BLOCK]:
            for agent in range(agents):
                rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
                pay_winner(work.turn, rows, worlds.parameters, np.int32(agent))
        count_blocks(work.turn, work.totals)
    return has_burns


@compiled
def weigh_burns(shared: Shared, worlds: BlockWorlds, work: Workspace, number: np.int64) -> None:
    """L3: what is mature decays, then what matures now is added; at once without a delay."""
    agents, maturity = shared.shape[at.AGENTS], shared.shape[at.MATURITY]
    slots = min(maturity, shared.shape[at.TURNS]) + 1
    first_flag = (number - max(maturity, 1)) % slots * agents
    for agent in range(agents):
        weights = work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS]
        flag = first_flag + agent
        matures = work.burns[flag] != 0 and number > maturity
        if matures and maturity == 0:
            mature(weights, work.burned[flag * LANES : (flag + 1) * LANES])
        if work.weighs[agent] or matures:
            decay(weights, worlds.rates)
            work.weighs[agent] = np.uint8(1)
        if matures and maturity > 0:
            mature(weights, work.burned[flag * LANES : (flag + 1) * LANES])
        if matures:
            work.burns[flag] = np.uint8(0)


@compiled
def draw_block(
    shared: Shared, worlds: BlockWorlds, work: Workspace, number: np.int64, has_burns: bool
) -> bool:
    """L2 to L4: weigh all tickets, test the threshold, find the winner."""
    shape, turn, draws = shared.shape, work.turn, work.draws
    agents = shape[at.AGENTS]
    separate = shape[at.SEPARATE_TICKETS] != 0
    begin_tickets(draws)
    if separate:
        decide_whether_stake_counts(turn, np.int32(number), np.int32(shape[at.WINDOW]))
    for agent in range(agents):
        rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
        weights = work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS]
        if separate:
            add_separate_tickets(draws, turn, rows, weights, worlds.rates)
        else:
            add_mining_tickets(draws, rows, weights, worlds.rates, has_burns)
    tickets = 8.0 + 3.0 * np.float64(agents)
    keys = work.keys[LANES:]
    if not draw_point(draws, turn, worlds.rates, keys, tickets, has_burns):
        return False
    if separate:
        begin_passing(draws)
        for kind in (MINE_KIND, STAKE_KIND, BURN_KIND):
            for agent in range(agents):
                rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
                weights = work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS]
                pass_separate_ticket(draws, turn, rows, weights, worlds.rates, kind)
        tell_kinds_apart(turn, np.int32(agents))
    else:
        for agent in range(agents):
            weights = work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS]
            pass_mining_ticket(draws, turn, weights)
    settle_draw(turn, np.int32(number))
    return True


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
        bound_claims(work.turn, work.totals, worlds.parameters, agents)
        for agent in range(agents):
            pay_claim(work.turn, work.totals, work.rows[agent * ROWS : (agent + 1) * ROWS])
            if ends_group(agent, agents):
                add_up_turn(work.turn, work.totals)
    elif has_shares(work.turn):
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
        if ends_group(agent, agents) or agent == agents - 1:
            add_up_turn(work.turn, work.totals)
    mark_first_negatives(work.turn, work.totals, np.int32(number))


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
