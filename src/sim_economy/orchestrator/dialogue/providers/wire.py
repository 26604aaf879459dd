"""The bytes of a call, watched: what came of them, up to a bound; and the way they take."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Final

import httpx2

from sim_economy.core.errors import ScenarioError

BYTES_MOST: Final = 4_000_000
"""Of one answer; a longer one is broken off."""


class _TooLongError(httpx2.ReadError):
    """An answer of more bytes than anyone could want."""


class Wire:
    """The bytes of one call.

    Attributes:
        status: None where nobody answered.
        location: Where a redirect points to.
        complete: Whether the connection brought the answer to its end.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.location = ""
        self.body = bytearray()
        self.complete = False

    @property
    def accepted(self) -> bool:
        """True if the provider took the call, so that it may have charged for it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def redirected(self) -> bool:
        """True if somebody answered that the call belongs elsewhere."""
        return self.status is not None and 300 <= self.status < 400


WIRE: ContextVar[Wire] = ContextVar("wire")
"""Of the call that this task makes."""

_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def watched_client(address: str, field: str) -> httpx2.AsyncClient:
    """A client that keeps what comes back, with the proxies and certificates of the environment.

    Args:
        address: Of the server; one on this machine is reached without a proxy.
        field: The table that names it, for messages.

    Raises:
        ScenarioError: The environment's proxies or certificates cannot be used.
    """
    server = httpx2.URL(address)
    try:
        # The loop keeps the deadline of each call; a second clock would only disagree.
        return httpx2.AsyncClient(
            trust_env=server.host not in _LOCAL,
            verify=httpx2.create_ssl_context() if server.scheme == "https" else True,
            event_hooks={"request": [_uncompressed], "response": [_watched]},
            timeout=None,
        )
    except (ImportError, OSError, ValueError, httpx2.InvalidURL) as error:
        problem = (
            f"{field}: the proxies or certificates that the environment names cannot be used "
            f"({error}); correct HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE "
            "or SSL_CERT_DIR"
        )
        raise ScenarioError([problem]) from None


async def _uncompressed(request: httpx2.Request) -> None:
    request.headers["Accept-Encoding"] = "identity"


async def _watched(response: httpx2.Response) -> None:
    wire = WIRE.get()
    wire.status = response.status_code
    wire.location = response.headers.get("Location", "")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _TooLongError("the answer came compressed, which nobody had asked for")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _Watched(response.stream, wire)


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
        self._wire.complete = True

    async def aclose(self) -> None:
        await self._inner.aclose()
