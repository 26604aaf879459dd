"""Tables of behaviour as the kernel's arrays.

Source: `decisions.table_layout`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from sim_economy.batch.decisions.behaviour_tables import (
    ABSENT,
    Behaviour,
    FamilyTable,
    FunctionTable,
    PolicyTable,
    RuleTable,
    WeightTable,
)
from sim_economy.batch.decisions.decision_codes import LINEAR_SCALES, ActionCode, Feature, Target
from sim_economy.batch.decisions.family import NUMBERS, PERIODS
from sim_economy.batch.decisions.function_lanes import function_address
from sim_economy.batch.decisions.table_layout import FAMILY, FUNCTION, LINEAR, RULES
from sim_economy.batch.lanes import LANES, POLICY
from sim_economy.core.errors import ScenarioError


def refusal(behaviour: Behaviour) -> str | None:
    """Why the kernel cannot play it, if it cannot; its functions are compiled to know that."""
    for table in behaviour.tables:
        if isinstance(table, FunctionTable):
            try:
                function_address(table)
            except ScenarioError as error:
                return str(error)
    return None


def parameter_rows(behaviour: Behaviour, varied: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The names of the policies' numbers and their values, table after table.

    Args:
        varied: Values that differ between worlds, `[world]` each, of the one policy there is.

    Raises:
        ScenarioError: Nothing has that name, or all worlds must share it.
    """
    _check(behaviour, varied)
    for table in behaviour.tables:
        for name, number in _numbers(table).items():
            yield name, varied.get(name, number)


def least_values(table: PolicyTable) -> dict[str, int]:
    """The least values that numbers may have; of one below, the core says what is wrong."""
    if isinstance(table, FamilyTable | RuleTable):
        return dict(zip(table.names, table.least, strict=True))
    return {}


def _check(behaviour: Behaviour, varied: Mapping[str, Any]) -> None:
    problems = []
    known = _numbers(behaviour.tables[0]) if len(behaviour.tables) == 1 else {}
    for name in varied:
        if name in behaviour.tables[0].structural:
            problems.append(f"policy.{name}: all worlds of a batch share it")
        elif name not in known:
            problems.append(f"policy.{name}: the one policy of all agents has no such number")
    if problems:
        raise ScenarioError(problems)


def _numbers(table: PolicyTable) -> dict[str, int]:
    """The numbers of a policy in the order of their rows; those without a name by their index."""
    match table:
        case FamilyTable():
            held = dict(zip(table.names, table.numbers, strict=True))
            return {name: held[name] for name in NUMBERS}
        case WeightTable():
            return {
                f"weights.{action}.{name}": weight
                for action, row in enumerate(table.weights)
                for name, weight in zip(LINEAR_SCALES, row, strict=True)
            }
        case _:
            named = dict(zip(table.names, table.numbers, strict=False))
            rest = table.numbers[len(table.names) :]
            return named | {f"#{index}": number for index, number in enumerate(rest)}


def kernel_table(behaviour: Behaviour, varied: Mapping[str, Any]) -> Any:
    """The array of integers that says what each agent does."""
    head = 1 + len(behaviour.followed)
    policies: list[int] = []
    starts = []
    numbers_at = POLICY
    for table in behaviour.tables:
        starts.append(head + len(policies))
        policies += [_kind(table), numbers_at, *_content(table, varied)]
        numbers_at += LANES * len(_numbers(table))
    needs = any(map(needs_poorest, behaviour.tables))
    agents = [starts[followed] for followed in behaviour.followed]
    return np.array([needs, *agents, *policies], np.int64).astype(np.int32)


def _kind(table: PolicyTable) -> int:
    match table:
        case FamilyTable():
            return FAMILY
        case RuleTable():
            return RULES
        case WeightTable():
            return LINEAR
        case FunctionTable():
            return FUNCTION


def _content(table: PolicyTable, varied: Mapping[str, Any]) -> list[int]:
    match table:
        case FamilyTable():
            held = dict(zip(table.names, table.numbers, strict=True))
            return [held[name] for name in PERIODS]
        case RuleTable():
            return _rules(table)
        case WeightTable():
            used = [
                column
                for column, name in enumerate(LINEAR_SCALES)
                if any(row[column] for row in table.weights)
                or any(f"weights.{action}.{name}" in varied for action in range(len(table.actions)))
            ]
            actions = [number for action in table.actions for number in action]
            return [len(table.actions), len(used), *actions, *used]
        case FunctionTable():
            address = function_address(table)
            return [address & _LOW, address >> 32]


_LOW: Final = 0xFFFFFFFF


def _rules(table: RuleTable) -> list[int]:
    content = [len(table.rules)]
    for rule in table.rules:
        numbers = (_row(rule.amount), _row(rule.fee))
        content += [rule.first, rule.end, rule.action, *numbers, rule.target]
    for condition in table.conditions:
        numbers = (_row(condition.operand), _row(condition.modulus))
        content += [condition.feature, condition.comparison, *numbers]
    return content


def _row(index: int) -> int:
    return index if index == ABSENT else LANES * index


def needs_poorest(table: PolicyTable) -> bool:
    """Test whether a policy asks who has the lowest balance."""
    match table:
        case FamilyTable():
            return True
        case RuleTable():
            asks = any(condition.feature is Feature.POOREST for condition in table.conditions)
            return asks or any(
                rule.action is ActionCode.TRANSFER and rule.target is Target.POOREST
                for rule in table.rules
            )
        case WeightTable():
            return True
        case FunctionTable():
            return Feature.POOREST in table.features or "transfer_to_poorest" in table.text
