"""Policies that Python hands over as a class or a value, without a package that names them."""

from __future__ import annotations

import inspect
import marshal
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from operator import attrgetter
from types import FunctionType
from typing import Any, TypeAlias

from msgspec.structs import replace

from sim_economy.agents.catalogue import offers, policy_parameters
from sim_economy.agents.policy import Policy
from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import Kind, Parameter, read_parameter, written
from sim_economy.core.units import MILLION
from sim_economy.ledger.records import digest

GivenPolicy: TypeAlias = Policy | type[Policy]
"""A policy, or its class for the defaults."""


def policy_of(given: Any) -> Policy:
    """The policy that was given, its parameters held as a file's would be.

    Raises:
        ScenarioError: It is not a policy, or has parameters that no file could state.
    """
    kind = given if isinstance(given, type) else type(given)
    name = kind.__name__
    if not issubclass(kind, Policy):
        raise ScenarioError([f"policy: {name} is not a policy; begin it with class {name}(Policy)"])
    try:
        known = policy_parameters(kind)
    except TypeError as error:
        raise ScenarioError([f"policy: {name} is not a valid policy: {error}"]) from error
    policy: Policy = kind() if given is kind else given
    problems: list[str] = []
    held = {}
    for field, (parameter, default) in known.items():
        value = getattr(policy, field)
        try:
            held[field] = read_parameter(parameter, written(parameter, value), default)
        except (ValueError, TypeError, ArithmeticError):
            problems.append(f"{name}.{field}: {_must_be(parameter)}, not {value!r}")
    if problems:
        raise ScenarioError(problems)
    return replace(policy, **held)


def _must_be(parameter: Parameter) -> str:
    if parameter.kind in {Kind.RATE, Kind.WEIGHT, Kind.PRICE}:
        return f"must be a whole number of millionths; {MILLION} is 1"
    return f"must be {parameter.kind.value}"


def name_of(policy: Policy) -> str:
    """The name that a policy has in the catalogue; that of its class where it has none."""
    home = _home(type(policy))
    listed = (name for name, known in offers().items() for one in known if one.home == home)
    return next(listed, type(policy).__name__)


def _home(kind: type[Policy]) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def source_digests(policies: Iterable[tuple[str, Policy]]) -> dict[str, str]:
    """The digest of the source of each policy that the catalogue does not have, by name.

    It covers the class and those it inherits from, not what they call elsewhere.

    Raises:
        ScenarioError: Two of them have one name.
    """
    found: dict[str, type[Policy]] = {}
    for name, policy in policies:
        kind = type(policy)
        if any(one.home == _home(kind) for one in offers().get(name, ())):
            continue
        if found.setdefault(name, kind) is not kind:
            raise ScenarioError([f"population: two policies are called {name}; rename one"])
    return {name: digest("\n".join(_sources(kind)).encode()) for name, kind in found.items()}


def _sources(kind: type[Policy]) -> Iterator[str]:
    """The source of a class and of those between it and `Policy`."""
    for own in kind.__mro__[: kind.__mro__.index(Policy)]:
        source = _class_source(own)
        if source is not None:
            yield source
        else:
            yield from (_source(name, held) for name, held in sorted(vars(own).items()))


def _class_source(kind: type[Policy]) -> str | None:
    """The source of a class; None where no file has it, as that of a notebook's cell.

    A class is looked for in the file of its module, which in `__main__` can be another program's;
    a function knows its own file.
    """
    try:
        source, file = inspect.getsource(kind), inspect.getsourcefile(kind)
    except (OSError, TypeError):
        return None
    held = (getattr(own, "__func__", own) for own in vars(kind).values())
    files = {own.__code__.co_filename for own in held if isinstance(own, FunctionType)}
    in_file = file in files or not files
    return source if in_file and f"class {kind.__name__}" in source else None


def _source(name: str, held: Any) -> str:
    """The source of one attribute of a class; of a function without one, its code."""
    held = getattr(held, "__func__", held)
    if isinstance(held, FunctionType):
        try:
            return inspect.getsource(held)
        except OSError:
            return marshal.dumps(held.__code__).hex()
    plain = isinstance(held, bool | int | float | str | tuple) and not name.startswith("__")
    return f"{name} = {held!r}" if plain else ""


def can_be_imported(policy: Policy) -> bool:
    """Test whether another process finds the policy's class by its module and name."""
    kind = type(policy)
    module = sys.modules.get(kind.__module__)
    if kind.__module__ == "__main__" or getattr(module, "__file__", None) is None:
        return False
    with suppress(AttributeError):
        return attrgetter(kind.__qualname__)(module) is kind
    return False
