"""A server that speaks the OpenAI chat protocol on loopback, and fails on schedule.

What it does with a request is a function of the turn, the agent and the attempt alone, so that an
interrupted run can be gone on with. It counts the tokens it reports, for itself.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from sim_economy.core.world_config import WorldConfig
from sim_economy.orchestrator.dialogue.messages import ModelCall
from sim_economy.orchestrator.dialogue.providers.traders import trade
from tests.orchestrator.prompt_reader import read_prompt

Brain = Callable[[int, int, str, dict[str, Any]], str]
Schedule = Callable[[int, int, int], str]
"""The fault of a call by turn, agent and attempt; `ok` is none."""

HUGE = 6_000_000


@dataclass
class Served:
    """One request as the server saw it.

    Attributes:
        reported: Prompt, output and reasoning tokens, where a whole answer named them.
        whole: Whether the whole answer was handed to the connection.
    """

    key: str
    turn: int
    agent: int
    attempt: int
    fault: str
    headers: dict[str, str]
    body: dict[str, Any]
    reported: tuple[int, int, int] | None = None
    whole: bool = False


@dataclass
class ModelServer:
    """Use it in a `with` block; `address` is what goes into `base_url`."""

    schedule: Schedule = lambda turn, agent, attempt: "ok"
    config: WorldConfig = field(default_factory=WorldConfig)
    latency: float = 0.0
    brain: Brain | None = None
    log: list[Served] = field(default_factory=list)
    in_flight: int = 0
    in_flight_most: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=2**24)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._done.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await self._request(reader)) is not None:
                self.in_flight += 1
                self.in_flight_most = max(self.in_flight, self.in_flight_most)
                try:
                    if not await self._answer(request, writer):
                        break
                finally:
                    self.in_flight -= 1
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> Served | None:
        line = await reader.readline()
        if not line:
            return None
        headers = {}
        while (header := await reader.readline()) not in {b"\r\n", b""}:
            name, _, value = header.decode().partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        body = json.loads(await reader.readexactly(length)) if length else {}
        if b"/chat/completions" not in line:
            body = {}
        key = headers.get("idempotency-key", "---")
        turn, agent, attempt = (int(part or 0) for part in key.rsplit("-", 3)[1:])
        fault = self.schedule(turn, agent, attempt)
        served = Served(
            key, turn, agent=agent, attempt=attempt, fault=fault, headers=headers, body=body
        )
        self.log.append(served)
        return served

    async def _answer(self, served: Served, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False ends the connection."""
        await asyncio.sleep(self.latency)
        if served.fault in _REFUSALS:
            status, body, headers = _REFUSALS[served.fault]
            return await _send(writer, status, body, headers)
        match served.fault:
            case "stall":
                await asyncio.sleep(3600)
                return False
            case "drop":
                return False
            case "forbidden":
                detail = f"bad key {served.headers.get('authorization', '')}"
                return await _send(writer, 401, {"error": {"message": detail}})
            case "html":
                return await _raw(writer, 200, b"<html>maintenance</html>", "text/html")
            case "garbage":
                return await _raw(writer, 200, b'{"choices": [{"mess\xff', "application/json")
            case _:
                return await self._reply(served, writer)

    async def _reply(self, served: Served, writer: asyncio.StreamWriter) -> bool:
        text = self._text(served)
        reasoning = 10 + (served.turn * 7 + served.agent * 13 + served.attempt) % 90
        prompt = sum(len(str(message["content"])) for message in served.body["messages"]) // 4
        output = reasoning + 1 + len(text) // 4
        usage, counted = _usage(served.fault, prompt, output, reasoning)
        message, finish = _message(served.fault, text)
        if served.body.get("tools") and message["content"]:
            calls = [_tool_call(message["content"], "call_1")]
            if served.fault == "two_calls":
                calls.append(_tool_call(message["content"], "call_2"))
            message |= {"content": None, "tool_calls": calls}
            finish = finish if finish == "length" else "tool_calls"
        if served.body.get("stream"):
            sent = await self._stream(served, writer, message, finish, usage)
        else:
            choices = [{"index": 0, "message": message, "finish_reason": finish}]
            if served.fault == "no_choices":
                choices = []
            body = {**_FRAME, "object": "chat.completion", "model": served.body["model"]}
            body |= {"choices": choices} | ({} if usage is None else {"usage": usage})
            if served.fault == "cut_off":
                text_sent = json.dumps(body).encode()
                await _raw(writer, 200, text_sent[:60], "application/json", length=len(text_sent))
                return False
            sent = await _send(writer, 200, body)
        if sent:
            served.whole = True
            served.reported = counted
        return sent

    async def _stream(
        self,
        served: Served,
        writer: asyncio.StreamWriter,
        message: dict[str, Any],
        finish: str,
        usage: dict[str, Any] | None,
    ) -> bool:
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        frame = {**_FRAME, "object": "chat.completion.chunk", "model": served.body["model"]}

        def event(delta: dict[str, Any], end: str | None = None) -> None:
            choices = [{"index": 0, "delta": delta, "finish_reason": end}]
            writer.write(b"data: " + json.dumps({**frame, "choices": choices}).encode() + b"\n\n")

        event({"role": "assistant", "content": ""})
        content = message.get("content") or ""
        for start in range(0, len(content), 40 if len(content) < 10_000 else 60_000):
            event({"content": content[start : start + (40 if len(content) < 10_000 else 60_000)]})
            await writer.drain()
            if served.fault == "cut_off" and start:
                return False
        for index, call in enumerate(message.get("tool_calls", [])):
            event({"tool_calls": [{"index": index, **call}]})
        if message.get("refusal"):
            event({"refusal": message["refusal"]})
        if served.fault == "stream_error":
            writer.write(b'data: {"error": {"message": "lost the model"}}\n\n')
            await writer.drain()
            return False
        event({}, finish)
        if usage is not None:
            last = {**frame, "choices": [], "usage": usage}
            writer.write(b"data: " + json.dumps(last).encode() + b"\n\n")
        writer.write(b"data: [DONE]\n\n")
        await writer.drain()
        served.whole = True
        writer.close()
        await writer.wait_closed()
        return True

    def _text(self, served: Served) -> str:
        messages = [
            {**part, "content": part["content"].replace("\u200d", "")}
            for part in served.body["messages"]
        ]
        shown = read_prompt(messages[: _first_call(messages)], self.config.agent_ids)
        agent_id = shown.seen["agent_id"]
        if self.brain is not None:
            return self.brain(served.turn, served.agent, agent_id, shown.seen)
        call = ModelCall(
            seed=self.config.seed,
            turn=served.turn,
            agent=served.agent,
            agent_id=agent_id,
            attempt=served.attempt,
            key="",
            shown=shown,
        )
        return json.dumps(trade(call, self.config))


def _first_call(messages: list[dict[str, Any]]) -> int:
    """How many messages a turn's first call had; what follows are repairs."""
    repairs = (
        index - 1
        for index, part in enumerate(messages)
        if part["role"] == "user" and part["content"].startswith("That could not be used: ")
    )
    return next(repairs, len(messages))


_REFUSALS: dict[str, tuple[int, Any, dict[str, str] | None]] = {
    "rate_limited": (429, {"error": {"message": "slow down"}}, {"Retry-After": "0.05"}),
    "rate_limited_a_second": (429, {"error": {}}, {"Retry-After": "1"}),
    "server_error": (500, {"error": {"message": "oops"}}, None),
    "overloaded": (503, None, None),
    "rejected": (400, {"error": {"message": "no", "code": "bad"}}, None),
}


def _usage(
    fault: str, prompt: int, output: int, reasoning: int
) -> tuple[dict[str, Any] | None, tuple[int, int, int] | None]:
    """What the server says a reply took, and what it counts for itself."""
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
    }
    match fault:
        case "no_usage":
            return None, None
        case "no_reasoning":
            return usage, (prompt, output, 0)
        case "absurd_usage":
            return {"prompt_tokens": -5, "completion_tokens": 2**60, "total_tokens": 0}, None
        case _:
            usage["completion_tokens_details"] = {"reasoning_tokens": reasoning}
            return usage, None if fault == "huge" else (prompt, output, reasoning)


def _message(fault: str, text: str) -> tuple[dict[str, Any], str]:
    """The message of a reply, and why it ended."""
    message: dict[str, Any] = {"role": "assistant", "content": _CONTENTS.get(fault, text)}
    match fault:
        case "truncated":
            return message | {"content": text[: len(text) // 2]}, "length"
        case "refusal":
            return message | {"content": None, "refusal": "I will not."}, "stop"
        case "filtered":
            return message, "content_filter"
        case "reasoning_text":
            return message | {"reasoning_content": "I mull it over."}, "stop"
        case _:
            return message, "stop"


_CONTENTS = {
    "filtered": "",
    "empty": "",
    "chatter": "Well, let me think about what to do.",
    "long": "x" * 150_000,
    "huge": "x" * HUGE,
}
_FRAME = {"id": "chatcmpl-1", "created": 1_700_000_000}


def _tool_call(arguments: str, number: str) -> dict[str, Any]:
    function = {"name": "act", "arguments": arguments}
    return {"id": number, "type": "function", "function": function}


async def _send(
    writer: asyncio.StreamWriter, status: int, body: Any, headers: dict[str, str] | None = None
) -> bool:
    text = b"" if body is None else json.dumps(body).encode()
    return await _raw(writer, status, text, "application/json", headers)


async def _raw(
    writer: asyncio.StreamWriter,
    status: int,
    text: bytes,
    kind: str,
    headers: dict[str, str] | None = None,
    length: int | None = None,
) -> bool:
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}"]
    lines.append(f"Content-Length: {len(text) if length is None else length}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + text)
    await writer.drain()
    return True
