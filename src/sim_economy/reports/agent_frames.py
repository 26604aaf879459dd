"""Answers by agent as data frames; a column is of one type whatever the runs were like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import asdict

from sim_economy.reports.tables import data_frame
from sim_economy.runs.agent_outcomes import (
    AgentOutcome,
    Collector,
    collector_rows,
    outcomes_by_run,
)
from sim_economy.runs.intervention_metrics import incidence_rows
from sim_economy.runs.run import Run
from sim_economy.scenarios.scenario import Scenario

if TYPE_CHECKING:
    import polars


def agents_frame(outcomes: Sequence[AgentOutcome]) -> polars.DataFrame:
    """What became of each agent, a row for each.

    Raises:
        ExtraMissingError: polars is not installed.
    """
    return _typed([asdict(own) for own in outcomes])


def collectors_frame(
    collected: Sequence[Collector], outcomes: Sequence[AgentOutcome]
) -> polars.DataFrame:
    """Who collected what, a row for each role and one for each agent in it.

    Raises:
        ExtraMissingError: polars is not installed.
    """
    return _typed(collector_rows(collected, outcomes))


def agents_by_run_frame(runs: Sequence[Run], scenario: Scenario) -> polars.DataFrame:
    """What became of each agent in each run.

    Raises:
        ExtraMissingError: polars is not installed.
    """
    return _typed(outcomes_by_run(runs, scenario))


def incidence_frame(runs: Sequence[Run]) -> polars.DataFrame:
    """Who received and who paid by interventions, the platform last; empty without any.

    Raises:
        ExtraMissingError: polars is not installed.
    """
    return _typed(incidence_rows(runs))


_TEXTS: Final = {"agent_id", "policy", "role"}
_NUMBERS: Final = {"first_turn", "first_out", "out", "first_denied", "share"}
"""Columns that may have no value at all to tell their type by."""


def _typed(rows: Sequence[Mapping[str, Any]]) -> polars.DataFrame:
    frame = data_frame(rows)
    import polars  # noqa: PLC0415 - data_frame says which extra it is in

    types: dict[str, Any] = {**dict.fromkeys(_TEXTS, polars.String)}
    types |= dict.fromkeys(_NUMBERS, polars.Float64)
    return frame.cast({name: types[name] for name in frame.columns if name in types})
