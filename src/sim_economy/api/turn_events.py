"""Closed turns for all who follow a world: at once, or of a fast world several together.

To wake a follower costs a hundredth of a small turn, so fifty that were woken by each would slow a
fast world down by half. They rest after they were woken, the longer the more of them there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from msgspec import Struct

from sim_economy.api.ledger_pages import event_lines
from sim_economy.world.world import World

REST_SECONDS: Final = 0.002
"""For each follower, between two times that all are woken: forty times what waking it costs."""
REST_MAX_SECONDS: Final = 0.25
SILENT_SECONDS: Final = 15
"""After which a follower is told that the stream is still there."""
BATCH_BYTES: Final = 2**20
"""After which a batch of events ends; the next one follows at once."""


class EventBatch(Struct, frozen=True):
    """Closed turns in a row, as server-sent events.

    Attributes:
        last: The newest of them, or the turn before where there are none.
        more: Whether turns that were closed by then are left for the next batch.
    """

    last: int
    events: bytes = b""
    more: bool = False


class TurnEvents:
    """What the followers of one world wait for and are sent; for one event loop.

    Attributes:
        wakes: How often they were woken.
    """

    def __init__(self) -> None:
        self.wakes = 0
        self._followers = 0
        self._woken = asyncio.Event()
        self._due: asyncio.TimerHandle | None = None
        self._last = 0.0
        self._made: tuple[int, EventBatch] | None = None

    @contextmanager
    def follower(self) -> Iterator[None]:
        """Count one more follower."""
        self._followers += 1
        try:
            yield
        finally:
            self._followers -= 1

    def announce(self) -> None:
        """Say that a turn was closed: followers are woken at once, or when they have rested."""
        if self._followers and self._due is None:
            rest = min(self._followers * REST_SECONDS, REST_MAX_SECONDS)
            self._due = asyncio.get_running_loop().call_at(self._last + rest, self.wake)

    def wake(self) -> None:
        """Wake every follower now."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self._last = asyncio.get_running_loop().time()
        self.wakes += 1
        self._made = None
        self._woken.set()
        self._woken = asyncio.Event()

    async def woken(self, wakes: int) -> bool:
        """Wait until followers are woken again, but not for ever; False where they were not.

        Args:
            wakes: How often they had been when the follower looked for turns.
        """
        if self.wakes == wakes:
            with suppress(TimeoutError):
                async with asyncio.timeout(SILENT_SECONDS):
                    await self._woken.wait()
        return self.wakes != wakes

    def batch(self, world: World, after: int) -> EventBatch:
        """Turns later than one; made once for all who ask for the same when they are woken."""
        if world.turn_number <= after:
            return EventBatch(after)
        if self._made is None or self._made[0] != after:
            self._made = after, _batch(world, after)
        return self._made[1]


def _batch(world: World, after: int) -> EventBatch:
    newest, size, events = world.turn_number, 0, []
    for turn, event in event_lines(world, after + 1):
        after = turn
        events.append(event)
        size += len(event)
        if size >= BATCH_BYTES:
            break
    return EventBatch(after, b"".join(events), more=after < newest)
