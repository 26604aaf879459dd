"""Decisions of a linear policy, for all lanes.

Source: `agents.decisions.linear_decision`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled
from sim_economy.batch.decisions.decision_codes import FEATURES, LINEAR_LIMIT, LINEAR_SCALES, Target
from sim_economy.batch.decisions.feature_lanes import read_feature
from sim_economy.batch.decisions.table_layout import ACTION_SIZE, CONTENT
from sim_economy.batch.lanes import ACTION, AMOUNT, LANES, POOREST, TARGET, TIP, Int32s, Int64s

SCALES: Final = tuple(LINEAR_SCALES.values())
READ: Final = tuple(int(FEATURES[name]) if name in FEATURES else -1 for name in LINEAR_SCALES)
"""The feature of each column; -1 for the bias."""
COLUMNS: Final = len(SCALES)
HIGH: Final = np.int64(LINEAR_LIMIT)
TO_POOREST: Final = int(Target.POOREST)


@compiled
def decide_by_weights(
    turn: Int32s,
    rows: Int32s,
    numbers: Int32s,
    policy: Int32s,
    scratch: Int32s,
    scores: Int64s,
    number: np.int64,
    agent: np.int64,
    agents: np.int64,
) -> None:
    """Decide one agent's action: the one with the highest score, the first of equals.

    Args:
        numbers: Weights of the policy, `[action, feature, lane]`.
        policy: Its table, from its kind on.
        scratch: A row for each feature.
        scores: Two rows.
    """
    count, used = policy[CONTENT], policy[CONTENT + 1]
    actions = policy[CONTENT + 2 :]
    columns = policy[CONTENT + 2 + count * ACTION_SIZE :]
    for index in range(used):
        column = columns[index]
        values = scratch[index * LANES : (index + 1) * LANES]
        if READ[column] < 0:
            values[:] = np.int32(1)
        else:
            read_feature(values, turn, rows, READ[column], number, agent, agents)
        scale(values, np.int64(SCALES[column]))
    score, best = scores[:LANES], scores[LANES : 2 * LANES]
    for action in range(count):
        score[:] = 0
        for index in range(used):
            start = (action * COLUMNS + columns[index]) * LANES
            weights = numbers[start : start + LANES]
            add_product(score, weights, scratch[index * LANES : (index + 1) * LANES])
        chosen = actions[action * ACTION_SIZE : (action + 1) * ACTION_SIZE]
        take_if_best(turn, rows, score, best, chosen, np.int32((agent + 1) % agents), action == 0)


@compiled
def scale(values: Int32s, factor: np.int64) -> None:
    """Multiply a feature, and cut it off."""
    for lane in range(LANES):
        values[lane] = np.int32(max(min(values[lane] * factor, HIGH), -HIGH))


@compiled
def add_product(score: Int64s, weights: Int32s, values: Int32s) -> None:
    """Add a weighted feature to a score."""
    for lane in range(LANES):
        score[lane] += np.int64(weights[lane]) * np.int64(values[lane])


@compiled
def take_if_best(
    turn: Int32s,
    rows: Int32s,
    score: Int64s,
    best: Int64s,
    chosen: Int32s,
    following: np.int32,
    is_first: bool,
) -> None:
    """Take an action where its score is above all before it."""
    action, amount, fee, to_poorest = chosen[0], chosen[1], chosen[2], chosen[3] == TO_POOREST
    for lane in range(LANES):
        if is_first | (score[lane] > best[lane]):
            best[lane] = score[lane]
            rows[ACTION + lane] = action
            turn[AMOUNT + lane] = amount
            turn[TIP + lane] = fee
            turn[TARGET + lane] = turn[POOREST + lane] if to_poorest else following
