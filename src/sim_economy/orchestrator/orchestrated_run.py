"""A scenario file whose agents are asked: the scenario and the plan in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from sim_economy.agents.population import everyone
from sim_economy.agents.usage_model import UsageSource
from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import attempt
from sim_economy.orchestrator.settings import parse_plan
from sim_economy.orchestrator.task import Task
from sim_economy.scenarios.scenario import (
    ORCHESTRATED,
    named_problems,
    parse_scenario,
    read_scenario,
)


class OrchestratedRun(Struct, frozen=True):
    """A run to be played, and the usage of its scripted agents.

    Attributes:
        replaced_policy: The scenario's policy, where mocks decide instead.
    """

    task: Task
    usage: UsageSource
    replaced_policy: str | None = None


def load_orchestrated(
    source: str | Path,
    changes: Sequence[str] = (),
    *,
    mock: bool = False,
    world_backend: str = "world",
) -> OrchestratedRun:
    """The run that a scenario file describes: its first replicate.

    Args:
        mock: Let every model be the mock, whatever the file says.
        world_backend: `world`, or `engine` where a server keeps the ledger.

    Raises:
        ScenarioError: With every problem found.
    """
    with named_problems(source, changes):
        given, folder, name = read_scenario(source, changes, ORCHESTRATED)
        tables: dict[str, Any] = {key: given.pop(key) for key in _TABLES if key in given}
        problems: list[str] = []
        replaced = None
        if mock:
            if not tables.keys() & {"population", "minds"} and "policy" in tables:
                replaced = str(tables["policy"])
                attempt(problems, "", everyone, replaced, None)
            tables = _mocked(tables)
        scenario = attempt(problems, "", parse_scenario, given, folder, name)
        config = attempt(problems, "", scenario.config_of_run, 1) if scenario else None
        plan = attempt(problems, "", parse_plan, tables, config, folder)
        if problems or scenario is None or config is None or plan is None:
            raise ScenarioError(problems)
    task = Task(
        name=scenario.name,
        turns=scenario.turns,
        config=config,
        plan=plan,
        usage=scenario.settings["usage"],
        world_backend=world_backend,
    )
    return OrchestratedRun(task, scenario.usage, replaced)


_TABLES: Final = (*ORCHESTRATED, "population", "policy")


def _mocked(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The tables with every model replaced by the mock; all agents ask it where nobody is named."""
    mocked = dict(tables)
    stated = tables.get("models")
    models = stated if isinstance(stated, Mapping) and stated else {"mock": {}}
    mocked["models"] = {name: _mock_of(table) for name, table in models.items()}
    if not mocked.keys() & {"population", "minds"}:
        mocked.pop("policy", None)
        mocked["population"] = [{"model": next(iter(models))}]
    return mocked


def _mock_of(table: Any) -> Any:
    """A mock stays as it is; another model's mock talks."""
    is_mock = isinstance(table, Mapping) and table.get("provider") == "mock"
    return table if is_mock else {"provider": "mock"}
