"""The one table of what providers report and what is billed: the rows of docs/spec/billing.md."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

import pytest

from sim_economy.orchestrator.dialogue.messages import CallFailed, ModelUsage, UsageNote
from sim_economy.orchestrator.dialogue.providers.usage_report import usage_in
from sim_economy.orchestrator.settings import ModelSetting
from tests.architecture.source import ROOT
from tests.orchestrator.test_hosted import (
    ANTHROPIC,
    GOOGLE,
    OPENAI,
    REPLY,
    Stub,
    ask,
    setting,
    stub,
)

__all__ = ["stub"]

NAMES: Final = {"anthropic": "claude-sonnet-4-5", "google": "gemini-2.5-flash"}


class Row(NamedTuple):
    provider: str
    server: str
    report: dict[str, Any]
    billed: ModelUsage


def rows() -> list[Row]:
    text = (ROOT / "docs" / "spec" / "billing.md").read_text(encoding="utf-8")
    found = []
    for line in re.findall(r"^\| `.*\|$", text, re.MULTILINE):
        provider, server, report, _, *figures, note = (
            cell.strip().strip("`") for cell in line.strip("|").split("|")
        )
        read, written, output, thinking = map(int, figures[1:])
        note_of = UsageNote(note) if note else None
        billed = ModelUsage(int(figures[0]), output, thinking, read, written, note_of)
        found.append(Row(provider, server, json.loads(report), billed))
    return found


ROWS: Final = rows()


def whole(row: Row) -> Any:
    match row.provider:
        case "anthropic":
            return {**ANTHROPIC, "usage": row.report}
        case "google":
            return {**GOOGLE, "usageMetadata": row.report}
        case _:
            return {**OPENAI, "usage": row.report}


def less(report: Any) -> Any:
    """Figures of an earlier part of the stream; a total too, that no longer counts."""
    if isinstance(report, dict):
        return {name: less(value) for name, value in report.items()}
    return report // 2


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "small"}
    return {**head, "choices": choices, **more}


def streamed(provider: str, report: dict[str, Any]) -> list[dict[str, Any]]:
    """A stream that reports on its way and at its end."""
    match provider:
        case "anthropic":
            begin = {**ANTHROPIC, "content": [], "stop_reason": None, "usage": less(report)}
            block = {"type": "text", "text": ""}
            return [
                {"type": "message_start", "message": begin},
                {"type": "content_block_start", "index": 0, "content_block": block},
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "text_delta", "text": REPLY},
                },
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": report},
                {"type": "message_stop"},
            ]
        case "google":
            candidate = {"content": {"role": "model", "parts": [{"text": REPLY[:9]}]}}
            end = {"content": {"role": "model", "parts": [{"text": REPLY[9:]}]}}
            return [
                {**GOOGLE, "candidates": [candidate], "usageMetadata": less(report)},
                {
                    **GOOGLE,
                    "candidates": [{**end, "finishReason": "STOP"}],
                    "usageMetadata": report,
                },
            ]
        case _:
            return [
                chunk({"role": "assistant", "content": REPLY[:9]}, usage=less(report)),
                chunk({"content": REPLY[9:]}, usage=less(report)),
                chunk({}, "stop"),
                {**chunk({}), "choices": [], "usage": report},
            ]


def events(values: list[dict[str, Any]], *, done: bool) -> bytes:
    parts = [
        (f"event: {value['type']}\n" if "type" in value else "") + f"data: {json.dumps(value)}\n\n"
        for value in values
    ]
    return "".join([*parts, "data: [DONE]\n\n" if done else ""]).encode()


def billed(model: ModelSetting) -> ModelUsage | None:
    """What a call takes; a client library that insists on a total reads no answer without one."""
    try:
        answer, _ = ask(model)
    except CallFailed as failed:
        return failed.usage if "total_tokens" in failed.detail else None
    assert answer.text == REPLY
    return answer.usage


def test_the_table_has_every_provider_and_every_note() -> None:
    assert {row.provider for row in ROWS} == {"openai", "openai-compatible", "anthropic", "google"}
    assert {row.billed.note for row in ROWS} == {None, *UsageNote}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.server)
def test_a_report_is_billed_as_the_page_says(stub: Stub, row: Row) -> None:
    model = NAMES.get(row.provider, "small")
    stub.answers(whole(row))
    assert billed(setting(stub, row.provider, model=model)) == row.billed
    values = streamed(row.provider, row.report)
    stub.answers(events(values, done=row.provider.startswith("openai")))
    stub.kind = "text/event-stream"
    assert billed(setting(stub, row.provider, model=model, stream=True)) == row.billed


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.server)
def test_a_stream_that_broke_off_reports_nothing(row: Row) -> None:
    values = streamed(row.provider, row.report)
    assert usage_in(events(values, done=True), row.provider) == row.billed
    marked = row.provider == "anthropic"
    for kept in range(len(values) + (not marked)):
        cut = events(values[:kept], done=False)
        assert usage_in(cut, row.provider, complete=False) is None, kept
        if kept < len(values) - 1:
            assert usage_in(cut, row.provider) is None, kept


def test_a_stream_without_a_mark_is_whole_where_usage_follows_the_finish() -> None:
    report = {"prompt_tokens": 90, "completion_tokens": 30, "total_tokens": 120}
    finish = chunk({}, "stop", usage=report)
    assert usage_in(events([finish], done=False), "openai-compatible") == ModelUsage(90, 30)
    before = [chunk({"content": "x"}, usage=report), chunk({}, "stop")]
    assert usage_in(events(before, done=False), "openai-compatible") is None
    failed = [finish, {"error": {"message": "lost the model"}}]
    assert usage_in(events(failed, done=True), "openai-compatible") is None


@pytest.mark.parametrize(
    "value",
    [
        {"x_groq": {"usage": {"prompt_tokens": 90, "completion_tokens": 30}}},
        {"choices": [{"index": 0, "usage": {"prompt_tokens": 90, "completion_tokens": 30}}]},
        {"usage": {"prompt_tokens": 90, "total_tokens": 120}},
        {"usage": {"completion_tokens": 30, "total_tokens": 120}},
        {"usage": {"input_tokens": 90.0, "output_tokens": 30}},
    ],
    ids=str,
)
def test_where_else_figures_stand(value: dict[str, Any]) -> None:
    assert usage_in(json.dumps(value).encode(), "openai-compatible") == ModelUsage(90, 30)


@pytest.mark.parametrize(
    "usage",
    [
        None, 5, [], {}, {"prompt_tokens": 90}, {"prompt_tokens": "9", "completion_tokens": 3},
        {"prompt_tokens": True, "completion_tokens": 3},
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": 1.5, "completion_tokens": 3},
    ],
    ids=str,
)  # fmt: skip
def test_figures_that_are_none(usage: Any) -> None:
    for provider in ("openai-compatible", "anthropic"):
        assert usage_in(json.dumps({"usage": usage}).encode(), provider) is None


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[" * 100_000, b"data: [\n\n", b"data: [DONE]\n\n"]
)
def test_bytes_that_report_nothing(body: bytes) -> None:
    assert usage_in(body, "google") is None
