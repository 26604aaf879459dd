"""What policies decide by, for all lanes: the accounts after the last closed turn.

Source: `agents.decisions.feature`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled
from sim_economy.batch.decisions.decision_codes import Feature
from sim_economy.batch.lanes import (
    BALANCE,
    BURNED,
    CORES,
    EMPLOYED,
    LANES,
    POOREST,
    STAKED,
    STUDIES,
    UNSTAKING,
    WAITING_BURN,
    WAITING_OUT,
    WAITING_STAKE,
    WAITING_TIP,
    Int32s,
)

IS_PENDING: Final = int(Feature.PENDING)
IS_POOREST: Final = int(Feature.POOREST)
IS_TURN: Final = int(Feature.TURN)
IS_AGENT: Final = int(Feature.AGENT)
IS_NUM_AGENTS: Final = int(Feature.NUM_AGENTS)

HELD: Final = tuple(
    {
        Feature.BALANCE: BALANCE,
        Feature.STAKED: STAKED,
        Feature.UNSTAKING: UNSTAKING,
        Feature.STUDIES: STUDIES,
        Feature.BURNED: BURNED,
        Feature.CORES: CORES,
        Feature.EMPLOYED: EMPLOYED,
    }.get(feature, 0)
    for feature in Feature
)
"""The row of each feature that an agent holds; 0 for the others."""


@compiled
def clock(feature: np.int64, number: np.int64, agent: np.int64, agents: np.int64) -> np.int64:
    """A feature that is the same in all lanes."""
    if feature == IS_TURN:
        return number
    if feature == IS_AGENT:
        return agent
    return agents if feature == IS_NUM_AGENTS else number + agent


@compiled
def read_feature(
    values: Int32s,
    turn: Int32s,
    rows: Int32s,
    feature: np.int64,
    number: np.int64,
    agent: np.int64,
    agents: np.int64,
) -> None:
    """Copy a feature of one agent.

    Args:
        values: Gets it, `[lane]`.
    """
    if feature >= IS_TURN:
        value = np.int32(clock(feature, number, agent, agents))
        for lane in range(LANES):
            values[lane] = value
    elif feature == IS_POOREST:
        for lane in range(LANES):
            values[lane] = np.int32(turn[POOREST + lane] == agent)
    elif feature == IS_PENDING:
        for lane in range(LANES):
            values[lane] = (
                rows[WAITING_STAKE + lane]
                + rows[WAITING_BURN + lane]
                + rows[WAITING_OUT + lane]
                + rows[WAITING_TIP + lane]
            )
    else:
        held = HELD[feature]
        for lane in range(LANES):
            values[lane] = rows[held + lane]
