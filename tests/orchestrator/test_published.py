"""The published policy as a mock model, through every part that a real model goes through."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sim_economy.orchestrator.record.call_folder import read_run
from sim_economy.orchestrator.session import orchestrate, replay_run
from sim_economy.orchestrator.settings import parse_plan
from sim_economy.orchestrator.task import Task
from sim_economy.reports.published.rows import compare
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run_metrics import metrics_csv, run_metrics, summary_json
from sim_economy.scenarios.scenario import load_scenario

TABLES = {
    "orchestrator": {"observation": "full"},
    "models": {"published": {"provider": "mock", "plays": "published"}},
    "minds": [{"model": "published"}],
}


@pytest.mark.parametrize("runs", [2, pytest.param(24, marks=pytest.mark.nightly)])
def test_published_runs_come_out_to_the_last_byte(tmp_path: Path, runs: int) -> None:
    """The heads are equal, so the ledgers are; from the same ledgers come all 792 cells."""
    scenario = load_scenario("as-run")
    played = []
    for run in range(1, runs + 1):
        config = scenario.config_of_run(run)
        task = Task(
            name=scenario.name,
            turns=scenario.turns,
            config=config,
            plan=parse_plan(TABLES, config, tmp_path),
            usage=scenario.settings["usage"],
        )
        folder = tmp_path / str(run)
        ended = asyncio.run(orchestrate(folder, task, scenario.usage))
        played.append(play_run(scenario, run))
        assert ended.world_head.head == played[-1].head, run
        assert ended.calls == 480
        if run == 1:
            assert asyncio.run(replay_run(folder)).world_head == ended.world_head
            _, log = read_run(folder)
            assert all(decided.idle_reason is None for decided in log.decided.values())
    if runs == scenario.runs:
        rows = [run_metrics(run) for run in played]
        found = compare(metrics_csv(rows), summary_json(scenario, rows))
        assert (found.cells, found.exact) == (792, 792)
