"""Populations as tables of whole numbers, where all of their policies can be."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from sim_economy.agents.catalogue import policy_parameters, settings_of
from sim_economy.agents.function_text import function_text
from sim_economy.agents.policies.linear_policy import Linear
from sim_economy.agents.policies.published_policy import Published
from sim_economy.agents.policies.rule_policy import Rules
from sim_economy.agents.policies.simple import Idler, Miner, Worker
from sim_economy.agents.policy import Policy
from sim_economy.agents.policy_function import FunctionPolicy
from sim_economy.agents.population import Group
from sim_economy.agents.rule_grammar import read_rules
from sim_economy.batch.decisions.behaviour_tables import (
    Behaviour,
    FamilyTable,
    FunctionTable,
    PolicyTable,
)


class CoreOnly(Struct, frozen=True):
    """A policy that only the core can play.

    Attributes:
        reason: What of it the kernel cannot, in words.
    """

    policy_name: str
    reason: str

    def __str__(self) -> str:
        """Both, as a part of a sentence."""
        return f"the policy {self.policy_name}: {self.reason}"


def behaviour_of(groups: Iterable[Group]) -> Behaviour | CoreOnly:
    """What the agents of a population do, for the kernel; or why only the core can play it."""
    tables: dict[PolicyTable, int] = {}
    followed: dict[int, int] = {}
    for group in groups:
        if not group.agents:
            continue
        try:
            table = policy_table(group.policy)
        except ValueError as error:
            return CoreOnly(group.policy_name, str(error))
        index = tables.setdefault(table, len(tables))
        followed |= dict.fromkeys(group.agents, index)
    return Behaviour(
        tables=tuple(tables), followed=tuple(followed[agent] for agent in sorted(followed))
    )


def policy_table(policy: Policy) -> PolicyTable:
    """A policy as whole numbers.

    Raises:
        ValueError: It cannot be; the message says what of it.
    """
    kind = type(policy)
    if isinstance(policy, Published) and kind is Published:
        return _family_table(policy)
    if isinstance(policy, Rules | Linear) and kind in {Rules, Linear}:
        return policy.table
    if kind in _BY_RULE:
        return read_rules([("", _BY_RULE[kind])], {})
    if isinstance(policy, FunctionPolicy) and kind.decide is FunctionPolicy.decide:
        return _function_table(policy)
    raise ValueError("its class decides in Python; rules, weights and policy functions are numbers")


_BY_RULE: dict[type[Policy], str] = {Miner: "mine", Worker: "job", Idler: "idle"}


def _family_table(policy: Published) -> FamilyTable:
    settings = settings_of(policy, every=True)
    known = policy_parameters(Published)
    return FamilyTable(
        names=tuple(settings),
        numbers=tuple(settings.values()),
        least=tuple(known[name][0].low for name in settings),
        structural=frozenset(name for name in settings if name.endswith("_period")),
    )


def _function_table(policy: FunctionPolicy) -> FunctionTable:
    own = type(policy)
    arguments = (*(code.name.lower() for code in own.features), *own.numbers)
    return FunctionTable(
        text=function_text(own.function, arguments),
        features=own.features,
        names=own.numbers,
        numbers=tuple(getattr(policy, name) for name in own.numbers),
    )
