"""A server of made-up worlds in the viewer's contract, for what no real ledger says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import json

from tests.browser.stub_world import StubWorld

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
STATIC: Final = resources.files("sim_economy.viewer") / "static"
KINDS: Final = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
                ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}  # fmt: skip


class _Answers(BaseHTTPRequestHandler):
    """Files of the page, and a world's answers."""

    protocol_version = "HTTP/1.1"
    world: StubWorld

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path = [unquote(part) for part in parts.path.strip("/").split("/") if part]
        if not path:
            self._send((STATIC / "index.html").read_bytes(), KINDS[".html"])
        elif path[:2] == ["view", "static"]:
            file = STATIC.joinpath(*path[2:])
            self._send(file.read_bytes(), KINDS[file.name[file.name.rindex(".") :]])
        elif path == ["events"]:
            self._stream()
        else:
            answer = self.world.answer(path[1:], dict(parse_qsl(parts.query)))
            self._send(json.encode(answer), "application/json", 404 if "error" in answer else 200)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def _send(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("content-security-policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        """Turns as they come, until the world ends the stream."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        for turn in self.world.turns_after(int(self.headers["last-event-id"])):
            self.wfile.write(f'id: {turn}\nevent: turn\ndata: {{"turn":{turn}}}\n\n'.encode())
            self.wfile.flush()
        self.close_connection = True


@contextmanager
def served(world: StubWorld) -> Iterator[str]:
    """The address at which a made-up world is shown."""
    handler = type("_Served", (_Answers,), {"world": world})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        world.close_stream()
        server.shutdown()
        thread.join()
        server.server_close()
