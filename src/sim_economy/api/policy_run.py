"""A scenario and a shipped policy played inside the engine, for who needs no turn in between."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from sim_economy.agents.catalogue import offers, policy_named
from sim_economy.agents.usage_model import parse_usage
from sim_economy.api.request_validation import RunRequest
from sim_economy.api.world_answers import state_answer
from sim_economy.api.worlds import ServedWorld
from sim_economy.core.errors import InputError, RunEndedError, ScenarioError, TurnConflictError
from sim_economy.core.table_reader import read_choice
from sim_economy.runs.policy_loop import open_turns
from sim_economy.runs.run import run_of
from sim_economy.runs.run_metrics import run_metrics
from sim_economy.world.world import World


async def play_until(served: ServedWorld, wanted: RunRequest) -> dict[str, Any]:
    """Play the world's turns, each as `POST /turn` would, and sum the run up.

    A run that was cut off is resumed; one that is done gets its answer again.

    Raises:
        ScenarioError, InputError: The request cannot be played.
        TurnConflictError: Somebody else closed a turn meanwhile, or the world is past it.
        RunEndedError, StoreError: As `Engine.close_turn`.
    """
    engine, turns = served.engine, wanted.turns
    try:
        policy = policy_named(read_choice(wanted.policy, [*offers()]))
    except ValueError as error:
        raise ScenarioError([f"policy: {error}"]) from None
    if wanted.usage.get("source") == "trace":
        raise ScenarioError(["usage.source: a trace is a file; post its turns instead"])
    usage = parse_usage(wanted.usage, Path())
    world = await _world_to_play(served, wanted)
    policies = [policy] * world.config.num_agents
    for turn, inputs in open_turns(world, policies, usage.turns(world.config), turns):
        engine.close_turn(inputs, expected=turn, ends=wanted.ends and turn == turns)
        await served.announce()
        await asyncio.sleep(0)

    metrics = await served.read(lambda store: run_metrics(run_of(store)))
    state = state_answer(world.config, world.state, world.head)
    return {"world_id": engine.world_id, "metrics": metrics, "state": state}


async def _world_to_play(served: ServedWorld, wanted: RunRequest) -> World:
    engine, turns, given = served.engine, wanted.turns, wanted.config or {}
    if engine.signed is not None or engine.access.signatures:
        raise InputError("policy", "cannot act here: the agents of this engine sign what they do")
    config = engine.config
    if engine.world is None:
        config = engine.planned(given, wanted.agent_ids)
    elif wanted.config is not None:
        engine.check_same(given, wanted.agent_ids)
    most = served.worlds.limits.run_agent_turns
    if config.num_agents * turns > most:
        raise InputError("turns", f"times agents must be at most {most}; play it in parts")
    if engine.world is None:
        await served.start(given, wanted.agent_ids)
    world = engine.started()
    if world.turn_number > turns:
        raise TurnConflictError(turns, world.turn_number + 1)
    if world.state.ended and world.turn_number < turns:
        raise RunEndedError(world.turn_number)
    return world
