"""The kernel against the core, world by world: digests of turns, and every metric."""

from __future__ import annotations

from itertools import islice
from typing import Any

from msgspec import Struct, field

from sim_economy.agents import quantiles
from sim_economy.agents.behaviour import behaviour_of
from sim_economy.agents.policy import Policy
from sim_economy.agents.population import Group
from sim_economy.agents.usage_model import (
    Constant,
    DistributedUsage,
    Distribution,
    Exponential,
    Lognormal,
    PublishedUsage,
    Uniform,
)
from sim_economy.batch.decisions.behaviour_tables import Behaviour
from sim_economy.core.accounts import BALANCE, STAKED, WIDTH
from tests.equivalence.core_reference import Reference
from tests.equivalence.world_groups import OF_POLICY, WorldGroup


class Comparison(Struct, kw_only=True):
    """What a comparison found.

    Attributes:
        beyond: Worlds that the kernel gave back to the core.
        differences: A line for each world that differs, with how to make it again.
    """

    worlds: int = 0
    turns: int = 0
    beyond: int = 0
    differences: list[str] = field(default_factory=list)

    def add(self, other: Comparison) -> None:
        """Take in the comparison of another group."""
        self.worlds += other.worlds
        self.turns += other.turns
        self.beyond += other.beyond
        self.differences += other.differences


def compared(
    group: WorldGroup, *, every_turn: bool = False, threads: int = 1, large: bool = False
) -> Comparison:
    """Play a group by kernel and core, and compare what comes out.

    Args:
        every_turn: Whether to compare each turn's digest, not the last one's alone.
        large: Whether lanes are agents of one world.
    """
    references = list(group.references())
    found = Comparison(worlds=len(references))
    horizons = range(1, group.turns + 1) if every_turn else (group.turns,)
    for turns in horizons:
        result = _played(group, turns, threads, large)
        found.turns += len(references)
        for world, wanted in enumerate(references):
            if result.beyond[world]:
                found.beyond += turns == group.turns
                continue
            differing = _differing(result, world, wanted, turns, group.turns)
            if differing:
                found.differences.append(f"{group.name}, world {world}, turn {turns}: {differing}")
    return found


def _differing(result: Any, world: int, wanted: Reference, turns: int, last: int) -> str:
    """What is another number for a world, in words; nothing where all agree."""
    if wanted.refused and wanted.refused <= turns:
        return f"the core refused turn {wanted.refused}, the kernel did not give it back"
    named = []
    if int(result.digests[world]) != wanted.digests[turns - 1]:
        named.append("digest")
    if turns == last:
        accounts = wanted.accounts[-1]
        if result.balances[:, world].tolist() != list(accounts[BALANCE::WIDTH]):
            named.append("balances")
        if result.staked[:, world].tolist() != list(accounts[STAKED::WIDTH]):
            named.append("stake")
        metrics = wanted.shortened[last][1]
        named += [
            f"{name} {int(result.metrics[name][world])} for {number}"
            for name, number in metrics.items()
            if int(result.metrics[name][world]) != number
        ]
    return ", ".join(named)


def _played(group: WorldGroup, turns: int, threads: int, large: bool) -> Any:
    from sim_economy.batch.play import play_batch  # noqa: PLC0415

    if large:
        from sim_economy.batch.large.large_world_player import play_large_worlds  # noqa: PLC0415

        return play_large_worlds(batch_of(group, turns), threads=threads, accounts=True)
    return play_batch(batch_of(group, turns), threads=threads, accounts=True)


def batch_of(group: WorldGroup, turns: int) -> Any:
    """A group as the kernel is asked for it.

    Args:
        turns: Fewer than the group's are a world that goes on.
    """
    import numpy as np  # noqa: PLC0415

    from sim_economy.batch.world_batch import WorldBatch  # noqa: PLC0415

    return WorldBatch(
        config=group.config,
        turns=turns,
        seeds=np.array(group.seeds, dtype=np.int64),
        varied=_columns(group, of_policy=False),
        policy=_policy(group),
        usage=_usage(group, turns),
        ends=turns == group.turns,
    )


def _columns(group: WorldGroup, *, of_policy: bool) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415

    return {
        name.removeprefix(OF_POLICY): np.array(values, dtype=np.int64)
        for name, values in group.varied.items()
        if name.startswith(OF_POLICY) == of_policy
    }


def _policy(group: WorldGroup) -> Any:
    """The behaviour of a population as the kernel is given it."""
    from sim_economy.batch.world_batch import BehaviourPolicy  # noqa: PLC0415

    followed: dict[Policy, list[int]] = {}
    for agent in range(group.config.num_agents):
        followed.setdefault(group.others.get(agent, group.policy), []).append(agent)
    behaviour = behaviour_of(
        Group(policy_name=type(policy).__name__, policy=policy, agents=tuple(agents))
        for policy, agents in followed.items()
    )
    assert isinstance(behaviour, Behaviour), behaviour
    return BehaviourPolicy(behaviour=behaviour, varied=_columns(group, of_policy=True)).plain()


def _usage(group: WorldGroup, turns: int) -> Any:
    """Ranges and tables where the source has them; else its units, drawn by the source."""
    from sim_economy.batch.world_batch import TabledUsage, UniformUsage  # noqa: PLC0415

    match group.usage:
        case DistributedUsage(thinking=Uniform() | Constant(), output=Uniform() | Constant()):
            return UniformUsage(
                thinking=_range(group.usage.thinking), output=_range(group.usage.output)
            )
        case DistributedUsage(
            thinking=Exponential() | Lognormal(), output=Exponential() | Lognormal()
        ):
            return TabledUsage(
                thinking=_table(group.usage.thinking), output=_table(group.usage.output)
            )
        case _:
            return _listed(group, turns)


def _range(units: Distribution) -> tuple[int, int]:
    match units:
        case Constant(value):
            return value, value
        case Uniform(low, high):
            return low, high
        case _:
            raise AssertionError(units)


def _table(units: Distribution) -> Any:
    import numpy as np  # noqa: PLC0415

    match units:
        case Exponential(mean):
            return np.array(quantiles.exponential(mean), dtype=np.int64)
        case Lognormal(median, sigma):
            return np.array(quantiles.lognormal(median, sigma), dtype=np.int64)
        case _:
            raise AssertionError(units)


def _listed(group: WorldGroup, turns: int) -> Any:
    import numpy as np  # noqa: PLC0415

    from sim_economy.batch.world_batch import ListedUsage  # noqa: PLC0415

    drawn = isinstance(group.usage, DistributedUsage | PublishedUsage)
    seeds = group.seeds if drawn else [0] * len(group.seeds)
    first = {seed: world for world, seed in reversed(list(enumerate(seeds)))}
    numbers = {seed: number for number, seed in enumerate(first)}
    lists = [
        list(islice(group.usage.turns(group.config_of(world)), turns)) for world in first.values()
    ]
    index = [numbers[seed] for seed in seeds]
    return ListedUsage(units=np.array(lists, dtype=np.int64), index=np.array(index))
