"""The keys that a study varies: what each may be, read as the scenario's own reader reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from sim_economy.agents.catalogue import settable_parameters, settings_of
from sim_economy.agents.policy import Policy
from sim_economy.core.governance_config import RULES, GovernanceConfig
from sim_economy.core.income_config import IncomeConfig
from sim_economy.core.table_reader import (
    Kind,
    NumberText,
    Parameter,
    described_parameters,
    is_whole,
    read_parameter,
    unknown_key,
)
from sim_economy.core.units import MILLION, decimal_text
from sim_economy.core.world_config import WorldConfig
from sim_economy.scenarios.presets import PRESETS
from sim_economy.scenarios.scenario import ScenarioTable

_DECIMALS: Final = (Kind.RATE, Kind.WEIGHT, Kind.PRICE)
_LISTED: Final = (Kind.VARIANT, Kind.FLAG, Kind.TEXT, Kind.POLICY)
_FIXED: Final = {
    "name": "is the study's; set it at the top of the study",
    "runs": "is the study's `seeds`",
    "seed": "is the study's; replicate r has the seed + r at every point",
    "population": "cannot be varied; vary policy, or parameters of the one policy as policy.KEY",
    "agent_ids": "cannot be varied; vary num_agents",
    "secret": "cannot be varied",
}
_PRESET: Final = Parameter(Kind.TEXT, "the world that the scenario starts from", choices=PRESETS)
_RANGE: Final = frozenset({"from", "to", "steps"})
STEPS_MAX: Final = 1_000_000


class SweptKey(Struct, frozen=True, kw_only=True):
    """One key that is varied, and the values that it takes.

    A column of it is whole numbers: millionths of a rate, a count itself, an index into `labels`.

    Attributes:
        name: As the study writes it.
        scale: What one unit of it is in a column: 1, or a million for rates.
        values: Those it takes, as a column has them; empty where a design draws from a range.
        low: The least, as a column has it.
        high: The greatest.
        labels: Of a key without numbers: its values as a file writes them.
    """

    name: str
    scale: int
    values: tuple[int, ...]
    low: int
    high: int
    labels: tuple[Any, ...] = ()

    @property
    def is_listed(self) -> bool:
        """True if it takes certain values alone."""
        return bool(self.values)

    @property
    def size(self) -> int:
        """How many values it can take."""
        return len(self.values) or self.high - self.low + 1

    @property
    def settings(self) -> dict[str, Any]:
        """What it takes, as plain values."""
        if self.labels:
            return {"values": _named(self.labels)}
        if self.values:
            return {"values": [self.text(value) for value in self.values]}
        return {"from": self.text(self.low), "to": self.text(self.high)}

    def text(self, held: int) -> str:
        """A value of a column as a file writes it."""
        if self.labels:
            return str(_named(self.labels)[held])
        return decimal_text(held, 6) if self.scale == MILLION else str(held)

    def setting(self, held: int) -> Any:
        """A value of a column as a change of a scenario."""
        if self.labels:
            return self.labels[held]
        return NumberText(self.text(held)) if self.scale == MILLION else int(held)

    def shown(self, held: int) -> Any:
        """A value of a column as a data frame has it."""
        if self.labels:
            return self.text(held)
        return held / MILLION if self.scale == MILLION else int(held)

    def held(self, text: str) -> int | None:
        """A value that was written, as a column has it; None where it cannot be one."""
        if self.labels:
            texts = [self.text(index) for index in range(len(self.labels))]
            return texts.index(text) if text in texts else None
        try:
            number = Decimal(text) * self.scale
        except ArithmeticError:
            return None
        return int(number) if number.is_finite() and number == int(number) else None


def _named(labels: Sequence[Any]) -> list[Any]:
    """Labels as plain values; policies of one name with the parameters that they state."""
    names = [_plain(label) for label in labels]
    return [
        f"{name}({_stated(label)})" if names.count(name) > 1 and isinstance(label, Policy) else name
        for name, label in zip(names, labels, strict=True)
    ]


def _stated(policy: Policy) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings_of(policy).items())


def _plain(label: Any) -> Any:
    if isinstance(label, bool):
        return str(label).lower()
    if hasattr(label, "decide"):
        return label.__name__ if isinstance(label, type) else type(label).__name__
    return label


def flat_keys(given: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The entries of `[vary]` by dotted key; TOML makes tables of `policy.job_below = [...]`."""
    flat: dict[str, Any] = {}
    for key, value in given.items():
        name = f"{path}{key}".removeprefix("world.")
        if isinstance(value, Mapping) and not (value and value.keys() <= _RANGE):
            flat |= flat_keys(value, f"{path}{key}.")
        else:
            flat[name] = value
    return flat


def read_swept_keys(
    given: Mapping[str, Any], policy: Policy | None, *, in_steps: bool, problems: list[str]
) -> list[SweptKey]:
    """The keys of `[vary]`, in order.

    Args:
        policy: That of all agents; None where they follow several.
        in_steps: Whether a range must say its steps.
        problems: Gets everything that is wrong.
    """
    keys = []
    for name, value in flat_keys(given).items():
        found: list[str] = []
        try:
            described = _described(name, policy)
            key = _read_key(name, value, *described, in_steps=in_steps, problems=found)
        except ValueError as error:
            found.append(str(error))
            key = None
        problems += [f"vary.{name}: {problem}" for problem in found]
        if key is not None and not found:
            keys.append(key)
    return keys


def _described(name: str, policy: Policy | None) -> tuple[Parameter | None, Any]:
    """The parameter behind a key and its default; None where only the scenario knows.

    Raises:
        ValueError: Nothing of a scenario has the key, or it cannot be varied.
    """
    if name in _FIXED:
        raise ValueError(_FIXED[name])
    table, _, own = name.partition(".")
    match table:
        case "policy" if own:
            return _of_policy(own, policy)
        case "income" if own:
            described = _defaults(IncomeConfig)
            if own in described:
                return described[own]
            raise ValueError(unknown_key(own, described).removeprefix(f"{own}: "))
        case "governance" if own:
            return _of_governance(own)
        case "usage" | "cores" if own:
            return None, None
    known = {"preset": (_PRESET, None), **_defaults(ScenarioTable), **_defaults(WorldConfig)}
    if name in known and known[name][0].kind not in {Kind.TABLE, Kind.TABLES}:
        return known[name]
    listed = [key for key in known if key not in _FIXED]
    if policy is not None:
        listed += [f"policy.{key}" for key in settable_parameters(policy)]
    raise ValueError(unknown_key(name, listed).removeprefix(f"{name}: "))


def _of_governance(own: str) -> tuple[Parameter, Any]:
    """A key of a rule's table, such as `fee_cap.cap_ratio`, or one of all rules."""
    rule, _, key = own.rpartition(".")
    tables: dict[str, type[Struct]] = {"": GovernanceConfig, **RULES}
    if rule not in tables:
        raise ValueError(unknown_key(rule, RULES).removeprefix(f"{rule}: "))
    known = {
        name: described
        for name, described in _defaults(tables[rule]).items()
        if described[0].kind not in {Kind.TABLE, Kind.TABLES}
    }
    if key not in known:
        raise ValueError(unknown_key(key, known).removeprefix(f"{key}: "))
    return known[key]


def _of_policy(own: str, policy: Policy | None) -> tuple[Parameter, Any]:
    if policy is None:
        raise ValueError("the population has no one policy for all agents")
    known = settable_parameters(policy)
    if own not in known:
        raise ValueError(unknown_key(own, known).removeprefix(f"{own}: "))
    return known[own]


def _defaults(table: type[Struct]) -> dict[str, tuple[Parameter, Any]]:
    described = described_parameters(table).items()
    return {name: (parameter, field.default) for name, (parameter, field) in described}


def _read_key(
    name: str,
    given: Any,
    parameter: Parameter | None,
    default: Any,
    *,
    in_steps: bool,
    problems: list[str],
) -> SweptKey | None:
    if isinstance(given, Mapping):
        return _read_range(name, given, parameter, in_steps=in_steps, problems=problems)
    listed = given.tolist() if hasattr(given, "tolist") else given
    if not isinstance(listed, list | tuple | range) or not listed:
        problems.append("must be a list of values, or a table with from and to")
        return None
    if parameter is None or parameter.kind in _LISTED:
        return _read_labels(name, listed, parameter, default, problems)
    held = []
    for value in listed:
        try:
            held.append(_number(parameter, value))
        except ValueError as error:
            problems.append(f"{value}: {error}")
    if problems:
        return None
    return SweptKey(
        name=name, scale=_scale(parameter), values=tuple(held), low=min(held), high=max(held)
    )


def _read_labels(
    name: str, given: Sequence[Any], parameter: Parameter | None, default: Any, problems: list[str]
) -> SweptKey | None:
    labels = []
    for value in given:
        try:
            read = value if parameter is None else read_parameter(parameter, value, default)
            labels.append(str(read) if isinstance(read, StrEnum) else read)
        except ValueError as error:
            problems.append(f"{value}: {error}")
    if problems:
        return None
    numbers = tuple(range(len(labels)))
    last = len(labels) - 1
    return SweptKey(name=name, scale=1, values=numbers, low=0, high=last, labels=tuple(labels))


def _scale(parameter: Parameter) -> int:
    return MILLION if parameter.kind in _DECIMALS else 1


def _number(parameter: Parameter, value: Any) -> int:
    """A value as a column has it.

    Raises:
        ValueError: What it must be instead.
    """
    if parameter.kind is not Kind.COUNT and parameter.kind not in _DECIMALS:
        raise ValueError("is no number; such a key cannot be varied")
    return int(read_parameter(parameter, value, None))


def _read_range(
    name: str,
    given: Mapping[str, Any],
    parameter: Parameter | None,
    *,
    in_steps: bool,
    problems: list[str],
) -> SweptKey | None:
    if parameter is None or parameter.kind in _LISTED:
        problems.append("has no range; list its values")
        return None
    missing = {"from", "to", *({"steps"} if in_steps else ())} - given.keys()
    problems += [f"{key} is missing" for key in sorted(missing)]
    ends = []
    for key in ("from", "to"):
        if key in given:
            try:
                ends.append(_number(parameter, given[key]))
            except ValueError as error:
                problems.append(f"{key}: {error}")
    steps = given.get("steps")
    if "steps" in given and not (is_whole(steps) and 2 <= steps <= STEPS_MAX):
        problems.append(f"steps must be an integer from 2 to {STEPS_MAX}")
    if not problems and ends[0] >= ends[1]:
        problems.append("from must be below to")
    if problems:
        return None
    low, high = ends
    values = () if steps is None else _spaced(low, high, int(steps))
    return SweptKey(name=name, scale=_scale(parameter), values=values, low=low, high=high)


def _spaced(low: int, high: int, steps: int) -> tuple[int, ...]:
    """Values at even distances, each rounded once to a whole one; no two are the same."""
    parts = steps - 1
    spaced = [low + (2 * index * (high - low) + parts) // (2 * parts) for index in range(steps)]
    return tuple(dict.fromkeys(spaced))


def check_distinct(keys: Sequence[SweptKey], problems: list[str]) -> None:
    """Complain about values that a list has twice."""
    for key in keys:
        texts = [key.text(value) for value in key.values]
        if len(set(texts)) < len(texts):
            twice = next(text for text in texts if texts.count(text) > 1)
            problems.append(f"vary.{key.name}: {twice} stands twice")
