"""A log of usage in turns: who used what, in which turns, on which dates, and what it cost then.

Source: docs/spec/usage.md, Q5.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Context, Decimal, InvalidOperation, localcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.core.errors import ScenarioError
from sim_economy.usage.agent_names import full_names
from sim_economy.usage.civil_time import (
    TurnCalendar,
    first_instant,
    parse_start,
    parse_turn_length,
    parse_zone,
    turn_calendar,
)
from sim_economy.usage.counted_usage import CountedUsage, LoggedAgent
from sim_economy.usage.row_rules import read_cell
from sim_economy.usage.table_files import columns_of, scanned
from sim_economy.usage.usage_rows import is_usage_file
from sim_economy.usage.usage_table import CivilTurns, read_counts

if TYPE_CHECKING:
    import polars

NO_TEAM: Final = "no team"
_YEAR_SECONDS: Final = 366 * 86_400
_TURNS_AHEAD: Final = 400


class LoggedTurns(Struct, frozen=True, kw_only=True):
    """A log, counted once for all tariffs.

    Attributes:
        turns: How many turns it is played for.
        agents: Everybody it names, in the order of the columns: by the name that reports show.
        names: Those names, `[agent]`.
        costs: What the log itself says was paid, by agent; None where it says nothing.
    """

    path: str
    counted: CountedUsage
    turns: int
    agents: Sequence[LoggedAgent]
    names: Sequence[str]
    costs: dict[LoggedAgent, Decimal] | None = None

    @property
    def ahead(self) -> int:
        """Turns after the log that are looked at."""
        return _ahead(self.counted.calendar)

    @property
    def teams(self) -> dict[str, list[int]]:
        """Columns by team, sorted; each agent alone where the log names no team."""
        if not any(agent.team for agent in self.agents):
            return {name: [index] for index, name in enumerate(self.names)}
        found: dict[str, list[int]] = {}
        for index, agent in enumerate(self.agents):
            found.setdefault(agent.team or NO_TEAM, []).append(index)
        return dict(sorted(found.items()))

    @property
    def has_teams(self) -> bool:
        """True if the log names teams."""
        return any(agent.team for agent in self.agents)

    @property
    def dates(self) -> TurnCalendar | None:
        """The dates of its turns and of those ahead; None where turns have none."""
        return self.counted.calendar

    def label(self, turn: int) -> str:
        """A turn in a table: its date where it has one."""
        return str(turn) if self.dates is None else self.dates.label_of(turn)

    def name(self, turn: int) -> str:
        """A turn in a sentence: `9 March 2026`, or `turn 9`."""
        return f"turn {turn}" if self.dates is None else self.dates.name_of(turn)


def _ahead(calendar: TurnCalendar | None) -> int:
    """A year of dates, or 400 turns."""
    if calendar is None:
        return _TURNS_AHEAD
    return -(-_YEAR_SECONDS // calendar.length.shortest_seconds)


def read_log(
    path: Path,
    *,
    turn_length: str = "1d",
    timezone: str = "UTC",
    start: str | None = None,
    end: str | None = None,
) -> LoggedTurns:
    """A table of usage rows, as `sim-economy usage` writes it.

    Args:
        start: A date in turn 1; that of the first row when None.
        end: The last date; that of the last row when None.

    Raises:
        ScenarioError: It cannot be read, or what is said of its turns is wrong.
    """
    columns = columns_of(path)
    if not {"agent", "thinking", "output"} <= {*columns}:
        way = f"sim-economy usage {path} --out usage.parquet"
        raise ScenarioError([f"{path} holds no usage rows; import it: {way}"])
    civil = None
    if "time" in columns and "turn" not in columns:
        civil = _civil_turns(turn_length, timezone, start)
    elif start is not None or end is not None:
        raise ScenarioError([f"{path} has turns without dates: leave out start and end"])
    counted = read_counts(path, civil)
    names = full_names(counted.agents)
    agents = sorted(names, key=lambda agent: names[agent])
    turns = counted.last if end is None else _turn_on(counted, end)
    if counted.calendar is not None:
        dates = counted.calendar.extended(turns + _ahead(counted.calendar) + 1)
        counted = replace(counted, calendar=dates)
    return LoggedTurns(
        path=str(path),
        counted=replace(counted, path=path.name),
        turns=turns,
        agents=agents,
        names=[names[agent] for agent in agents],
        costs=_costs(path, columns, counted.calendar, turns) if "cost" in columns else None,
    )


def _civil_turns(turn_length: str, timezone: str, start: str | None) -> CivilTurns:
    try:
        zone = parse_zone(timezone)
        begins = None if start is None else parse_start(start, zone)
        return CivilTurns(parse_turn_length(turn_length), zone, begins)
    except ValueError as error:
        raise ScenarioError([f"turns of the log: {error}"]) from None


def _turn_on(counted: CountedUsage, end: str) -> int:
    """The turn that holds the last instant of a date."""
    calendar = counted.calendar
    assert calendar is not None
    try:
        after = first_instant(date.fromisoformat(end) + timedelta(days=1), calendar.zone)
    except (ValueError, OverflowError):
        raise ScenarioError([f"end: {end} must be a date such as 2026-03-31"]) from None
    if after <= calendar.bounds[0]:
        raise ScenarioError([f"end: {end} is before the first turn, {calendar.label_of(1)}"])
    return turn_calendar(calendar.length, calendar.zone, calendar.bounds[0], after - 1).turns


def _costs(
    path: Path, columns: Sequence[str], calendar: TurnCalendar | None, turns: int
) -> dict[LoggedAgent, Decimal] | None:
    """The costs of each agent's rows within the turns, exact; None where no row has one."""
    rows = _parquet_costs if path.suffix == ".parquet" else _csv_costs
    found: dict[LoggedAgent, Decimal] = {}
    with localcontext(Context(prec=100)):
        for agent, cost in rows(path, columns, calendar, turns):
            found[agent] = found.get(agent, Decimal(0)) + cost
    return found or None


def _csv_costs(
    path: Path, _: Sequence[str], dates: TurnCalendar | None, turns: int
) -> Iterator[tuple[LoggedAgent, Decimal]]:
    when = "turn" if dates is None else "time"
    # As where rows are read: what we wrote has an apostrophe before some texts.
    mark = "'" if is_usage_file(path) else ""
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            cost = _amount(row["cost"])
            at = read_cell(when, row[when]) if cost is not None else 0
            if cost is not None and 1 <= (at if dates is None else dates.turn_at(at)) <= turns:
                names = (row["agent"], row.get("team") or "")
                yield LoggedAgent(*(name.removeprefix(mark) for name in names)), cost


def _amount(text: str | None) -> Decimal | None:
    try:
        cost = Decimal(text or "nan")
    except InvalidOperation:
        return None
    return cost if cost.is_finite() and abs(cost.adjusted()) < _DIGITS else None


_DIGITS: Final = 40


def _parquet_costs(
    path: Path, columns: Sequence[str], dates: TurnCalendar | None, turns: int
) -> Iterator[tuple[LoggedAgent, Decimal]]:
    """Costs summed by polars where a decimal of it can hold them, one by one elsewhere."""
    import polars as pl  # noqa: PLC0415

    text = pl.col("cost").cast(pl.String).str.strip_chars()
    team = pl.col("team").cast(pl.String).fill_null("") if "team" in columns else pl.lit("")
    rows = (
        scanned(path)
        .filter(_within(dates, turns) & text.is_not_null())
        .select(pl.col("agent").cast(pl.String), team.alias("team"), text.alias("cost"))
    )
    fits = pl.col("cost").str.contains(r"^-?\d{1,15}(\.\d{1,15})?$")
    exact = pl.col("cost").cast(pl.Decimal(38, 15)).sum()
    plain = rows.filter(fits).group_by("agent", "team").agg(exact).collect(engine="streaming")
    for agent, own, cost in plain.sort("agent", "team").iter_rows():
        yield LoggedAgent(agent, own), cost
    for agent, own, other in rows.filter(~fits).collect(engine="streaming").iter_rows():
        if (cost := _amount(other)) is not None:
            yield LoggedAgent(agent, own), cost


def _within(dates: TurnCalendar | None, turns: int) -> polars.Expr:
    import polars as pl  # noqa: PLC0415

    if dates is None:
        return pl.col("turn").is_between(1, turns)
    instants = pl.col("time").cast(pl.Datetime("us", "UTC")).to_physical()
    return instants.is_between(dates.bounds[0], dates.bounds[turns] - 1)
