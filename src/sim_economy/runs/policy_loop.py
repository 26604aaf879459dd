"""One run of a scenario: the turn loop, and the series it leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from sim_economy.agents.policy import Move, Policy, views
from sim_economy.agents.usage_model import Usage
from sim_economy.core.actions import Input
from sim_economy.core.events import Turn
from sim_economy.ledger.stores.protocol import Store
from sim_economy.runs.run import Run, run_of
from sim_economy.scenarios.scenario import Scenario
from sim_economy.world.world import World


def play(
    world: World, policies: Sequence[Policy], usage: Iterable[list[Usage]], turns: int
) -> Iterator[tuple[Turn, list[Input]]]:
    """Play a world from where it is to the end of turn `turns`, and declare the run's end there.

    Args:
        policies: `[agent]`.
        usage: Of turn 1 on; what lies before the open turn is passed over.

    Yields:
        Each closed turn with its inputs.
    """
    for turn_number, used in enumerate(islice(usage, turns), 1):
        if turn_number <= world.turn_number:
            continue
        inputs = inputs_of(world, policies, used)
        yield world.turn(inputs, ends=turn_number == turns), inputs


def inputs_of(world: World, policies: Sequence[Policy], used: Sequence[Usage]) -> list[Input]:
    """The inputs of all agents for the open turn, with their usage `[agent]`."""
    before = views(world.state, world.config)
    inputs = []
    for agent_id, policy, view, (thinking_units, output_units) in zip(
        world.config.agent_ids, policies, before, used, strict=True
    ):
        try:
            decided = policy.decide(view)
        except Exception as error:
            error.add_note(
                f"{type(policy).__name__} decided for {agent_id} in turn {view.open_turn}"
            )
            raise
        if isinstance(decided, Move):
            action, speech, thinking = decided.action, decided.speech, decided.thinking
            inputs.append(
                Input(
                    agent_id,
                    action,
                    thinking_units=thinking_units,
                    output_units=output_units,
                    thinking=thinking,
                    speech=speech,
                )
            )
        else:
            inputs.append(Input(agent_id, decided, thinking_units, output_units))
    return inputs


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
