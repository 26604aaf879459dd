"""Scripted minds beside models: the same policies, played from what can be seen."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from sim_economy.agents.catalogue import SHIPPED
from sim_economy.core.actions import Input
from sim_economy.orchestrator.record.call_folder import read_run
from sim_economy.orchestrator.session import orchestrate, replay_run
from sim_economy.orchestrator.settings import parse_plan
from sim_economy.orchestrator.task import Task
from sim_economy.runs.policy_loop import play_run
from sim_economy.scenarios.scenario import Scenario, parse_scenario

NAMES = [name for name in SHIPPED for _ in range(2)]
AGENTS = [f"{name}_{index}" for index, name in enumerate(NAMES)]


def test_every_shipped_policy_does_what_it_does_in_an_experiment(tmp_path: Path) -> None:
    """A world of all of them: as population, as scripted minds, and half as mocks."""
    world = {"num_agents": len(AGENTS), "agent_ids": AGENTS}
    population = [
        {"policy": name, "agents": [agent]} for name, agent in zip(NAMES, AGENTS, strict=True)
    ]
    given = {"name": "all", "turns": 25, "world": world, "population": population}
    scenario = parse_scenario(given)
    expected = play_run(scenario, 1).head
    config = scenario.config_of_run(1)
    models = {name: {"provider": "mock", "plays": name} for name in SHIPPED}
    scripted = [
        {"policy": name, "agents": [agent]} for name, agent in zip(NAMES, AGENTS, strict=True)
    ]
    mixed = [
        {"model": name, "agents": [agent]} if index % 2 else scripted[index]
        for index, (name, agent) in enumerate(zip(NAMES, AGENTS, strict=True))
    ]
    for number, backends in enumerate((scripted, mixed)):
        tables = {"orchestrator": {"observation": "full"}, "models": models, "minds": backends}
        task = Task(
            name="all",
            turns=25,
            config=config,
            plan=parse_plan(tables, config, tmp_path),
            usage=scenario.settings["usage"],
        )
        folder = tmp_path / str(number)
        ended = asyncio.run(orchestrate(folder, task, scenario.usage))
        assert ended.world_head.head == expected, number
        assert asyncio.run(replay_run(folder)).world_head == ended.world_head


def shocked(agents: int) -> Scenario:
    """A world in which speech is 12 characters at most from turn 4 on."""
    shocks = [{"turn": 4, "target": "speech_length_max", "value": 12}]
    world = {"num_agents": agents}
    given = {"name": "shocked", "turns": 12, "policy": "organiser", "world": world}
    return parse_scenario({**given, "governance": {"shocks": shocks}})


def task_of(scenario: Scenario, tables: dict[str, Any], folder: Path) -> Task:
    config = scenario.config_of_run(1)
    plan = parse_plan({"orchestrator": {"observation": "full"}, **tables}, config, folder)
    usage = scenario.settings["usage"]
    return Task(name="shocked", turns=scenario.turns, config=config, plan=plan, usage=usage)


def test_a_scripted_policy_knows_the_parameters_of_the_last_turn(tmp_path: Path) -> None:
    scenario = shocked(4)
    task = task_of(scenario, {"minds": [{"policy": "organiser"}]}, tmp_path)
    ended = asyncio.run(orchestrate(tmp_path / "run", task, scenario.usage))
    _, log = read_run(tmp_path / "run")
    said = [decided.chosen.speech or "" for decided in log.decided.values()]
    assert max(map(len, said)) > 12
    assert ended.world_head.head == play_run(scenario, 1).head


def test_traders_keep_to_the_limits_of_the_last_turn(tmp_path: Path) -> None:
    tables = {"models": {"m": {"provider": "mock"}}, "minds": [{"model": "m"}]}
    task = task_of(shocked(4), tables, tmp_path)
    asyncio.run(orchestrate(tmp_path / "run", task, parse_scenario({}).usage))
    _, log = read_run(tmp_path / "run")
    longest = [
        max(len(log.decided[turn, name].chosen.speech or "") for name in task.config.agent_ids)
        for turn in range(1, 13)
    ]
    assert max(longest[:4]) > 12
    assert max(longest[4:]) == 12


def test_a_policy_has_its_parameters(tmp_path: Path) -> None:
    scenario = parse_scenario({"turns": 2, "world": {"num_agents": 3}})
    config = scenario.config_of_run(1)
    tables = {"minds": [{"policy": "lender", "agents": ["agent_0"]}, {"policy": "idle"}]}
    plan = parse_plan(tables, config, tmp_path)
    assert plan.backends["agent_0"].parameters
    assert plan.backends["agent_1"].parameters == {}
    task = Task(name="t", turns=2, config=config, plan=plan, usage={})
    asyncio.run(orchestrate(tmp_path / "run", task, scenario.usage))
    kept, log = read_run(tmp_path / "run")
    assert kept.plan.backends == plan.backends
    assert isinstance(log.decided[1, "agent_0"].chosen, Input)
