"""Limits on calls under way and calls a minute, over all agents."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

_MINUTE: Final = 60.0


class RateLimiter:
    """One queue for all calls; first come, first served.

    Attributes:
        connections: Calls under way.
    """

    def __init__(self, max_connections: int, per_minute: int | None = None) -> None:
        self.connections = 0
        self._slots = asyncio.Semaphore(max_connections)
        self._gate = asyncio.Lock()
        self._per_minute = per_minute
        self._started: deque[float] = deque()
        self._held_until: defaultdict[str, float] = defaultdict(float)

    @asynccontextmanager
    async def slot(self, model: str) -> AsyncIterator[None]:
        """A slot among the calls under way, once there is one and the model may be asked."""
        loop = asyncio.get_running_loop()
        while True:
            while (left := self._held_until[model] - loop.time()) > 0:
                await asyncio.sleep(left)
            async with self._slots:
                if self._held_until[model] > loop.time():
                    continue
                await self._turnstile()
                self.connections += 1
                try:
                    yield
                finally:
                    self.connections -= 1
                return

    def hold(self, model: str, seconds: float) -> None:
        """Let no call to a model start for so long; others continue."""
        until = asyncio.get_running_loop().time() + seconds
        self._held_until[model] = max(until, self._held_until[model])

    async def _turnstile(self) -> None:
        """Wait until fewer than so many calls started in the last minute."""
        if self._per_minute is None:
            return
        loop = asyncio.get_running_loop()
        async with self._gate:
            while len(self._started) >= self._per_minute:
                left = self._started[0] + _MINUTE - loop.time()
                if left <= 0:
                    self._started.popleft()
                else:
                    await asyncio.sleep(left)
            self._started.append(loop.time())
