"""The bytes of a call, watched: how many came, and what they said of usage if nothing else did."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextvars import ContextVar
from typing import Any, Final

import httpx2

from sim_economy.orchestrator.dialogue.messages import ModelUsage

BYTES_MOST: Final = 4_000_000
"""Of one answer; a longer one is broken off."""


class _TooLongError(httpx2.ReadError):
    """An answer of more bytes than anyone could want."""


class Wire:
    """The bytes of one call."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.body = bytearray()


WIRE: ContextVar[Wire] = ContextVar("wire")
"""Of the call that this task makes."""


class WatchedTransport(httpx2.AsyncBaseTransport):
    """Sends as usual and keeps what comes back, up to a bound."""

    def __init__(self) -> None:
        self._inner = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        request.headers["Accept-Encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        wire = WIRE.get()
        wire.status = response.status_code
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            await response.stream.aclose()
            raise _TooLongError("the answer came compressed, which nobody had asked for")
        response.stream = _Watched(response.stream, wire)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class _Watched(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, wire: Wire) -> None:
        self._inner = inner
        self._wire = wire

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self._wire.body += chunk
            if len(self._wire.body) > BYTES_MOST:
                raise _TooLongError(f"the answer was longer than {BYTES_MOST} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def usage_in(body: bytes) -> ModelUsage | None:
    """The usage that an answer names, whole or in a stream; None where it names none.

    Only for answers that could not be read otherwise.
    """
    found = None
    for line in [body, *body.split(b"\n")]:
        try:
            value = json.loads(line.removeprefix(b"data:"))
        except (ValueError, RecursionError):
            continue
        usage = value.get("usage") if isinstance(value, dict) else None
        if isinstance(usage, dict):
            found = _usage_of(usage) or found
    return found


def _usage_of(usage: Mapping[str, Any]) -> ModelUsage | None:
    figures = [usage.get("prompt_tokens"), usage.get("completion_tokens")]
    if not all(type(figure) is int for figure in figures):
        return None
    details = usage.get("completion_tokens_details")
    thinking = details.get("reasoning_tokens") if isinstance(details, dict) else None
    kept = usage.get("prompt_tokens_details")
    cached = kept.get("cached_tokens") if isinstance(kept, dict) else None
    return ModelUsage(
        usage["prompt_tokens"],
        usage["completion_tokens"],
        thinking if type(thinking) is int else 0,
        cached if type(cached) is int else 0,
    )
