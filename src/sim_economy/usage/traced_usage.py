"""Usage measured elsewhere, as a source of a run's usage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from itertools import count
from pathlib import Path
from typing import Annotated, Any, TypeVar

from msgspec import Struct

from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import Kind, Parameter
from sim_economy.core.world_config import WorldConfig, genesis_order
from sim_economy.usage.agent_names import agent_ids, full_names
from sim_economy.usage.civil_time import (
    TurnCalendar,
    parse_start,
    parse_turn_length,
    parse_zone,
)
from sim_economy.usage.counted_usage import CountedUsage, LoggedAgent
from sim_economy.usage.table_files import columns_of
from sim_economy.usage.trace_reading import read_units
from sim_economy.usage.unit_weights import UnitSums, UnitTable, Usage, billed_units, parse_units
from sim_economy.usage.usage_table import CivilTurns, is_usage_table, read_counts

V = TypeVar("V")


class UsageLog(Struct, frozen=True, kw_only=True):
    """What a trace of usage rows keeps of its log, beside the units.

    Attributes:
        agents: The log's names by agent id, sorted by the name that reports show.
        names: What reports show, by agent id.
        rows_by_turn: How many rows each turn has; `rows_before` lie before turn 1.
        sums: All units, and what rounding to them left out.
        calendar: The dates of turns; None where the rows give turns themselves.
    """

    agents: dict[str, LoggedAgent]
    names: dict[str, str]
    rows_by_turn: dict[int, int]
    rows_before: int
    table: UnitTable
    sums: UnitSums
    calendar: TurnCalendar | None = None


class TracedUsage(Struct, frozen=True, kw_only=True):
    """Usage measured elsewhere; an agent without a row in a turn used nothing.

    Attributes:
        rows: By turn, agent id.
        last: The last turn with a row.
        repeat: Whether turn last + 1 is turn 1 again.
        log: Of a trace of usage rows; None where the trace itself gives units.
    """

    path: str
    rows: dict[int, dict[str, Usage]]
    last: int
    repeat: bool
    log: UsageLog | None = None

    def turns(self, config: WorldConfig) -> Iterator[list[Usage]]:
        """The trace, once or again and again."""
        for turn in count(1):
            if turn > self.last and not self.repeat:
                return
            row = self.rows.get((turn - 1) % self.last + 1, {})
            yield [row.get(agent_id, (0, 0)) for agent_id in config.agent_ids]

    def gaps(self, agent_ids: Sequence[str], turns: int) -> int:
        """Agent-turns of a run that no row speaks of; they count as no usage."""
        lacking = [
            sum(agent_id not in self.rows.get(turn, {}) for agent_id in agent_ids)
            for turn in range(1, min(turns, self.last) + 1)
        ]
        repeats, rest = divmod(turns, self.last)
        return repeats * sum(lacking) + sum(lacking[:rest])

    def problems(self, config: WorldConfig, turns: int) -> list[str]:
        """Agents that are not in the world; fewer turns than the run has."""
        agent_indices = genesis_order(config)
        unknown = sorted({*self.agent_ids} - agent_indices.keys())
        problems = []
        if unknown:
            shown = ", ".join(unknown[:5]) + (", ..." if len(unknown) > 5 else "")
            from_usage = "" if self.log is None else ', or agent_ids = "from usage"'
            problems.append(
                f"usage.path: {self.path} names agents that are not in the world: {shown}; "
                f"name the world's agents with agent_ids = [...] under [world]{from_usage}"
            )
        if turns > self.last and not self.repeat:
            short = f"the trace ends with turn {self.last} and the run has {turns}"
            problems.append(f"usage.path: {short}; set turns, or repeat = true")
        return problems

    @property
    def agent_ids(self) -> list[str]:
        """Everybody that it names: sorted by the log's names, or by id."""
        if self.log is not None:
            return list(self.log.agents)
        return sorted({agent_id for row in self.rows.values() for agent_id in row})

    def calendar(self, turns: int) -> TurnCalendar | None:
        """The dates of a run's turns; None where they have none."""
        dates = None if self.log is None else self.log.calendar
        return None if dates is None else dates.extended(turns)


class TraceTable(Struct, frozen=True, kw_only=True):
    """The keys of `[usage]` for a trace."""

    path: Annotated[
        str, Parameter(Kind.TEXT, "file of turn, agent, thinking, output, or of usage rows")
    ]
    repeat: Annotated[bool, Parameter(Kind.FLAG, "start over when it ends")] = False
    turn_length: Annotated[
        str | None, Parameter(Kind.TEXT, "of a turn of dated rows: 10m, 1h, 1d, 1w, 1mo")
    ] = None
    start: Annotated[
        str | None, Parameter(Kind.TEXT, "date or time in turn 1; the first row's if left out")
    ] = None
    timezone: Annotated[
        str | None, Parameter(Kind.TEXT, "whose days turns follow; UTC if left out")
    ] = None
    units: Annotated[
        Mapping[str, Any] | None, Parameter(Kind.TABLE, "units by kind of token and model")
    ] = None

    @property
    def states_rows(self) -> bool:
        """True if it has a key that only usage rows take."""
        dated = self.turn_length or self.start or self.timezone
        return dated is not None or self.units is not None


def with_texts(given: Any) -> Any:
    """The table `[usage]` with dates that TOML knows as the texts they are."""
    start = given.get("start") if isinstance(given, Mapping) else None
    return {**given, "start": start.isoformat()} if isinstance(start, date) else given


def traced_usage(table: TraceTable, folder: Path) -> TracedUsage:
    """The usage of a trace, of units or of usage rows.

    Args:
        folder: Where a relative path starts.

    Raises:
        ScenarioError: With every problem found.
    """
    path = folder / table.path
    if not table.states_rows and not is_usage_table(columns_of(path)):
        return read_trace(path, repeat=table.repeat)
    civil, units = dates_and_units(table)
    return logged_usage(read_counts(path, civil), units, repeat=table.repeat)


def dates_and_units(table: TraceTable) -> tuple[CivilTurns | None, UnitTable]:
    """What the table says of dates, None if nothing, and its weights.

    Raises:
        ScenarioError: With every problem found.
    """
    problems: list[str] = []
    civil = _civil_turns(table, problems)
    units = parse_units(table.units, problems)
    if problems:
        raise ScenarioError(problems)
    return civil, units


def read_trace(path: Path, *, repeat: bool = False) -> TracedUsage:
    """A trace from a CSV or Parquet file with columns turn, agent, thinking, output.

    Raises:
        ScenarioError: It is missing, has other columns, or rows that make no sense.
    """
    rows = read_units(path)
    return TracedUsage(path=str(path), rows=rows, last=max(rows), repeat=repeat)


def logged_usage(counted: CountedUsage, table: UnitTable, *, repeat: bool = False) -> TracedUsage:
    """The usage of a log that is counted already, in units of a table.

    Raises:
        ScenarioError: It has no rows, names that cannot be told apart, a model without weights,
            or too many units.
    """
    last = counted.last
    shown = full_names(counted.agents)
    ids = agent_ids(shown.values())
    by_agent = {agent: ids[name] for agent, name in shown.items()}
    ordered = sorted(shown, key=lambda agent: shown[agent])
    billed = billed_units(counted, table)
    rows = {
        turn: {by_agent[agent]: units for agent, units in sorted(own.items())}
        for turn, own in sorted(billed.units.items())
    }
    log = UsageLog(
        agents={by_agent[agent]: agent for agent in ordered},
        names={by_agent[agent]: shown[agent] for agent in ordered},
        rows_by_turn=counted.rows_by_turn,
        rows_before=counted.rows_before,
        table=table,
        sums=billed.sums,
        calendar=counted.calendar,
    )
    return TracedUsage(path=counted.path, rows=rows, last=last, repeat=repeat, log=log)


def _civil_turns(table: TraceTable, problems: list[str]) -> CivilTurns | None:
    """What the table says of dates; None if nothing, or if it is wrong."""
    if table.turn_length is None:
        alone = {"start": table.start, "timezone": table.timezone}
        problems += [
            f"usage.{key}: needs usage.turn_length, such as 1d"
            for key, value in alone.items()
            if value is not None
        ]
        return None
    length = _parsed(problems, "turn_length", parse_turn_length, table.turn_length)
    zone = _parsed(problems, "timezone", parse_zone, table.timezone or "UTC")
    if zone is None or length is None:
        return None
    start = None
    if table.start is not None:
        start = _parsed(problems, "start", parse_start, table.start, zone)
    return CivilTurns(length, zone, start)


def _parsed(problems: list[str], key: str, parse: Callable[..., V], *given: Any) -> V | None:
    try:
        return parse(*given)
    except ValueError as error:
        problems.append(f"usage.{key}: {error}")
        return None
