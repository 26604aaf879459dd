"""Bounds on what a client may use of the engine: bytes, seconds, connections."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Final

from msgspec import Struct
from starlette.requests import Request
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sim_economy.api.error_responses import RequestError


class ConnectionLimits(Struct, frozen=True, kw_only=True):
    """Bounds on what one client may take.

    Attributes:
        body_bytes: Of a request.
        body_seconds: To send a body in.
        head_bytes: Of a request's line and headers, and of what follows its body.
        head_seconds: To send a request's line and headers in.
        idle_seconds: Between two requests on a connection.
        connections: At once.
        page_rows: Of one page.
        run_agent_turns: Agents times turns of one batch run.
        turn_seconds: Until an open turn closes by itself; never when None.
    """

    body_bytes: int = 8 * 2**20
    body_seconds: float = 15.0
    head_bytes: int = 64 * 2**10
    head_seconds: float = 10.0
    idle_seconds: float = 75.0
    connections: int = 512
    page_rows: int = 1000
    run_agent_turns: int = 200_000
    turn_seconds: float | None = None


async def read_body(request: Request, limits: ConnectionLimits) -> bytes:
    """A request's body, within bounds of size and time, never held beyond them.

    Raises:
        RequestError: 413 or 408.
    """
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared[:20]) > limits.body_bytes:
        raise _too_large(limits)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limits.body_bytes:
                    raise _too_large(limits)
                chunks.append(chunk)
    except TimeoutError:
        raise RequestError(
            408, "request_timeout", f"send the body within {limits.body_seconds:g} seconds"
        ) from None
    return b"".join(chunks)


def _too_large(limits: ConnectionLimits) -> RequestError:
    return RequestError(413, "body_too_large", f"send at most {limits.body_bytes} bytes")


class _BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 of uvicorn that closes a connection whose request is late, endless or one of many.

    A body that is read is `read_body`'s to bound; here it is the head, what follows the body, a
    body that nobody reads, and requests sent ahead of their answers.
    """

    limits: ClassVar[ConnectionLimits]
    _timer: asyncio.TimerHandle | None = None
    _whole = True
    _moved = False
    _unmoved_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request's head."""
        super().connection_made(transport)
        self._await(self.limits.head_seconds)

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
        """Wait no longer."""
        self._moved = True
        self._arrived()
        super().on_headers_complete()

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
        super().on_response_complete()
        if not self._whole:
            self._await(self.limits.body_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._arrived()
        super().connection_lost(exc)

    def _await(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, self.transport.close)

    def _arrived(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_REQUESTS_AHEAD: Final = 1000
"""Requests a client may send before it reads their answers; one read may bring thousands."""


def protocol_class(limits: ConnectionLimits) -> type[_BoundedProtocol]:
    """The protocol with a limit's bound."""
    return type("LimitedProtocol", (_BoundedProtocol,), {"limits": limits})
