"""Turns of civil time, against a plain program that looks at a zone's clocks minute by minute."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_economy.core.errors import ScenarioError
from sim_economy.usage.civil_time import (
    SECOND,
    TurnCalendar,
    first_instant,
    local,
    parse_start,
    parse_turn_length,
    parse_zone,
    resolve_periods,
    turn_calendar,
    turn_of_date,
    zone_data_version,
)

ZONES: Final = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
    "Africa/Cairo", "America/Sao_Paulo", "America/St_Johns", "Asia/Beirut", "Asia/Amman",
    "Pacific/Kwajalein", "America/Havana", "Atlantic/Azores", "Asia/Tehran", "Africa/El_Aaiun",
    "Antarctica/Troll", "America/Nuuk", "America/Scoresbysund", "Pacific/Chatham",
    "Asia/Kathmandu", "America/Asuncion", "Asia/Gaza",
)  # fmt: skip
LENGTHS: Final = ("1m", "10m", "30m", "1h", "4h", "12h", "1d", "1w", "1mo")
MINUTE: Final = 60 * SECOND
MINUTES: Final = timedelta(minutes=1)


@cache
def changes(zone: str) -> list[date]:
    """The days on which a zone's clocks change, from 1988 to 2027."""
    clocks, found = ZoneInfo(zone), []
    day = datetime(1988, 1, 1, 12, tzinfo=UTC)
    while day.year < 2028:
        following = day + timedelta(days=1)
        if day.astimezone(clocks).utcoffset() != following.astimezone(clocks).utcoffset():
            found.append(following.date())
        day = following
    return found or [date(2026, 3, 1)]


def period_of(length: str, day: date) -> date:
    if length == "1w":
        return day - timedelta(days=day.isoweekday() - 1)
    return date(day.year, day.month, 1) if length == "1mo" else day


def looked_up(length: str, zone: str, first: datetime, last: datetime) -> Iterator[int]:
    """The begin of each turn, in minutes from 1970: whenever clocks show a later period.

    Turns below a day begin again with each day, and then every so many minutes.
    """
    clocks = ZoneInfo(zone)
    minutes = {"m": 1, "h": 60}.get(length[-1], 0) * int(length[:-1] if length[-1] in "mh" else 0)
    newest, begun = date.min, 0
    moment = first
    while moment <= last:
        at = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // MINUTES
        period = period_of(length, moment.astimezone(clocks).date())
        if period > newest:
            newest, begun = period, at
            yield at
        elif minutes and (at - begun) % minutes == 0:
            yield at
        moment += MINUTES


@st.composite
def spans(draw: st.DrawFn) -> tuple[str, str, datetime, datetime]:
    """A length, a zone, and two moments around a day on which its clocks change."""
    length, zone = draw(st.sampled_from(LENGTHS)), draw(st.sampled_from(ZONES))
    day = draw(st.sampled_from(changes(zone)))
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    first = midnight + draw(st.integers(-3000, 1000)) * MINUTES
    return length, zone, first, first + draw(st.integers(0, 5000)) * MINUTES


@settings(max_examples=150, deadline=None)
@given(spans())
def test_turns_are_those_of_the_clocks(span: tuple[str, str, datetime, datetime]) -> None:
    length, zone, first, last = span
    start = (first - datetime(1970, 1, 1, tzinfo=UTC)) // MINUTES
    ends = (last - datetime(1970, 1, 1, tzinfo=UTC)) // MINUTES
    calendar = calendar_of(length, zone, start * MINUTE, ends * MINUTE)
    # Long enough ago that every kind of period has begun since.
    expected = [*looked_up(length, zone, first - timedelta(days=33), last)][1:]
    begun = max(at for at in expected if at <= start)
    assert [at // MINUTE for at in calendar.bounds[:-1]] == [at for at in expected if at >= begun]
    assert calendar.bounds[-1] > ends * MINUTE


def calendar_of(length: str, zone: str, start: int | str, last: int | str) -> TurnCalendar:
    clocks = parse_zone(zone)
    first, end = (parse_start(at, clocks) if isinstance(at, str) else at for at in (start, last))
    return turn_calendar(parse_turn_length(length), clocks, first, end)


@pytest.mark.parametrize(
    ("zone", "day", "length", "turns"),
    [
        ("Europe/Berlin", "2026-03-29", "10m", 138),
        ("Europe/Berlin", "2026-10-25", "10m", 150),
        ("Europe/Berlin", "2026-10-26", "10m", 144),
        ("Australia/Lord_Howe", "2026-04-05", "1h", 25),
        ("Australia/Lord_Howe", "2026-10-04", "1h", 24),
        ("America/Sao_Paulo", "2018-11-04", "1h", 23),
        ("Africa/Cairo", "2026-04-24", "12h", 2),
        ("Europe/Berlin", "2026-10-25", "12h", 3),
    ],
)
def test_a_day_has_as_many_turns_as_it_has_time(
    zone: str, day: str, length: str, turns: int
) -> None:
    after = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    calendar = calendar_of(length, zone, day, parse_start(after, parse_zone(zone)) - 1)
    assert calendar.turns == turns


def test_a_day_that_does_not_exist_has_no_turn() -> None:
    calendar = calendar_of("1d", "Pacific/Apia", "2011-12-29", "2012-01-01")
    labels = [calendar.label_of(turn) for turn in range(1, calendar.turns + 1)]
    assert labels == ["2011-12-29", "2011-12-31", "2012-01-01"]
    assert turn_of_date("2011-12-30", calendar) == 2


def test_a_doubled_hour_is_the_first() -> None:
    zone = parse_zone("Europe/Berlin")
    assert parse_start("2026-10-25T02:30", zone) == parse_start("2026-10-25T00:30:00Z", zone)


def test_the_start_is_rounded_down_to_its_period() -> None:
    starts = {"1w": "2026-03-02", "1mo": "2026-03-01", "1d": "2026-03-05"}
    for length, label in starts.items():
        assert calendar_of(length, "UTC", "2026-03-05T13:14", "2026-03-09").label_of(1) == label
    calendar = calendar_of("10m", "Europe/Berlin", "2026-03-05T13:14", "2026-03-05T13:41")
    assert calendar.label_of(1) == "2026-03-05T13:10+01:00"
    assert calendar.turns == 4


def test_turns_have_names_for_reports() -> None:
    names = {
        "1d": "9 March 2026",
        "1w": "week of 9 March 2026",
        "1mo": "March 2026",
        "1h": "9 March 2026, 14:00",
    }
    for length, name in names.items():
        assert calendar_of(length, "UTC", "2026-03-09T14:05", "2026-03-09T14:05").name_of(1) == name


def test_a_calendar_goes_on_as_the_clocks_do() -> None:
    calendar = calendar_of("1d", "Europe/Berlin", "2026-10-20", "2026-10-21")
    longer = calendar_of("1d", "Europe/Berlin", "2026-10-20", "2026-11-20")
    assert calendar.extended(longer.turns) == longer


@pytest.mark.parametrize("text", ["", "d", "2d", "24h", "1440m", "7m", "5h", "0m", "1mon", "1.5h"])
def test_a_length_that_does_not_divide_a_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be 1d, 1w, 1mo, or minutes or hours"):
        parse_turn_length(text)


@pytest.mark.parametrize("name", ["", "Mars/Base", "localtime", "../etc/passwd", "/etc/passwd"])
def test_a_name_that_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="must be a time zone such as Europe/Berlin"):
        parse_zone(name)


def test_a_zone_has_a_version_of_its_data() -> None:
    assert zone_data_version("Europe/Berlin")[:2] == "20"


def test_more_turns_than_a_run_may_have_are_refused_before_they_are_made() -> None:
    with pytest.raises(ScenarioError, match="more than 10000000 turns"):
        calendar_of("1m", "UTC", "1970-01-01", "2199-01-01")


# Periods


def test_a_period_begins_in_the_first_turn_that_starts_in_it() -> None:
    days = calendar_of("1d", "Europe/Berlin", "2026-03-30", "2026-05-31")
    assert resolve_periods("month", days, 60) == [1, 3, 33]
    assert resolve_periods("week", days, 15) == [1, 8, 15]
    weeks = calendar_of("1w", "UTC", "2026-03-30", "2026-06-30")
    assert [weeks.label_of(turn) for turn in resolve_periods("month", weeks, 11)] == [
        "2026-03-30",
        "2026-04-06",
        "2026-05-04",
        "2026-06-01",
    ]


def test_a_day_that_clocks_go_back_to_begins_once() -> None:
    halves = calendar_of("30m", "America/St_Johns", "2006-10-28", "2006-10-31")
    assert halves.label_of(50) == "2006-10-28T23:30-03:30"
    assert resolve_periods("day", halves, 147) == [1, 49, 99, 147]


def test_periods_go_on_where_a_trace_is_repeated() -> None:
    days = calendar_of("1d", "UTC", "2026-01-01", "2026-01-02")
    assert resolve_periods("month", days, 60) == [1, 32, 60]


@pytest.mark.parametrize(
    ("period", "length", "problem"),
    [
        ("day", "1w", "a day is shorter than a turn of 1w"),
        ("week", "1mo", "a week is shorter than a turn of 1mo"),
        ("year", "1d", "must be one of day, week, month"),
    ],
)
def test_a_period_that_turns_cannot_keep_is_refused(period: str, length: str, problem: str) -> None:
    calendar = calendar_of(length, "UTC", "2026-01-01", "2026-03-01")
    with pytest.raises(ScenarioError, match=problem):
        resolve_periods(period, calendar, 2)


def test_turns_without_dates_have_no_periods() -> None:
    with pytest.raises(ScenarioError, match="a month needs turns with dates"):
        resolve_periods("month", None, 2)
    with pytest.raises(ScenarioError, match="date: needs turns with dates"):
        turn_of_date("2026-03-09", None)


@pytest.mark.parametrize(
    ("length", "text", "turn"),
    [
        ("1d", "2026-03-29", 2),
        ("1d", "2026-03-29T23:59", 2),
        ("1d", "2026-03-29T22:30:00Z", 3),
        ("6h", "2026-03-30", 9),
        ("1w", "2026-03-29", 1),
        ("1mo", "2026-04-30", 2),
    ],
)
def test_a_date_is_the_turn_that_it_begins_in(length: str, text: str, turn: int) -> None:
    calendar = calendar_of(length, "Europe/Berlin", "2026-03-28", "2026-05-03")
    assert turn_of_date(text, calendar) == turn


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("2026-03-27", "must be in a turn; turn 1 is 28 March 2026, the last one 3 May 2026"),
        ("2026-05-04", "must be in a turn; turn 1 is 28 March 2026, the last one 3 May 2026"),
        ("9 March", "must be a date or time such as 2026-03-01"),
    ],
)
def test_a_date_in_no_turn_is_refused(text: str, problem: str) -> None:
    calendar = calendar_of("1d", "UTC", "2026-03-28", "2026-05-03")
    with pytest.raises(ScenarioError, match=problem):
        turn_of_date(text, calendar)


def test_a_day_begins_with_the_jump_where_clocks_jump_over_midnight() -> None:
    zone = ZoneInfo("America/Toronto")
    assert (
        local(first_instant(date(1919, 3, 31), zone), zone).isoformat()[:16] == "1919-03-31T00:30"
    )
