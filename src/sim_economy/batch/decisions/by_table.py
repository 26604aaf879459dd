"""Decisions of agents whose policies are tables, each agent's by its kind."""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled
from sim_economy.batch.decisions.family import (
    BURNS,
    STAKES,
    STUDIES,
    TRANSFERS,
    UNSTAKES,
    decide,
    due,
)
from sim_economy.batch.decisions.function_lanes import call_function
from sim_economy.batch.decisions.linear_lanes import decide_by_weights
from sim_economy.batch.decisions.rule_lanes import decide_by_rules
from sim_economy.batch.decisions.table_layout import (
    CONTENT,
    FIRST_AGENT,
    FUNCTION,
    KIND,
    LINEAR,
    NUMBERS_AT,
    RULES,
)
from sim_economy.batch.lanes import POLICY, Int32s, Int64s

LOW_BITS: Final = np.int64(0xFFFFFFFF)


@compiled
def decide_by_table(
    turn: Int32s,
    rows: Int32s,
    parameters: Int32s,
    table: Int32s,
    scratch: Int32s,
    scores: Int64s,
    number: np.int64,
    agent: np.int64,
    agents: np.int64,
) -> None:
    """Decide one agent's action."""
    policy = table[table[FIRST_AGENT + agent] :]
    start = policy[NUMBERS_AT]
    numbers = parameters[start:]
    kind = policy[KIND]
    if kind == RULES:
        decide_by_rules(turn, rows, numbers, policy, scratch, number, agent, agents)
    elif kind == LINEAR:
        decide_by_weights(turn, rows, numbers, policy, scratch, scores, number, agent, agents)
    elif kind == FUNCTION:
        low, high = np.int64(policy[CONTENT]) & LOW_BITS, np.int64(policy[CONTENT + 1])
        call_function((high << 32) | low, turn, rows, numbers, number, agent, agents)
    else:
        published = parameters[start - POLICY :]
        decide_by_periods(turn, rows, published, policy[CONTENT:], number, agent)


@compiled
def decide_by_periods(
    turn: Int32s,
    rows: Int32s,
    published: Int32s,
    periods: Int32s,
    number: np.int64,
    agent: np.int64,
) -> None:
    """Decide by a policy of the published family whose periods are its own."""
    decide(
        turn,
        rows,
        published,
        np.int32(agent),
        due(number, periods[UNSTAKES]),
        due(number + agent, periods[STAKES]),
        due(number + agent, periods[BURNS]),
        due(number, periods[TRANSFERS]),
        due(number, periods[STUDIES]),
    )
