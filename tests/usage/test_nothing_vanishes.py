"""Random logs: every record is kept or dropped, and sums are those of a plain count."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_economy.core.errors import UsageLogError
from sim_economy.usage import duplicates, log_files
from sim_economy.usage.usage_import import read_usage
from tests.usage.raw_logs import KINDS

FIELDS: Final = ("when", "who", "whose", "call", *KINDS, "price")
COLUMNS: Final = {
    "time": "when", "agent": "who", "team": "whose", "id": "call", "cost": "price",
    **{kind: kind for kind in KINDS},
}  # fmt: skip
LIMIT: Final = 2**53
ZONES: Final = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe")
WHOLE: Final = {
    "when": "2026-10-01T00:00:00Z", "who": "a", "whose": "t", "call": "first", "price": "1",
    "input": "3", "cache_read": "1", "cache_write": "1", "thinking": "1", "output": "2",
}  # fmt: skip
"""So that every column is there."""

Row = dict[str, str]


@pytest.fixture(scope="module", autouse=True)
def _small_blocks() -> Iterator[None]:
    """Blocks of a few records, so that repeats lie in different ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_files, "_LINES", 3)
        patch.setattr(log_files, "_TABLE_ROWS", 3)
        patch.setattr(duplicates, "_HELD", 4)
        patch.setattr(duplicates, "_PARTS", 3)
        yield


counts = st.one_of(
    st.integers(0, 30).map(str),
    st.integers(LIMIT - 2, LIMIT + 2).map(str),
    st.sampled_from(["", "0", "NaN", "-1", "1.0", "0.5", "1e3", " 7 ", "inf", "9" * 30]),
)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31))  # noqa: DTZ001 - zones vary
near_changes = st.builds(
    lambda day, minutes: datetime(2026, *day) + timedelta(minutes=minutes),  # noqa: DTZ001
    st.sampled_from([(3, 29), (10, 25), (3, 8), (11, 1), (4, 5), (10, 4)]),
    st.integers(0, 240),
)


@st.composite
def times(draw: st.DrawFn) -> str:
    moment = draw(st.one_of(moments, near_changes)).replace(microsecond=0)
    exact = moment.replace(tzinfo=UTC)
    return draw(
        st.sampled_from(
            [
                moment.isoformat(),
                moment.isoformat(" "),
                exact.isoformat(),
                f"{moment.isoformat()}.25Z",
                exact.astimezone(ZoneInfo("Asia/Kolkata")).isoformat(),
                str(int(exact.timestamp())),
                str(int(exact.timestamp() * 1000)),
                str(int(exact.timestamp()) * 10**9 + 1),
                "never",
                "",
            ]
        )
    )


@st.composite
def sound_times(draw: st.DrawFn) -> str:
    return draw(near_changes).replace(second=draw(st.integers(0, 59))).isoformat()


@st.composite
def sound_counts(draw: st.DrawFn) -> dict[str, str]:
    """Counts that include each other as a log's do."""
    read, wrote, thinking = (draw(st.integers(0, 20)) for _ in range(3))
    fresh, output = (draw(st.sampled_from([0, 1, 9, LIMIT - 100])) for _ in range(2))
    whole = (read + wrote + fresh, read, wrote, thinking, thinking + output)
    return dict(zip(KINDS, map(str, whole), strict=True))


names = st.fixed_dictionaries(
    {
        "who": st.sampled_from(["a", "b", "", " ", "=b", "ä\n"]),
        "whose": st.sampled_from(["t", "u", ""]),
        "call": st.sampled_from(["", "1", "2", "3"]),
        "price": st.sampled_from(["", "0", "0.10", "1e-7", "12345678901234567.000000001"]),
    }
)
sound_rows = st.builds(
    lambda whose, when, told: {**whose, "when": when, **told}, names, sound_times(), sound_counts()
)
wild_rows = st.builds(
    lambda whose, when, told, price: {**whose, "when": when, **told, "price": price},
    names,
    times(),
    st.fixed_dictionaries(dict.fromkeys(KINDS, counts)),
    st.sampled_from(["", "x", "0"]),
)
rows_of_logs = st.lists(st.one_of(sound_rows, sound_rows, wild_rows), max_size=14)


# The plain count


def count_of(text: str) -> int | None:
    """A count; None where it is none; a cell without anything is 0."""
    text = text.strip()
    text = text.removesuffix(".0")
    if not text:
        return 0
    return int(text) if text.isdigit() and int(text) <= LIMIT else None


def instant_of(text: str, zone: str) -> datetime | None:
    if text.isdigit():
        number = int(text)
        for unit in (1, 10**3, 10**6, 10**9):
            if 946_684_800 <= number / unit < 4_102_444_800:
                return datetime.fromtimestamp(number // unit, UTC)
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        aware = moment.replace(tzinfo=ZoneInfo(zone), fold=0)
        back = aware.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        return aware.astimezone(UTC) if back == moment else None
    return moment.astimezone(UTC)


def verdict(row: Row, zone: str) -> tuple[str, dict[str, Any]]:
    """Why a record is dropped, or `kept` with what it comes to."""
    told = {kind: count_of(row[kind]) for kind in KINDS}
    prices = {"": 0, "0": 0, "0.10": 1, "1e-7": 1, "12345678901234567.000000001": 1, "1": 1}
    wrong = None in told.values() or row["price"] not in prices
    if not wrong and not any(told.values()) and not prices[row["price"]]:
        return "without_usage", {}
    when = instant_of(row["when"], zone)
    if wrong or when is None:
        return "bad", {}
    plain = {kind: count or 0 for kind, count in told.items()}
    plain["input"] -= plain["cache_read"] + plain["cache_write"]
    plain["output"] -= plain["thinking"]
    if min(plain.values()) < 0:
        return "bad", {}
    who = (row["whose"].strip() or None, row["who"] if row["who"].strip() else "unattributed")
    return "kept", {"counts": plain, "when": when, "who": who}


def plain_count(rows: Sequence[Row], zone: str) -> tuple[Counter[str], list[dict[str, Any]]]:
    """Records by what becomes of them, and the kept ones."""
    became: Counter[str] = Counter()
    last: dict[str, dict[str, Any]] = {}
    kept: list[dict[str, Any]] = []
    for row in rows:
        what, found = verdict(row, zone)
        if what == "kept" and row["call"] in last:
            earlier = last[row["call"]]
            found["when"] = min(found["when"], earlier["when"])
            kept.remove(earlier)
            became["repeated"] += 1
            became["kept"] -= 1
        if what == "kept":
            found["row"] = object()
            kept.append(found)
            if row["call"]:
                last[row["call"]] = found
        became[what] += 1
    return became, kept


def write(path: Path, rows: Sequence[Row], kind: str) -> Path:
    path = path.with_suffix(f".{kind}")
    match kind:
        case "csv":
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, FIELDS)
                writer.writeheader()
                writer.writerows(rows)
        case "parquet":
            pl.DataFrame(list(rows), schema=dict.fromkeys(FIELDS, pl.String)).write_parquet(path)
        case _:
            lines = [json.dumps({name: row[name] or None for name in FIELDS}) for row in rows]
            path.write_text("\n".join(lines), encoding="utf-8")
    return path


@given(
    st.lists(st.tuples(rows_of_logs, st.sampled_from(["csv", "jsonl", "parquet"])), max_size=3),
    st.sampled_from(ZONES),
)
@settings(max_examples=60, deadline=None)
def test_kept_and_dropped_are_what_was_read_and_sums_those_of_a_plain_count(
    logs: list[tuple[list[Row], str]], zone: str
) -> None:
    logs = [([WHOLE], "csv"), *logs]
    became, kept = plain_count([row for rows, _ in logs for row in rows], zone)
    with TemporaryDirectory() as folder:
        paths = [
            write(Path(folder) / f"log-{index}", rows, kind)
            for index, (rows, kind) in enumerate(logs)
        ]
        if became["bad"]:
            with pytest.raises(UsageLogError):
                read_usage(*paths, columns=COLUMNS, timezone=zone)
        found = read_usage(*paths, columns=COLUMNS, timezone=zone, skip_bad=True)
    account = found.reckoning
    assert account.read == account.kept + sum(account.dropped.values())
    assert account.read == sum(len(rows) for rows, _ in logs)
    assert {"kept": account.kept, **account.dropped} == {
        what: count for what, count in became.items() if count
    }
    assert account.kept == sum(one.kept for one in account.files) == found.frame.height
    assert {kind: account.sums[kind] for kind in KINDS} == {
        kind: sum(one["counts"][kind] for one in kept) for kind in KINDS
    }
    assert account.agents == len({one["who"] for one in kept})
    rows = found.frame.select(*KINDS, "team", "agent").rows()
    assert rows == [(*one["counts"].values(), *one["who"]) for one in kept]
    seconds = [time.replace(microsecond=0) for time in found.frame["time"]]
    assert seconds == [one["when"].replace(microsecond=0) for one in kept]


@given(rows_of_logs, st.floats(0, 1, exclude_max=True), st.sampled_from(["csv", "jsonl"]))
@settings(max_examples=60, deadline=None)
def test_a_compressed_log_is_read_whole_or_refused(
    rows: list[Row], share: float, kind: str
) -> None:
    with TemporaryDirectory() as folder:
        path = write(Path(folder) / "log", [WHOLE, *rows], kind)
        packed = gzip.compress(path.read_bytes())
        cut = path.with_suffix(".gz")
        cut.write_bytes(packed[: max(2, int(len(packed) * share))])
        with pytest.raises(UsageLogError, match="damaged or cut off"):
            read_usage(cut, columns=COLUMNS, timezone="UTC", skip_bad=True)
