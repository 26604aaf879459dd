"""What interventions remember, in the digest of the last state, for all lanes.

Source: `batch.state_digest`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled, compiled_apart
from sim_economy.batch.governance.governance_arrays import Governance
from sim_economy.batch.governance.governance_lanes import (
    AGENT_ROWS,
    CAP_SLOTS,
    CAPS_FEES,
    FEES_KEPT,
    GIVEN,
    JOB_PAY_KEPT,
    LAST_LOAN,
    REBATE_SLOTS,
    REBATES,
    RECEIVABLE,
    RELIEVED,
    STAKED_TURNS,
    TIPS_KEPT,
    UNCOVERED,
    WINDOW_ROWS,
)
from sim_economy.batch.lanes import LANES, Int64s, Uint64s
from sim_economy.batch.results.digest_lanes import coefficient
from sim_economy.batch.state_digest import Part

OF_WINDOW: Final = (
    (np.uint64(Part.WINDOW_FEES), FEES_KEPT),
    (np.uint64(Part.WINDOW_TIPS), TIPS_KEPT),
    (np.uint64(Part.WINDOW_JOB_PAY), JOB_PAY_KEPT),
)
OF_AGENTS: Final = (
    (np.uint64(Part.RELIEVED), RELIEVED),
    (np.uint64(Part.UNCOVERED), UNCOVERED),
    (np.uint64(Part.GIVEN), GIVEN),
    (np.uint64(Part.RECEIVABLE), RECEIVABLE),
    (np.uint64(Part.LAST_LOAN), LAST_LOAN),
    (np.uint64(Part.STAKED_TURNS), STAKED_TURNS),
)
STUDIED: Final = np.uint64(Part.STUDIED)
NONE: Final = np.int64(0)


@compiled_apart
def add_governance(
    sums: Uint64s, governance: Governance, agents: np.int64, turns: np.int64
) -> None:
    """Add all that the interventions of each world remember."""
    rules = governance.rules
    add_agents(sums, governance, agents)
    if rules[CAPS_FEES]:
        slots = rules[CAP_SLOTS]
        for number in range(max(1, turns - slots + 1), turns + 1):
            first = number % slots * WINDOW_ROWS
            for part, row in OF_WINDOW:
                kept = governance.window[first + row : first + row + LANES]
                add_numbers(sums, kept, coefficient(part, NONE, number))
    if rules[REBATES]:
        slots = rules[REBATE_SLOTS]
        for number in range(max(1, turns - slots + 1), turns + 1):
            for agent in range(agents):
                first = (number % slots * agents + agent) * LANES
                factor = coefficient(STUDIED, agent, number)
                for lane in range(LANES):
                    sums[lane] += np.uint64(governance.studied[first + lane]) * factor


@compiled_apart
def add_agents(sums: Uint64s, governance: Governance, agents: np.int64) -> None:
    """Add what interventions remember of each agent; nothing where they are off."""
    for agent in range(agents):
        own = governance.agents[agent * AGENT_ROWS : (agent + 1) * AGENT_ROWS]
        for part, row in OF_AGENTS:
            add_numbers(sums, own[row : row + LANES], coefficient(part, agent, NONE))


@compiled
def add_numbers(sums: Uint64s, row: Int64s, factor: np.uint64) -> None:
    """Add a row of numbers of 64 bits, each with the same coefficient."""
    for lane in range(LANES):
        sums[lane] += np.uint64(row[lane]) * factor
