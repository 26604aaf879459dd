"""`usage`: logs in, usage rows and their account out."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from tests.cli.shell import complaint, json_of, sim_economy
from tests.usage.raw_logs import SAMPLES, SHAPES


@pytest.mark.parametrize("name", ["usage.parquet", "usage.csv"])
def test_logs_become_usage_rows_and_an_account(tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    account = json_of(
        sim_economy("usage", SHAPES / "litellm_spendlogs.csv", "--out", out, "--json")
    )
    assert account["sentence"] == (
        "7 records in 1 file: 5 kept, 2 dropped (1 repeated, 1 failed); "
        "68,297 tokens of 4 agents, 2026-10-01 to 2026-10-04."
    )
    assert account["read"] == account["kept"] + sum(account["dropped"].values()) == 7
    assert account["cost"] == "0.0423356"
    assert account["models"][0]["model"] == "claude-sonnet-4-5"
    read = pl.read_csv(out) if out.suffix == ".csv" else pl.read_parquet(out)
    assert read.columns == [
        "time", "agent", "team", "model", "id", "calls", "input", "cache_read", "cache_write",
        "thinking", "output", "cost", "seconds",
    ]  # fmt: skip
    assert read["output"].sum() == account["sums"]["output"]


def test_the_account_is_shown_as_tables_after_a_sentence(tmp_path: Path) -> None:
    ended = sim_economy(
        "usage", SHAPES / "otel_gen_ai_spans.json", SAMPLES / "claude_code_session.jsonl",
        "--out", "usage.parquet", cwd=tmp_path,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("11 records in 2 files: 8 kept, 3 dropped")
    for shown in ("Records", "Use by model", "claude-sonnet-4-5", "wrote usage.parquet"):
        assert shown in ended.stdout
    assert "1 trace with usage only in spans that repeat their children" in ended.stdout


def test_options_say_what_a_log_does_not(tmp_path: Path) -> None:
    columns = "time=TIMESTAMP,input=ContextTokens,output=GeneratedTokens"
    arguments = ("usage", SAMPLES / "azure_2023_code.csv", "--columns", columns)
    out = ("--out", tmp_path / "usage.csv")
    assert "say which with --timezone" in complaint(sim_economy(*arguments, *out))
    assert not (tmp_path / "usage.csv").exists()
    account = json_of(sim_economy(*arguments, *out, "--timezone", "UTC", "--json"))
    assert account["sums"]["input"] == 627_529
    assert "must be NAME=COLUMN" in complaint(sim_economy("usage", "x", "--columns", "a", *out))


def test_problems_are_a_list_for_programs(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    log.write_text('{"time": 1790845205, "agent": "a", "input": -1, "output": 1}\n' * 3)
    ended = sim_economy("usage", log, "--out", tmp_path / "usage.csv", "--json")
    assert ended.returncode == 2
    error = json.loads(ended.stderr)["error"]
    assert error["code"] == "usage_invalid"
    assert len(error["problems"]) == 4
    skipped = json_of(
        sim_economy("usage", log, "--skip-bad", "--out", tmp_path / "usage.csv", "--json")
    )
    assert skipped["dropped"] == {"bad": 3}


def test_hostile_names_are_shown_as_text(tmp_path: Path) -> None:
    model = "\x1b[31mred\u202e[/b]"
    record = {"time": 1790845205, "agent": model, "model": model, "input": 1, "output": 1}
    log = tmp_path / "a.jsonl"
    log.write_text(json.dumps(record))
    ended = sim_economy("usage", log, "--out", tmp_path / "usage.csv")
    assert ended.returncode == 0, ended.stderr
    assert "\x1b" not in ended.stdout
    assert "\u202e" not in ended.stdout
    assert "[/b]" in ended.stdout
