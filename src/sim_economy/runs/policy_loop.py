"""One run of a scenario: the turn loop, and the series it leaves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from sim_economy.agents.policy import Policy, decided_input, views
from sim_economy.core.actions import Input
from sim_economy.core.errors import InputError, PolicyFailedError, SimEconomyError
from sim_economy.core.events import Turn
from sim_economy.ledger.stores.protocol import Store
from sim_economy.runs.run import Run, run_of
from sim_economy.scenarios.scenario import Scenario
from sim_economy.usage.unit_weights import Usage
from sim_economy.world.world import World


def open_turns(
    world: World, policies: Sequence[Policy], usage: Iterable[list[Usage]], turns: int
) -> Iterator[tuple[int, list[Input]]]:
    """The inputs of each turn of a world from the open one to `turns`.

    Whoever iterates closes the turn before it goes on.

    Args:
        policies: `[agent]`.
        usage: Of turn 1 on; what lies before the open turn is passed over.
    """
    closed = world.turn_number
    for turn, used in enumerate(islice(usage, turns), 1):
        if turn > closed:
            seen = views(world.state, world.config)
            yield turn, [decided_input(*own) for own in zip(policies, seen, used, strict=True)]


def play(
    world: World, policies: Sequence[Policy], usage: Iterable[list[Usage]], turns: int
) -> Iterator[tuple[Turn, list[Input]]]:
    """Play a world from where it is to the end of turn `turns`, and declare the run's end there.

    Yields:
        Each closed turn with its inputs.

    Raises:
        PolicyFailedError: A policy raised, or decided what is no action.
    """
    for turn, inputs in open_turns(world, policies, usage, turns):
        try:
            closed = world.turn(inputs, ends=turn == turns)
        except InputError as error:
            raise _no_decision(error, world, policies, turn) from error
        yield closed, inputs


def _no_decision(
    error: InputError, world: World, policies: Sequence[Policy], turn: int
) -> SimEconomyError:
    """The error with the policy and agent whose decision was no input."""
    found = _INPUT_FIELD.match(error.field)
    if found is None:
        return error
    agent, part = int(found[1]), found[2] or "its decision"
    cause = f"{part}: {error.problem}; decide() returns an action, or a Move with one"
    name = type(policies[agent]).__name__
    return PolicyFailedError(name, world.config.agent_ids[agent], turn, cause)


_INPUT_FIELD: Final = re.compile(r"inputs\[(\d+)\](?:\.(.*))?")


def play_run(
    scenario: Scenario,
    run: int,
    store: Store | None = None,
    progress: Callable[[int], None] = lambda turn: None,
) -> Run:
    """Play one replicate of a scenario from genesis.

    Args:
        run: From 1; it decides the seed.
        store: Where its records go; memory when None.
        progress: Called with each closed turn.
    """
    config = scenario.config_of_run(run)
    world = World(config, store=store, world_id=f"{scenario.name}/{config.seed}")
    usage = scenario.usage.turns(config)
    for turn, _ in play(world, scenario.policies, usage, scenario.turns):
        progress(turn.turn)
    return run_of(world.store, run)
