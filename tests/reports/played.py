"""Treatments played once for all tests of this folder."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from sim_economy.reports.published.rows import Comparison, compare
from sim_economy.runs.policy_loop import play_run
from sim_economy.runs.run import Run
from sim_economy.runs.run_metrics import Row, metrics_csv, run_metrics, summary_json
from sim_economy.scenarios.scenario import Scenario, load_scenario


class Played(NamedTuple):
    scenario: Scenario
    runs: list[Run]
    rows: list[Row]

    @property
    def comparison(self) -> Comparison:
        return compare(metrics_csv(self.rows), summary_json(self.scenario, self.rows))


@cache
def played(preset: str = "as-run", *changes: str) -> Played:
    scenario = load_scenario(preset, list(changes))
    runs = [play_run(scenario, run) for run in range(1, scenario.runs + 1)]
    return Played(scenario, runs, [run_metrics(run) for run in runs])
