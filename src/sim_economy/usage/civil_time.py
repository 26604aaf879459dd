"""Turns as civil periods: bounds in UTC, worked out once from a time zone's data.

Source: docs/spec/usage.md, T1 to T6.
"""

from __future__ import annotations

import re
import zoneinfo
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from importlib import import_module
from itertools import dropwhile, groupby, islice, pairwise
from pathlib import Path
from typing import Final, assert_never
from zoneinfo import ZoneInfo

from msgspec import Struct

from sim_economy.core.errors import ScenarioError
from sim_economy.core.suggestions import suggestion
from sim_economy.core.table_reader import read_choice

SECOND: Final = 1_000_000
"""Microseconds: instants are counted in them from 1970 on, in UTC."""
YEARS: Final = range(1970, 2200)
"""Years in which a row of usage may lie."""
TURNS_MAX: Final = 10_000_000
_DAY_MINUTES: Final = 1440


class Period(StrEnum):
    """A civil period; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class TurnLength(Struct, frozen=True):
    """The length of a turn: a civil period, or minutes counted from each local midnight.

    Attributes:
        text: As a scenario states it, such as `10m`.
        minutes: Of a turn below a day; 0 where it is the whole period.
    """

    text: str
    period: Period
    minutes: int = 0

    @property
    def shortest_seconds(self) -> int:
        """Seconds of the nominal turn: a day has 24 hours, a month 28 days."""
        return self.minutes * 60 or _NOMINAL_DAYS[self.period] * 86_400

    def holds(self, period: Period) -> bool:
        """Test whether a period is shorter than a turn, so that no turn begins in some of them."""
        order = list(Period)
        return not self.minutes and order.index(period) < order.index(self.period)


_NOMINAL_DAYS: Final = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 28}
_WHOLE_PERIODS: Final = {"1d": Period.DAY, "1w": Period.WEEK, "1mo": Period.MONTH}
_MINUTES: Final = {"m": 1, "h": 60}


def parse_turn_length(text: str) -> TurnLength:
    """A length as a scenario states it.

    Raises:
        ValueError: What it must be.
    """
    if text in _WHOLE_PERIODS:
        return TurnLength(text, _WHOLE_PERIODS[text])
    found = re.fullmatch(r"([1-9][0-9]{0,3})([mh])", text, re.ASCII)
    minutes = int(found[1]) * _MINUTES[found[2]] if found else _DAY_MINUTES
    if minutes >= _DAY_MINUTES or _DAY_MINUTES % minutes:
        raise ValueError(
            "must be 1d, 1w, 1mo, or minutes or hours that divide a day, such as 10m or 1h"
        )
    return TurnLength(text, Period.DAY, minutes)


def parse_zone(name: str) -> ZoneInfo:
    """A time zone by its name in the IANA data.

    Raises:
        ValueError: There is none of that name, or it means another one on each machine.
    """
    try:
        if name not in {"localtime", "Factory"}:
            return ZoneInfo(name)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        pass
    known = zoneinfo.available_timezones()
    if not known:
        raise ValueError("there is no time zone data on this machine; pip install tzdata")
    raise ValueError(f"must be a time zone such as Europe/Berlin{suggestion(name, sorted(known))}")


def zone_data_version(name: str) -> str:
    """The version of the data that a time zone is read from, such as `2025b`."""
    for root in map(Path, zoneinfo.TZPATH):
        if (root / name).is_file():
            try:
                with (root / "tzdata.zi").open(encoding="ascii") as file:
                    return file.readline().removeprefix("# version").strip()
            except OSError:
                return "unknown, of the system"
    return str(import_module("tzdata").IANA_VERSION)


def instant_of(moment: datetime) -> int:
    """Microseconds from 1970 on, of a moment with a zone."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def local(instant: int, zone: tzinfo) -> datetime:
    """A moment as the clocks of a zone show it."""
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(zone)


def parse_start(text: str, zone: ZoneInfo) -> int:
    """The instant of a date or a time; without a zone of its own it is the clocks' in `zone`.

    An hour that clocks show twice is the first, one that they leave out is counted from before.

    Raises:
        ValueError: What it must be.
    """
    must = f"must be a date or time such as 2026-03-01, from {YEARS[0]} to {YEARS[-1]}"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(must) from None
    if moment.year not in YEARS:
        raise ValueError(must)
    return instant_of(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def first_instant(day: date, zone: ZoneInfo) -> int:
    """The first instant of a civil day; the next one's where clocks leave it out."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    before = instant_of(midnight) // SECOND
    after = instant_of(midnight.replace(fold=1)) // SECOND
    if before <= after:
        return before * SECOND
    # Clocks leave midnight out: the day begins with their jump, somewhere between the two.
    offset = local(before * SECOND, zone).utcoffset()
    instants = range(after, before + 1)
    jump = bisect_left(instants, 1, key=lambda at: local(at * SECOND, zone).utcoffset() == offset)
    return instants[jump] * SECOND


def _first_day(period: Period, day: date) -> date:
    match period:
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)
    assert_never(period)


def _days_of(period: Period, day: date) -> Iterator[date]:
    """The first days of one period after another, from the one that holds `day` on."""
    day = _first_day(period, day)
    while True:
        yield day
        day = _first_day(period, day + timedelta(days=_STRIDES[period]))


_STRIDES: Final = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 31}


def _bounds(length: TurnLength, zone: ZoneInfo, start: int) -> Iterator[int]:
    """The instant at which each turn begins, from the one that holds `start` on, without end."""
    # The day before: where clocks go back over midnight, they show the date before once more.
    day = local(start, zone).date() - timedelta(days=1)
    instants = (first_instant(first, zone) for first in _days_of(length.period, day))
    periods = pairwise(begins for begins, _ in groupby(instants))
    step = length.minutes * 60 * SECOND
    turns = (
        begins for begun, ends in periods for begins in range(begun, ends, step or ends - begun)
    )
    ends = dropwhile(lambda pair: pair[1] <= start, pairwise(turns))
    return (begins for begins, _ in ends)


class TurnCalendar(Struct, frozen=True):
    """The civil periods that turns stand for.

    Attributes:
        bounds: The instant at which turn 1, 2, 3, ... begins, and at which the last one ends.
    """

    length: TurnLength
    zone: ZoneInfo
    bounds: tuple[int, ...]

    @property
    def turns(self) -> int:
        """The last turn."""
        return len(self.bounds) - 1

    def turn_at(self, instant: int) -> int:
        """The turn that holds an instant; 0 before the first, one more than the last after it."""
        return bisect_right(self.bounds, instant)

    def begins(self, turn: int) -> datetime:
        """The moment at which a turn begins, as the clocks of its zone show it."""
        return local(self.bounds[turn - 1], self.zone)

    def date_of(self, turn: int) -> date:
        """The civil date on which a turn begins."""
        return self.begins(turn).date()

    def name_of(self, turn: int) -> str:
        """A turn in words: `9 March 2026`, and its time where it is shorter than a day."""
        begins = self.begins(turn)
        month = f"{_MONTHS[begins.month - 1]} {begins.year}"
        if self.length.period is Period.MONTH:
            return month
        week = "week of " if self.length.period is Period.WEEK else ""
        time = f", {begins:%H:%M}" if self.length.minutes else ""
        return f"{week}{begins.day} {month}{time}"

    def label_of(self, turn: int) -> str:
        """A turn in a table: `2026-03-09`, and its time with the offset where it is shorter."""
        begins = self.begins(turn)
        return begins.isoformat(timespec="minutes") if self.length.minutes else f"{begins:%Y-%m-%d}"

    def extended(self, turns: int) -> TurnCalendar:
        """The same with at least so many turns."""
        if turns <= self.turns:
            return self
        bounds = islice(_bounds(self.length, self.zone, self.bounds[0]), turns + 1)
        return TurnCalendar(self.length, self.zone, tuple(bounds))


_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def turn_calendar(length: TurnLength, zone: ZoneInfo, start: int, last: int) -> TurnCalendar:
    """The turns from the one that holds `start` to the one that holds the instant `last`.

    Raises:
        ScenarioError: They are more than a run may have.
    """
    last = max(start, last)
    if (last - start) // (length.shortest_seconds * SECOND) > TURNS_MAX:
        raise ScenarioError([f"usage.turn_length: {length.text} makes more than {TURNS_MAX} turns"])
    bounds = []
    for begins in _bounds(length, zone, start):
        bounds.append(begins)
        if begins > last:
            break
    return TurnCalendar(length, zone, tuple(bounds))


def resolve_periods(period: str, calendar: TurnCalendar | None, turns: int) -> list[int]:
    """The turns in which a `day`, `week` or `month` begins: the first turn that starts in each.

    Turn 1 begins the period it lies in, wherever in it that is.

    Args:
        calendar: None where turns have no dates.
        turns: Of the run.

    Raises:
        ScenarioError: There is no such period, turns have no dates or are longer than it.
    """
    try:
        wanted = Period(read_choice(period, list(Period)))
    except ValueError as error:
        raise ScenarioError([f"period: {error}"]) from None
    if calendar is None:
        raise ScenarioError(
            [f"period: a {wanted} needs turns with dates; set usage.turn_length, or period_turns"]
        )
    if calendar.length.holds(wanted):
        text = calendar.length.text
        raise ScenarioError([f"period: a {wanted} is shorter than a turn of {text}"])
    return _first_turns(calendar.extended(turns), wanted, turns)


def turn_of_date(text: str, calendar: TurnCalendar | None) -> int:
    """The turn that holds a date, or a time; of several the one in which the date begins.

    Args:
        calendar: None where turns have no dates.

    Raises:
        ScenarioError: It is no date or lies in no turn, or turns have no dates.
    """
    if calendar is None:
        raise ScenarioError(["date: needs turns with dates; set usage.turn_length, or turn"])
    try:
        turn = calendar.turn_at(parse_start(text, calendar.zone))
    except ValueError as error:
        raise ScenarioError([f"date: {error}"]) from None
    if not 1 <= turn <= calendar.turns:
        first, last = calendar.name_of(1), calendar.name_of(calendar.turns)
        raise ScenarioError([f"date: must be in a turn; turn 1 is {first}, the last one {last}"])
    return turn


def _first_turns(calendar: TurnCalendar, period: Period, turns: int) -> list[int]:
    """The first turn of each period; a date that clocks go back to begins nothing."""
    found, newest = [], date.min
    for turn in range(1, turns + 1):
        day = _first_day(period, calendar.date_of(turn))
        if day > newest:
            found.append(turn)
            newest = day
    return found
