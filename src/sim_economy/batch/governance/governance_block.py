"""A block of worlds with interventions, played side by side from genesis to their last turn.

Read it beside `core.turn` and `block`: the order of a turn is the same. Fees are found for all
agents before any is paid, since a cap depends on their sum.

Source: docs/spec/economy.md, sections 2 and 13; docs/batch.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch import shape as at
from sim_economy.batch.arrays import OWNERS, BlockWorlds, Shared, Workspace
from sim_economy.batch.block import (
    begin,
    charge,
    close_digest,
    close_turn,
    draw_keys,
    draw_usage,
    end_run,
    finalise_all,
    pay_dividends,
)
from sim_economy.batch.block_tickets import draw_block, weigh_burns
from sim_economy.batch.compiling import compiled_apart
from sim_economy.batch.governance.concentration_lanes import watch
from sim_economy.batch.governance.debt_rails_lanes import (
    lend,
    note_balances,
    note_uncovered,
    repay_of_block,
    repay_rises,
    withhold_of_first_job,
    withhold_of_winner,
)
from sim_economy.batch.governance.fee_cap_lanes import (
    allow,
    begin_fees,
    close_window,
    note_tips,
    owe,
    pay_job,
    waive,
)
from sim_economy.batch.governance.governance_actions import act_under_rules
from sim_economy.batch.governance.governance_arrays import Governance
from sim_economy.batch.governance.governance_digest import add_governance
from sim_economy.batch.governance.governance_lanes import (
    AGENT_ROWS,
    CAPS_FEES,
    LENDS,
    OWED,
    REBATES,
    WATCHES,
)
from sim_economy.batch.governance.rebate_lanes import count_points, rebate
from sim_economy.batch.governance.shock_lanes import keep_parameters, meter, set_parameters
from sim_economy.batch.lanes import FEE, LANES, POOL, ROWS, WEIGHTS
from sim_economy.batch.results.series_lanes import keep_series
from sim_economy.batch.results.totals_lanes import add_up_bills, add_up_turn, ends_group
from sim_economy.batch.steps.bill_lanes import charge_nothing_where_stopped, charge_usage, collect
from sim_economy.batch.steps.block_lanes import (
    count_blocks,
    count_finalised,
    has_tips,
    pay_tips,
    pay_winner,
)
from sim_economy.batch.steps.dividend_lanes import has_shares
from sim_economy.batch.steps.income_lanes import CLIP_RULE, STOP_RULE, clip_to_balance

ONE: Final = np.int64(10**6)
"""The factor of usage without a shock."""


@compiled_apart
def play_governed_block(
    shared: Shared, worlds: BlockWorlds, work: Workspace, governance: Governance
) -> None:
    """Play 64 worlds with interventions; what became of them is in `work`."""
    shape = shared.shape
    begin(shared, worlds, work)
    governance.agents[:] = 0
    governance.window[:] = 0
    governance.studied[:] = np.uint8(0)
    keep_parameters(worlds, governance.shocks)
    has_burns = False
    for number in range(1, shape[at.TURNS] + 1):
        has_burns |= play_governed_turn(shared, worlds, work, governance, number, has_burns)
    set_parameters(worlds, work, governance.shocks, shape[at.AGENTS], np.int64(0))
    add_governance(work.digests, governance, shape[at.AGENTS], shape[at.TURNS])
    close_digest(shared, work)


@compiled_apart
def play_governed_turn(
    shared: Shared,
    worlds: BlockWorlds,
    work: Workspace,
    governance: Governance,
    number: np.int64,
    has_burns: bool,
) -> bool:
    """Play one turn in all lanes; see `block.play_turn`."""
    shape = shared.shape
    ends = number == shape[at.TURNS] and shape[at.ENDS] != 0
    agents, rules = shape[at.AGENTS], governance.rules
    set_parameters(worlds, work, governance.shocks, agents, number)
    draw_keys(worlds, work, number)  # T1
    act_under_rules(shared, worlds, work, governance, number)  # T2 and T3
    if number == 1:
        work.flags[OWNERS] = np.uint8(has_shares(work.turn))
    bill_under_rules(shared, worlds, work, governance, number)  # T4
    burned = make_governed_block(shared, worlds, work, governance, number, has_burns)  # T5
    share_pool(shared, worlds, work, governance, number)  # T6
    if rules[LENDS]:  # T8
        for agent in range(agents):
            lend(work.rows, work.totals, governance, agent, number)
    if rules[WATCHES]:
        watch(work.rows, work.totals, governance, number, ends)
    if ends:  # T9
        end_run(shared, work)
    close_turn(shared, work, number)
    if rules[CAPS_FEES]:
        close_window(governance, number)
    if shape[at.EVERY_TURN]:
        keep_series(shared, worlds, work, number)
    return burned


@compiled_apart
def share_pool(
    shared: Shared,
    worlds: BlockWorlds,
    work: Workspace,
    governance: Governance,
    number: np.int64,
) -> None:
    """T6: rebates, then dividends of what is left of the covered fees."""
    agents, lends = shared.shape[at.AGENTS], governance.rules[LENDS] != 0
    if governance.rules[REBATES]:
        count_points(work.rows, governance, agents, number)
        note_balances(work.rows, governance, agents)
        rebate(work.turn, work.rows, work.totals, governance, agents)
        if lends:
            repay_rises(work.rows, work.totals, governance, agents)
    note_balances(work.rows, governance, agents)
    pay_dividends(shared, worlds, work)
    if lends:
        repay_rises(work.rows, work.totals, governance, agents)


@compiled_apart
def charge_under_rules(
    shared: Shared,
    worlds: BlockWorlds,
    work: Workspace,
    governance: Governance,
    number: np.int64,
    agent: np.int64,
) -> None:
    """B1 to B3: one agent's usage under a shock, and what it costs; see `block.charge`."""
    factor = governance.shocks.usage[number]
    if factor == ONE:
        charge(shared, worlds, work, number, agent)
        return
    draw_usage(shared, worlds, work, number, agent)
    meter(work.turn, factor)
    weights = work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS]
    charge_usage(work.turn, weights, worlds.parameters, worlds.rates)


@compiled_apart
def bill_under_rules(
    shared: Shared,
    worlds: BlockWorlds,
    work: Workspace,
    governance: Governance,
    number: np.int64,
) -> None:
    """T4: usage is drawn, fees are found and lowered, jobs and fees paid; debts bear interest."""
    shape = shared.shape
    agents = shape[at.AGENTS]
    work.totals[POOL : POOL + LANES] = 0
    begin_fees(governance.world)
    for agent in range(agents):
        rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
        charge_under_rules(shared, worlds, work, governance, number, agent)
        if shape[at.EMPTY_RULE] == STOP_RULE:
            charge_nothing_where_stopped(work.turn, rows)
        elif shape[at.EMPTY_RULE] == CLIP_RULE:
            weights = work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS]
            clip_to_balance(work.turn, rows, weights)
        own = governance.agents[agent * AGENT_ROWS : (agent + 1) * AGENT_ROWS]
        owe(work.turn, rows, own, governance.world)
    if governance.rules[CAPS_FEES]:
        allow(work.turn, worlds.parameters, governance, number)
        waive(work.turn, work.rows, governance, agents)
    for agent in range(agents):
        pay_and_collect(shared, worlds, work, governance, number, agent)
        if ends_group(agent, agents) or agent == agents - 1:
            add_up_bills(work.turn, work.totals)
        if ends_group(agent, agents):
            add_up_turn(work.turn, work.totals)


@compiled_apart
def pay_and_collect(
    shared: Shared,
    worlds: BlockWorlds,
    work: Workspace,
    governance: Governance,
    number: np.int64,
    agent: np.int64,
) -> None:
    """J1 to J4 and B4 to B6: one agent's job is paid, or its fee collected."""
    shape = shared.shape
    rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
    own = governance.agents[agent * AGENT_ROWS : (agent + 1) * AGENT_ROWS]
    credits_usage = shape[at.CREDITS_USAGE] != 0
    first_bonus = shape[at.BONUS_PER_BLOCK] == 0
    pay_job(
        work.turn,
        rows,
        own,
        worlds.parameters,
        worlds.rates,
        governance,
        governance.shocks.job_pay[number],
        credits_usage,
        first_bonus,
    )
    if governance.rules[LENDS]:
        if first_bonus:
            withhold_of_first_job(work.turn, work.rows, worlds.parameters, governance, agent)
        note_uncovered(rows, own)
    for lane in range(LANES):
        work.turn[FEE + lane] = np.int32(own[OWED + lane])
    collect(work.turn, rows, worlds.rates)


@compiled_apart
def make_governed_block(
    shared: Shared,
    worlds: BlockWorlds,
    work: Workspace,
    governance: Governance,
    number: np.int64,
    has_burns: bool,
) -> bool:
    """T5: draw the block; what waits is finalised, the winner is paid; see `block.make_block`."""
    shape = shared.shape
    agents = shape[at.AGENTS]
    if has_burns:
        weigh_burns(shared, worlds, work, number)
    if draw_block(shared, worlds, work, number, has_burns):
        note_tips(work.turn, work.rows, governance.world, agents)
        has_burns |= finalise_all(shared, worlds, work, number)
        count_finalised(work.turn)
        if has_tips(work.turn):
            pay_tips(work.turn, work.rows)
        if governance.rules[LENDS]:
            repay_of_block(work.turn, work.rows, work.totals, governance, agents)
        if shape[at.BONUS_PER_BLOCK]:
            for agent in range(agents):
                rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
                pay_winner(work.turn, rows, worlds.parameters, np.int32(agent))
            if governance.rules[LENDS]:
                withhold_of_winner(work.turn, work.rows, worlds.parameters, governance)
        count_blocks(work.turn)
    return has_burns
