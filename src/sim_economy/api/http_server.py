"""The HTTP server of a process's worlds."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import uvicorn

from sim_economy.api.app import create_app
from sim_economy.api.connection_limits import protocol_class
from sim_economy.api.worlds import Worlds

_STOP_SECONDS: Final = 2
"""Seconds a stopping engine lets open requests finish; it is gone within 3 s."""


class _HttpServer(uvicorn.Server):
    """The server, which tells when it takes requests and ends event streams when it stops."""

    def __init__(self, config: uvicorn.Config, worlds: Worlds, serving: Callable[[], None]) -> None:
        super().__init__(config)
        self._worlds = worlds
        self._serving = serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take requests from now on."""
        await super().startup(sockets)
        if self.started:
            self._serving()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more requests, and let those under way finish."""
        await self._worlds.end_streams()
        await super().shutdown(sockets)


def run_http_server(worlds: Worlds, listening: socket.socket, serving: Callable[[], None]) -> None:
    """Answer requests until SIGTERM or Ctrl-C.

    Args:
        listening: Bound already; closed when this returns.
        serving: Called once, when the first request can be taken.
    """
    limits = worlds.limits
    config = uvicorn.Config(
        create_app(worlds),
        http=protocol_class(limits, worlds.requests),
        ws="none",
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=int(limits.idle_seconds),
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
    # uvicorn stops in good order and then raises the signal again, to die of it.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with suppress(KeyboardInterrupt):
        _HttpServer(config, worlds, serving).run(sockets=[listening])
