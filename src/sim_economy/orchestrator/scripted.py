"""Scripted policies, played from plain values: what an agent sees, and the whole state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import convert
from msgspec.structs import fields

from sim_economy.agents.policy import Move, Policy, SharedView, View
from sim_economy.core.accounts import FIRST, WIDTH, Holding
from sim_economy.core.observation import Observation
from sim_economy.core.state import State, genesis
from sim_economy.core.world_config import WorldConfig, config_values


def decide(
    policy: Policy,
    agent: int,
    seen: Mapping[str, Any],
    everything: Mapping[str, Any],
    config: WorldConfig,
) -> Move:
    """The move of a policy.

    Args:
        seen: The agent's observation; what never changes may be left out.
        everything: Turn and accounts of all agents.
    """
    state = _state(everything, config)
    parts = {
        field.name: convert(seen[field.encode_name], field.type, str_keys=True)
        for field in fields(Observation)
        if field.name != "world"
    }
    observation = Observation(**parts, world=config_values(config))
    decided = policy.decide(
        View(
            agent=agent,
            state=state,
            config=config,
            _shared=SharedView(state, config),
            _seen=observation,
        )
    )
    return decided if isinstance(decided, Move) else Move(decided)


def _state(everything: Mapping[str, Any], config: WorldConfig) -> State:
    """A state with the turn and every agent's accounts; the rest is as at genesis."""
    state, _ = genesis(config)
    state.turn = everything["turn"]
    for agent, row in enumerate(everything["agents"]):
        for holding in Holding:
            state.accounts[FIRST + WIDTH * agent + holding.value] = row[holding.name.lower()]
        state.studies[agent] = row["studies"]
        state.burned[agent] = row["burned"]
        state.cores[agent] = row["cores"]
    return state
