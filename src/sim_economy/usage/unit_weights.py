"""Units of usage from tokens by kind and model, exact until they are rounded down once.

Source: docs/spec/usage.md, W1 to W6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, TypeAlias

from msgspec import Meta, Struct, field
from msgspec.structs import astuple

from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import Kind, Parameter, read_struct
from sim_economy.core.units import INPUT_LIMIT, MILLION, Millionths
from sim_economy.usage.counted_usage import INPUT_KINDS, CountedUsage, Counts, LoggedAgent
from sim_economy.usage.usage_form import KINDS

Usage: TypeAlias = tuple[int, int]
"""Thinking units and output units of one agent in one turn."""


class KindWeights(Struct, frozen=True, kw_only=True):
    """Units of a million tokens by kind, in the order of `KINDS`; the defaults are those of old."""

    input: Annotated[Millionths, Parameter(Kind.WEIGHT, "units of an uncached input token")] = (
        Millionths(0)
    )
    cache_read: Annotated[
        Millionths, Parameter(Kind.WEIGHT, "units of an input token read from a cache")
    ] = Millionths(0)
    cache_write: Annotated[
        Millionths, Parameter(Kind.WEIGHT, "units of an input token written into a cache")
    ] = Millionths(0)
    thinking: Annotated[Millionths, Parameter(Kind.WEIGHT, "thinking units of its token")] = (
        Millionths(MILLION)
    )
    output: Annotated[
        Millionths, Parameter(Kind.WEIGHT, "units of an output token that is no thinking")
    ] = Millionths(MILLION)

    def weighted(self, counts: Counts) -> tuple[int, int]:
        """Thinking and all other tokens, weighted, in millionths of a token."""
        fresh, read, written, thinking, output = counts
        billed = fresh * self.input + read * self.cache_read + written * self.cache_write
        return thinking * self.thinking, billed + output * self.output


DEFAULT: Final = "default"
"""The table of models that no other one is for."""


class UnitTable(Struct, frozen=True, kw_only=True):
    """The weights of `[usage.units]`.

    Attributes:
        per: Weighted tokens of one unit.
        currency: What a unit is a millionth of; empty where weights are not prices.
        by_model: By exact name, prefix with a `*`, or `default`.
    """

    per: int = 1
    currency: str = ""
    by_model: Mapping[str, KindWeights] = field(default_factory=lambda: {DEFAULT: KindWeights()})

    def of_model(self, model: str) -> KindWeights | None:
        """The weights of a model: its own, else of the longest prefix, else the default ones."""
        if model in self.by_model:
            return self.by_model[model]
        prefixes = [key for key in self.by_model if key[-1:] == "*" and model.startswith(key[:-1])]
        return self.by_model.get(max(prefixes, key=len, default=DEFAULT))


class _Head(Struct, frozen=True, kw_only=True):
    """The keys of `[usage.units]` that are not weights."""

    per: Annotated[int, Parameter(Kind.COUNT, "weighted tokens of one unit", 1)] = 1
    currency: Annotated[str, Parameter(Kind.TEXT, "a unit is a millionth of it")] = ""


def parse_units(given: Mapping[str, Any] | None, problems: list[str]) -> UnitTable:
    """The weights of a `[usage.units]` table; tokens of thinking and output where it is missing."""
    given = given or {}
    tables = {key: value for key, value in given.items() if isinstance(value, Mapping)}
    plain = {key: value for key, value in given.items() if key in KINDS and key not in tables}
    rest = {key: value for key, value in given.items() if key not in {*tables, *plain}}
    head = read_struct(_Head, rest, "usage.units", problems) or _Head()
    if tables:
        by_model = _by_model(tables, problems)
    else:
        own = read_struct(KindWeights, plain, "usage.units", problems)
        by_model = {DEFAULT: own or KindWeights()}
    if plain and tables:
        stated = ", ".join(plain)
        problems.append(f"usage.units: {stated}: write them into [usage.units.{DEFAULT}]")
    return UnitTable(per=head.per, currency=head.currency, by_model=by_model)


def _by_model(tables: Mapping[str, Any], problems: list[str]) -> dict[str, KindWeights]:
    named = {f"usage.units.{key}": table for key, table in tables.items()}
    read = [read_struct(KindWeights, table, path, problems) for path, table in named.items()]
    return {key: own for key, own in zip(tables, read, strict=True) if own is not None}


def least_per(counted: CountedUsage, table: UnitTable) -> int:
    """The least `per` under which no agent-turn has more units than an input may carry.

    Raises:
        ScenarioError: A model has no weights.
    """
    weights = _weights(counted, table)
    most = max((max(sums) for _, _, sums in _sums(counted, weights)), default=0)
    return _fitting(most)


def _fitting(most: int) -> int:
    return most // ((INPUT_LIMIT + 1) * MILLION) + 1


def _sums(
    counted: CountedUsage, weights: Mapping[str, KindWeights]
) -> Iterator[tuple[int, LoggedAgent, tuple[int, int]]]:
    """Thinking and all other tokens of each agent-turn, weighted, in millionths of a token."""
    for turn, agents in counted.counts.items():
        for agent, models in agents.items():
            sums = [weights[model].weighted(counts) for model, counts in models.items()]
            thinking, other = map(sum, zip(*sums, strict=True))
            yield turn, agent, (thinking, other)


class UnitSums(Struct, frozen=True, kw_only=True):
    """All units of a log, and what they leave out.

    Attributes:
        scale: Of the two sums that follow: parts of a unit.
        exact: All units before rounding.
        lost: What rounding down left out of them.
        unweighted: Tokens of the kinds of input whose weight is 0, by kind.
    """

    scale: Annotated[int, Meta(ge=1)]
    exact: Annotated[int, Meta(ge=0)]
    lost: Annotated[int, Meta(ge=0)]
    unweighted: dict[str, int]

    def __post_init__(self) -> None:
        """Check that no more is left out than there was."""
        if self.lost > self.exact:
            raise ValueError("lost must not be above exact")


class BilledUnits(Struct, frozen=True):
    """Units of a log, by turn and agent, and their sums."""

    units: dict[int, dict[LoggedAgent, Usage]]
    sums: UnitSums


def billed_units(counted: CountedUsage, table: UnitTable) -> BilledUnits:
    """The units of every agent-turn of a log: two sums, each rounded down once.

    Raises:
        ScenarioError: A model has no weights, or units are more than an input may carry.
    """
    weights = _weights(counted, table)
    scale = table.per * MILLION
    units: dict[int, dict[LoggedAgent, Usage]] = {}
    exact = lost = most = 0
    for turn, agent, (thinking, other) in _sums(counted, weights):
        units.setdefault(turn, {})[agent] = thinking // scale, other // scale
        exact += thinking + other
        lost += thinking % scale + other % scale
        most = max(most, thinking, other)
    _check_limit(counted.path, table, most)
    unweighted = _unweighted(counted, weights)
    return BilledUnits(units, UnitSums(scale=scale, exact=exact, lost=lost, unweighted=unweighted))


def _weights(counted: CountedUsage, table: UnitTable) -> dict[str, KindWeights]:
    found = {model: table.of_model(model) for model in dict(counted.by_model())}
    lacking = sorted(model or "rows without a model" for model, own in found.items() if own is None)
    if lacking:
        some = ", ".join(lacking[:5]) + (", ..." if len(lacking) > 5 else "")
        ways = f'[usage.units."NAME"], a prefix "NAME*", or [usage.units.{DEFAULT}]'
        raise ScenarioError([f"usage.units: no weights for {some} of {counted.path}; add {ways}"])
    return {model: own for model, own in found.items() if own is not None}


def _check_limit(path: str, table: UnitTable, most: int) -> None:
    least = _fitting(most)
    if least > table.per:
        fits = f"the least that fits is usage.units.per = {least}"
        problem = f"{path} has an agent-turn of more than {INPUT_LIMIT} units; {fits}"
        raise ScenarioError([f"usage.units: {problem}"])


def _unweighted(counted: CountedUsage, weights: Mapping[str, KindWeights]) -> dict[str, int]:
    sums = dict.fromkeys(INPUT_KINDS, 0)
    for model, counts in counted.totals().items():
        for kind, weight, tokens in zip(INPUT_KINDS, astuple(weights[model]), counts, strict=False):
            sums[kind] += 0 if weight else tokens
    return {kind: tokens for kind, tokens in sums.items() if tokens}
