"""What forms of logs do to mislead a reader, one test each."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sim_economy.usage.usage_import import read_usage
from tests.usage.raw_logs import SAMPLES, SHAPES, column, counts, csv_log, json_lines, refused

COLUMNS = {"time": "t", "agent": "a", "team": "team", "id": "id", "input": "in", "output": "out"}
NOON = "2026-10-01T12:00:00Z"


def claude(message: str, time: str, output: int, **usage: Any) -> dict[str, Any]:
    figures = {"input_tokens": 3, "output_tokens": output, "cache_creation_input_tokens": 0}
    message_value = {"id": message, "model": "claude-x", "usage": {**figures, **usage}}
    return {"timestamp": time, "sessionId": "s", "message": message_value}


def span(number: int, operation: str, **usage: int) -> dict[str, Any]:
    names = {f"gen_ai.usage.{name}": count for name, count in usage.items()}
    return {
        "traceId": f"trace-{number}",
        "spanId": f"span-{number}-{operation}",
        "startTimeUnixNano": "1790845205000000000",
        "attributes": {"gen_ai.operation.name": operation, **names},
    }


def codex(total: int, last: int) -> dict[str, Any]:
    info = {
        "last_token_usage": {"input_tokens": last, "cached_input_tokens": 2, "output_tokens": 5},
        "total_token_usage": {"total_tokens": total},
    }
    return {
        "timestamp": NOON,
        "type": "event_msg",
        "payload": {"type": "token_count", "info": info},
    }


# Repeated records


def test_the_last_of_a_message_gives_the_counts_and_the_first_the_time_over_all_files(
    tmp_path: Path,
) -> None:
    early = json_lines(tmp_path / "a.jsonl", [claude("m", "2026-10-01T12:00:00Z", 1)])
    late = json_lines(
        tmp_path / "b.jsonl",
        [claude("m", "2026-10-01T12:00:05Z", 70), claude("n", "2026-10-01T12:00:06Z", 4)],
    )
    found = read_usage(early, late)
    assert column(found, "output") == [70, 4]
    assert column(found, "time")[0].isoformat() == "2026-10-01T12:00:00+00:00"
    assert found.reckoning.dropped == {"repeated": 1}
    assert [(one.read, one.kept) for one in found.reckoning.files] == [(1, 0), (2, 2)]


def test_a_record_without_usage_does_not_replace_one_with_it(tmp_path: Path) -> None:
    nothing = claude("m", "2026-10-01T12:00:01Z", 0, input_tokens=0)
    log = json_lines(tmp_path / "a.jsonl", [claude("m", NOON, 9), nothing])
    found = read_usage(log)
    assert column(found, "output") == [9]
    assert found.reckoning.dropped == {"without_usage": 1}


def test_repeats_are_found_at_any_distance(tmp_path: Path) -> None:
    rows = 300_000
    numbers = pl.int_range(rows, eager=True)
    ids = (numbers % (rows - 1)).cast(pl.String)
    frame = pl.DataFrame({"t": 1_790_000_000 + numbers, "id": ids, "in": numbers + 1})
    frame.write_parquet(tmp_path / "log.parquet")
    found = read_usage(tmp_path / "log.parquet", columns={"time": "t", "id": "id", "input": "in"})
    assert found.reckoning.dropped == {"repeated": 1}
    assert column(found, "input") == [*range(2, rows + 1)]
    assert column(found, "time")[-1].timestamp() == 1_790_000_000


def test_a_codex_event_whose_total_did_not_grow_is_a_repeat(tmp_path: Path) -> None:
    session = {"timestamp": NOON, "type": "session_meta", "payload": {"id": "session-1"}}
    context = {"timestamp": NOON, "type": "turn_context", "payload": {"model": "gpt-x"}}
    other = {"timestamp": NOON, "type": "session_meta", "payload": {"id": "session-2"}}
    events = [codex(10, 10), codex(10, 10), codex(22, 12), other, codex(9, 9)]
    found = read_usage(json_lines(tmp_path / "a.jsonl", [session, context, *events]))
    assert counts(found) == [(8, 2, 0, 0, 5), (10, 2, 0, 0, 5), (7, 2, 0, 0, 5)]
    assert column(found, "agent") == ["session-1", "session-1", "session-2"]
    assert column(found, "model") == ["gpt-x"] * 3
    assert found.reckoning.dropped == {"repeated": 1, "without_usage": 3}


def test_spans_that_repeat_their_children_are_left_out_and_lone_ones_are_said(
    tmp_path: Path,
) -> None:
    spans = [
        span(1, "chat", input_tokens=10, output_tokens=5),
        span(1, "invoke_agent", input_tokens=10, output_tokens=5),
        span(2, "invoke_agent", input_tokens=7, output_tokens=7),
        span(3, "execute_tool"),
    ]
    found = read_usage(json_lines(tmp_path / "a.jsonl", spans))
    assert counts(found) == [(10, 0, 0, 0, 5)]
    assert found.reckoning.dropped == {"sum_of_children": 2, "without_usage": 1}
    assert "1 trace with usage only in spans that repeat their children" in found.reckoning.notes


def test_older_names_of_opentelemetry_are_read_and_a_failed_call_counts_as_one(
    tmp_path: Path,
) -> None:
    failed = span(2, "chat")
    failed["attributes"]["error.type"] = "529"
    spans = [span(1, "chat", prompt_tokens=10, completion_tokens=5), failed]
    found = read_usage(json_lines(tmp_path / "a.jsonl", spans))
    assert counts(found) == [(10, 0, 0, 0, 5)]
    assert found.reckoning.dropped == {"failed": 1}


# Counts


def test_types_of_usage_with_free_names_exclude_each_other(tmp_path: Path) -> None:
    details = {
        "input": 5, "input_audio_tokens": 7, "input_cached_tokens": 11, "output": 13,
        "output_reasoning_tokens": 17, "output_image": 19, "total": 72,
    }  # fmt: skip
    record = {"id": "1", "type": "GENERATION", "start_time": NOON, "usage_details": details}
    found = read_usage(json_lines(tmp_path / "a.jsonl", [record]))
    assert counts(found) == [(12, 11, 0, 17, 32)]


def test_cached_tokens_that_input_is_without_are_refused_and_read_apart(tmp_path: Path) -> None:
    usage = {"input_tokens": 10, "output_tokens": 5, "cache_read.input_tokens": 400}
    record = span(1, "chat", **usage)
    record["attributes"]["gen_ai.provider.name"] = "anthropic"
    log = json_lines(tmp_path / "a.jsonl", [record])
    problems = refused(log)
    assert problems[0] == f"{log}, line 1: has more cached tokens than input"
    assert "1 record of anthropic" in problems[1]
    assert "--cache apart" in problems[1]
    assert counts(read_usage(log, cache_apart=True)) == [(10, 400, 0, 0, 5)]


@pytest.mark.parametrize(
    ("five", "hour", "rows"),
    [
        (40, 0, [("claude-x", 1, 40)]),
        (0, 30, [("claude-x+1h", 1, 30)]),
        (40, 30, [("claude-x", 1, 40), ("claude-x+1h", 0, 30)]),
    ],
)
def test_what_is_kept_for_an_hour_is_a_tier_of_its_own(
    tmp_path: Path, five: int, hour: int, rows: list[tuple[str, int, int]]
) -> None:
    split = {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour}
    usage = {"cache_creation_input_tokens": five + hour, "cache_creation": split}
    found = read_usage(json_lines(tmp_path / "a.jsonl", [claude("m", NOON, 9, **usage)]))
    assert found.frame.select("model", "calls", "cache_write").rows() == rows
    assert found.reckoning.kept == 1
    assert sum(column(found, "output")) == 9


def test_a_tier_that_changes_the_price_is_part_of_the_model(tmp_path: Path) -> None:
    result = {
        "input_tokens": 10, "output_tokens": 5, "num_model_requests": 1, "project_id": "p",
        "model": "gpt-x", "batch": True, "service_tier": "default",
    }  # fmt: skip
    page = {"data": [{"start_time": 1790812800, "end_time": 1790899200, "results": [result]}]}
    (tmp_path / "a.json").write_text(json.dumps(page, indent=1))
    assert column(read_usage(tmp_path / "a.json"), "model") == ["gpt-x+batch"]


def test_unknown_is_not_zero_and_is_said() -> None:
    notes = read_usage(SHAPES / "openai_usage_completions.json").reckoning.notes
    assert "thinking of openai is not in every log: 0 there stands for unknown" in notes
    assert "openai has no id in 2 records: repeats are not found there" in notes


def test_sums_beyond_what_a_machine_word_holds_are_exact(tmp_path: Path) -> None:
    outputs = [2**53] * 1100
    frame = pl.DataFrame({"turn": range(1, 1101), "agent": "a", "input": 1, "output": outputs})
    frame.write_parquet(tmp_path / "a.parquet")
    found = read_usage(tmp_path / "a.parquet")
    assert found.reckoning.sums["output"] == 1100 * 2**53 > 2**63


# Whose they are


def test_a_name_in_two_teams_is_two_agents_and_no_name_is_unattributed(tmp_path: Path) -> None:
    rows = [
        {"t": NOON, "a": agent, "team": team, "id": "", "in": 1, "out": 1}
        for team, agent in (("x", "bob"), ("y", "bob"), ("x", ""), ("", ""), ("y", " "))
    ]
    found = read_usage(csv_log(tmp_path / "a.csv", rows), columns=COLUMNS)
    assert found.frame.select("team", "agent").rows() == [
        ("x", "bob"), ("y", "bob"), ("x", "unattributed"), (None, "unattributed"),
        ("y", "unattributed"),
    ]  # fmt: skip
    assert found.reckoning.agents == 5
    assert found.reckoning.teams == 2
    assert "1 name in several teams: an agent of its own in each" in found.reckoning.notes


@pytest.mark.parametrize(
    ("agent", "names"),
    [("team", {"search", "support"}), ("llm.model_name", {"gpt-5-mini", "claude-sonnet-4-5"}),
     ("attributes/agent.name", {"planner", "writer", "triage", "unattributed"})],
)  # fmt: skip
def test_another_field_names_the_agent(agent: str, names: set[str]) -> None:
    field = "attributes/llm.model_name" if agent == "llm.model_name" else agent
    assert {
        *column(read_usage(SHAPES / "openinference_spans.jsonl", agent=field), "agent")
    } == names


def test_pseudonyms_tell_agents_apart_and_name_nobody() -> None:
    plain = read_usage(SHAPES / "langfuse_observations.jsonl")
    found = read_usage(SHAPES / "langfuse_observations.jsonl", pseudonyms=True)
    assert column(found, "agent") == ["agent_1", "agent_2", "agent_3", "agent_3", "unattributed"]
    assert column(found, "team") == ["team_1", "team_1", "team_2", "team_2", "team_1"]
    assert column(found, "id") == [None] * 5
    assert counts(found) == counts(plain)


# Times


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-10-01 09:00:05", "Europe/Berlin", "2026-10-01T07:00:05Z"),
        ("2026-10-25 02:30:00", "Europe/Berlin", "2026-10-25T00:30:00Z"),
        ("2026-10-25 03:30:00", "Europe/Berlin", "2026-10-25T02:30:00Z"),
        ("2026-06-30T23:59:60Z", None, "2026-06-30T23:59:59Z"),
        ("2023-11-16 18:17:03.9799600", "UTC", "2023-11-16T18:17:03.979960Z"),
        ("2024-11-05T13:32:17.859608-05:00", None, "2024-11-05T18:32:17.859608Z"),
        ("2024-11-05T13:32:17+0530", None, "2024-11-05T08:02:17Z"),
        ("2026-10-01 09:00 UTC", None, "2026-10-01T09:00:00Z"),
        ("1790845205", None, "2026-10-01T09:00:05Z"),
        ("1790845205.25", None, "2026-10-01T09:00:05.250000Z"),
        ("1790845205250", None, "2026-10-01T09:00:05.250000Z"),
        ("1790845205250000", None, "2026-10-01T09:00:05.250000Z"),
        ("1790845205250000123", None, "2026-10-01T09:00:05.250000Z"),
    ],
)
def test_a_time_is_the_instant_it_says(
    tmp_path: Path, text: str, zone: str | None, instant: str
) -> None:
    log = csv_log(tmp_path / "a.csv", [{"t": text, "a": "x", "in": 1, "out": 1}])
    columns = {"time": "t", "agent": "a", "input": "in", "output": "out"}
    assert read_usage(log, columns=columns, timezone=zone).reckoning.first == instant


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("12000", "its times are relative"),
        ("1790845205250000000000", "has no time"),
        ("2026-10-01 09:00:05", "its times have no zone"),
        ("yesterday", "has no time"),
        ("2026-02-30T00:00:00Z", "has no time"),
        ("0001-01-01T00:00:00Z", "has no time"),
        ("", "has no time"),
    ],
)
def test_a_time_that_says_no_instant_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    log = csv_log(tmp_path / "a.csv", [{"t": text, "in": 1}])
    assert problem in refused(log, columns={"time": "t", "input": "in"})[0]


def test_a_time_that_the_clocks_left_out_is_bad(tmp_path: Path) -> None:
    log = csv_log(tmp_path / "a.csv", [{"t": "2026-03-29 02:30:00", "in": 1}])
    options = {"columns": {"time": "t", "input": "in"}, "timezone": "Europe/Berlin"}
    assert "has no time" in refused(log, **options)[0]


@pytest.mark.parametrize(
    ("day", "zone", "start", "seconds"),
    [
        ("2026-10-25", "Europe/Berlin", "2026-10-24T22:00:00Z", 90_000),
        ("2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00Z", 82_800),
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z", 82_800),
        ("2026-10-01", "UTC", "2026-10-01T00:00:00Z", 86_400),
    ],
)
def test_a_record_of_a_day_keeps_the_days_length(
    tmp_path: Path, day: str, zone: str, start: str, seconds: int
) -> None:
    log = csv_log(tmp_path / "a.csv", [{"t": day, "in": 1}])
    found = read_usage(log, columns={"time": "t", "input": "in"}, timezone=zone)
    assert (found.reckoning.first, column(found, "seconds")) == (start, [seconds])


@pytest.mark.parametrize("held", [pl.Datetime("ms"), pl.Datetime("ns", "Asia/Tokyo"), pl.Date])
def test_times_of_parquet_are_read_as_they_are_typed(tmp_path: Path, held: Any) -> None:
    times = pl.Series("time", [1_790_812_800_000]).cast(pl.Datetime("ms")).cast(pl.Datetime("ns"))
    if getattr(held, "time_zone", None):
        times = times.dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo")
    frame = pl.DataFrame({"time": times.cast(held), "agent": ["a"], "input": [1.0], "output": [2]})
    frame.write_parquet(tmp_path / "a.parquet")
    found = read_usage(tmp_path / "a.parquet", timezone="UTC")
    assert found.reckoning.first == "2026-10-01T00:00:00Z"
    assert counts(found) == [(1, 0, 0, 0, 2)]


# Files


@pytest.mark.parametrize(
    "name", ["litellm_spendlogs.csv", "otel_gen_ai_spans.json", "openinference_spans.jsonl"]
)
def test_a_compressed_log_is_the_log(tmp_path: Path, name: str) -> None:
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress((SHAPES / name).read_bytes()))
    assert read_usage(packed).frame.equals(read_usage(SHAPES / name).frame)


def test_parquet_is_read_compressed_and_with_objects_in_its_columns(tmp_path: Path) -> None:
    records = [
        json.loads(line)
        for line in (SHAPES / "langfuse_observations.jsonl").read_text().splitlines()
    ]
    plain = tmp_path / "a.parquet"
    pl.DataFrame(records, infer_schema_length=None).write_parquet(plain)
    packed = tmp_path / "a.parquet.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    wanted = counts(read_usage(SHAPES / "langfuse_observations.jsonl"))
    assert counts(read_usage(plain)) == counts(read_usage(packed)) == wanted


def test_logs_of_several_forms_make_one_account() -> None:
    found = read_usage(SAMPLES / "claude_code_session.jsonl", SHAPES / "litellm_spendlogs.csv")
    assert [one.form for one in found.reckoning.files] == ["claude-code", "litellm"]
    assert found.frame.height == found.reckoning.kept == 8


def test_a_notebook_shows_the_account_and_hostile_names_as_text(tmp_path: Path) -> None:
    script = "<script>alert(1)</script>"
    record = {"time": NOON, "agent": script, "model": script, "input": 1, "output": 1}
    shown = read_usage(json_lines(tmp_path / "a.jsonl", [record]))._repr_html_()
    assert shown.startswith("<p>1 record in 1 file: 1 kept, 0 dropped; 2 tokens of 1 agent")
    assert "rows has no id in 1 record" in shown
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
