"""Answers about a whole world: its state, its genesis, its start."""

from __future__ import annotations

from typing import Any

from sim_economy.core.accounts import holdings
from sim_economy.core.state import State
from sim_economy.core.world_config import WorldConfig, config_values
from sim_economy.ledger.records import Head, digest
from sim_economy.world.world import World


def state_answer(config: WorldConfig, state: State, head: Head) -> dict[str, Any]:
    """The whole public and private state, as the operator sees it.

    Args:
        head: Of the turn that left this state.
    """
    return {
        "turn": state.turn,
        "token_supply": state.token_supply,
        "agents": [
            {
                "agent_id": agent_id,
                **holdings(state.accounts, agent),
                "studies": state.studies[agent],
                "burned": state.burned[agent],
                "cores": state.cores[agent],
            }
            for agent, agent_id in enumerate(config.agent_ids)
        ],
        "fees_collected": state.fees_charged,
        "ended": state.ended,
        "state_digest": head.state_digest,
        "head": head.hash,
    }


def genesis_answer(world: World) -> dict[str, Any]:
    """The identity of a world, and the keys its signatures are checked with."""
    return {
        "world_id": world.world_id,
        "genesis": digest(world.store.genesis_line()),
        "rules_version": world.config.rules_version,
        "agent_ids": list(world.config.agent_ids),
        "public_keys": None if world.keys is None else world.keys.agents,
        "engine_key": None if world.keys is None else world.keys.engine,
    }


def world_answer(world_id: str, config: WorldConfig, state: State, head: Head) -> dict[str, Any]:
    """The answer to starting a world."""
    return {
        "world_id": world_id,
        "config": config_values(config.as_seen(state.turn), every=True),
        "agent_ids": list(config.agent_ids),
        "state": state_answer(config, state, head),
        "head": head.hash,
    }
