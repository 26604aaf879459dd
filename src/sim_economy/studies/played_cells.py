"""A cell played on the core: every replicate once, read at each of its horizons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sim_economy.core.actions import Input
from sim_economy.core.events import Turn
from sim_economy.runs.policy_loop import open_turns
from sim_economy.scenarios.scenario import Scenario
from sim_economy.studies.run_counts import RunCounts
from sim_economy.studies.study_arms import SERIES_TURNS, ArmKind, Cell
from sim_economy.studies.study_rows import StudyRow
from sim_economy.world.world import World


def play_cell(cell: Cell) -> list[StudyRow]:
    """Every replicate of an arm, a row for each horizon that it reaches, by seed and horizon.

    Raises:
        ScenarioError: The arm's settings do not fit the behaviour's scenario.
        PolicyFailedError: A policy raised.
    """
    horizons = cell.horizons
    scenario = cell.behaviour.scenario.at(cell.arm.settings)
    rows: list[StudyRow] = []
    for replicate in range(1, horizons[0].seeds + 1):
        read_at = [own.turns for own in horizons if replicate <= own.seeds]
        rows += _play_replicate(cell, scenario, replicate, read_at)
    return rows


def _play_replicate(
    cell: Cell, scenario: Scenario, replicate: int, read_at: Sequence[int]
) -> Iterator[StudyRow]:
    base = cell.behaviour.scenario.base
    config = scenario.config_of_run(replicate)
    cheaper = config.base_inference_rate < base.config.base_inference_rate
    reference = base.config_of_run(replicate) if cheaper else None
    counts = RunCounts(config, reference, SERIES_TURNS if cell.arm.keeps_series else 0)
    world = World(config, recorded=False)
    deciding = base if cell.arm.kind is ArmKind.FIXED else scenario
    where = World(base.config_of_run(replicate), recorded=False) if deciding is base else world
    for inputs, there in _decided(deciding, where, read_at[-1]):
        turn = there
        if where is not world:
            turn = world.turn(inputs)
            counts.add_displaced(inputs, turn, there)
        counts.add(turn, inputs, world.state)
        if turn.turn in read_at:
            yield counts.row(world.state)


def _decided(scenario: Scenario, world: World, turns: int) -> Iterator[tuple[list[Input], Turn]]:
    """What agents decide in a world, and what becomes of it there, turn by turn.

    The run's end is not declared: a horizon is a turn like any other.
    """
    usage = scenario.usage.turns(world.config)
    for _, inputs in open_turns(world, scenario.policies, usage, turns):
        yield inputs, world.turn(inputs)
