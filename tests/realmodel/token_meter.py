"""Counts a prompt's tokens as a server with a slot for each agent would, and asks no model.

The tokenizer is the model's own; the replies are written, so that the prompts of two releases are
compared on the same run in seconds.
"""

from __future__ import annotations

import json
import threading
import urllib.request
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple, Self

REPLIES: Final = (
    '{"action": {"action": "mine"}, "speech": "I mine and wait for a better offer."}',
    '{"action": {"action": "stake", "amount": 80, "fee": 0}, "speech": "Staked; who lends?"}',
    '{"action": {"action": "speak"}, "speech": "Who needs a service? I ask 40 tokens for it."}',
    '{"action": {"action": "transfer", "to": "agent_1", "amount": 5, "fee": 1}}',
    '{"action": {"action": "idle"}}',
    '{"action": {"action": "job"}, "speech": "I work this turn."}',
)


class Measured(NamedTuple):
    """The prompt of one call: its tokens, and those that its slot had read before."""

    tokens: int
    cached: int


class TokenMeter:
    """Use it in a `with` block; `address` is what goes into `base_url`.

    Attributes:
        turns: The prompts of each turn.
    """

    def __init__(self, tokenizer: str) -> None:
        """Count with the tokenizer of llama.cpp's server at an address."""
        self.turns: dict[int, list[Measured]] = defaultdict(list)
        self._tokenizer = tokenizer
        self._slots: dict[int, list[int]] = {}
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.meter = self

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reply(self, turn: int, agent: int, messages: list[dict[str, str]]) -> str:
        """The reply to a prompt, which is measured and kept in the agent's slot."""
        prompt = self._tokens("".join(map(_framed, messages)) + "<|im_start|>assistant\n")
        before = self._slots.get(agent, [])
        same = (known == token for known, token in zip(before, prompt, strict=False))
        cached = next((index for index, is_same in enumerate(same) if not is_same), None)
        if cached is None:
            cached = min(len(before), len(prompt))
        self.turns[turn].append(Measured(len(prompt), cached))
        text = REPLIES[(turn * 5 + agent * 3) % len(REPLIES)]
        self._slots[agent] = prompt + self._tokens(text)[1:]
        return text

    def _tokens(self, text: str) -> list[int]:
        body = json.dumps({"content": text, "add_special": True}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._tokenizer}/tokenize", body, headers)
        with urllib.request.urlopen(request) as answer:
            tokens: list[int] = json.loads(answer.read())["tokens"]
        return tokens


def _framed(message: dict[str, str]) -> str:
    """A message as the template of the weights frames it."""
    return f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n"


class _Server(ThreadingHTTPServer):
    meter: TokenMeter


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        turn, agent, _ = map(int, self.headers["Idempotency-Key"].rsplit("-", 3)[1:])
        message = {"role": "assistant", "content": None}
        text = self.server.meter.reply(turn, agent, asked["messages"])
        body = json.dumps(_completion({**message, "content": text})).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _completion(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "meter",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 30, "total_tokens": 31},
    }
