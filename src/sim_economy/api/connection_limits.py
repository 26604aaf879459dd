"""Bounds on what a client may use of the engine: bytes, seconds, connections."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Any, ClassVar, Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sim_economy.api.error_responses import RequestError
from sim_economy.api.request_log import UNKNOWN, RequestLog
from sim_economy.core.world_config import WorldConfig

LARGE: Final = 64 * 2**10
"""Bytes from which a caller may have few bodies, and one answer, in memory."""
PARSED_AT_ONCE: Final = 16 * 2**10
"""Bytes of a body that is parsed on the event loop."""
_VALUES_MAX: Final = 10_000
_BYTES_A_CHARACTER: Final = 12
"""Bytes of the longest escape of one character in JSON, a pair of surrogates."""


class ConnectionLimits(Struct, frozen=True, kw_only=True):
    """Bounds on what one client may take.

    Attributes:
        body_bytes: Of a request.
        body_seconds: To send a body in.
        head_bytes: Of a request's line and headers, and of what follows its body.
        head_seconds: To send a request's line and headers in.
        answer_seconds: In which a client takes none of what waits for it.
        idle_seconds: Between two requests on a connection.
        connections: At once.
        page_rows: Of one page.
        page_bytes: Of records that one page is made from.
        statement_turns: Of one statement.
        run_agent_turns: Agents times turns of one batch run.
        turn_seconds: Until an open turn closes by itself; never when None.
    """

    body_bytes: int = 8 * 2**20
    body_seconds: float = 15.0
    head_bytes: int = 64 * 2**10
    head_seconds: float = 10.0
    answer_seconds: float = 30.0
    idle_seconds: float = 75.0
    connections: int = 512
    page_rows: int = 1000
    page_bytes: int = 4 * 2**20
    statement_turns: int = 20_000
    run_agent_turns: int = 200_000
    turn_seconds: float | None = None

    def body_of_agent(self, config: WorldConfig) -> int:
        """Bytes of a body with one agent's action: the world's longest texts, all escaped."""
        return min(self.body_bytes, _BYTES_A_CHARACTER * _text_length(config) + LARGE)

    def marks_of_agent(self, config: WorldConfig) -> int:
        """Commas and brackets of such a body: in those texts, and between the values it may have.

        Many small values take long to parse, and nothing else can run meanwhile.
        """
        return _text_length(config) + _VALUES_MAX


def _text_length(config: WorldConfig) -> int:
    names = ("thinking_length_max", "speech_length_max", "payload_length_max")
    return sum(_greatest(config, name) for name in names)


def _greatest(config: WorldConfig, name: str) -> int:
    """A parameter at its greatest in any turn, shocks included."""
    shocks = () if config.governance is None else config.governance.shocks
    values: list[int] = [getattr(config, name)]
    values += [own.value for own in shocks if own.changed == name]
    return max(values)


def declared_length(request: Request, most: int) -> int | None:
    """The length that a body is said to have; None where nothing is said.

    Raises:
        RequestError: 413 where it is above `most` bytes.
    """
    declared = request.headers.get("content-length")
    if declared is None:
        return None if "transfer-encoding" in request.headers else 0
    if not declared.isdigit() or int(declared[:20]) > most:
        raise _too_large(most)
    return int(declared)


async def read_body(request: Request, most: int, seconds: float) -> bytes:
    """A request's body, within bounds of size and time, never held beyond them.

    Args:
        most: Bytes.

    Raises:
        RequestError: 413 or 408.
    """
    declared_length(request, most)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    raise _too_large(most)
                chunks.append(chunk)
    except TimeoutError:
        problem = f"send the body within {seconds:g} seconds"
        raise RequestError(408, "request_timeout", problem) from None
    return b"".join(chunks)


def _too_large(most: int) -> RequestError:
    return RequestError(413, "body_too_large", f"send at most {most} bytes")


def address_of(request: Request) -> str:
    """The address that a request comes from, as far as one subscriber has it."""
    return "" if request.client is None else subscriber_of(request.client.host)


@lru_cache(maxsize=4096)
def subscriber_of(host: str) -> str:
    """An address; of version 6, the network of 2^64 of which one subscriber has all."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv4Address):
        return host
    return str(address.ipv4_mapped or IPv6Network((int(address), 64), strict=False))


class _BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 of uvicorn that closes a connection whose request is late, endless or one of many.

    A body that is read is `read_body`'s to bound; here it is the head, what follows the body, a
    body that nobody reads, an answer that nobody takes, and requests sent ahead of their answers.
    Where there are as many connections as there may be, a new one costs the address with the most
    of them the one that has been idle longest.
    """

    limits: ClassVar[ConnectionLimits]
    requests: ClassVar[RequestLog]
    subscriber = ""
    idle_since: float | None = None
    _timer: asyncio.TimerHandle | None = None
    _untaken: asyncio.TimerHandle | None = None
    _whole = True
    _moved = False
    _unmoved_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request's head."""
        super().connection_made(transport)
        self.subscriber = subscriber_of(self.client[0]) if self.client else ""
        self.idle_since = self.loop.time()
        self._await(self.limits.head_seconds)
        if len(self.connections) >= self.limits.connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Count what is neither a complete head nor body."""
        self._moved = False
        super().data_received(data)
        self._unmoved_bytes = 0 if self._moved else self._unmoved_bytes + len(data)
        if self._unmoved_bytes > self.limits.head_bytes or len(self.pipeline) > _REQUESTS_AHEAD:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """Wait for a later request's head."""
        super().on_message_begin()
        self._whole = False
        self._await(self.limits.head_seconds)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header of the head; what follows a body is dropped."""
        if self._timer is not None:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Wait no longer; refuse a head that two servers could read in two ways."""
        self._moved = True
        self._arrived()
        names = [name for name, _ in self.headers]
        old = self.parser.get_http_version() == "1.0"
        if max(map(names.count, _HEADERS_ONCE)) > 1 or (
            b"transfer-encoding" in names if old else b"host" not in names
        ):
            raise ValueError("a header is missing, doubled, or of another version of HTTP")
        self.idle_since = None
        most = self.limits.connections
        crowded = len(self.connections) >= most or len(self.tasks) >= most
        self.app = self._refuse_crowd if crowded else self.config.loaded_app
        super().on_headers_complete()

    async def _refuse_crowd(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = RequestError(503, "too_many_connections", "close some connections, or ask later")
        body = self.requests.refusal(scope["method"], error)
        headers = {"connection": "close", "retry-after": "1"}
        await Response(body, 503, headers, "application/json")(scope, receive, send)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in JSON as every failure."""
        del msg
        error = RequestError(400, "http_malformed", "send HTTP 1.1 with one Host; nothing was done")
        body = self.requests.refusal(UNKNOWN, error)
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def on_body(self, body: bytes) -> None:
        """The body is under way."""
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait no longer."""
        self._moved = self._whole = True
        self._arrived()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the end of a body that nobody read."""
        if not self.pipeline:
            self.idle_since = self.loop.time()
        super().on_response_complete()
        if not self._whole:
            self._await(self.limits.body_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._arrived()
        self._taken()
        super().connection_lost(exc)

    def _unsupported_upgrade_warning(self) -> None:
        """A request to speak otherwise is answered as if it did not ask for that."""

    def shutdown(self) -> None:
        """Finish what is under way, but for a client that takes none of it."""
        super().shutdown()
        self.loop.call_later(_STOP_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self._untaken is not None:
            self.transport.abort()

    def pause_writing(self) -> None:
        """Wait for the client to take what it was sent."""
        super().pause_writing()
        self._untaken = self.loop.call_later(self.limits.answer_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Wait no longer."""
        self._taken()
        super().resume_writing()

    def _make_room(self) -> None:
        others = [other for other in self.connections if isinstance(other, _BoundedProtocol)]
        held = Counter(other.subscriber for other in others)
        idle = [
            (held[other.subscriber], -other.idle_since, id(other), other)
            for other in others
            if other.idle_since is not None and other is not self
        ]
        if idle:
            *_, left = max(idle)
            self.connections.discard(left)
            left.transport.abort()

    def _taken(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _await(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, self.transport.close)

    def _arrived(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_HEADERS_ONCE: Final = (
    b"host",
    b"authorization",
    b"origin",
    b"content-length",
    b"transfer-encoding",
)
"""Headers of which a second one could mean another request."""
_STOP_SECONDS: Final = 1.0
"""Seconds that a client may take nothing of its answer in while the engine stops."""
_REQUESTS_AHEAD: Final = 1000
"""Requests a client may send before it reads their answers; one read may bring thousands."""


def protocol_class(limits: ConnectionLimits, requests: RequestLog) -> type[_BoundedProtocol]:
    """The protocol within limits, which notes what it refuses itself."""
    return type("LimitedProtocol", (_BoundedProtocol,), {"limits": limits, "requests": requests})
