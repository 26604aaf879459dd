"""The catalogue of policies: the shipped ones, and those of installed packages.

A package adds a policy with an entry point of the group `sim_economy.policies`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final

from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields, replace

from sim_economy.agents.policy import Policy
from sim_economy.core.errors import ScenarioError
from sim_economy.core.suggestions import suggestion
from sim_economy.core.table_reader import (
    Kind,
    Parameter,
    described_parameters,
    read_stated,
    written,
)

GROUP: Final = "sim_economy.policies"
"""The entry points that name policies."""

RESERVED: Final = ("policy", "model", "agents", "persona")
"""Keys of a population's entry that are not parameters."""

SHIPPED: Final[Mapping[str, str]] = {
    "published": "published_policy:Published",
    "rules": "rule_policy:Rules",
    "linear": "linear_policy:Linear",
    "miner": "simple:Miner",
    "worker": "simple:Worker",
    "idle": "simple:Idler",
    "random": "simple:Random",
    "investor": "investor:Investor",
    "lender": "lending:Lender",
    "borrower": "lending:Borrower",
    "insurer": "insurers:Insurer",
    "insured": "insurers:Insured",
    "provider": "services:ServiceProvider",
    "client": "services:ServiceClient",
    "seller": "information:Seller",
    "buyer": "information:Buyer",
    "organiser": "pools:Organiser",
    "member": "pools:Member",
    "arbitrator": "arbitrators:Arbitrator",
    "dishonest_arbitrator": "arbitrators:DishonestArbitrator",
    "defaulter": "defaulter:Defaulter",
    "imitator": "imitator:Imitator",
}
"""The shipped policies by name: module and class."""


class PolicyEntryPoint(Struct, frozen=True):
    """A policy that a distribution names; what it names need not be there.

    Attributes:
        home: Module and class, as an entry point writes them.
    """

    name: str
    distribution: str
    home: str

    def load(self) -> type[Policy]:
        """The policy's class.

        Raises:
            ScenarioError: There is no such class, or it is not a valid policy.
        """
        whose = f"policy: {self.name} of the distribution {self.distribution}"
        module, _, name = self.home.partition(":")
        try:
            found = getattr(import_module(module), name.strip())
        except Exception as error:  # what a stranger's module does on import is anyone's guess
            cause = f"{type(error).__name__}: {error}"
            raise ScenarioError([f"{whose} cannot be loaded: {cause}"]) from error
        if not (isinstance(found, type) and issubclass(found, Policy)):
            raise ScenarioError([f"{whose} is not a subclass of sim_economy.Policy: {self.home}"])
        try:
            policy_parameters(found)
        except TypeError as error:
            raise ScenarioError([f"{whose} is not a valid policy: {error}"]) from error
        return found


@cache
def offers() -> dict[str, list[PolicyEntryPoint]]:
    """The entry points of every policy by name; the shipped ones first."""
    known: dict[str, list[PolicyEntryPoint]] = {
        name: [PolicyEntryPoint(name, "sim-economy", f"{__package__}.policies.{home}")]
        for name, home in SHIPPED.items()
    }
    for point in sorted(entry_points(group=GROUP)):
        distribution = point.dist.name if point.dist else "unknown"
        offer = PolicyEntryPoint(point.name, distribution, point.value)
        if offer not in known.setdefault(point.name, []):
            known[point.name].append(offer)
    return known


def policy_class(name: str) -> type[Policy]:
    """The class of a policy by its name.

    Raises:
        ScenarioError: There is no such policy, there are several, or it cannot be loaded.
    """
    known = offers()
    if name not in known:
        listed = f"there are {', '.join(known)}{suggestion(name, known)}"
        raise ScenarioError([f"policy: there is no {name}; {listed}"])
    if len(known[name]) > 1:
        whose = " and ".join(offer.distribution for offer in known[name])
        raise ScenarioError(
            [f"policy: {name} is offered by {whose}; uninstall all but one, or rename it there"]
        )
    return known[name][0].load()


def policy_named(name: str, given: Mapping[str, Any] | None = None) -> Policy:
    """A policy by its name, with the given parameters and its defaults for the rest.

    Args:
        given: Plain values, as a scenario file gives them.

    Raises:
        ScenarioError: With every problem found.
    """
    found = policy_class(name)
    return found(**_stated(found, given or {}, {}))


def with_parameters(policy: Policy, given: Mapping[str, Any]) -> Policy:
    """A policy with the given parameters in place of its own.

    Raises:
        ScenarioError: With every problem found.
    """
    return replace(policy, **_stated(type(policy), given, settings_of(policy)))


def _stated(
    policy: type[Policy], given: Mapping[str, Any], own: Mapping[str, Any]
) -> dict[str, Any]:
    """The values that are given for a policy's parameters, and for numbers in its tables of them.

    Args:
        own: Its parameters as they are, as a file writes them.
    """
    problems: list[str] = []
    known = policy_parameters(policy)
    numbers = _numbers_by_name(known, {**own, **given})
    named = {
        name: (dataclasses.replace(known[table][0], kind=Kind.COUNT), None)
        for name, table in numbers.items()
    }
    values = read_stated(named | known, given, "", problems)
    if problems:
        raise ScenarioError(problems)
    for name in numbers.keys() & values.keys():
        table = numbers[name]
        held = {**dict(values.get(table) or own[table]), name: values.pop(name)}
        values[table] = tuple(sorted(held.items()))
    return values


def _numbers_by_name(
    known: Mapping[str, tuple[Parameter, Any]], stated: Mapping[str, Any]
) -> dict[str, str]:
    """The parameter that holds each number which a policy's tables name."""
    return {
        str(name): key
        for key, (parameter, _) in known.items()
        if parameter.kind is Kind.BY_NAME and isinstance(stated.get(key), Mapping)
        for name in stated[key]
        if name not in known
    }


def settings_of(policy: Policy, *, every: bool = False) -> dict[str, Any]:
    """The parameters of a policy as a file writes them.

    Args:
        every: Whether to include those that are not stated at their defaults.
    """
    return {
        name: written(parameter, value)
        for name, (parameter, default) in policy_parameters(type(policy)).items()
        if (value := getattr(policy, name)) != default or parameter.stated_at_default or every
    }


@cache
def policy_parameters(policy: type[Policy]) -> dict[str, tuple[Parameter, Any]]:
    """The parameters of a policy by name, each with its default as it is held.

    Raises:
        TypeError: One has no default, a name that a population uses itself, or nothing that says
            how a file writes it.
    """
    described = described_parameters(policy)
    return {
        field.name: (_parameter(field, described.get(field.encode_name)), field.default)
        for field in fields(policy)
    }


def settable_parameters(policy: Policy) -> dict[str, tuple[Parameter, Any]]:
    """What a key can set of a policy, with its default: parameters, numbers in its tables."""
    known = policy_parameters(type(policy))
    numbers = {
        name: (dataclasses.replace(parameter, kind=Kind.COUNT), number)
        for key, (parameter, _) in known.items()
        if parameter.kind is Kind.BY_NAME
        for name, number in getattr(policy, key)
    }
    return numbers | known


def choices(parameter: Parameter, default: Any) -> str:
    """The values a file may write for a parameter, in words."""
    match parameter.kind:
        case Kind.VARIANT:
            variants: type[StrEnum] = type(default)
            return f"one of {', '.join(variants)}"
        case Kind.COUNT:
            return f"{parameter.kind.value} from {parameter.low} to {parameter.high}"
        case _:
            return str(parameter.kind.value)


_NOT_OF_POLICIES: Final = (Kind.TABLE, Kind.TABLES, Kind.FREE, Kind.AGENTS, Kind.POLICY)


def _parameter(field: FieldInfo, described: tuple[Parameter, FieldInfo] | None) -> Parameter:
    if field.name in RESERVED:
        raise TypeError(f"its parameter {field.name} has a name that a population uses itself")
    if field.default is NODEFAULT:
        raise TypeError(f"its parameter {field.name} has no default")
    if described is not None:
        if (kind := described[0].kind) in _NOT_OF_POLICIES:
            raise TypeError(f"its parameter {field.name} must not be {kind.value}")
        return described[0]
    for held, kind in ((bool, Kind.FLAG), (int, Kind.COUNT), (StrEnum, Kind.VARIANT)):
        if isinstance(field.default, held):
            return Parameter(kind, "")
    raise TypeError(f"its parameter {field.name} has no Parameter that says how it is written")
