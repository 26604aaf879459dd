"""Every answer of a process: counted by status, timed by route, logged."""

from __future__ import annotations

import logging
from typing import Final

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest

from sim_economy.api.error_responses import RequestError, error_body

_log = logging.getLogger("sim_engine.requests")

UNKNOWN: Final = "unknown"
"""Stands for the route of a request that has none; its path is the client's to choose."""
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class RequestLog:
    """What a process answered.

    Attributes:
        answered: Requests by status.
    """

    def __init__(self) -> None:
        self.answered: dict[int, int] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._seconds = Histogram(
            "sim_engine_request_seconds",
            "Seconds until an answer began, by method and route",
            ("method", "route"),
            registry=self._registry,
            buckets=_SECONDS,
        )

    def note(
        self,
        method: str,
        route: str,
        status: int,
        *,
        seconds: float = 0.0,
        code: str | None = None,
        world: str | None = None,
    ) -> None:
        """Note one answer.

        Args:
            route: The path with names in braces; `UNKNOWN` where it has no route.
            seconds: Until the answer began.
            code: Of the failure.
            world: The name of the world asked.
        """
        self.answered[status] = self.answered.get(status, 0) + 1
        self._seconds.labels(method, route).observe(seconds)
        if _log.isEnabledFor(logging.INFO):
            milliseconds = round(seconds * 1000, 3)
            details = {"world": world, "status": status, "code": code, "milliseconds": milliseconds}
            _log.info("%s %s", method, route, extra=details)

    def refusal(self, method: str, error: RequestError) -> bytes:
        """Note a request that no route takes, and return the JSON that answers it."""
        self.note(method, UNKNOWN, error.status, code=error.code)
        return error_body(error)

    def exposition(self) -> bytes:
        """Latencies and the process's own figures, as Prometheus reads them."""
        return generate_latest(self._registry)
