"""Answers in one sentence (provisional)."""

from __future__ import annotations

from collections.abc import Sequence

from sim_economy.reports.insolvency import reading_of_insolvency
from sim_economy.reports.page.document import KeyFigure
from sim_economy.runs.agent_outcomes import AgentOutcome, agent_outcomes, collectors
from sim_economy.runs.run import Run
from sim_economy.scenarios.scenario import Scenario


def answer(scenario: Scenario, runs: Sequence[Run]) -> str:
    return reading_of_insolvency(scenario.name, agent_outcomes(runs, scenario))


def who_goes_broke(outcomes: Sequence[AgentOutcome]) -> str:
    return reading_of_insolvency("this", outcomes)


def who_collected(scenario: Scenario, runs: Sequence[Run]) -> str:
    return str(collectors(runs)[0].role)


def key_figures(scenario: Scenario, runs: Sequence[Run]) -> list[KeyFigure]:
    return [KeyFigure(value="1", label="x")] * 3
