"""The reinvestment rebate, for all lanes; no contract has points here.

Source: docs/spec/economy.md, G2.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled_apart
from sim_economy.batch.governance.apportionment_lanes import share_out
from sim_economy.batch.governance.governance_arrays import Governance
from sim_economy.batch.governance.governance_lanes import (
    AGENT_ROWS,
    PART,
    REBATE_SHARE,
    REBATE_SLOTS,
    SHARED,
    STAKE_MIN,
    STAKE_TURNS,
    STAKED_TURNS,
    STUDY_POINTS,
    WEIGHT,
)
from sim_economy.batch.lanes import (
    ACTION,
    BALANCE,
    GUARD,
    INTERVENED,
    LANES,
    OUTSIDE,
    POOL,
    ROWS,
    STAKED,
    Bytes,
    Int32s,
    Int64s,
)
from sim_economy.batch.steps.action_lanes import STUDY

POOL_MAX: Final = np.int64(1 << 42)
"""A pool up to it times a rate is exact in 64 bits."""
MILLION: Final = np.int64(10**6)


@compiled_apart
def count_points(
    all_rows: Int32s, governance: Governance, agents: np.int64, number: np.int64
) -> None:
    """Count each agent's points, for studies and for stake."""
    slot = number % governance.rules[REBATE_SLOTS] * agents
    for agent in range(agents):
        rows = all_rows[agent * ROWS : (agent + 1) * ROWS]
        own = governance.agents[agent * AGENT_ROWS : (agent + 1) * AGENT_ROWS]
        first = (slot + agent) * LANES
        _count_points_of(rows, own, governance.doses, governance.studied[first : first + LANES])


@compiled_apart
def _count_points_of(rows: Int32s, own: Int64s, doses: Int64s, studied: Bytes) -> None:
    for lane in range(LANES):
        studies = np.int64(rows[ACTION + lane] == STUDY)
        own[STUDY_POINTS + lane] += studies - np.int64(studied[lane])
        studied[lane] = np.uint8(studies)
        turns = min(doses[STAKE_TURNS + lane], own[STAKED_TURNS + lane] + 1)
        turns = turns if rows[STAKED + lane] >= doses[STAKE_MIN + lane] else np.int64(0)
        own[STAKED_TURNS + lane] = turns
        stakes = np.int64(turns >= doses[STAKE_TURNS + lane])
        own[WEIGHT + lane] = own[STUDY_POINTS + lane] + stakes


@compiled_apart
def rebate(
    turn: Int32s, all_rows: Int32s, totals: Int64s, governance: Governance, agents: np.int64
) -> None:
    """Share a part of the pool out by points; where nobody has any there is no rebate."""
    world, all_own = governance.world, governance.agents
    for lane in range(LANES):
        pool = totals[POOL + lane]
        if pool > POOL_MAX:
            turn[GUARD + lane] |= OUTSIDE
            pool = np.int64(0)
        world[SHARED + lane] = pool * governance.doses[REBATE_SHARE + lane] // MILLION
    share_out(turn, world, all_own, agents)
    for agent in range(agents):
        rows = all_rows[agent * ROWS : (agent + 1) * ROWS]
        own = all_own[agent * AGENT_ROWS : (agent + 1) * AGENT_ROWS]
        for lane in range(LANES):
            part = own[PART + lane]
            rows[BALANCE + lane] += np.int32(part)
            totals[POOL + lane] -= part
            totals[INTERVENED + lane] -= part
            turn[GUARD + lane] |= np.int32(min(part, np.int64(1 << 30)))
