"""Policies as tables of whole numbers, and who follows which: what the kernel is given.

Nothing here needs a library; docs/policies.md says what the tables mean.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Struct

from sim_economy.batch.decisions.decision_codes import (
    ALL_STAKE,
    ActionCode,
    CompareCode,
    Decision,
    Feature,
    Target,
)

ABSENT: Final = -1
"""The index of a number that a condition or an action does not have."""


class FamilyTable(Struct, frozen=True, kw_only=True):
    """A policy of the published family.

    Attributes:
        names: Of the numbers, in the order of its parameters.
        least: The least value that each may have.
        structural: Names of numbers that all worlds of a batch must share.
    """

    names: tuple[str, ...]
    numbers: tuple[int, ...]
    least: tuple[int, ...]
    structural: frozenset[str]


class RuleCondition(Struct, frozen=True, array_like=True, gc=False):
    """One condition of a rule: a feature compared with a number.

    Attributes:
        operand: Index of the number.
        modulus: Index of the number that divides the feature first, its remainder being compared;
            `ABSENT` without. Nothing has a remainder by a number below 1: the condition fails.
    """

    feature: Feature
    comparison: CompareCode
    operand: int
    modulus: int = ABSENT


class TableRule(Struct, frozen=True, array_like=True, gc=False):
    """One rule: all conditions from `first` up to `end` hold, then the action.

    Attributes:
        amount: Index of a number, `ABSENT` without; so is `fee`.
    """

    first: int
    end: int
    action: ActionCode
    amount: int = ABSENT
    fee: int = ABSENT
    target: Target = Target.POOREST


def rule_action(rule: TableRule, numbers: tuple[int, ...]) -> Decision:
    """The decision of a rule that matches."""
    missing = ALL_STAKE if rule.action is ActionCode.UNSTAKE else 0
    amount = missing if rule.amount == ABSENT else numbers[rule.amount]
    return rule.action, amount, 0 if rule.fee == ABSENT else numbers[rule.fee], rule.target


class RuleTable(Struct, frozen=True, kw_only=True):
    """A policy of rules, the first that matches; the last has no condition.

    Attributes:
        names: Of the first numbers; the others are constants of the rules.
        least: The least value that each with a name may have.
        structural: Names of numbers that all worlds of a batch must share, as divisors and
            remainders.
    """

    names: tuple[str, ...]
    numbers: tuple[int, ...]
    least: tuple[int, ...]
    conditions: tuple[RuleCondition, ...]
    rules: tuple[TableRule, ...]
    structural: frozenset[str]


class WeightTable(Struct, frozen=True, kw_only=True):
    """A linear policy: the action with the highest score, the first of equals.

    Attributes:
        actions: What it chooses among.
        weights: In millionths, `[action][feature]` in the order of `LINEAR_SCALES`.
    """

    actions: tuple[Decision, ...]
    weights: tuple[tuple[int, ...], ...]
    names: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    structural: frozenset[str] = frozenset()


class FunctionTable(Struct, frozen=True, kw_only=True):
    """A policy that is a Python function, as a text that can be compiled.

    Attributes:
        text: The definition of a function `decide`. It takes where arithmetic marks what it cannot
            do, then the features, then the numbers, and calls choices and checked arithmetic only.
    """

    text: str
    features: tuple[Feature, ...]
    names: tuple[str, ...]
    numbers: tuple[int, ...]
    structural: frozenset[str] = frozenset()


PolicyTable: TypeAlias = FamilyTable | RuleTable | WeightTable | FunctionTable


class Behaviour(Struct, frozen=True, kw_only=True):
    """What the agents of a world do.

    Attributes:
        tables: Each different policy once.
        followed: The index of each agent's table, `[agent]`.
    """

    tables: tuple[PolicyTable, ...]
    followed: tuple[int, ...]
