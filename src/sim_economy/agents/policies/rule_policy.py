"""The policy that is a table of rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Final, cast

from msgspec.structs import force_setattr

from sim_economy.agents.decisions import action_of, rule_decision
from sim_economy.agents.policy import Policy, View
from sim_economy.agents.rule_grammar import read_rules
from sim_economy.batch.decisions.behaviour_tables import RuleTable
from sim_economy.core.actions import Action
from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import Kind, Parameter, read_parameter
from sim_economy.core.units import INPUT_LIMIT

_RULES: Final = Parameter(Kind.RULES, "what it does when; the first that matches")
_NUMBERS: Final = Parameter(Kind.BY_NAME, "whole numbers that rules read by name", -INPUT_LIMIT)


class Rules(Policy, frozen=True, dict=True):
    """Does what the first rule says whose condition holds.

    Attributes:
        rules: Condition and action of each; from Python also as tables, as a file writes them.
        numbers: Names and values; from Python also as a dict.
    """

    rules: Annotated[Sequence[tuple[str, str] | Mapping[str, str]], _RULES] = (("", "mine"),)
    numbers: Annotated[Mapping[str, int] | Sequence[tuple[str, int]], _NUMBERS] = ()

    def __post_init__(self) -> None:
        """Hold rules and numbers as a file's would be.

        Raises:
            ScenarioError: With every problem found.
        """
        problems: list[str] = []
        for name, parameter, given in (
            ("rules", _RULES, _as_tables(self.rules)),
            ("numbers", _NUMBERS, _as_table(self.numbers)),
        ):
            try:
                force_setattr(self, name, read_parameter(parameter, given, None))
            except ValueError as error:
                problems.append(f"{name}: {error}")
        if problems:
            raise ScenarioError(problems)
        self._read()

    @cached_property
    def table(self) -> RuleTable:
        """The rules as whole numbers."""
        return self._read()

    def _read(self) -> RuleTable:
        rules = cast("tuple[tuple[str, str], ...]", self.rules)
        return read_rules(rules, dict(self.numbers))

    def decide(self, view: View) -> Action:
        """What the first rule says that matches."""
        return action_of(rule_decision(self.table, view), view)


def _as_tables(rules: Any) -> Any:
    """Rules as a file writes them, from these or from pairs of texts."""
    if not isinstance(rules, Iterable) or isinstance(rules, str | Mapping):
        return rules
    return [
        {"when": rule[0], "do": rule[1]} if isinstance(rule, tuple) and len(rule) == 2 else rule
        for rule in rules
    ]


def _as_table(numbers: Any) -> Any:
    try:
        return dict(numbers)
    except (TypeError, ValueError):
        return numbers
