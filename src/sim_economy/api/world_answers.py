"""Answers about a whole world: its state, its genesis, its start."""

from __future__ import annotations

from typing import Any

from sim_economy.core.accounts import holdings
from sim_economy.core.world_config import config_values
from sim_economy.ledger.records import digest
from sim_economy.world.world import World


def state_answer(world: World) -> dict[str, Any]:
    """The whole public and private state, as the operator sees it."""
    state = world.state
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
            for agent, agent_id in enumerate(world.config.agent_ids)
        ],
        "fees_collected": state.fees_charged,
        "ended": state.ended,
        "state_digest": world.head.state_digest,
        "head": world.head.hash,
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


def world_answer(world: World) -> dict[str, Any]:
    """The answer to starting a world."""
    return {
        "world_id": world.world_id,
        "config": config_values(world.config, every=True),
        "agent_ids": list(world.config.agent_ids),
        "state": state_answer(world),
        "head": world.head.hash,
    }
