"""What a client may take of the engine: bytes, seconds, connections."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from msgspec import Struct
from starlette.requests import Request
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sim_economy.api.errors import RequestError


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds on what one client may take.

    Attributes:
        body_bytes: Of a request.
        body_seconds: To send a body in.
        head_seconds: To send a request's line and headers in.
        idle_seconds: Between two requests on a connection.
        connections: At once.
        page_rows: Of one page.
    """

    body_bytes: int = 8 * 2**20
    body_seconds: float = 15.0
    head_seconds: float = 10.0
    idle_seconds: float = 75.0
    connections: int = 512
    page_rows: int = 1000


async def read_body(request: Request, limits: Limits) -> bytes:
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


def _too_large(limits: Limits) -> RequestError:
    return RequestError(413, "body_too_large", f"send at most {limits.body_bytes} bytes")


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 of uvicorn that closes a connection whose request head is late."""

    head_seconds: ClassVar[float]
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request's head."""
        super().connection_made(transport)
        self._await_head()

    def on_message_begin(self) -> None:
        """Wait for a later request's head."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """Wait no longer."""
        self._head_arrived()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._head_arrived()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def protocol_class(limits: Limits) -> type[BoundedProtocol]:
    """The protocol with a limit's bound."""
    return type("LimitedProtocol", (BoundedProtocol,), {"head_seconds": limits.head_seconds})
