"""A way to a model's server that keeps what the server answered to every call."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from msgspec import Struct


class Answered(Struct, frozen=True):
    """One call that the server answered, whoever still wanted the answer.

    Attributes:
        key: Its `Idempotency-Key`.
        usage: As the server reports it.
    """

    key: str
    status: int
    request: dict[str, Any]
    usage: dict[str, Any]

    @property
    def counts(self) -> tuple[int, int, int]:
        """Input, the cached part of it, output."""
        details = self.usage.get("prompt_tokens_details") or {}
        return (
            self.usage["prompt_tokens"],
            details.get("cached_tokens", 0),
            self.usage["completion_tokens"],
        )


class RecordingProxy:
    """Use it in a `with` block; a call ends at the server although its caller is gone.

    Attributes:
        asked: The keys of all calls that came, in order.
    """

    def __init__(self, target: str) -> None:
        self.asked: list[str] = []
        self._answers: dict[int, Answered] = {}
        self._numbering = threading.Lock()
        self._target = target
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def answered(self) -> list[Answered]:
        """All calls that were answered, in the order in which they came."""
        return [self._answers[number] for number in sorted(self._answers)]

    def wait(self, seconds: float = 600) -> None:
        """Let the server answer every call."""
        until = time.monotonic() + seconds
        while len(self._answers) < len(self.asked):
            assert time.monotonic() < until, "a call was never answered"
            time.sleep(0.05)

    def passed_on(self, path: str, key: str, body: bytes) -> tuple[int, bytes]:
        """The server's answer, kept."""
        with self._numbering:
            number = len(self.asked)
            self.asked.append(key)
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._target}{path}", body, headers)
        try:
            with urllib.request.urlopen(request) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        usage = json.loads(text).get("usage", {})
        self._answers[number] = Answered(key, status, json.loads(body), usage)
        return status, text


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    proxy: RecordingProxy

    def handle_error(self, *_: object) -> None:
        """A caller that is gone is no failure."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers.get("Idempotency-Key", "")
        status, text = self.server.proxy.passed_on(self.path, key, body)
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
