"""Models of usage: the published draws, a measured trace (`usage/`), or a distribution."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import partial
from itertools import count
from pathlib import Path
from typing import Annotated, Any, Final, Protocol, TypeAlias, assert_never

from msgspec import Struct

from sim_economy.agents import quantiles
from sim_economy.core.errors import ScenarioError
from sim_economy.core.randomness import Key, draw, draw_below
from sim_economy.core.rules_version import RulesVersion
from sim_economy.core.table_reader import Kind, Parameter, read_tagged
from sim_economy.core.units import INPUT_LIMIT
from sim_economy.core.world_config import WorldConfig
from sim_economy.usage.kept_trace import kept_usage
from sim_economy.usage.traced_usage import TraceTable, traced_usage, with_texts
from sim_economy.usage.unit_weights import Usage


class UsageSource(Protocol):
    """The source of a run's usage."""

    def turns(self, config: WorldConfig) -> Iterator[list[Usage]]:
        """Usage `[agent]` of turn 1, 2, 3, ... for as long as the source lasts."""

    def problems(self, config: WorldConfig, turns: int) -> list[str]:
        """Reasons it cannot serve so many turns of this world; none where it can."""


class PublishedUsage(Struct, frozen=True):
    """The published experiment's draws, from the world's seed.

    Source: docs/spec/experiment.md.
    """

    def turns(self, config: WorldConfig) -> Iterator[list[Usage]]:
        """Thinking from 50 to 350, then output from 40 to 280, agent by agent."""
        randint = random.Random(config.seed).randint  # noqa: S311
        agents = range(config.num_agents)
        while True:
            yield [(randint(50, 350), randint(40, 280)) for _ in agents]

    def problems(self, config: WorldConfig, turns: int) -> list[str]:  # noqa: ARG002
        """It serves any."""
        return []


class Constant(Struct, frozen=True):
    """The same units every time."""

    value: Annotated[int, Parameter(Kind.COUNT, "units every time")]

    def units(self, key: Key, turn: int, purpose: str, agent: int) -> int:  # noqa: ARG002
        """Units of one agent in one turn."""
        return self.value

    def quantile(self, half: int) -> int:  # noqa: ARG002
        """Units at the probability half / 2^32."""
        return self.value


class Uniform(Struct, frozen=True):
    """Whole units, each as likely as the other; both bounds included."""

    low: Annotated[int, Parameter(Kind.COUNT, "fewest units")]
    high: Annotated[int, Parameter(Kind.COUNT, "most units")]

    def __post_init__(self) -> None:
        """Check what the bounds say together."""
        if self.low > self.high:
            raise ValueError("low must not be above high")

    def units(self, key: Key, turn: int, purpose: str, agent: int) -> int:
        """Units of one agent in one turn."""
        return self.low + draw_below(self.high - self.low + 1, key, turn, purpose, agent)

    def quantile(self, half: int) -> int:
        """Units at the probability half / 2^32."""
        return self.low + (half * (self.high - self.low + 1) >> 32)


class Exponential(Struct, frozen=True):
    """Units that are often few and seldom many."""

    mean: Annotated[Decimal, Parameter(Kind.NUMBER, "mean of the units")]

    def units(self, key: Key, turn: int, purpose: str, agent: int) -> int:
        """Units of one agent in one turn."""
        with localcontext(_EXACT):
            chance = Decimal(draw(key, turn, purpose, agent) + 1) / 2**64
            return min(INPUT_LIMIT, int(-chance.ln() * self.mean))

    def quantile(self, half: int) -> int:
        """Units at the probability half / 2^32."""
        return quantiles.quantile(quantiles.exponential(self.mean), half)


class Lognormal(Struct, frozen=True):
    """Units whose logarithm is normal."""

    median: Annotated[Decimal, Parameter(Kind.NUMBER, "median of the units")]
    sigma: Annotated[Decimal, Parameter(Kind.NUMBER, "deviation of their logarithm", 0, 10)]

    def units(self, key: Key, turn: int, purpose: str, agent: int) -> int:
        """Units of one agent in one turn."""
        with localcontext(_EXACT):
            deviate = _normal(lambda attempt: draw(key, turn, f"{purpose}.{attempt}", agent))
            return min(INPUT_LIMIT, int((self.sigma * deviate).exp() * self.median))

    def quantile(self, half: int) -> int:
        """Units at the probability half / 2^32."""
        return quantiles.quantile(quantiles.lognormal(self.median, self.sigma), half)


Distribution: TypeAlias = Constant | Uniform | Exponential | Lognormal

_LOWER: Final = 2**32 - 1
_EXACT: Final = Context(prec=28, rounding=ROUND_HALF_EVEN)
_DISTRIBUTIONS: Final[Mapping[str, type[Distribution]]] = {
    "constant": Constant,
    "uniform": Uniform,
    "exponential": Exponential,
    "lognormal": Lognormal,
}


class DistributedUsage(Struct, frozen=True):
    """Independent draws, thinking and output from a distribution each; exact on every machine."""

    thinking: Distribution
    output: Distribution

    def turns(self, config: WorldConfig) -> Iterator[list[Usage]]:
        """Draws keyed with the world's seed; from rules version 3 on one gives both."""
        match config.rules_version:
            case RulesVersion.V2:
                return self._drawn_apart(config)
            case RulesVersion.V3:
                return self._drawn_once(config)
        assert_never(config.rules_version)

    def _drawn_apart(self, config: WorldConfig) -> Iterator[list[Usage]]:
        key = config.seed_key
        thinking, output = self.thinking.units, self.output.units
        agents = range(config.num_agents)
        for turn in count(1):
            thought = [thinking(key, turn, "usage.thinking", agent) for agent in agents]
            written = [output(key, turn, "usage.output", agent) for agent in agents]
            yield list(zip(thought, written, strict=True))

    def _drawn_once(self, config: WorldConfig) -> Iterator[list[Usage]]:
        key = config.seed_key
        thinking, output = self.thinking.quantile, self.output.quantile
        agents = range(config.num_agents)
        for turn in count(1):
            draws = [draw(key, turn, "usage", agent) for agent in agents]
            yield [(thinking(drawn >> 32), output(drawn & _LOWER)) for drawn in draws]

    def problems(self, config: WorldConfig, turns: int) -> list[str]:  # noqa: ARG002
        """It serves any."""
        return []


class _DistributionTable(Struct, frozen=True):
    """The keys of `[usage]` for draws."""

    thinking: Annotated[
        Mapping[str, Any] | None, Parameter(Kind.TABLE, "distribution of thinking units")
    ] = None
    output: Annotated[
        Mapping[str, Any] | None, Parameter(Kind.TABLE, "distribution of output units")
    ] = None


_SOURCES: Final[Mapping[str, type[PublishedUsage | TraceTable | _DistributionTable]]] = {
    "published": PublishedUsage,
    "trace": TraceTable,
    "distribution": _DistributionTable,
}


def parse_usage(given: Any, folder: Path, trace: Path | None = None) -> UsageSource:
    """A usage source from the `[usage]` table of a scenario.

    Args:
        folder: Where a relative path starts.
        trace: The copy that an experiment's folder keeps, read instead of the path that is stated.

    Raises:
        ScenarioError: With every problem found.
    """
    problems: list[str] = []
    source = read_tagged("source", _SOURCES, with_texts(given), "usage", problems)
    if isinstance(source, TraceTable):
        return traced_usage(source, folder) if trace is None else kept_usage(source, trace)
    if isinstance(source, _DistributionTable):
        draws = partial(read_tagged, "distribution", _DISTRIBUTIONS)
        thinking = draws(source.thinking, "usage.thinking", problems)
        output = draws(source.output, "usage.output", problems)
        if thinking is not None and output is not None:
            return DistributedUsage(thinking, output)
    if source is None or problems:
        raise ScenarioError(problems)
    return PublishedUsage()


def _normal(uniform: Callable[[int], int]) -> Decimal:
    """A standard normal deviate by the polar method; decimals make it the same everywhere.

    Args:
        uniform: The i-th 64-bit draw.

    Source: doi:10.1137/1006063.
    """
    for attempt in count(0, 2):
        across = Decimal(uniform(attempt)) / 2**63 - 1
        along = Decimal(uniform(attempt + 1)) / 2**63 - 1
        square = across * across + along * along
        if 0 < square < 1:
            return across * (-2 * square.ln() / square).sqrt()
    raise AssertionError("unreachable")
