"""The same worlds on the core and in the kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sim_economy.agents.policy import Policy, decided_input, views
from sim_economy.batch.state_digest import state_digest
from sim_economy.batch.world_batch import BatchResult, BehaviourPolicy, ListedUsage, WorldBatch
from sim_economy.core.state import State, genesis
from sim_economy.core.turn import play_turn
from sim_economy.core.world_config import WorldConfig, genesis_order, parse_world_config


def core_states(
    config: WorldConfig, policies: Sequence[Policy], usage: Any, turns: int
) -> Iterator[State]:
    """The states of a world after each turn.

    Args:
        usage: Thinking and output, `[turn, agent, 2]`.
    """
    state, _ = genesis(config)
    order = genesis_order(config)
    for turn in range(turns):
        inputs = [
            decided_input(policy, view, (int(used[0]), int(used[1])))
            for policy, view, used in zip(policies, views(state, config), usage[turn], strict=True)
        ]
        state, _ = play_turn(state, inputs, config, order, ends=turn + 1 == turns)
        yield state


def core_digest(config: WorldConfig, policies: Sequence[Policy], usage: Any, turns: int) -> int:
    """The digest of a world's last state."""
    *_, last = core_states(config, policies, usage, turns)
    return state_digest(last, config)


def kernel_result(
    config: WorldConfig,
    policy: BehaviourPolicy,
    usage: Any,
    turns: int,
    seeds: Sequence[int],
    varied: Mapping[str, Any] | None = None,
    threads: int = 1,
) -> BatchResult:
    """What the kernel makes of worlds that differ in their seeds, and in what is varied."""
    from sim_economy.batch.play import play_batch  # noqa: PLC0415 - imports Numba

    batch = WorldBatch(
        config=config,
        turns=turns,
        seeds=np.array(seeds, np.int64),
        policy=policy,
        usage=ListedUsage(units=usage[None], index=np.zeros(len(seeds), np.int32)),
        varied=varied or {},
    )
    return play_batch(batch, threads=threads)


def seeded(config: WorldConfig, seed: int) -> WorldConfig:
    """The same world under another seed."""
    return parse_world_config({"seed": seed}, config)
