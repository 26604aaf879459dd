"""The player that asks the core: one world after the other, in this process or in several."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Any, Final

from msgspec import UNSET, Struct

from sim_economy.batch.state_digest import state_digest
from sim_economy.core.state import State
from sim_economy.experiments.sweeps.played_rows import PlayedRows, RowStatus, TurnSums
from sim_economy.experiments.sweeps.point_scenarios import SweptScenario
from sim_economy.experiments.sweeps.sweep_plan import RowSpan, SweepPlan
from sim_economy.runs.policy_loop import play
from sim_economy.runs.row_metrics import WHOLE, derived_metrics
from sim_economy.runs.world_totals import TURN_METRICS, WorldTotals
from sim_economy.scenarios.scenario import Scenario
from sim_economy.world.world import World


class PlayedWorld(Struct, frozen=True):
    """One world as the core played it.

    Attributes:
        turns: The numbers of `TURN_METRICS` at the end of each turn.
        wealth: Of each agent at the end; see `PlayedRows`.
    """

    metrics: dict[str, int | float]
    digest: int
    turns: Sequence[tuple[int, int, int, int]]
    wealth: Sequence[int]


def play_world(scenario: Scenario, replicate: int) -> PlayedWorld:
    """Play one replicate of a scenario without a ledger, and add it up."""
    config = scenario.config_of_run(replicate)
    world = World(config, recorded=False)
    totals = WorldTotals()
    usage = scenario.usage.turns(config)
    for turn, inputs in play(world, scenario.policies, usage, scenario.turns):
        totals.add(turn, inputs, world.state)
    state, whole = world.state, totals.metrics()
    derived = derived_metrics(whole, state.balances, state.staked, scenario.turns)
    metrics: dict[str, int | float] = {**whole, **derived}
    for name in WHOLE:
        if abs(metrics[name]) > _COLUMN_MAX:
            raise OverflowError(f"{name} is {metrics[name]}, more than a column of 64 bits holds")
    return PlayedWorld(metrics, state_digest(state, config), totals.turns, final_wealth(state))


def final_wealth(state: State) -> list[int]:
    """Balance and stake of each agent, less what it was lent and has not repaid."""
    held = [free + kept for free, kept in zip(state.balances, state.staked, strict=True)]
    debts = UNSET if state.governance is UNSET else state.governance.debts
    if debts is UNSET:
        return held
    return [own - debt.receivable for own, debt in zip(held, debts, strict=True)]


_COLUMN_MAX: Final = 2**63 - 1


class SpanTask(Struct, frozen=True, kw_only=True):
    """Consecutive rows with all that another process needs to play them.

    Attributes:
        settings: What is set at each point of them.
        points: The number of each point.
        replicates: First and last replicate of each point.
    """

    scenario: SweptScenario
    settings: Sequence[dict[str, Any]]
    points: Sequence[int]
    replicates: Sequence[tuple[int, int]]
    seeds: int
    seed: int
    metrics: Sequence[str]
    per_turn: bool
    wealth: bool


def span_task(plan: SweepPlan, span: RowSpan) -> SpanTask:
    """What plays rows of a plan."""
    study = plan.study
    points = range(plan.point_of(span.first), plan.point_of(span.end - 1) + 1)
    firsts = [max(span.first, point * study.seeds) for point in points]
    lasts = [min(span.end, (point + 1) * study.seeds) - 1 for point in points]
    return SpanTask(
        scenario=study.scenario,
        settings=[plan.settings_of(point) for point in points],
        points=list(points),
        replicates=[
            (plan.replicate_of(first), plan.replicate_of(last))
            for first, last in zip(firsts, lasts, strict=True)
        ],
        seeds=study.seeds,
        seed=study.seed,
        metrics=study.metrics,
        per_turn=study.per_turn,
        wealth=study.wealth,
    )


def play_task(task: SpanTask) -> PlayedRows:
    """Play rows on the core; one that raises has failed, and the others go on."""
    rows: list[int] = []
    played: list[PlayedWorld | None] = []
    failures: dict[int, str] = {}
    turns: list[TurnSums] = []
    for point, settings, (first, last) in zip(
        task.points, task.settings, task.replicates, strict=True
    ):
        worlds = _play_point(task, settings, first, last)
        for replicate, world in enumerate(worlds, first):
            row = point * task.seeds + replicate - 1
            rows.append(row)
            if isinstance(world, str):
                failures[row] = world
            played.append(None if isinstance(world, str) else world)
        found = [world for world in worlds if isinstance(world, PlayedWorld)]
        if task.per_turn and found:
            turns.append(added_turns(point, found))
    return PlayedRows(
        rows=rows,
        metrics={
            name: [0 if world is None else world.metrics[name] for world in played]
            for name in task.metrics
        },
        digests=[0 if world is None else world.digest for world in played],
        statuses=[RowStatus.FAILED if world is None else RowStatus.CORE for world in played],
        failures=failures,
        turns=turns,
        wealth=[() if world is None else world.wealth for world in played] if task.wealth else (),
    )


def _play_point(
    task: SpanTask, settings: dict[str, Any], first: int, last: int
) -> list[PlayedWorld | str]:
    """The replicates of a point, each played, or the traceback of its failure."""
    replicates = range(first, last + 1)
    try:
        scenario = task.scenario.at(settings, seed=task.seed, runs=task.seeds)
    except Exception:
        return [traceback.format_exc()] * len(replicates)
    worlds: list[PlayedWorld | str] = []
    for replicate in replicates:
        try:
            worlds.append(play_world(scenario, replicate))
        except Exception:
            worlds.append(traceback.format_exc())
    return worlds


def added_turns(point: int, worlds: Sequence[PlayedWorld]) -> TurnSums:
    """The numbers by turn of replicates of one point, added up."""
    metrics = range(len(TURN_METRICS))
    by_turn = list(zip(*(world.turns for world in worlds), strict=True))
    return TurnSums(
        point,
        len(worlds),
        [[sum(one[metric] for one in turn) for turn in by_turn] for metric in metrics],
        [[sum(one[metric] ** 2 for one in turn) for turn in by_turn] for metric in metrics],
    )


class CorePlayer:
    """Plays rows on the core in this process."""

    def __init__(self, plan: SweepPlan) -> None:
        self._plan = plan

    def play(self, span: RowSpan) -> PlayedRows:
        """Play consecutive rows."""
        return play_task(span_task(self._plan, span))
