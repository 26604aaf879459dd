"""A trace as an experiment's folder keeps it: its units, and what its log says beside them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from sim_economy.core.errors import ScenarioError
from sim_economy.ledger.readers.plain_text import write_csv_rows
from sim_economy.usage.agent_names import full_names
from sim_economy.usage.civil_time import TURNS_MAX, TurnCalendar, turn_calendar
from sim_economy.usage.counted_usage import LoggedAgent
from sim_economy.usage.trace_reading import COLUMNS, read_units
from sim_economy.usage.traced_usage import TracedUsage, TraceTable, UsageLog, dates_and_units
from sim_economy.usage.unit_weights import UnitSums
from sim_economy.usage.usage_table import CivilTurns

TRACE_COPY: Final = "usage.csv"
"""Units by turn and agent id, beside the manifest of a folder."""
LOG_COPY: Final = "usage_log.json"
"""What the log of those units says beside them; there is none where the trace gives units."""


class _KeptLog(Struct, frozen=True, kw_only=True):
    """The content of `LOG_COPY`; dates and weights are in the manifest.

    Attributes:
        agents: Name and team by agent id, in the order of the world.
        rows_by_turn: Turns, each with how many rows it has.
    """

    agents: dict[str, LoggedAgent]
    rows_by_turn: list[tuple[int, int]]
    rows_before: int
    sums: UnitSums


def kept_files(usage: TracedUsage) -> dict[str, bytes]:
    """The files of a folder, by name, from which `kept_usage` reads the same usage."""
    files = {TRACE_COPY: _units_csv(usage).encode()}
    if (log := usage.log) is not None:
        kept = _KeptLog(
            agents=log.agents,
            rows_by_turn=sorted(log.rows_by_turn.items()),
            rows_before=log.rows_before,
            sums=log.sums,
        )
        # The standard library's JSON: names may have half a surrogate pair, which has no UTF-8.
        files[LOG_COPY] = f"{json.dumps(msgspec.to_builtins(kept), indent=1)}\n".encode()
    return files


def kept_usage(table: TraceTable, copy: Path) -> TracedUsage:
    """The usage of a trace that a folder keeps.

    Args:
        table: As the manifest has it, with the start of turn 1.
        copy: The units; the log's file lies beside it.

    Raises:
        ScenarioError: With every problem found.
    """
    rows = read_units(copy)
    last = max(rows)
    log = _log(table, copy.with_name(LOG_COPY), last)
    return TracedUsage(path=str(copy), rows=rows, last=last, repeat=table.repeat, log=log)


def _units_csv(usage: TracedUsage) -> str:
    """Units by turn, agents in the order of the trace: its digest knows it."""
    rows = (
        dict(zip(COLUMNS, (turn, agent_id, *units), strict=True))
        for turn, agents in sorted(usage.rows.items())
        for agent_id, units in agents.items()
    )
    text = io.StringIO()
    write_csv_rows(text, list(COLUMNS), rows, raw=True)
    return text.getvalue()


def _log(table: TraceTable, path: Path, last: int) -> UsageLog | None:
    """The log of a trace of usage rows; None where the trace itself gives units."""
    if not path.is_file() and not table.states_rows:
        return None
    kept = _read_log(path)
    civil, units = dates_and_units(table)
    return UsageLog(
        agents=kept.agents,
        names=_names(kept.agents),
        rows_by_turn=dict(kept.rows_by_turn),
        rows_before=kept.rows_before,
        table=units,
        sums=kept.sums,
        calendar=None if civil is None else _calendar(civil, path, last),
    )


def _read_log(path: Path) -> _KeptLog:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(values, _KeptLog)
    except (OSError, ValueError, RecursionError):
        problem = "is not what an experiment keeps of its usage; is it missing, or damaged?"
        raise ScenarioError([f"usage.path: {path} {problem}"]) from None


def _names(agents: Mapping[str, LoggedAgent]) -> dict[str, str]:
    shown = full_names(agents.values())
    return {agent_id: shown[agent] for agent_id, agent in agents.items()}


def _calendar(civil: CivilTurns, path: Path, last: int) -> TurnCalendar:
    """The dates of turns from turn 1 to the last one with units."""
    if civil.start is None or last > TURNS_MAX:
        problem = f"has more than {TURNS_MAX} turns" if civil.start else "needs usage.start"
        raise ScenarioError([f"usage.path: {path.with_name(TRACE_COPY)} {problem}"])
    return turn_calendar(civil.length, civil.zone, civil.start, civil.start).extended(last)
