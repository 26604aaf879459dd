"""Policies that are plain Python functions of whole numbers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Final

from msgspec import defstruct

from sim_economy.agents.catalogue import RESERVED
from sim_economy.agents.decisions import action_of, feature
from sim_economy.agents.policy import Policy, View
from sim_economy.batch.decisions.decision_codes import FEATURES, Decision, Feature
from sim_economy.core.actions import Action
from sim_economy.core.errors import ScenarioError
from sim_economy.core.suggestions import suggestion
from sim_economy.core.table_reader import Kind, Parameter, is_whole
from sim_economy.core.units import INPUT_LIMIT


class FunctionPolicy(Policy, frozen=True):
    """A policy whose decisions a function makes; its fields are the function's numbers.

    Attributes:
        function: Takes the features, then the numbers.
        features: What it decides by, in the order of its arguments.
        numbers: Names of its further arguments.
    """

    function: ClassVar[Callable[..., Decision]]
    features: ClassVar[tuple[Feature, ...]]
    numbers: ClassVar[tuple[str, ...]]

    def decide(self, view: View) -> Action:
        """What the function returns."""
        own = type(self)
        seen = [feature(view, code) for code in own.features]
        numbers = {name: getattr(self, name) for name in own.numbers}
        decision = own.function(*seen, **numbers)
        if not isinstance(decision, tuple) or [*map(type, decision)] != [int] * 4:
            name = own.__name__
            raise ValueError(
                f"{name} must return mine(), job() or another choice, not {decision!r}"
            )
        return action_of(decision, view)


def policy_function(function: Callable[..., Decision]) -> type[FunctionPolicy]:
    """Make a policy of a function of whole numbers; also as a decorator.

    Its parameters without a default are features, by their names: `balance`, `turn`, `agent` and
    the others of a rule. Those with a whole number for a default are parameters of the policy.
    It returns what one of the choices gives: `mine()`, `job()`, `stake(80)` and so on.

    Raises:
        ScenarioError: With every problem of its parameters.
    """
    problems: list[str] = []
    features: list[Feature] = []
    numbers: dict[str, int] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        problem = _problem(parameter, after_numbers=bool(numbers))
        if problem:
            problems.append(f"policy: {function.__name__}: its parameter {name} {problem}")
        elif parameter.default is parameter.empty:
            features.append(FEATURES[name])
        else:
            numbers[name] = int(parameter.default)
    if problems:
        raise ScenarioError(problems)
    return _policy_of(function, tuple(features), numbers)


def _policy_of(
    function: Callable[..., Decision], features: tuple[Feature, ...], numbers: dict[str, int]
) -> type[FunctionPolicy]:
    namespace: dict[str, Any] = {
        "__doc__": function.__doc__ or "A policy function.",
        "function": staticmethod(function),
        "features": features,
        "numbers": tuple(numbers),
    }
    policy: Any = defstruct(
        function.__name__,
        [(name, Annotated[int, _NUMBER], default) for name, default in numbers.items()],
        bases=(FunctionPolicy,),
        namespace=namespace,
        module=function.__module__,
        frozen=True,
    )
    policy.__qualname__ = function.__qualname__
    return policy  # type: ignore[no-any-return]


_NUMBER: Final = Parameter(Kind.COUNT, "a number of the function", -INPUT_LIMIT)


def _problem(parameter: inspect.Parameter, *, after_numbers: bool) -> str | None:
    """What keeps a parameter of a function from being a feature or a number, in words."""
    name, default = parameter.name, parameter.default
    if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
        return "must be an ordinary one"
    if default is parameter.empty:
        if name not in FEATURES:
            near = suggestion(name, FEATURES)
            return f"is no feature, and has no default; features are {', '.join(FEATURES)}{near}"
        return "must come before those with a default" if after_numbers else None
    if name in FEATURES:
        return "is a feature and has no default"
    if name in {"name", *RESERVED} or hasattr(FunctionPolicy, name):
        return "has a name that every policy uses itself"
    if not is_whole(default) or abs(default) > INPUT_LIMIT:
        return f"must have a whole number for a default, at most {INPUT_LIMIT} either way"
    return None
