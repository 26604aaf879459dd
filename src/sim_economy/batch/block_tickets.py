"""T5 of a turn in all lanes: who makes the block.

Source: docs/spec/economy.md, L2 to L4.
"""

from __future__ import annotations

import numpy as np

from sim_economy.batch import shape as at
from sim_economy.batch.arrays import BlockWorlds, Shared, Workspace
from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import LANES, ROWS, WEIGHTS
from sim_economy.batch.steps.lottery_lanes import (
    BURN_KIND,
    MINE_KIND,
    STAKE_KIND,
    add_mining_tickets,
    add_separate_tickets,
    begin_passing,
    begin_tickets,
    catch_up,
    decide_whether_stake_counts,
    draw_point,
    mature,
    pass_mining_ticket,
    pass_separate_ticket,
    settle_draw,
    tell_kinds_apart,
)
from sim_economy.batch.steps.short_lottery_lanes import (
    BEHIND_MAX,
    add_short_mining_tickets,
    add_short_separate_tickets,
    begin_short_passing,
    begin_short_tickets,
    decay_shortly,
    draw_short_point,
    pass_short_separate_ticket,
    pass_short_ticket,
    read_short_draw,
    shorten_burns,
)


@compiled
def weigh_burns(shared: Shared, worlds: BlockWorlds, work: Workspace, number: np.int64) -> None:
    """L3: what is mature decays, then what matures now is added; at once without a delay."""
    agents, maturity = shared.shape[at.AGENTS], shared.shape[at.MATURITY]
    slots = min(maturity, shared.shape[at.TURNS]) + 1
    first_flag = (number - max(maturity, 1)) % slots * agents
    behind_max = BEHIND_MAX if shared.shape[at.TICKET_UNIT] else 0
    for agent in range(agents):
        flag = first_flag + agent
        matures = work.burns[flag] != 0 and number > maturity
        if not (work.weighs[agent] or matures):
            continue
        work.weighs[agent] = np.uint8(1)
        behind = np.int64(work.behind[agent]) + 1
        short_burns = work.short_burns[agent * LANES : (agent + 1) * LANES]
        if behind < behind_max and not matures:
            decay_shortly(work.points, short_burns)
            work.behind[agent] = np.uint8(behind)
            continue
        weights = work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS]
        burned = work.burned[flag * LANES : (flag + 1) * LANES]
        if matures and maturity == 0:
            catch_up(weights, worlds.rates, behind - 1)
            mature(weights, burned)
            behind = np.int64(1)
        catch_up(weights, worlds.rates, behind)
        if matures and maturity > 0:
            mature(weights, burned)
        if matures:
            work.burns[flag] = np.uint8(0)
        work.behind[agent] = np.uint8(0)
        if behind_max:
            shorten_burns(work.points, short_burns, weights)


@compiled
def draw_block(
    shared: Shared, worlds: BlockWorlds, work: Workspace, number: np.int64, has_burns: bool
) -> bool:
    """L2 to L4: weigh all tickets, test the threshold, find the winner.

    Returns:
        Whether there is a block in any lane.
    """
    shape, turn = shared.shape, work.turn
    separate = shape[at.SEPARATE_TICKETS] != 0
    if separate:
        decide_whether_stake_counts(turn, np.int32(number), np.int32(shape[at.WINDOW]))
    decided = any_block = False
    if shape[at.TICKET_UNIT]:
        any_block, decided = draw_shortly(shared, work, has_burns, separate)
    if not decided:
        any_block = draw_exactly(shared, worlds, work, has_burns, separate)
    if any_block:
        if separate:
            tell_kinds_apart(turn, np.int32(shape[at.AGENTS]))
        settle_draw(turn, np.int32(number))
    return any_block


@compiled
def draw_shortly(
    shared: Shared, work: Workspace, has_burns: bool, separate: bool
) -> tuple[bool, bool]:
    """Draw with floats of 32 bits.

    Returns:
        Whether there is a block in any lane, and whether that and all winners are certain.
    """
    turn, points = work.turn, work.points
    agents = shared.shape[at.AGENTS]
    begin_short_tickets(points)
    for agent in range(agents):
        rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
        burns = work.short_burns[agent * LANES : (agent + 1) * LANES]
        reached = work.reached[agent * LANES : (agent + 1) * LANES]
        if separate:
            add_short_separate_tickets(points, turn, rows, burns, has_burns)
        else:
            add_short_mining_tickets(points, reached, rows, burns, has_burns)
    any_block, decided = draw_short_point(points, work.draws, turn, work.keys[LANES:], agents)
    if not decided or not any_block:
        return any_block, decided
    if separate:
        begin_short_passing(points)
        for kind in (MINE_KIND, STAKE_KIND, BURN_KIND):
            if kind == BURN_KIND and not has_burns:
                continue
            for agent in range(agents):
                rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
                burns = work.short_burns[agent * LANES : (agent + 1) * LANES]
                pass_short_separate_ticket(points, turn, rows, burns, kind)
    else:
        for agent in range(agents):
            pass_short_ticket(points, turn, work.reached[agent * LANES : (agent + 1) * LANES])
    return True, read_short_draw(turn)


@compiled
def draw_exactly(
    shared: Shared, worlds: BlockWorlds, work: Workspace, has_burns: bool, separate: bool
) -> bool:
    """Draw with floats of 64 bits; what those cannot decide is marked.

    Returns:
        Whether there is a block in any lane.
    """
    turn, draws = work.turn, work.draws
    agents = shared.shape[at.AGENTS]
    begin_tickets(draws)
    for agent in range(agents):
        rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
        weights = work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS]
        if work.behind[agent]:
            catch_up(weights, worlds.rates, np.int64(work.behind[agent]))
            work.behind[agent] = np.uint8(0)
        if separate:
            add_separate_tickets(draws, turn, rows, weights, worlds.rates)
        else:
            add_mining_tickets(draws, rows, weights, worlds.rates, has_burns)
    tickets = 8.0 + 3.0 * np.float64(agents)
    if not draw_point(draws, turn, worlds.rates, work.keys[LANES:], tickets, has_burns):
        return False
    if separate:
        begin_passing(draws)
        for kind in (MINE_KIND, STAKE_KIND, BURN_KIND):
            for agent in range(agents):
                rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
                weights = work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS]
                pass_separate_ticket(draws, turn, rows, weights, worlds.rates, kind)
    else:
        for agent in range(agents):
            weights = work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS]
            pass_mining_ticket(draws, turn, weights)
    return True
