"""A scenario and its policies played inside the engine, for who needs no turn in between."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from sim_economy.agents.catalogue import offers
from sim_economy.agents.population import (
    Group,
    everyone,
    parse_population,
    policies_by_agent,
    population_settings,
)
from sim_economy.agents.usage_model import UsageSource, parse_usage
from sim_economy.api.fair_share import Work
from sim_economy.api.request_validation import InitRequest, RunRequest
from sim_economy.api.world_answers import state_answer
from sim_economy.api.worlds import ServedWorld
from sim_economy.core.errors import (
    InputError,
    RunEndedError,
    ScenarioError,
    TurnConflictError,
    WorldMissingError,
)
from sim_economy.core.table_reader import read_choice
from sim_economy.core.world_config import RULE_TABLES, WorldConfig
from sim_economy.ledger.credentials.tokens import IssuedTokens
from sim_economy.ledger.records import digest
from sim_economy.ledger.sidecars.policies_file import keep_policies, kept_policies
from sim_economy.runs.policy_loop import open_turns
from sim_economy.runs.run import run_of
from sim_economy.runs.run_metrics import run_metrics
from sim_economy.scenarios.scenario import read_scenario
from sim_economy.world.world import World

_TURNS: Final = 60
"""Of a run that names neither turns nor a scenario."""


class _Deciders(Struct, frozen=True, kw_only=True):
    """Who decides in a world, and what deciding takes.

    Attributes:
        settings: The same as plain values, to be kept.
    """

    groups: tuple[Group, ...]
    usage: UsageSource
    settings: dict[str, Any]


async def start_world(served: ServedWorld, wanted: InitRequest) -> IssuedTokens | None:
    """Start the world of a request, and keep whom it names to decide in it.

    Raises:
        ScenarioError: With every problem found.
        WorldExistsError, StoreError: As `Engine.start`.
    """
    engine = served.engine
    config = _configuration(served, wanted.scenario, wanted.config, wanted.agent_ids)
    named = wanted.population or wanted.scenario
    if named is None or engine.world is not None:
        return await served.start(config, wanted.agent_ids, wanted.public_keys)
    stated = _stated(named) | {"scenario": wanted.scenario}

    def planned() -> _Deciders:
        return _deciders(stated, engine.planned(config, wanted.agent_ids))

    deciders = await served.worlds.share.away(Work.LONG, planned)
    issued = await served.start(config, wanted.agent_ids, wanted.public_keys)
    _keep(served, engine.started(), deciders, int(stated["turns"]))
    return issued


async def play_until(served: ServedWorld, wanted: RunRequest) -> dict[str, Any]:
    """Play the world's turns, each as `POST /turn` would, and sum the run up.

    A run that was cut off is resumed; one that is done gets its answer again.

    Raises:
        ScenarioError, InputError: The request cannot be played.
        TurnConflictError: Somebody else closed a turn meanwhile, or the world is past it.
        RunEndedError, StoreError: As `Engine.close_turn`.
    """
    engine = served.engine
    stated = _stated_by(served, wanted)
    turns = int(stated["turns"])
    _check_stated(stated)
    deciders = await _started(served, wanted, stated, turns)
    world = engine.started()
    if world.turn_number > turns:
        raise TurnConflictError(turns, world.turn_number + 1)
    if world.state.ended and world.turn_number < turns:
        raise RunEndedError(world.turn_number)
    if world.turn_number < turns:
        _keep(served, world, deciders, turns)
    policies = policies_by_agent(deciders.groups)
    for turn, inputs in open_turns(world, policies, deciders.usage.turns(world.config), turns):
        engine.close_turn(inputs, expected=turn, ends=wanted.ends and turn == turns)
        await served.announce()
        await asyncio.sleep(0)

    metrics = await served.read(lambda store: run_metrics(run_of(store)))
    state = state_answer(world.config, world.state, world.head)
    return {"world_id": engine.world_id, "metrics": metrics, "state": state}


async def _started(
    served: ServedWorld, wanted: RunRequest, stated: Mapping[str, Any], turns: int
) -> _Deciders:
    """Start the world if it is not, or check that it is the one that is meant.

    Raises:
        WorldMissingError: It would get an operator's token, which this answer does not show.
    """
    engine, agent_ids = served.engine, wanted.agent_ids
    if engine.signed is not None or engine.access.signatures:
        raise InputError("policy", "cannot act here: the agents of this engine sign what they do")
    given = _configuration(served, wanted.scenario, wanted.config or {}, agent_ids)
    starts = engine.world is None
    most = served.worlds.limits.run_agent_turns

    def planned() -> _Deciders:
        if not starts and wanted.config is not None:
            engine.check_same(given, agent_ids)
        config = engine.planned(given, agent_ids) if starts else engine.config
        if config.num_agents * turns > most:
            raise InputError("turns", f"times agents must be at most {most}; play it in parts")
        return _deciders(stated, config)

    deciders = await served.worlds.share.away(Work.LONG, planned)
    if starts:
        if engine.access.tokens and engine.access.admin_token is None:
            raise WorldMissingError
        await served.start(given, agent_ids)
    return deciders


def _configuration(
    served: ServedWorld,
    scenario: str | None,
    config: Mapping[str, Any],
    agent_ids: list[str] | None,
) -> dict[str, Any]:
    """A world's flat configuration: what is stated of it, else what the named scenario says.

    Raises:
        ScenarioError: Both name a preset.
    """
    if scenario is None:
        return dict(config)
    if "preset" in config:
        raise ScenarioError(["preset: leave it out; the scenario that is named has its own"])
    given, _, _ = read_scenario(scenario)
    world = given["world"] | {name: given[name] for name in RULE_TABLES if name in given}
    if agent_ids is not None:
        world.pop("num_agents", None)
    if not (served.engine.access.tokens or {"seed", "secret"} & config.keys()):
        world["seed"] = given["seed"] + 1
    return {**world, **config}


def _stated(scenario: str) -> dict[str, Any]:
    """What a shipped scenario states of who decides, of usage and of turns."""
    given, _, _ = read_scenario(scenario)
    return {key: given[key] for key in ("policy", "population", "usage", "turns") if key in given}


def _stated_by(served: ServedWorld, wanted: RunRequest) -> dict[str, Any]:
    """What decides: as the request says; else its scenario; else what was kept of the world."""
    if wanted.scenario is not None:
        stated = _stated(wanted.scenario)
    else:
        stated = {"turns": _TURNS} | _kept(served)
    if wanted.policy is not None or wanted.population is not None:
        named = {"policy": wanted.policy}
        if wanted.population is not None:
            named = _stated(wanted.population)
        who = {key: named[key] for key in _WHO if key in named}
        stated = {key: stated[key] for key in stated if key not in _WHO} | who
    given = {"usage": wanted.usage, "turns": wanted.turns}
    return {
        "policy": "published",
        "usage": {"source": "published"},
        **stated,
        **{key: value for key, value in given.items() if value is not None},
        "scenario": wanted.scenario or stated.get("scenario"),
    }


_WHO: Final = ("policy", "population")


def _kept(served: ServedWorld) -> dict[str, Any]:
    """What decided last in the world, or was to decide in it."""
    if served.engine.world is None:
        return {}
    kept = kept_policies(served.engine.location.sidecar, _genesis(served.engine.world)) or {}
    return {key: kept[key] for key in (*_WHO, "usage", "scenario") if key in kept}


def _check_stated(stated: Mapping[str, Any]) -> None:
    """Refuse what only files can say.

    Raises:
        ScenarioError: There is no such policy, or usage is a trace.
    """
    if "population" not in stated:
        try:
            read_choice(stated["policy"], [*offers()])
        except ValueError as error:
            raise ScenarioError([f"policy: {error}"]) from None
    if stated["usage"].get("source") == "trace":
        raise ScenarioError(["usage.source: a trace is a file; post its turns instead"])


def _deciders(stated: Mapping[str, Any], config: WorldConfig) -> _Deciders:
    """Who decides in a world of this configuration.

    Raises:
        ScenarioError: The population does not fit the world, or usage cannot be drawn.
    """
    usage = parse_usage(stated["usage"], Path())
    who: dict[str, Any]
    if "population" in stated:
        groups = parse_population(stated["population"], config)
        who = {"population": population_settings(groups, config)}
    else:
        groups = everyone(stated["policy"], config)
        who = {"policy": stated["policy"]}
    settings = {"scenario": stated["scenario"], **who, "usage": dict(stated["usage"])}
    return _Deciders(groups=groups, usage=usage, settings=settings)


def _keep(served: ServedWorld, world: World, deciders: _Deciders, turns: int) -> None:
    next_turns = (world.turn_number + 1, turns)
    sidecar = served.engine.location.sidecar
    keep_policies(sidecar, _genesis(world), next_turns, deciders.settings)


def _genesis(world: World) -> str:
    return digest(world.store.genesis_line())
