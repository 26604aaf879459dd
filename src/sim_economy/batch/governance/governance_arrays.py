"""The arrays of interventions: what a batch, a block and its worlds have of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim_economy.batch.arrays import aligned
from sim_economy.batch.governance.governance_lanes import (
    AGENT_ROWS,
    CAP_SLOTS,
    DOSES,
    REBATE_SLOTS,
    WINDOW_ROWS,
    WORLD_ROWS,
)
from sim_economy.batch.lanes import LANES, Bytes, Floats, Int64s
from sim_economy.batch.shape import AGENTS


class Shocks(NamedTuple):
    """What shocks change in the worlds of a batch.

    Attributes:
        one_off: Turn, agent and tokens of each gain; tokens below 0 are a loss.
        usage: The factor of usage in millionths, `[turn]` from 0 on.
        job_pay: The same of job pay.
        rows: Where each parameter lies that changes.
        is_rate: Whether it lies among the rates.
        values: Of each, `[turn, parameter]`; below 0 where it is as at genesis.
        kept: What it is at genesis, `[parameter, lane]`.
    """

    one_off: Int64s
    usage: Int64s
    job_pay: Int64s
    rows: Int64s
    is_rate: Bytes
    values: Floats
    kept: Floats


class Governance(NamedTuple):
    """Interventions of the worlds of a block, and what they remember.

    Attributes:
        rules: What the worlds of a batch share.
        doses: `[number, lane]`, flat as all that follow.
        agents: `[agent, number, lane]`.
        world: Of the turn, `[number, lane]`.
        window: Of each turn of a fee cap's window, a ring, `[turn, number, lane]`; at its end the
            sums over all of them.
        studied: Whether an agent studied, in each turn that has points, `[turn, agent, lane]`.
        ranked: Agents of one world by wealth.
    """

    rules: Int64s
    doses: Int64s
    agents: Int64s
    world: Int64s
    window: Int64s
    studied: Bytes
    ranked: Int64s
    shocks: Shocks


def governance_of(shape: Int64s, rules: Int64s, shocks: Shocks) -> Governance:
    """The arrays for blocks of a shape, to be used again for block after block."""
    agents = int(shape[AGENTS])
    return Governance(
        rules=rules,
        doses=aligned(DOSES, np.int64),
        agents=aligned(agents * AGENT_ROWS, np.int64),
        world=aligned(WORLD_ROWS, np.int64),
        window=aligned((int(rules[CAP_SLOTS]) + 1) * WINDOW_ROWS, np.int64),
        studied=aligned(int(rules[REBATE_SLOTS]) * agents * LANES, np.uint8),
        ranked=aligned(agents, np.int64),
        shocks=shocks._replace(kept=aligned(len(shocks.rows) * LANES, np.float64)),
    )
