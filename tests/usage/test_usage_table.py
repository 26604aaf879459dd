"""Usage rows counted by turn, agent and model: CSV and Parquet, good and bad."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import polars
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_economy.core.errors import ScenarioError
from sim_economy.usage import parquet_rows
from sim_economy.usage.civil_time import parse_start, parse_turn_length, parse_zone
from sim_economy.usage.counted_usage import CountedUsage, LoggedAgent
from sim_economy.usage.usage_form import KINDS
from sim_economy.usage.usage_table import CivilTurns, is_usage_table, read_counts
from tests.usage.logs import COLUMNS, csv_log, log_row, parquet_log

WRITERS: Final = {"csv": csv_log, "parquet": parquet_log}
COUNT: Final = "must be an integer from 0 to 9007199254740992"


@pytest.fixture(scope="module", autouse=True)
def _small_blocks() -> Iterator[None]:
    """Blocks of two rows, so that what belongs together lies in several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_rows, "_BLOCK_ROWS", 2)
        yield


def civil(length: str = "1d", zone: str = "UTC", start: str | None = None) -> CivilTurns:
    clocks = parse_zone(zone)
    return CivilTurns(
        parse_turn_length(length), clocks, None if start is None else parse_start(start, clocks)
    )


@pytest.fixture(params=WRITERS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def counted(
    folder: Path, form: str, rows: list[dict[str, Any]], turns: CivilTurns | None
) -> CountedUsage:
    return read_counts(WRITERS[form](folder / f"log.{form}", rows), turns)


def problems(
    folder: Path, form: str, rows: list[dict[str, Any]], turns: CivilTurns | None
) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        counted(folder, form, rows, turns)
    return [one.replace(f"{folder / f'log.{form}'}", "LOG") for one in caught.value.problems]


MOMENTS: Final = st.integers(0, 9 * 86_400).map(
    lambda seconds: datetime(2026, 3, 25, tzinfo=UTC) + timedelta(seconds=seconds)
)
ROWS: Final = st.lists(
    st.tuples(
        MOMENTS, st.sampled_from("ab"), st.sampled_from(["", "t", "u"]),
        st.sampled_from(["", "m"]), st.tuples(*[st.integers(0, 2**53)] * 5),
    ),
    min_size=1, max_size=20,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(ROWS, st.sampled_from(["1d", "1h", "1w"]), st.booleans())
def test_sums_equal_a_plain_count_in_both_forms(
    rows: list[Any], length: str, starts_later: bool
) -> None:
    zone = parse_zone("Europe/Berlin")
    start = "2026-03-29" if starts_later else None
    written = [
        log_row(
            f"{moment:%Y-%m-%dT%H:%M:%SZ}", agent, team=team, model=model,
            **dict(zip(KINDS, counts, strict=True)),
        )
        for moment, agent, team, model, counts in rows
    ]  # fmt: skip
    with TemporaryDirectory() as folder:
        read = [
            counted(Path(folder), form, written, civil(length, "Europe/Berlin", start))
            for form in WRITERS
        ]
    for own in read:
        assert own.calendar is not None
        expected: Counter[Any] = Counter()
        for moment, agent, team, model, counts in rows:
            begun = [at for at in own.calendar.bounds if at <= moment.timestamp() * 10**6]
            for kind, tokens in zip(KINDS, counts, strict=True):
                expected[len(begun), agent, team, model, kind] += tokens if begun else 0
        found = {
            (turn, *who, model, kind): tokens
            for turn, agents in own.counts.items()
            for who, models in agents.items()
            for model, sums in models.items()
            for kind, tokens in zip(KINDS, sums, strict=True)
            if tokens
        }
        assert found == +expected
        assert own.rows_before + sum(own.rows_by_turn.values()) == len(rows)
        first = own.calendar.begins(1).astimezone(zone)
        assert (first.hour, first.minute) == (0, 0) or length == "1h"
    assert read[0].counts == read[1].counts


def test_rows_with_turns_are_summed_too(tmp_path: Path, form: str) -> None:
    rows = [{"turn": turn, **log_row("", output=5)} for turn in (2, 2, 4)]
    for row in rows:
        del row["time"]
    own = counted(tmp_path, form, rows, None)
    ann = LoggedAgent("ann", "")
    assert {turn: agents[ann][""][4] for turn, agents in own.counts.items()} == {2: 10, 4: 5}
    assert own.calendar is None


def test_columns_that_a_table_lacks_are_nothing(tmp_path: Path, form: str) -> None:
    rows = [{"time": "2026-03-01T00:00:00Z", "agent": "ann", "thinking": 1, "output": 2}]
    own = counted(tmp_path, form, rows, civil())
    assert own.counts == {1: {LoggedAgent("ann", ""): {"": (0, 0, 0, 1, 2)}}}


def test_whole_floats_are_integers(tmp_path: Path, form: str) -> None:
    own = counted(tmp_path, form, [log_row("2026-03-01T00:00:00Z", input=12.0)], civil())
    assert own.totals() == {"": (12, 0, 0, 0, 0)}


@pytest.mark.parametrize("value", [-1, 2**53 + 1, 1.5, float("nan"), float("inf")])
@pytest.mark.parametrize("kind", KINDS)
def test_a_count_that_is_none_is_named_with_its_row(
    tmp_path: Path, form: str, kind: str, value: float
) -> None:
    rows = [log_row("2026-03-01T00:00:00Z"), log_row("2026-03-01T00:00:00Z") | {kind: value}]
    row = "line 3" if form == "csv" else "row 2"
    assert problems(tmp_path, form, rows, civil()) == [f"usage.path: LOG, {row}: {kind} {COUNT}"]


@pytest.mark.parametrize(
    "time",
    [
        "",
        "1790845205",
        "2026-03-01",
        "2026-03-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
    ],
)
def test_a_time_without_a_zone_or_out_of_range_is_refused(tmp_path: Path, time: str) -> None:
    (problem,) = problems(tmp_path, "csv", [log_row(time)], civil())
    assert problem.startswith("usage.path: LOG, line 2: time must be a time with a zone, such as")


@pytest.mark.parametrize("column", [["2026-03-01"], [datetime(2026, 3, 1)], [20_000]])  # noqa: DTZ001
def test_a_column_of_times_without_a_zone_is_refused(tmp_path: Path, column: list[Any]) -> None:
    path = tmp_path / "log.parquet"
    frame = {"time": column, "agent": ["ann"], "thinking": [1], "output": [1]}
    polars.DataFrame(frame).write_parquet(path)
    with pytest.raises(ScenarioError, match="row 1: time must be a time with a zone"):
        read_counts(path, civil())


def test_an_agent_without_a_name_is_refused(tmp_path: Path, form: str) -> None:
    (problem,) = problems(tmp_path, form, [log_row("2026-03-01T00:00:00Z", "")], civil())
    assert problem.endswith(": agent must be a name")


def test_columns_that_must_be_there_are_named(tmp_path: Path, form: str) -> None:
    rows = [{"time": "2026-03-01T00:00:00Z", "agent": "ann", "output": 1}]
    assert problems(tmp_path, form, rows, civil()) == ["usage.path: LOG lacks the columns thinking"]


def test_dates_need_the_length_of_a_turn(tmp_path: Path, form: str) -> None:
    (problem,) = problems(tmp_path, form, [log_row("2026-03-01T00:00:00Z")], None)
    assert problem.startswith("usage.turn_length: is missing; ")


def test_a_row_longer_than_a_turn_is_refused(tmp_path: Path, form: str) -> None:
    rows = [log_row("2026-03-01T00:00:00Z", seconds=86_400)] * 3
    (problem,) = problems(tmp_path, form, rows, civil("1h"))
    said = "a row of 86400 seconds from 2026-03-01T00:00:00Z is longer than a turn of 1h"
    assert said in problem
    assert problem.endswith(", so too 2 more rows")


def test_a_row_that_a_zone_cuts_is_refused(tmp_path: Path, form: str) -> None:
    rows = [log_row("2026-03-01T00:00:00Z", seconds=86_400)]
    (problem,) = problems(tmp_path, form, rows, civil("1d", "Europe/Berlin"))
    assert "is cut by the bound of a turn in Europe/Berlin" in problem
    assert counted(tmp_path, form, rows, civil("1w")).rows_by_turn == {1: 1}


@pytest.mark.parametrize("seconds", [3600, "", 1800])
def test_a_row_within_its_turn_is_kept(tmp_path: Path, form: str, seconds: Any) -> None:
    rows = [log_row("2026-03-01T05:00:00Z", seconds=seconds, output=3)]
    assert counted(tmp_path, form, rows, civil("1h")).totals() == {"": (0, 0, 0, 0, 3)}


def test_a_log_that_ends_before_the_start_has_no_rows(tmp_path: Path, form: str) -> None:
    own = counted(tmp_path, form, [log_row("2026-03-01T05:00:00Z")], civil(start="2026-04-01"))
    assert own.rows_before == 1
    with pytest.raises(ScenarioError, match="has no rows; all lie before usage"):
        _ = own.last


def test_counts_beyond_64_bits_add_up(tmp_path: Path, form: str) -> None:
    rows = [log_row("2026-03-01T05:00:00Z", input=2**53)] * 2048
    assert counted(tmp_path, form, rows, civil()).totals()[""][0] == 2**64


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (COLUMNS, True),
        (("turn", *COLUMNS[1:]), True),
        (("turn", "agent", "thinking", "output"), False),
        (("turn", "agent", "thinking", "output", "time", "input"), False),
        (("time", "agent", "thinking", "output"), True),
    ],
)
def test_a_trace_of_old_stays_one(columns: tuple[str, ...], rows: bool) -> None:
    assert is_usage_table(columns) is rows
