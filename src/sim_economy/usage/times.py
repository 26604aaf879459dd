"""Times of logs as instants: text with and without a zone, and digits since 1970."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from sim_economy.core.errors import UsageLogError
from sim_economy.usage.usage_rows import polars_module

if TYPE_CHECKING:
    import polars

_TEXT: Final = (
    r"^\s*(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[T ]+(?P<clock>\d{2}:\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d{1,9}))?)?)?"
    r"\s*(?P<zone>Z|z|UTC|[+-]\d{2}(?::?\d{2})?)?\s*$"
)
_DIGITS: Final = r"^\s*(?P<whole>\d{1,19})(?:\.(?P<part>\d{1,9})\d*)?\s*$"
_FIRST: Final = 946_684_800
_LAST: Final = 4_102_444_800
"""Seconds since 1970 from the start of 2000 to that of 2100."""


class Instants(Struct, frozen=True):
    """Expressions for a column of times.

    Attributes:
        time: The instant, UTC; null where there is none.
        day_seconds: Length of the day where the text is a date; null elsewhere.
        naive: Whether a zone is needed that nobody stated.
        relative: Whether it is digits that count from somewhere else than 1970.
    """

    time: polars.Expr
    day_seconds: polars.Expr
    naive: polars.Expr
    relative: polars.Expr


def check_zone(zone: str) -> None:
    """Refuse a name that no zone has.

    Raises:
        UsageLogError: There is none.
    """
    pl = polars_module()
    try:
        pl.Series([0]).cast(pl.Datetime("us")).dt.replace_time_zone(zone)
    except pl.exceptions.PolarsError:
        raise UsageLogError(
            [f"timezone: there is no {zone}; name one such as Europe/Berlin, or UTC"]
        ) from None


def instants(name: str, held: Any, zone: str | None) -> Instants:
    """The instants of a column.

    Args:
        held: The type of the column.
        zone: Of times without one; None where it is not known.
    """
    pl = polars_module()
    column = pl.col(name)
    never = pl.lit(value=False)
    no_length = pl.lit(None, pl.Int64)
    if held == pl.Date:
        return _from_local(column.cast(pl.Datetime("us")), pl.lit(value=True), zone)
    if isinstance(held, pl.Datetime):
        exact = column.cast(pl.Datetime("us", held.time_zone))
        if held.time_zone is None:
            return _from_local(exact, never, zone)
        return Instants(_bounded(exact.dt.convert_time_zone("UTC")), no_length, never, never)
    if held.is_integer():
        return _from_digits(column.cast(pl.Int64, strict=False), pl.lit(None, pl.String), column)
    if held.is_float():
        text = column.cast(pl.Decimal(38, 9), strict=False).cast(pl.String)
        return _from_text(text, zone)
    return _from_text(column.cast(pl.String, strict=False), zone)


def _from_text(text: polars.Expr, zone: str | None) -> Instants:
    pl = polars_module()
    found, digits = text.str.extract_groups(_TEXT), text.str.extract_groups(_DIGITS)
    clock, date = found.struct.field("clock"), found.struct.field("date")
    second = found.struct.field("second").fill_null("00").replace("60", "59")
    part = found.struct.field("part").fill_null("0").str.slice(0, 6).str.pad_end(6, "0")
    written = pl.format("{}T{}:{}.{}", date, clock.fill_null("00:00"), second, part)
    local = written.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us")
    stated = found.struct.field("zone")
    without = _from_local(local, clock.is_null() & date.is_not_null(), zone)
    zoned = (local - _offset(stated)).dt.replace_time_zone("UTC")
    whole = digits.struct.field("whole").cast(pl.Int64, strict=False)
    counted = _from_digits(whole, digits.struct.field("part"), digits.struct.field("whole"))
    return Instants(
        pl.coalesce(
            pl.when(stated.is_not_null()).then(_bounded(zoned)).otherwise(without.time),
            counted.time,
        ),
        pl.when(stated.is_null()).then(without.day_seconds),
        without.naive & stated.is_null(),
        counted.relative,
    )


def _offset(zone: polars.Expr) -> polars.Expr:
    pl = polars_module()
    minutes = zone.str.slice(1, 2).cast(pl.Int64, strict=False).fill_null(
        0
    ) * 60 + zone.str.extract(r"^[+-]\d{2}:?(\d{2})$").cast(pl.Int64, strict=False).fill_null(0)
    behind = zone.str.starts_with("-")
    expression: polars.Expr = pl.duration(minutes=pl.when(behind).then(-minutes).otherwise(minutes))
    return expression


def _from_local(local: polars.Expr, is_date: polars.Expr, zone: str | None) -> Instants:
    """Instants of times without a zone; a doubled hour is its first, a date the day's start."""
    pl = polars_module()
    never = pl.lit(value=False)
    if zone is None:
        nothing = pl.lit(None, pl.Datetime("us", "UTC"))
        return Instants(nothing, pl.lit(None, pl.Int64), local.is_not_null(), never)
    first, next_day = _day_start(local, zone), _day_start(local + pl.duration(days=1), zone)
    time = pl.when(is_date).then(first).otherwise(_in_zone(local, zone))
    length = pl.when(is_date).then((next_day - first).dt.total_seconds())
    return Instants(_bounded(time), length, never, never)


def _in_zone(local: polars.Expr, zone: str) -> polars.Expr:
    aware = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return aware.dt.convert_time_zone("UTC")


def _day_start(midnight: polars.Expr, zone: str) -> polars.Expr:
    """The first instant of a day, which need not be midnight where clocks change then."""
    pl = polars_module()
    later = [midnight + pl.duration(minutes=minutes) for minutes in (0, 30, 60)]
    expression: polars.Expr = pl.coalesce([_in_zone(local, zone) for local in later])
    return expression


def _from_digits(whole: polars.Expr, part: polars.Expr, given: polars.Expr) -> Instants:
    """Instants of a count since 1970, in the one unit in which they lie in 2000 to 2100."""
    pl = polars_module()
    micros = None
    for unit, digits in ((1, 6), (10**3, 3), (10**6, 0)):
        rest = part.fill_null("0").str.slice(0, digits).str.pad_end(max(digits, 1), "0")
        exact = whole * 10**digits + (rest.cast(pl.Int64, strict=False) if digits else 0)
        inside = whole.is_between(_FIRST * unit, _LAST * unit, closed="left")
        micros = pl.when(inside).then(exact) if micros is None else micros.when(inside).then(exact)
    assert micros is not None
    inside = whole.is_between(_FIRST * 10**9, min(_LAST * 10**9, 2**63 - 1), closed="left")
    micros = micros.when(inside).then(whole // 1000)
    time = micros.otherwise(None).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    never = pl.lit(value=False)
    return Instants(time, pl.lit(None, pl.Int64), never, given.is_not_null() & time.is_null())


def _bounded(time: polars.Expr) -> polars.Expr:
    """Times in 2000 to 2100; others are null."""
    pl = polars_module()
    micros = time.dt.timestamp("us")
    expression: polars.Expr = pl.when(
        micros.is_between(_FIRST * 10**6, _LAST * 10**6, closed="left")
    ).then(time)
    return expression
