"""What the kernel is asked to play; no library is needed to say it.

Source: docs/batch.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sim_economy.batch.decisions.behaviour_tables import Behaviour, FamilyTable
from sim_economy.core.world_config import WorldConfig

if TYPE_CHECKING:
    import numpy as np

    from sim_economy.batch.results.series_sums import SeriesSums


@dataclass(frozen=True, kw_only=True)
class UniformUsage:
    """Thinking and output from a range each, drawn once an agent and turn; bounds included."""

    thinking: tuple[int, int]
    output: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class TabledUsage:
    """Thinking and output from a table of 65,536 quantiles each; see `agents.quantiles`."""

    thinking: Any
    output: Any


@dataclass(frozen=True, kw_only=True)
class ListedUsage:
    """Thinking and output from lists.

    Attributes:
        units: Whole numbers, `[list, turn, agent, 2]`.
        index: Which list each world reads, `[world]`.
    """

    units: Any
    index: Any


@dataclass(frozen=True, kw_only=True)
class FamilyPolicy:
    """The published policy, or one of its family.

    Attributes:
        numbers: Parameters by name that all worlds share; those left out are the published ones.
        varied: Those that differ, `[world]` each; periods cannot.
    """

    numbers: Mapping[str, int] = field(default_factory=dict)
    varied: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BehaviourPolicy:
    """What the agents of a world do, as tables; see `agents.behaviour`.

    Attributes:
        varied: Numbers of the one policy there is that differ, by name, `[world]` each.
    """

    behaviour: Behaviour
    varied: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> FamilyPolicy | BehaviourPolicy:
        """The same as a policy of the published family where it is one; that is faster."""
        (table, *others) = self.behaviour.tables
        if others or not isinstance(table, FamilyTable):
            return self
        numbers = dict(zip(table.names, table.numbers, strict=True))
        return FamilyPolicy(numbers=numbers, varied=self.varied)


@dataclass(frozen=True, kw_only=True)
class WorldBatch:
    """Worlds of one shape.

    Attributes:
        config: What they share; its seed counts for nothing.
        seeds: `[world]`.
        varied: Numeric parameters that differ, `[world]` each; rates and weights in millionths.
            `allowance` and `carryover_max` are those of `income`.
        ends: Whether the last turn is the run's declared end.
    """

    config: WorldConfig
    turns: int
    seeds: np.ndarray[Any, Any]
    policy: FamilyPolicy | BehaviourPolicy = field(default_factory=FamilyPolicy)
    usage: UniformUsage | TabledUsage | ListedUsage
    varied: Mapping[str, Any] = field(default_factory=dict)
    ends: bool = True


@dataclass(frozen=True, kw_only=True)
class BatchResult:
    """What became of the worlds.

    Attributes:
        metrics: Whole numbers by name, `[world]` each.
        digests: Of the last state of each world, as `state_digest` computes it.
        beyond: Worlds that left the exact range; their other values say nothing.
        series: What stood at the end of each turn, where asked for.
        balances: Of each agent at the end, `[agent, world]`, where asked for; as `staked`.
    """

    metrics: Mapping[str, np.ndarray[Any, Any]]
    digests: np.ndarray[Any, Any]
    beyond: np.ndarray[Any, Any]
    series: SeriesSums | None = None
    balances: np.ndarray[Any, Any] | None = None
    staked: np.ndarray[Any, Any] | None = None
