"""Hostile and damaged logs: every bad record found, none of their text shown, nothing half done."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from sim_economy.core.errors import FolderError, UsageLogError
from sim_economy.usage.intake import ImportOptions
from sim_economy.usage.usage_import import read_usage, write_usage
from tests.usage.raw_logs import SHAPES, column, counts, csv_log, json_lines, refused

GOOD = {"time": "2026-10-01T12:00:00Z", "agent": "a", "input": 5, "output": 7}
SECRET = "s3cret=<script>"


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("input", -1, "input is not a whole number"),
        ("input", "NaN", "input is not a whole number"),
        ("input", "1.5", "input is not a whole number"),
        ("input", SECRET, "input is not a whole number"),
        ("output", 2**53 + 1, "output is not a whole number"),
        ("output", "1" * 40, "output is not a whole number"),
        ("output", True, "output is not a whole number"),
        ("cache_read", -2, "cache_read is not a whole number"),
        ("calls", "many", "calls is not a whole number"),
        ("seconds", -5, "length is not a whole number"),
        ("cost", SECRET, "cost is not a number"),
        ("cost", "inf", "cost is not a number"),
        ("time", SECRET, "has no time"),
        ("agent", {"a": SECRET}, "a name is not text"),
        ("agent", "nul\x00", "a name is not text"),
        ("model", [SECRET], "a name is not text"),
    ],
)
def test_a_bad_record_is_named_by_its_line_and_not_by_its_text(
    tmp_path: Path, field: str, value: Any, problem: str
) -> None:
    log = json_lines(tmp_path / "a.jsonl", [GOOD, {**GOOD, field: value}, GOOD])
    found, advice = refused(log)
    assert found.startswith(f"{log}, line 2: {problem}")
    assert SECRET not in found
    assert "--skip-bad" in advice
    skipped = read_usage(log, skip_bad=True)
    assert skipped.reckoning.dropped == {"bad": 1}
    assert skipped.reckoning.kept == 2
    assert list(skipped.reckoning.bad) == [found]


def test_all_bad_records_are_counted_and_twenty_are_named(tmp_path: Path) -> None:
    text = "time,agent,input,output\n" + "2026-10-01T12:00:00Z,a,-1,1\n" * 30 + "x,y\n" * 5
    (tmp_path / "a.csv").write_text(text + "2026-10-01T12:00:00Z,a,3,4\n")
    problems = refused(tmp_path / "a.csv")
    assert len([problem for problem in problems if ", line " in problem]) == 20
    assert "and 15 more bad records" in problems
    found = read_usage(tmp_path / "a.csv", skip_bad=True)
    assert (found.reckoning.read, found.reckoning.kept) == (36, 1)
    assert counts(found) == [(3, 0, 0, 0, 4)]


def test_rows_with_too_many_or_few_cells_and_bytes_that_are_no_text_are_bad(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.csv"
    lines = [b"time,agent,input,output", b"2026-10-01T12:00:00Z,a,1,2", b"2026-10-01T12:00:00Z,a,1",
             b"2026-10-01T12:00:00Z,\xff,1,2", b"2026-10-01T12:00:00Z,a,1,2,3"]  # fmt: skip
    path.write_bytes(b"\n".join(lines))
    problems = refused(path)[:3]
    assert problems == [
        f"{path}, line 3: has 3 cells, the header 4",
        f"{path}, line 4: is not UTF-8",
        f"{path}, line 5: has 5 cells, the header 4",
    ]


def test_a_line_that_is_no_json_is_bad_and_deep_nesting_kills_nobody(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [GOOD])
    with path.open("a") as file:
        file.write('{"time": 5,\n' + "[" * 100_000 + "\n")
    problems = refused(path)
    assert problems[0] == f"{path}, line 2: is not JSON"
    assert problems[1].startswith(f"{path}, line 3: is ")
    assert read_usage(path, skip_bad=True).reckoning.kept == 1


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.99])
@pytest.mark.parametrize("name", ["litellm_spendlogs.csv", "openinference_spans.jsonl"])
def test_a_compressed_log_that_is_cut_off_is_refused(
    tmp_path: Path, name: str, kept: float
) -> None:
    packed = gzip.compress((SHAPES / name).read_bytes())
    path = tmp_path / "a.gz"
    path.write_bytes(packed[: int(len(packed) * kept)])
    (problem,) = refused(path, skip_bad=True)
    assert problem == f"{path}: its compressed data is damaged or cut off; fetch it again"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"PAR1 and then nothing of it", "is a damaged Parquet file"),
        (b'{"a": [1,\n 2', "is not JSON"),
        (b'time,agent,input,output\n"2026', "is not CSV"),
        (b"time,time,input\n1,2,3\n", "two of its columns have the same name"),
        (b"a,b\n1,2\n", "is of none of the forms"),
        (b"1,2,3\n4,5,6\n", "its first line holds numbers"),
        (b'[{"a": 1}]', "is of none of the forms"),
    ],
)
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    (found,) = refused(path)
    assert found.startswith(str(path))
    assert problem in found


@pytest.mark.parametrize("content", [b"", b"\n\n", b"[]", b'{"data": []}'])
def test_an_empty_log_has_no_records(tmp_path: Path, content: bytes) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(content)
    found = read_usage(empty, json_lines(tmp_path / "b.jsonl", [GOOD]))
    assert [one.read for one in found.reckoning.files] == [0, 1]
    assert read_usage(empty).reckoning.kept == 0


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"form": "litelm"}, "did you mean litellm"),
        ({"timezone": "Mars/Base"}, "there is no Mars/Base"),
        ({"columns": {"time": "time", "inptu": "x"}}, "there is no inptu"),
        ({"columns": {"input": "input"}}, "name a time, or a turn"),
        ({"columns": {"time": "time"}}, "name at least one of input"),
        ({"columns": {"time": "time", "input": "prompts"}}, "no record has prompts"),
        ({"agent": "robot"}, "has no robot to take agents from"),
        ({"form": "langfuse"}, "is of none of the forms langfuse"),
    ],
)
def test_a_wrong_option_is_refused(tmp_path: Path, options: dict[str, Any], problem: str) -> None:
    log = csv_log(tmp_path / "a.csv", [GOOD])
    (found,) = refused(log, **options)
    assert problem in found


def test_logs_with_times_and_logs_with_turns_are_not_mixed(tmp_path: Path) -> None:
    turns = json_lines(tmp_path / "a.jsonl", [{"turn": 1, "agent": "a", "input": 1, "output": 1}])
    times = json_lines(tmp_path / "b.jsonl", [GOOD])
    assert "some of the logs have times" in refused(turns, times)[0]


def test_nothing_is_written_unless_it_is_whole(tmp_path: Path) -> None:
    bad = json_lines(tmp_path / "a.jsonl", [GOOD, {**GOOD, "input": -1}])
    out = tmp_path / "out" / "usage.parquet"
    with pytest.raises(UsageLogError):
        write_usage([bad], out, ImportOptions())
    assert list(out.parent.iterdir()) == []
    write_usage([bad], out, ImportOptions(skip_bad=True))
    assert [path.name for path in out.parent.iterdir()] == ["usage.parquet"]
    before = out.read_bytes()
    with pytest.raises(UsageLogError):
        write_usage([bad], out, ImportOptions())
    assert out.read_bytes() == before
    assert [path.name for path in out.parent.iterdir()] == ["usage.parquet"]


def test_neither_a_log_nor_a_strangers_file_is_written_over(tmp_path: Path) -> None:
    log = csv_log(tmp_path / "a.csv", [GOOD])
    with pytest.raises(UsageLogError, match="is one of the logs"):
        write_usage([log], log, ImportOptions())
    other = tmp_path / "b.csv"
    other.write_text("name,wage\n")
    with pytest.raises(FolderError, match="holds no usage rows"):
        write_usage([log], other, ImportOptions())
    with pytest.raises(UsageLogError, match=r"must end in \.parquet or \.csv"):
        write_usage([log], tmp_path / "b.txt", ImportOptions())


def test_no_content_of_messages_is_kept(tmp_path: Path) -> None:
    record = {
        "timestamp": "2026-10-01T12:00:00Z", "sessionId": "s", "cwd": SECRET,
        "message": {"id": "m", "content": [{"text": SECRET}], "usage": {"input_tokens": 1}},
    }  # fmt: skip
    log = json_lines(tmp_path / "a.jsonl", [{"content": SECRET}, record])
    for name in ("usage.csv", "usage.parquet"):
        out = tmp_path / name
        reckoning = write_usage([log], out, ImportOptions())
        assert SECRET.encode() not in out.read_bytes()
        assert SECRET not in repr(reckoning)


def test_a_name_is_the_same_from_csv_as_from_parquet(tmp_path: Path) -> None:
    names = ["=1+1", "'=x", "'", "007", "ok", 'Ünï, "quoted"\nname', "@a"]
    log = json_lines(tmp_path / "a.jsonl", [{**GOOD, "agent": name, "id": name} for name in names])
    for name in ("usage.csv", "usage.parquet"):
        write_usage([log], tmp_path / name, ImportOptions())
        again = read_usage(tmp_path / name)
        assert column(again, "agent") == names
        assert column(again, "id") == names
        assert column(again, "calls") == [1] * len(names)
    assert "Z,'=1+1," in (tmp_path / "usage.csv").read_text(encoding="utf-8")


def test_the_same_logs_give_the_same_bytes(tmp_path: Path) -> None:
    logs = sorted(SHAPES.glob("*spans*"))
    for name in ("a.parquet", "b.parquet"):
        write_usage(logs, tmp_path / name, ImportOptions())
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
