"""What is answered about a world, as plain values: its turns, its state, its beginning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.json import decode

from sim_economy.core.contracts import Happened
from sim_economy.core.events import contracts_that
from sim_economy.core.ledger import holdings
from sim_economy.core.scenario import Scenario, config
from sim_economy.core.turn import RULES_VERSION
from sim_economy.session.world import World
from sim_economy.store.records import TurnRecord, digest


def turn_answer(record: TurnRecord, head: str, scenario: Scenario) -> dict[str, Any]:
    """What came of a turn, from its record."""
    block = record.block
    return {
        "turn": record.turn,
        "inference_fees_collected": record.bill.collected,
        "fees_covered": record.bill.covered,
        "fees_waived": record.bill.waived,
        "dividends": record.bill.dividends,
        "block_winner": block.winner if block else None,
        "validator_type": block.validator_type if block else None,
        "contracts_settled": contracts_that(Happened.SETTLED, record.contracts),
        "contracts_defaulted": contracts_that(Happened.DEFAULTED, record.contracts),
        "inputs": len(record.inputs),
        "rejections": list(rejections(record)),
        "transactions": record.transactions,
        "token_supply": record.token_supply,
        "ended": record.ends,
        "usage_source": scenario.usage_source,
        "state_digest": record.state_digest,
        "head": head,
    }


def rejections(record: TurnRecord) -> Iterator[dict[str, Any]]:
    """The inputs of a turn that no rule applied, each with its reason."""
    for position, reason in enumerate(record.outcomes):
        if reason is not None:
            sent = decode(record.inputs[position])
            yield {
                "turn": record.turn,
                "position": position,
                "agent_id": sent["agent_id"],
                "action": sent["action"]["action"],
                "reason": reason,
            }


def state_answer(world: World) -> dict[str, Any]:
    """The whole public and private state, as the operator sees it."""
    state = world.state
    agents = []
    for agent, agent_id in enumerate(world.scenario.agent_ids):
        agents.append(
            {
                "agent_id": agent_id,
                **holdings(state.accounts, agent),
                "studies": state.studies[agent],
                "burned": state.burned[agent],
                "cores": state.cores[agent],
            }
        )
    return {
        "turn": state.turn,
        "token_supply": state.token_supply,
        "agents": agents,
        "fees_collected": state.fees_collected,
        "ended": state.ended,
        "state_digest": world.head.state_digest,
        "head": world.head.hash,
    }


def genesis_answer(world: World) -> dict[str, Any]:
    """What a world is known by, and whose signatures it is held to."""
    return {
        "world_id": world.world_id,
        "genesis": digest(world.store.genesis_line()),
        "rules_version": RULES_VERSION,
        "agent_ids": list(world.scenario.agent_ids),
        "public_keys": None if world.keys is None else world.keys.agents,
        "engine_key": None if world.keys is None else world.keys.engine,
    }


def world_answer(world: World) -> dict[str, Any]:
    """What starting a world answers."""
    return {
        "world_id": world.world_id,
        "config": config(world.scenario),
        "agent_ids": list(world.scenario.agent_ids),
        "state": state_answer(world),
        "head": world.head.hash,
    }
