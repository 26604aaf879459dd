"""Decisions as whole numbers, made from a view and turned into actions."""

from __future__ import annotations

from collections.abc import Callable
from operator import eq, ge, gt, le, lt, ne
from typing import Final

from sim_economy.agents.policy import View
from sim_economy.batch.decisions.behaviour_tables import (
    ABSENT,
    RuleCondition,
    RuleTable,
    WeightTable,
    rule_action,
)
from sim_economy.batch.decisions.decision_codes import (
    ALL_STAKE,
    FEATURES,
    LINEAR_LIMIT,
    LINEAR_SCALES,
    ActionCode,
    CompareCode,
    Decision,
    Feature,
    Target,
)
from sim_economy.core.actions import (
    Action,
    BidCore,
    Burn,
    Idle,
    Job,
    Mine,
    Stake,
    Study,
    Transfer,
    Unstake,
)


def feature(view: View, code: Feature) -> int:
    """A feature of the agent that decides.

    Raises:
        ValueError: The view does not show it.
    """
    if code is Feature.TURN_PLUS_AGENT:
        return view.open_turn + view.agent
    return _READERS[code](view)


def _employed(view: View) -> int:
    if view.state.employed is None:
        raise ValueError("this world does not show who ever had a job; decide without employed")
    return int(view.state.employed[view.agent])


def _poorest(view: View) -> int:
    """The index of the agent with the lowest balance, the first of equals."""
    balances = view.state.balances
    return balances.index(min(balances))


_READERS: Final[dict[Feature, Callable[[View], int]]] = {
    Feature.BALANCE: lambda view: view.state.balances[view.agent],
    Feature.STAKED: lambda view: view.state.staked[view.agent],
    Feature.UNSTAKING: lambda view: view.state.unstaking[view.agent],
    Feature.PENDING: lambda view: view.state.pending[view.agent],
    Feature.STUDIES: lambda view: view.state.studies[view.agent],
    Feature.BURNED: lambda view: view.state.burned[view.agent],
    Feature.CORES: lambda view: view.state.cores[view.agent],
    Feature.EMPLOYED: _employed,
    Feature.POOREST: lambda view: int(_poorest(view) == view.agent),
    Feature.TURN: lambda view: view.open_turn,
    Feature.AGENT: lambda view: view.agent,
    Feature.NUM_AGENTS: lambda view: view.config.num_agents,
}


def action_of(decision: Decision, view: View) -> Action:
    """The action that a decision stands for.

    Raises:
        ValueError: It stands for none.
    """
    code, amount, fee, target = decision
    match code:
        case ActionCode.STAKE:
            return Stake(amount, fee)
        case ActionCode.UNSTAKE:
            return Unstake(None if amount == ALL_STAKE else amount)
        case ActionCode.BURN:
            return Burn(amount, fee)
        case ActionCode.TRANSFER:
            return Transfer(view.config.agent_ids[_recipient(target, view)], amount, fee)
        case ActionCode.BID:
            return BidCore(amount)
    if code not in _BARE:
        raise ValueError(f"no action has the code {code!r}")
    return _BARE[code]


_BARE: Final[dict[int, Action]] = {
    ActionCode.MINE: Mine(),
    ActionCode.JOB: Job(),
    ActionCode.STUDY: Study(),
    ActionCode.IDLE: Idle(),
}


def _recipient(target: int, view: View) -> int:
    match target:
        case Target.POOREST:
            return _poorest(view)
        case Target.NEXT:
            return (view.agent + 1) % view.config.num_agents
    raise ValueError(f"no recipient has the code {target!r}")


def rule_decision(table: RuleTable, view: View) -> Decision:
    """The decision of the first rule that matches."""
    for rule in table.rules:
        conditions = table.conditions[rule.first : rule.end]
        if all(_holds(condition, table.numbers, view) for condition in conditions):
            return rule_action(rule, table.numbers)
    raise AssertionError(table)


def _holds(condition: RuleCondition, numbers: tuple[int, ...], view: View) -> bool:
    value, operand = feature(view, condition.feature), numbers[condition.operand]
    if condition.modulus != ABSENT:
        modulus = numbers[condition.modulus]
        return modulus > 0 and value % modulus == operand
    return _COMPARED[condition.comparison](value, operand)


_COMPARED: Final[dict[CompareCode, Callable[[int, int], bool]]] = {
    CompareCode.BELOW: lt,
    CompareCode.AT_MOST: le,
    CompareCode.ABOVE: gt,
    CompareCode.AT_LEAST: ge,
    CompareCode.EQUAL: eq,
    CompareCode.UNEQUAL: ne,
}


def linear_decision(table: WeightTable, view: View) -> Decision:
    """The decision with the highest score, the first of equals."""
    scores = [0] * len(table.actions)
    for column, (name, scale) in enumerate(LINEAR_SCALES.items()):
        weights = [row[column] for row in table.weights]
        if any(weights):
            value = 1 if name == "bias" else feature(view, FEATURES[name])
            scaled = max(-LINEAR_LIMIT, min(LINEAR_LIMIT, scale * value))
            scores = [
                score + weight * scaled for score, weight in zip(scores, weights, strict=True)
            ]
    return table.actions[scores.index(max(scores))]
