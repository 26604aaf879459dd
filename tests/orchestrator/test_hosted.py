"""What goes over the wire, and what is made of what comes back, provider by provider."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from sim_economy.core.errors import ScenarioError
from sim_economy.core.table_reader import NumberText
from sim_economy.orchestrator.agent_turn import request_of
from sim_economy.orchestrator.dialogue.messages import (
    CallFailed,
    CallFailure,
    Message,
    ModelCall,
    ModelOutput,
    ModelUsage,
    Request,
    Shown,
)
from sim_economy.orchestrator.dialogue.providers.hosted import HostedProvider
from sim_economy.orchestrator.dialogue.reply_parser import SCHEMA
from sim_economy.orchestrator.settings import ModelSetting, parse_plan
from tests.orchestrator.setup import SCENARIO

CALL = ModelCall(
    seed=1,
    turn=2,
    agent=3,
    agent_id="agent_3",
    attempt=0,
    key="run-2-3-0",
    shown=Shown(seen={}),
)
HELLO = (
    Message("user", "Turn 2"),
    Message("assistant", "hm"),
    Message("user", "That could not be used"),
)
REPLY = '{"action": "mine"}'
OPENAI: dict[str, Any] = {
    "id": "1", "object": "chat.completion", "created": 1, "model": "small",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": REPLY}, "finish_reason": "stop"}
    ],
    "usage": {
        "prompt_tokens": 90, "completion_tokens": 30, "total_tokens": 120,
        "completion_tokens_details": {"reasoning_tokens": 12},
        "prompt_tokens_details": {"cached_tokens": 40},
    },
}  # fmt: skip
ANTHROPIC = {
    "id": "1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": REPLY}],
    "usage": {"input_tokens": 90, "output_tokens": 30, "cache_read_input_tokens": 10},
}  # fmt: skip
GOOGLE = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": REPLY}]}, "finishReason": "STOP"}
    ],
    "usageMetadata": {
        "promptTokenCount": 90, "candidatesTokenCount": 18, "thoughtsTokenCount": 12,
        "totalTokenCount": 120,
    },
    "modelVersion": "gemini", "responseId": "1",
}  # fmt: skip


class Stub:
    """Answers every request with the same bytes, and remembers what was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""
        self.kind = "application/json"
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                stub.asked.append((self.path, headers, json.loads(content)))
                self.send_response(stub.status)
                self.send_header("Content-Type", stub.kind)
                for name, value in stub.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(stub.body)))
                self.end_headers()
                self.wfile.write(stub.body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answers(self, body: Any, status: int = 200, **headers: str) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.setenv(variable, f"key-of-{variable.lower()}")
    started = Stub()
    yield started
    started.server.shutdown()
    started.server.server_close()


def setting(stub: Stub, provider: str = "openai-compatible", **more: Any) -> ModelSetting:
    path = "/v1" if provider.startswith("openai") else ""
    table = {"provider": provider, "model": "small", "base_url": stub.address + path, **more}
    plan = parse_plan({"models": {"m": table}, "minds": [{"model": "m"}]}, SCENARIO, Path())
    return plan.models["m"]


def ask(
    model: ModelSetting,
    messages: tuple[Message, ...] = HELLO,
    schema: str = SCHEMA,
    call: ModelCall = CALL,
) -> tuple[ModelOutput, Request]:
    asked = schema if model.output != "prompted" else ""
    request = request_of(model, "the rules", messages, asked)

    async def steps() -> ModelOutput:
        provider = HostedProvider(model)
        try:
            return await provider.ask(request, call)
        finally:
            await provider.close()

    return asyncio.run(steps()), request


def test_what_an_openai_compatible_server_is_sent(stub: Stub) -> None:
    stub.answers(OPENAI)
    answer, _ = ask(
        setting(stub, temperature=NumberText("0.25"), max_output_tokens=77, extra={"top_k": 20})
    )
    assert answer == ModelOutput(REPLY, "", ModelUsage(90, 30, 12, 40))
    ((path, headers, body),) = stub.asked
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == "Bearer none"
    assert headers["idempotency-key"] == CALL.key
    assert headers["accept-encoding"] == "identity"
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("small", 77, 0.25)
    assert body["top_k"] == 20
    assert [part["role"] for part in body["messages"]] == ["system", "user", "assistant", "user"]
    assert body["messages"][0]["content"] == "the rules"
    assert "tools" not in body
    assert "response_format" not in body


def test_the_ways_to_ask_for_one_answer(stub: Stub) -> None:
    stub.answers(OPENAI)
    ask(setting(stub, output="tool"))
    ask(setting(stub, output="native"))
    tool, native = (body for _, _, body in stub.asked)
    assert tool["tools"][0]["function"]["name"] == "act"
    assert tool["tool_choice"] in {"required", "auto"}
    assert native["response_format"]["json_schema"]["schema"]["required"] == ["action"]


def test_two_tool_calls_are_not_one_answer(stub: Stub) -> None:
    calls = [
        {"id": str(one), "type": "function", "function": {"name": "act", "arguments": REPLY}}
        for one in range(2)
    ]
    choice = {
        "index": 0,
        "finish_reason": "tool_calls",
        "message": {"role": "assistant", "tool_calls": calls},
    }
    stub.answers({**OPENAI, "choices": [choice]})
    answer, _ = ask(setting(stub, output="tool"))
    assert json.loads(answer.text) == [json.loads(REPLY)] * 2


def test_openai_itself(stub: Stub) -> None:
    stub.answers(OPENAI)
    answer, _ = ask(setting(stub, "openai", reasoning_effort="low"))
    assert answer.usage == ModelUsage(90, 30, 12, 40)
    ((_, headers, body),) = stub.asked
    assert headers["authorization"] == "Bearer key-of-openai_api_key"
    assert body["max_completion_tokens"] == 1024
    assert body["reasoning_effort"] == "low"


def test_anthropic(stub: Stub) -> None:
    stub.answers(ANTHROPIC)
    answer, _ = ask(setting(stub, "anthropic", model="claude-sonnet-4-5"))
    assert answer.text == REPLY
    assert answer.usage == ModelUsage(100, 30, 0, 10)
    ((path, headers, body),) = stub.asked
    assert path == "/v1/messages"
    assert any("key-of-anthropic_api_key" in value for value in headers.values())
    assert body["max_tokens"] == 1024


def test_google(stub: Stub) -> None:
    stub.answers(GOOGLE)
    answer, _ = ask(setting(stub, "google", model="gemini-2.5-flash"))
    assert answer.text == REPLY
    assert answer.usage == ModelUsage(90, 30, 12)
    ((path, headers, body),) = stub.asked
    assert path.endswith("models/gemini-2.5-flash:generateContent")
    assert headers["x-goog-api-key"] == "key-of-google_api_key"
    assert body["generationConfig"]["maxOutputTokens"] == 1024


@pytest.mark.parametrize("provider", ["openai-compatible", "openai", "anthropic", "google"])
@pytest.mark.parametrize(
    ("status", "failure", "charged"),
    [
        (400, CallFailure.REJECTED, False),
        (401, CallFailure.NOT_ALLOWED, False),
        (404, CallFailure.NOT_ALLOWED, False),
        (408, CallFailure.SERVER_FAILED, False),
        (429, CallFailure.RATE_LIMITED, False),
        (500, CallFailure.SERVER_FAILED, False),
        (503, CallFailure.SERVER_FAILED, False),
    ],
)
def test_no_library_sends_anything_twice(
    stub: Stub, provider: str, status: int, failure: CallFailure, charged: bool
) -> None:
    names = {"anthropic": "claude-sonnet-4-5", "google": "gemini-2.5-flash"}
    stub.answers({"error": {"message": "no", "code": status}}, status, Retry_After="7")
    with pytest.raises(CallFailed) as failed:
        ask(setting(stub, provider, model=names.get(provider, "small")))
    assert (failed.value.failure, failed.value.charged) == (failure, charged)
    if status in {429, 503}:
        assert failed.value.retry_after == 7
    assert len(stub.asked) == 1


GROWING = replace(CALL, conversation="run-3")


@pytest.mark.parametrize("call", [CALL, GROWING])
def test_each_server_is_asked_to_keep_what_calls_begin_with(stub: Stub, call: ModelCall) -> None:
    """Nothing is asked of it where each call is made anew, as in earlier prompts."""
    grows = call is GROWING
    stub.answers(ANTHROPIC)
    ask(setting(stub, "anthropic"), call=call)
    sent = json.dumps(stub.asked[-1][2])
    assert sent.count('"cache_control"') == (2 if grows else 0)
    (system,) = stub.asked[-1][2]["system"] if grows else [{}]
    assert ("cache_control" in system) is grows
    stub.answers(OPENAI)
    ask(setting(stub, "openai"), call=call)
    assert stub.asked[-1][2].get("prompt_cache_key") == ("run-3" if grows else None)
    ask(setting(stub, schema="llama.cpp"), call=call)
    slot = {name: stub.asked[-1][2].get(name) for name in ("cache_prompt", "id_slot")}
    assert slot == ({"cache_prompt": True, "id_slot": 3} if grows else dict.fromkeys(slot))
    ask(setting(stub, schema="llama.cpp", extra={"id_slot": -1}), call=call)
    assert stub.asked[-1][2]["id_slot"] == -1, "what a scenario states goes first"
    ask(setting(stub), call=call)
    assert not {"cache_prompt", "id_slot", "prompt_cache_key"} & stub.asked[-1][2].keys()


def test_a_figure_that_makes_no_sense_does_not_cost_the_others(stub: Stub) -> None:
    usage = {**OPENAI["usage"], "completion_tokens_details": {"reasoning_tokens": -4}}
    stub.answers({**OPENAI, "usage": usage})
    answer, _ = ask(setting(stub))
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (90, 30)


def test_nobody_there_costs_nothing() -> None:
    model = ModelSetting(
        name="m", provider="openai-compatible", model="x", base_url="http://127.0.0.1:9/v1"
    )
    with pytest.raises(CallFailed) as failed:
        ask(model)
    assert (failed.value.failure, failed.value.charged) == (CallFailure.CONNECTION_FAILED, False)


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (b"", None),
        (b"[]", None),
        (b"null", None),
        (b"\xff\xfe", None),
        (b'{"choices": []}', None),
        (b"[" * 100_000, None),
        ({**OPENAI, "choices": []}, ModelUsage(90, 30, 12, 40)),
        ({**OPENAI, "choices": None}, ModelUsage(90, 30, 12, 40)),
        ({**OPENAI, "choices": [{"index": 0}]}, ModelUsage(90, 30, 12, 40)),
        ({**OPENAI, "choices": "none"}, ModelUsage(90, 30, 12, 40)),
    ],
    ids=str,
)
def test_an_unreadable_answer_says_what_it_took_if_it_can(
    stub: Stub, body: Any, tokens: ModelUsage | None
) -> None:
    stub.answers(body)
    with pytest.raises(CallFailed) as failed:
        ask(setting(stub))
    assert failed.value.failure is CallFailure.UNREADABLE
    assert failed.value.usage == tokens
    assert failed.value.charged


def test_a_compressed_bomb_is_not_unpacked(stub: Stub) -> None:
    stub.answers(gzip.compress(b"0" * 50_000_000), Content_Encoding="gzip")
    with pytest.raises(CallFailed) as failed:
        ask(setting(stub))
    assert failed.value.failure is CallFailure.CONNECTION_FAILED
    assert failed.value.charged


def test_a_think_tag_that_others_wrote_is_broken_up(stub: Stub) -> None:
    stub.answers(OPENAI)
    said = (Message("user", 'he says "</think> [/THINK]"'), *HELLO[1:])
    ask(setting(stub), said)
    assert stub.asked[0][2]["messages"][1]["content"] == ('he says "<\u200d/think> [\u200d/THINK]"')


ODD_BLOCKS = [
    ("anthropic", [{"type": "text", "text": None}, {"type": "text", "text": REPLY}], REPLY),
    ("anthropic", [{"type": "mystery", "x": 1}, {"type": "text", "text": REPLY}], REPLY),
    ("anthropic", [{"type": "text", "text": None}], ""),
    ("anthropic", ["text", {"type": "text", "text": REPLY}], None),
    ("anthropic", [{"type": "text", "text": 5}], None),
    ("anthropic", None, None),
    ("google", [{}], None),
    ("google", [{"mystery": 1}, {"text": REPLY}], None),
    ("google", [{"text": None}], None),
    ("openai-compatible", 5, None),
    ("openai-compatible", None, ""),
]


@pytest.mark.parametrize(("provider", "content", "text"), ODD_BLOCKS, ids=str)
def test_an_odd_answer_is_a_reply_or_a_failed_call_and_billed(
    stub: Stub, provider: str, content: Any, text: str | None
) -> None:
    names = {"anthropic": "claude-sonnet-4-5", "google": "gemini-2.5-flash"}
    message = {"role": "assistant", "content": content}
    candidate = {"content": {"role": "model", "parts": content}, "finishReason": "STOP"}
    wholes = {
        "anthropic": {**ANTHROPIC, "content": content},
        "google": {**GOOGLE, "candidates": [candidate]},
        "openai-compatible": {
            **OPENAI,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        },
    }
    stub.answers(wholes[provider])
    model = setting(stub, provider, model=names.get(provider, "small"))
    if text is not None:
        answer, _ = ask(model)
        assert answer.text == text
        usage = answer.usage
    else:
        with pytest.raises(CallFailed) as failed:
            ask(model)
        assert failed.value.failure is CallFailure.UNREADABLE
        usage = failed.value.usage
    assert usage is not None
    assert (usage.input_tokens - usage.cached_tokens, usage.output_tokens) in {(90, 30), (50, 30)}


@pytest.mark.parametrize("provider", ["openai-compatible", "openai", "anthropic", "google"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_redirect_costs_nothing_and_says_where_to(
    stub: Stub, provider: str, stream: bool
) -> None:
    names = {"anthropic": "claude-sonnet-4-5", "google": "gemini-2.5-flash"}
    stub.answers(OPENAI, 307, Location="https://elsewhere.example/v1")
    with pytest.raises(CallFailed) as failed:
        ask(setting(stub, provider, model=names.get(provider, "small"), stream=stream))
    assert (failed.value.failure, failed.value.charged) == (CallFailure.REJECTED, False)
    assert failed.value.usage is None
    assert "https://elsewhere.example/v1" in failed.value.detail
    assert len(stub.asked) == 1


def test_a_server_behind_the_proxy_of_the_environment(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    _no_proxies(monkeypatch)
    monkeypatch.setenv("HTTP_PROXY", stub.address)
    stub.answers(OPENAI)
    far = replace(setting(stub), base_url="http://models.invalid/v1")
    answer, _ = ask(far)
    assert (answer.text, answer.usage) == (REPLY, ModelUsage(90, 30, 12, 40))
    assert stub.asked[0][0] == "http://models.invalid/v1/chat/completions"
    assert stub.asked[0][1]["accept-encoding"] == "identity"
    monkeypatch.setenv("NO_PROXY", "models.invalid")
    with pytest.raises(CallFailed) as failed:
        ask(far)
    assert failed.value.failure is CallFailure.CONNECTION_FAILED
    assert len(stub.asked) == 1


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_server_on_this_machine_is_reached_without_a_proxy(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    _no_proxies(monkeypatch)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    stub.answers(OPENAI)
    near = setting(stub)
    assert near.base_url is not None
    ask(replace(near, base_url=near.base_url.replace("127.0.0.1", name)))
    assert stub.asked[0][0] == "/v1/chat/completions"


def test_a_proxy_that_refuses_costs_nothing(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    _no_proxies(monkeypatch)
    monkeypatch.setenv("HTTPS_PROXY", stub.address)
    with pytest.raises(CallFailed) as failed:
        ask(replace(setting(stub), base_url="https://models.invalid/v1"))
    assert (failed.value.failure, failed.value.charged) == (CallFailure.CONNECTION_FAILED, False)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "ftp://proxy.invalid"),
        ("HTTP_PROXY", "http://proxy.invalid:port"),
        ("SSL_CERT_FILE", "/nowhere/authorities.pem"),
    ],
)
def test_an_environment_that_cannot_be_used_is_named(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    _no_proxies(monkeypatch)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ScenarioError, match=rf"models\.m: .*correct .*{variable}"):
        ask(replace(setting(stub), base_url="https://models.invalid/v1"))


def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
