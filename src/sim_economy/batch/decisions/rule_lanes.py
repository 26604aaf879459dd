"""Decisions of a table of rules, for all lanes.

Source: `agents.decisions.rule_decision`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled
from sim_economy.batch.decisions.behaviour_tables import ABSENT
from sim_economy.batch.decisions.decision_codes import CompareCode, Target
from sim_economy.batch.decisions.feature_lanes import IS_TURN, clock, read_feature
from sim_economy.batch.decisions.table_layout import CONDITION_SIZE, CONTENT, RULE_SIZE
from sim_economy.batch.lanes import ACTION, AMOUNT, LANES, POOREST, TARGET, TIP, Int32s
from sim_economy.batch.steps.action_lanes import UNSTAKE, WITHOUT_AMOUNT

AT_LEAST: Final = int(CompareCode.AT_LEAST)
AT_MOST: Final = int(CompareCode.AT_MOST)
TO_POOREST: Final = int(Target.POOREST)


@compiled
def decide_by_rules(
    turn: Int32s,
    rows: Int32s,
    numbers: Int32s,
    policy: Int32s,
    scratch: Int32s,
    number: np.int64,
    agent: np.int64,
    agents: np.int64,
) -> None:
    """Decide one agent's action: of the rules the first that matches.

    Rules are read from the last on, and each goes over those after it where it matches.

    Args:
        numbers: Of the policy, `[number, lane]`.
        policy: Its table, from its kind on.
        scratch: Two rows.
    """
    count = policy[CONTENT]
    rules = policy[CONTENT + 1 :]
    conditions = policy[CONTENT + 1 + count * RULE_SIZE :]
    holds, values = scratch[:LANES], scratch[LANES : 2 * LANES]
    for index in range(count - 1, -1, -1):
        rule = rules[index * RULE_SIZE : (index + 1) * RULE_SIZE]
        first, end = rule[0], rule[1]
        if not is_due(numbers, conditions, first, end, number, agent, agents):
            continue
        holds[:] = np.int32(1)
        for at in range(first, end):
            condition = conditions[at * CONDITION_SIZE : (at + 1) * CONDITION_SIZE]
            feature, modulus = condition[0], condition[3]
            if feature < IS_TURN or modulus == ABSENT:
                read_feature(values, turn, rows, feature, number, agent, agents)
                operands = numbers[condition[2] : condition[2] + LANES]
                if modulus == ABSENT:
                    compare(holds, values, operands, condition[1])
                else:
                    compare_remainders(holds, values, operands, numbers[modulus])
        take(turn, rows, numbers, rule, holds, np.int32((agent + 1) % agents))


@compiled
def is_due(
    numbers: Int32s,
    conditions: Int32s,
    first: np.int64,
    end: np.int64,
    number: np.int64,
    agent: np.int64,
    agents: np.int64,
) -> bool:
    """Whether a rule's remainders of turn and agent, which all lanes share, are as it says."""
    for at in range(first, end):
        condition = conditions[at * CONDITION_SIZE : (at + 1) * CONDITION_SIZE]
        if condition[0] >= IS_TURN and condition[3] != ABSENT:
            modulus = np.int64(numbers[condition[3]])
            value = clock(condition[0], number, agent, agents)
            if modulus <= 0 or value % modulus != numbers[condition[2]]:
                return False
    return True


@compiled
def compare(holds: Int32s, values: Int32s, operands: Int32s, comparison: np.int64) -> None:
    """Let hold only where the comparison does."""
    opposite = np.int32(comparison & 1)
    if comparison <= AT_LEAST:
        for lane in range(LANES):
            holds[lane] &= np.int32(values[lane] < operands[lane]) ^ opposite
    elif comparison <= AT_MOST:
        for lane in range(LANES):
            holds[lane] &= np.int32(values[lane] > operands[lane]) ^ opposite
    else:
        for lane in range(LANES):
            holds[lane] &= np.int32(values[lane] == operands[lane]) ^ opposite


@compiled
def compare_remainders(holds: Int32s, values: Int32s, operands: Int32s, modulus: np.int32) -> None:
    """Let hold only where the remainder is the operand; by a number below 1 nothing has one."""
    for lane in range(LANES):
        remainder = values[lane] % max(modulus, np.int32(1))
        holds[lane] &= np.int32((modulus > 0) & (remainder == operands[lane]))


@compiled
def take(
    turn: Int32s, rows: Int32s, numbers: Int32s, rule: Int32s, holds: Int32s, following: np.int32
) -> None:
    """Take a rule's action where it holds.

    Args:
        following: The next agent in genesis order.
    """
    action, amount, fee, to_poorest = rule[2], rule[3], rule[4], rule[5] == TO_POOREST
    missing = np.int32(WITHOUT_AMOUNT if action == UNSTAKE else 0)
    for lane in range(LANES):
        if holds[lane] != 0:
            rows[ACTION + lane] = action
            turn[AMOUNT + lane] = missing if amount == ABSENT else numbers[amount + lane]
            turn[TIP + lane] = np.int32(0) if fee == ABSENT else numbers[fee + lane]
            turn[TARGET + lane] = turn[POOREST + lane] if to_poorest else following
