"""The server of `sim-economy view`, on loopback alone."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import uvicorn

from sim_economy.api.connection_limits import ConnectionLimits, protocol_class
from sim_economy.api.request_log import RequestLog
from sim_economy.api.viewer_app import ShownWorlds, create_viewer_app
from sim_economy.viewer.sources import ViewerSource

LOOPBACK_HOST: Final = "127.0.0.1"
_STOP_SECONDS: Final = 2
"""Seconds that a stopping server lets open requests finish."""


class _ViewerHttpServer(uvicorn.Server):
    """The server, which tells when it takes requests and ends event streams when it stops."""

    def __init__(
        self, config: uvicorn.Config, worlds: ShownWorlds, serving: Callable[[], None]
    ) -> None:
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
        self._worlds.stopping = True
        await super().shutdown(sockets)


def serve_source(
    source: ViewerSource, listening: socket.socket, serving: Callable[[], None]
) -> None:
    """Show a source until SIGTERM or Ctrl-C.

    Args:
        listening: Bound to loopback already; closed when this returns.
        serving: Called once, when the first request can be taken.
    """
    app = create_viewer_app(source)
    limits = ConnectionLimits()
    config = uvicorn.Config(
        app,
        http=protocol_class(limits, RequestLog()),
        ws="none",
        lifespan="off",
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
        _ViewerHttpServer(config, app.state.worlds, serving).run(sockets=[listening])
