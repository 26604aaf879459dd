"""The numbers that training searches over, and the policy that a choice of them is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from sim_economy.agents.catalogue import policy_named, settings_of
from sim_economy.agents.policies.linear_policy import Linear
from sim_economy.agents.policy import Policy
from sim_economy.batch.decisions.decision_codes import LINEAR_SCALES
from sim_economy.core.units import MILLION, decimal_text
from sim_economy.experiments.sweeps.swept_keys import SweptKey, flat_keys, read_swept_keys

Candidate = tuple[int, ...]
"""A value of each trained number, as a column of a sweep holds it."""


class TrainedNumber(Struct, frozen=True, kw_only=True):
    """One number that training searches over, as a column of a sweep holds it.

    Attributes:
        start: Where the search begins.
        scale: What one unit of it is: 1, or a million for rates and weights.
    """

    name: str
    low: int
    high: int
    start: int
    scale: int


class TrainedFamily(Struct, frozen=True, kw_only=True):
    """The policies that training chooses among: one, with numbers to choose.

    Attributes:
        settings: What does not change, as a file writes it.
        features: Of a linear policy: those whose weights are trained; empty for others.
    """

    policy_name: str
    settings: dict[str, Any]
    numbers: tuple[TrainedNumber, ...]
    features: tuple[str, ...] = ()

    @property
    def start(self) -> Candidate:
        """Where the search begins."""
        return tuple(number.start for number in self.numbers)

    def keys(self, candidates: Sequence[Candidate]) -> tuple[SweptKey, ...]:
        """The candidates as what a list of points varies."""
        if self.features:
            weights = tuple(self._weights(candidate) for candidate in candidates)
            last = len(weights) - 1
            values = tuple(range(len(weights)))
            name = "policy.weights"
            return (SweptKey(name=name, scale=1, values=values, low=0, high=last, labels=weights),)
        columns = zip(*candidates, strict=True)
        return tuple(
            SweptKey(
                name=f"policy.{number.name}",
                scale=number.scale,
                values=column,
                low=number.low,
                high=number.high,
            )
            for number, column in zip(self.numbers, columns, strict=True)
        )

    def settings_at(self, candidate: Candidate) -> dict[str, Any]:
        """The parameters of the policy that a candidate is, as a file writes them."""
        return settings_of(self.policy_at(candidate), every=True)

    def policy_at(self, candidate: Candidate) -> Policy:
        """The policy that a candidate is."""
        changes = {
            name.removeprefix("policy."): held for name, held in self.changes(candidate).items()
        }
        return policy_named(self.policy_name, {**self.settings, **changes})

    def changes(self, candidate: Candidate) -> dict[str, Any]:
        """What a candidate sets, by `policy.KEY`."""
        return {key.name: key.setting(key.values[0]) for key in self.keys([candidate])}

    def _weights(self, candidate: Candidate) -> list[list[Decimal]]:
        """A row of weights for each action, as a file writes them."""
        across = len(self.features)
        rows = [candidate[first : first + across] for first in range(0, len(candidate), across)]
        trained = [dict(zip(self.features, row, strict=True)) for row in rows]
        return [
            [Decimal(decimal_text(row.get(feature, 0), 6)) for feature in LINEAR_SCALES]
            for row in trained
        ]


def read_family(
    policy: str,
    settings: Mapping[str, Any],
    numbers: Mapping[str, Any],
    features: Sequence[str],
    problems: list[str],
) -> TrainedFamily | None:
    """The family that a training file states; None where something of it is wrong.

    Args:
        policy: The name of the policy that is trained.
        settings: Its parameters that are not trained.
        numbers: The range of each number that is.
        features: Of a linear policy.
        problems: Gets everything that is wrong.
    """
    own = policy_named(policy, settings)
    if isinstance(own, Linear):
        return _linear(policy, own, numbers, features, problems)
    if features:
        problems.append("features: only the policy linear weighs features")
    found: list[str] = []
    keys = read_swept_keys(
        {f"policy.{name}": held for name, held in flat_keys(numbers).items()},
        own,
        in_steps=False,
        problems=found,
    )
    problems += [problem.replace("vary.policy.", "numbers.", 1) for problem in found]
    if not numbers:
        problems.append(
            "numbers: is missing; name what is trained, such as job_below, each a range"
        )
    problems += [
        f"numbers.{key.name.removeprefix('policy.')}: has no range" for key in keys if key.is_listed
    ]
    if problems:
        return None
    held = settings_of(own, every=True)
    named = dict(held.get("numbers", {}))
    return TrainedFamily(
        policy_name=policy,
        settings=dict(settings),
        numbers=tuple(_number(key, {**held, **named}) for key in keys),
    )


def _number(key: SweptKey, held: Mapping[str, Any]) -> TrainedNumber:
    """A number that starts where the policy has it, or at the end of the range next to that."""
    name = key.name.removeprefix("policy.")
    start = key.held(str(held[name]))
    assert start is not None, key
    start = max(key.low, min(key.high, start))
    return TrainedNumber(name=name, low=key.low, high=key.high, start=start, scale=key.scale)


def _linear(
    name: str,
    policy: Linear,
    numbers: Mapping[str, Any],
    features: Sequence[str],
    problems: list[str],
) -> TrainedFamily | None:
    if numbers:
        problems.append("numbers: a linear policy has none; name the features that it weighs")
    known = [*LINEAR_SCALES]
    problems += [
        f"features: there is no {feature}; there are {', '.join(known)}"
        for feature in features
        if feature not in known
    ]
    if not features:
        problems.append(f"features: is missing; name what it weighs, of {', '.join(known)}")
    if problems:
        return None
    weights = policy.table.weights
    trained = [
        TrainedNumber(
            name=f"{action}: {feature}",
            low=-MILLION,
            high=MILLION,
            start=max(-MILLION, min(MILLION, row[known.index(feature)])),
            scale=MILLION,
        )
        for action, row in zip(policy.actions, weights, strict=True)
        for feature in features
    ]
    return TrainedFamily(
        policy_name=name,
        settings={"actions": list(policy.actions)},
        numbers=tuple(trained),
        features=tuple(features),
    )
