"""The player that asks the batch kernel, where it is installed and can play a study exactly."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from sim_economy.agents.behaviour import CoreOnly, behaviour_of
from sim_economy.agents.usage_model import (
    Constant,
    DistributedUsage,
    Distribution,
    Exponential,
    Lognormal,
    PublishedUsage,
    Uniform,
)
from sim_economy.batch.decisions.behaviour_tables import Behaviour, FamilyTable
from sim_economy.batch.world_batch import (
    BatchResult,
    BehaviourPolicy,
    ListedUsage,
    TabledUsage,
    UniformUsage,
    WorldBatch,
)
from sim_economy.core.errors import ExtraMissingError
from sim_economy.core.rules_version import RulesVersion
from sim_economy.core.world_config import UsageRule
from sim_economy.experiments.sweeps.played_rows import PlayedRows, RowStatus, TurnSums
from sim_economy.experiments.sweeps.sweep_plan import RowSpan, SweepPlan
from sim_economy.experiments.sweeps.swept_keys import SweptKey
from sim_economy.scenarios.scenario import Scenario
from sim_economy.usage.traced_usage import TracedUsage

if TYPE_CHECKING:
    import numpy as np

    Column = np.ndarray[Any, Any]

SMALL_ROWS: Final = 2_000
"""Rows up to which a sweep stays on the core: loading compiled code takes longer."""
SMALL_AGENT_TURNS: Final = 10_000_000
"""Agent-turns of a sweep of few rows from which on compiling takes less than the core."""
SERIES_WORLDS: Final = 8_192
"""Worlds whose sums by turn are held at once."""
AGENTS_MAX: Final = 1_000_000
"""Agents of a world that the kernel takes."""
ACCOUNTS_MAX: Final = 1 << 28
"""Agents of all worlds of one batch, whose accounts are held at once: 2 GiB."""
BLOCK_AGENTS_MAX: Final = 20_000
"""Agents of a world beyond which 64 worlds side by side take too much memory."""

AGENT_TURNS_MAX: Final = 1 << 30
"""Agent-turns of a world that 32 bits can count."""

_LEAST_PIECE: Final = 1_024
"""Rows of the first piece that is played at once, and of the least."""
_GROWTH_MAX: Final = 8
"""How many times as many rows as the piece before a piece may have."""

NUMBA_MISSING: Final = str(ExtraMissingError("the batch kernel", "numba", "batch"))

KernelUsage = UniformUsage | TabledUsage | ListedUsage


def kernel_player(plan: SweepPlan, rows: int | None = None) -> KernelPlayer | str:
    """The kernel as a player of a plan, or why it cannot play it.

    Whether a sweep is small is a matter of the whole study, so that one that is resumed goes on
    with the player that it began with.

    Args:
        rows: Of all work that the plan is a part of; its own when None.
    """
    base = plan.study.scenario.base
    whole = plan.rows if rows is None else rows
    agent_turns = whole * base.config.num_agents * base.turns
    if whole <= SMALL_ROWS and agent_turns <= SMALL_AGENT_TURNS:
        return f"{whole} runs are played sooner without it"
    if find_spec("numba") is None:
        return NUMBA_MISSING
    rules = base.config.governance
    if plan.study.wealth and rules is not None and rules.debt_rails is not None:
        return "what agents owe debt rails is the core's to say"
    reason = _obstacle(base, by_turn=plan.study.per_turn)
    return KernelPlayer(plan) if reason is None else reason


def is_compiled(scenario: Scenario, *, by_turn: bool = False) -> bool:
    """Test whether what plays a scenario was compiled before, and kept; imports Numba.

    Args:
        by_turn: Whether what stands at the end of each turn is asked for.
    """
    # Both import Numba.
    from sim_economy.batch.compiling import has_compiled_code  # noqa: PLC0415
    from sim_economy.batch.play import LARGE_AGENTS  # noqa: PLC0415

    if scenario.config.governance is not None:
        return has_compiled_code("play_governed_blocks")
    if scenario.config.num_agents >= LARGE_AGENTS and not by_turn:
        behaviour = behaviour_of(scenario.population)
        if not isinstance(behaviour, CoreOnly) and _follow_family(behaviour):
            return has_compiled_code("play_large")
    return has_compiled_code("play_blocks")


def _obstacle(scenario: Scenario, *, by_turn: bool) -> str | None:
    """What of a scenario the kernel has no rule for; None where there is nothing.

    Args:
        by_turn: Whether what stands at the end of each turn is asked for.
    """
    config = scenario.config
    if config.secret or config.rules_version is not RulesVersion.V3:
        return "draws of a secret seed, or of older rules, are the core's"
    if config.num_agents > AGENTS_MAX:
        return f"{config.num_agents:,} agents are the core's; the kernel takes {AGENTS_MAX:,}"
    if config.num_agents * scenario.turns > AGENT_TURNS_MAX:
        return f"{config.num_agents * scenario.turns:,} agent-turns of a world are the core's"
    behaviour = behaviour_of(scenario.population)
    if isinstance(behaviour, CoreOnly):
        return str(behaviour)
    if config.num_agents > BLOCK_AGENTS_MAX:
        what = _only_in_blocks(scenario, behaviour, by_turn=by_turn)
        if what is not None:
            return f"{what} are the core's beyond {BLOCK_AGENTS_MAX:,} agents"
    # Both import Numba.
    from sim_economy.batch.decisions.behaviour_packing import refusal  # noqa: PLC0415
    from sim_economy.batch.governance.governance_packing import (  # noqa: PLC0415
        governance_refusal,
    )

    return refusal(behaviour) or governance_refusal(config, scenario.turns)


def _only_in_blocks(scenario: Scenario, behaviour: Behaviour, *, by_turn: bool) -> str | None:
    """What of a scenario large worlds have no rule for; None where there is nothing."""
    if scenario.config.governance is not None:
        return "interventions"
    if by_turn:
        return "series by turn"
    return None if _follow_family(behaviour) else "policies but one of the published family"


class _Shape(Struct, frozen=True):
    """Rows that share a shape, in the order in which they are played.

    Attributes:
        scenario: Of one of their points, which has all that they share.
        behaviour: None, as `usage`, where the core plays them.
    """

    rows: Column
    scenario: Scenario
    behaviour: Behaviour | None
    usage: KernelUsage | None

    def cut(self, count: int) -> tuple[_Shape, _Shape]:
        """The first rows, and the rest."""
        usage, rows = self.usage, self.rows
        first = rest = usage
        if isinstance(usage, ListedUsage):
            first = ListedUsage(units=usage.units, index=usage.index[:count])
            rest = ListedUsage(units=usage.units, index=usage.index[count:])
        own = self.scenario, self.behaviour
        return _Shape(rows[:count], *own, first), _Shape(rows[count:], *own, rest)


class KernelPlayer:
    """Plays rows 64 at a time; rows beyond the kernel's range are left to the core."""

    def __init__(self, plan: SweepPlan) -> None:
        # Both import Numba.
        from sim_economy.batch.governance.governance_packing import DOSES  # noqa: PLC0415
        from sim_economy.batch.packing import VARIED  # noqa: PLC0415

        self._plan = plan
        self._study = plan.study
        base = plan.study.scenario.base
        of_all = plan.study.scenario.policy is not None
        numbers = _policy_numbers(base) if of_all else frozenset()
        self._varied: dict[str, SweptKey] = {}
        self._shared: list[SweptKey] = []
        for key in plan.study.keys:
            table, _, own = key.name.rpartition(".")
            of_world = table in {"", "income"} and own in VARIED and not key.labels
            of_world |= key.name in DOSES
            if of_world or (table == "policy" and own in numbers):
                self._varied[key.name] = key
            else:
                self._shared.append(key)
        self._lists: tuple[tuple[int, int, int, int] | None, Any] = None, None

    def play(self, span: RowSpan) -> PlayedRows:
        """Play consecutive rows, those that share a shape together."""
        import numpy as np  # noqa: PLC0415 - weighs

        rows = np.arange(span.first, span.end)
        found = [self._play_shape(self._shape(part)) for part in self._shapes(rows)]
        left = [row for part in found for row in part.left]
        order = np.argsort(np.concatenate([np.asarray(part.rows, np.int64) for part in found]))

        def joined(columns: Sequence[Any]) -> Any:
            return np.concatenate([np.asarray(column) for column in columns])[order]

        return PlayedRows(
            rows=joined([part.rows for part in found]),
            metrics={
                name: joined([part.metrics[name] for part in found]) for name in self._study.metrics
            },
            digests=joined([part.digests for part in found]),
            statuses=joined([part.statuses for part in found]),
            turns=[sums for part in found for sums in part.turns],
            left=left,
            wealth=_in_order([own for part in found for own in part.wealth], order),
        )

    def pieces(self, spans: Sequence[RowSpan], seconds: float) -> Iterator[PlayedRows]:
        """Play rows a piece after the other, each in its own order.

        Args:
            seconds: What a piece should take; no result depends on it.
        """
        import numpy as np  # noqa: PLC0415 - weighs

        if not spans:
            return
        most = _LEAST_PIECE
        for part in self._shapes(np.concatenate([np.arange(own.first, own.end) for own in spans])):
            shape = self._shape(part)
            while len(shape.rows):
                piece, shape = shape.cut(most)
                begun = time.monotonic()
                yield self._play_shape(piece)
                taken = max(time.monotonic() - begun, 1e-6)
                wanted = int(len(piece.rows) * seconds / taken)
                most = max(_LEAST_PIECE, min(wanted, _GROWTH_MAX * most))

    def _shapes(self, rows: Column) -> Iterator[Column]:
        """Rows that share all that a batch must share; few enough for their sums by turn."""
        import numpy as np  # noqa: PLC0415 - weighs

        points = rows // self._study.seeds
        shapes = np.zeros(len(rows), np.int64)
        for key in self._shared:
            _, codes = np.unique(self._plan.columns[key.name][points], return_inverse=True)
            _, shapes = np.unique(shapes * (codes.max() + 1) + codes, return_inverse=True)
        most = SERIES_WORLDS if self._study.per_turn else len(rows)
        base = self._study.scenario.base.config.num_agents
        agents = int(np.max(self._plan.columns.get("num_agents", base)))
        most = max(1, min(most, ACCOUNTS_MAX // agents))
        order = np.argsort(shapes, kind="stable")
        bounds = np.flatnonzero(np.diff(shapes[order])) + 1
        for part in np.split(rows[order], bounds):
            for first in range(0, len(part), most):
                yield part[first : first + most]

    def _shape(self, rows: Column) -> _Shape:
        """Rows of one shape with what they share."""
        import numpy as np  # noqa: PLC0415 - weighs

        study = self._study
        if not study.per_turn:
            # Worlds of one seed beside each other: most lanes then read the same usage.
            rows = rows[np.argsort(rows % study.seeds, kind="stable")]
        scenario = self._scenario(int(rows[0]) // study.seeds)
        reason = _obstacle(scenario, by_turn=study.per_turn)
        behaviour = behaviour_of(scenario.population)
        if reason is not None or isinstance(behaviour, CoreOnly):
            return _Shape(rows, scenario, None, None)
        seeds = self._plan.row_columns(rows)["seed"]
        return _Shape(rows, scenario, behaviour, self._usage(scenario, seeds))

    def _play_shape(self, shape: _Shape) -> PlayedRows:
        """Play rows of one shape."""
        import numpy as np  # noqa: PLC0415 - weighs

        from sim_economy.batch.play import play_batch  # noqa: PLC0415 - imports Numba
        from sim_economy.experiments.sweeps.derived_columns import (  # noqa: PLC0415 - weighs
            OF_ACCOUNTS,
            derived_columns,
        )

        study, rows, scenario = self._study, shape.rows, shape.scenario
        if shape.behaviour is None or shape.usage is None:
            return self._left(rows)
        columns = self._plan.row_columns(rows)
        points = columns["point"]
        values = {
            name: np.asarray(self._plan.columns[name])[points].astype(np.int64)
            for name in self._varied
        }
        of_policy = {
            name.removeprefix("policy."): column
            for name, column in values.items()
            if name.startswith("policy.")
        }
        batch = WorldBatch(
            config=scenario.config,
            turns=scenario.turns,
            seeds=columns["seed"],
            policy=BehaviourPolicy(behaviour=shape.behaviour, varied=of_policy),
            usage=shape.usage,
            varied={
                name.removeprefix("income."): column
                for name, column in values.items()
                if not name.startswith("policy.")
            },
        )
        with_accounts = study.wealth or bool(OF_ACCOUNTS & {*study.metrics})
        own = np.unique(points, return_inverse=True)
        played = play_batch(
            batch, accounts=with_accounts, points=own[1] if study.per_turn else None
        )
        accounts = None
        if played.balances is not None and played.staked is not None:
            accounts = (played.balances, played.staked)
        agents = scenario.config.num_agents
        found = {**played.metrics}
        found |= derived_columns(played.metrics, accounts, agents, scenario.turns)
        kept = ~played.beyond
        statuses: Any = np.full(int(kept.sum()), int(RowStatus.KERNEL))
        return PlayedRows(
            rows=rows[kept],
            metrics={name: found[name][kept] for name in study.metrics},
            digests=played.digests[kept],
            statuses=statuses,
            turns=_turn_sums(played, own[0], own[1], kept),
            left=rows[~kept].tolist(),
            wealth=_wealth(accounts, kept) if study.wealth else (),
        )

    def _left(self, rows: Column) -> PlayedRows:
        """Rows that the core plays, all of them."""
        return PlayedRows(
            rows=[],
            metrics={name: [] for name in self._study.metrics},
            digests=[],
            statuses=[],
            left=rows.tolist(),
        )

    def _scenario(self, point: int) -> Scenario:
        """The scenario of a point."""
        return self._study.scenario.at(self._plan.settings_of(point), seed=self._study.seed)

    def _usage(self, scenario: Scenario, seeds: Column) -> KernelUsage:
        """A scenario's usage as the kernel draws or reads it."""
        if scenario.config.usage_source is UsageRule.FIXED:
            return UniformUsage(thinking=(0, 0), output=(0, 0))
        if isinstance(scenario.usage, DistributedUsage):
            drawn = _drawn(scenario.usage)
            if drawn is not None:
                return drawn
        return self._listed(scenario, seeds)

    def _listed(self, scenario: Scenario, seeds: Column) -> ListedUsage:
        """Usage as lists, a list for each seed; a trace is the same under all."""
        import numpy as np  # noqa: PLC0415 - weighs

        if isinstance(scenario.usage, TracedUsage):
            traced = list(islice(scenario.usage.turns(scenario.config), scenario.turns))
            return ListedUsage(units=np.array([traced]), index=np.zeros(len(seeds), np.int32))
        different, index = np.unique(seeds, return_inverse=True)
        key = scenario.turns, scenario.config.num_agents, int(different[0]), len(different)
        if self._lists[0] != key:
            self._lists = key, _lists(scenario, different)
        return ListedUsage(units=self._lists[1], index=index.astype(np.int32))


def _in_order(wealth: Sequence[Sequence[int]], order: Column) -> list[Sequence[int]]:
    return [wealth[index] for index in order] if wealth else []


def _wealth(accounts: tuple[Column, Column] | None, kept: Column) -> list[list[int]]:
    """Balance and stake, `[row][agent]`, of the rows that are kept."""
    assert accounts is not None, "wealth needs accounts"
    balances, staked = (held[:, kept].astype("int64") for held in accounts)
    wealth: list[list[int]] = (balances + staked).T.tolist()
    return wealth


def _lists(scenario: Scenario, seeds: Column) -> Any:
    """Usage under each seed, `[seed, turn, agent, 2]`."""
    import numpy as np  # noqa: PLC0415 - weighs

    from sim_economy.batch.published_usage import published_lists  # noqa: PLC0415

    turns, agents = scenario.turns, scenario.config.num_agents
    if isinstance(scenario.usage, PublishedUsage):
        return published_lists(seeds.tolist(), turns, agents)
    configs = [scenario.config_of_run(int(seed) - scenario.seed) for seed in seeds]
    return np.array([list(islice(scenario.usage.turns(own), turns)) for own in configs])


def _follow_family(behaviour: Behaviour) -> bool:
    """Test whether all agents follow one policy of the published family."""
    return len(behaviour.tables) == 1 and isinstance(behaviour.tables[0], FamilyTable)


def _policy_numbers(scenario: Scenario) -> frozenset[str]:
    """Numbers of the one policy of all agents that may differ between the worlds of a batch."""
    behaviour = behaviour_of(scenario.population)
    if isinstance(behaviour, CoreOnly) or len(behaviour.tables) != 1:
        return frozenset()
    (table,) = behaviour.tables
    return frozenset({*table.names} - {*table.structural})


def _drawn(usage: DistributedUsage) -> UniformUsage | TabledUsage | None:
    """Two distributions as ranges, or as tables; None where it takes one of each."""
    ranges = [_range(side) for side in (usage.thinking, usage.output)]
    if ranges[0] is not None and ranges[1] is not None:
        return UniformUsage(thinking=ranges[0], output=ranges[1])
    tables = [_table(side) for side in (usage.thinking, usage.output)]
    if tables[0] is None or tables[1] is None:
        return None
    return TabledUsage(thinking=tables[0], output=tables[1])


def _range(side: Distribution) -> tuple[int, int] | None:
    match side:
        case Constant(value):
            return value, value
        case Uniform(low, high):
            return low, high
    return None


def _table(side: Distribution) -> Sequence[int] | None:
    from sim_economy.agents import quantiles  # noqa: PLC0415 - not for other usage

    match side:
        case Constant(value):
            return [value] * quantiles.SIZE
        case Exponential(mean):
            return quantiles.exponential(mean)
        case Lognormal(median, sigma):
            return quantiles.lognormal(median, sigma)
    return None


def _turn_sums(played: BatchResult, points: Column, index: Column, kept: Column) -> list[TurnSums]:
    """What stood at the end of each turn, by point, of the rows that are kept."""
    import numpy as np  # noqa: PLC0415 - weighs

    series = played.series
    if series is None:
        return []
    runs = np.bincount(index[kept], minlength=len(points))
    return [
        TurnSums(int(point), int(count), series.sums[own].tolist(), series.squares(own))
        for own, (point, count) in enumerate(zip(points, runs, strict=True))
        if count
    ]
