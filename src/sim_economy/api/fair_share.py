"""Fair shares of one process: a queue for each caller, and threads for what is not short."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from enum import Enum, auto
from threading import Event
from time import monotonic, sleep
from typing import Any, Final, TypeVar

from msgspec import Struct
from starlette.concurrency import run_in_threadpool

from sim_economy.api.error_responses import RequestError
from sim_economy.ledger.records import StoredTurn
from sim_economy.ledger.stores.protocol import Store

T = TypeVar("T")


class Work(Enum):
    """The kinds of work that callers queue for.

    Attributes:
        SHORT: On the event loop, at once.
        BODY: A body on its way.
        LARGE_BODY: One that is held in memory, until it is answered.
        BRIEF: Milliseconds in a thread.
        LONG: Reading of a ledger in a thread, which pauses for whatever is short.
        CHECK: Reading of a whole ledger behind everybody's back, paused likewise.
    """

    SHORT = auto()
    BODY = auto()
    LARGE_BODY = auto()
    BRIEF = auto()
    LONG = auto()
    CHECK = auto()


_THREADS: Final = {Work.BRIEF: 2, Work.LONG: 2, Work.CHECK: 1}
_AT_ONCE: Final = {Work.BODY: 2**31, Work.LARGE_BODY: 4}
"""Requests of one caller that are worked on together; one where nothing is said."""
_TRUSTED_AT_ONCE: Final = 16
_NEVER_AWAITED: Final = frozenset({Work.SHORT, Work.BODY})
"""What a trusted caller queues for in vain: it is done at once, or bounded elsewhere."""
_RESTING: Final = frozenset({Work.SHORT, Work.BRIEF, Work.LONG})
_REST: Final = 4.0
"""Rest of a caller's queue after its work, in times of that work, so that others find a gap."""
_REST_MAX_SECONDS: Final = 0.5
_QUEUES_MAX: Final = 1024
"""Queues kept before the empty ones are dropped."""


class CallerIdentity(Struct, frozen=True, kw_only=True):
    """Who calls, as far as fairness is concerned.

    Attributes:
        name: Tells callers apart: the holder of a token in its world, or an address.
        holder: `admin`, `reader` or `agent:ID`; None where nobody is known.
        trusted: Whether it is an operator; whoever calls is, where no tokens are asked for.
    """

    name: str
    holder: str | None = None
    trusted: bool = False


class Lull:
    """What long work waits for while something short is under way, or was a moment ago."""

    _WAIT_SECONDS: Final = 0.05
    _RECENT_SECONDS: Final = 0.25
    _WORK_SECONDS: Final = 0.001
    _PAUSE_SECONDS: Final = 0.003

    def __init__(self) -> None:
        self._short = 0
        self._last_short = 0.0
        self._quiet = Event()
        self._quiet.set()

    def __enter__(self) -> None:
        self._short += 1
        self._quiet.clear()

    def __exit__(self, *_: object) -> None:
        self._short -= 1
        self._last_short = monotonic()
        if not self._short:
            self._quiet.set()

    @property
    def is_quiet(self) -> bool:
        """True if nothing short is under way."""
        return self._quiet.is_set()

    def pauses(self) -> Callable[[], None]:
        """A pause to make often within one long work, in its own thread; seldom a long one."""
        worked_from = monotonic()

        def pause() -> None:
            nonlocal worked_from
            self._quiet.wait(self._WAIT_SECONDS)
            now = monotonic()
            if now - worked_from > self._WORK_SECONDS:
                if now - self._last_short < self._RECENT_SECONDS:
                    sleep(self._PAUSE_SECONDS)
                worked_from = monotonic()

        return pause


class PausingStore:
    """A store whose turns are read one by one, with pauses."""

    def __init__(self, store: Store, lull: Lull) -> None:
        self._store = store
        self._pause = lull.pauses()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def read(self, first: int = 0, last: int | None = None) -> Iterator[StoredTurn]:
        """Turns in order."""
        for stored in self._store.read(first, last):
            self._pause()
            yield stored


class _Queue:
    def __init__(self, at_once: int) -> None:
        self.free = asyncio.Semaphore(at_once)
        self.length = 0
        self.rests_until = 0.0


class FairShare:
    """The queues of all callers: a request waits for its own caller's, not for others'.

    Args:
        waiting_max: Requests of one agent or stranger that may be in its queues; as many more
            wait for their refusal.
    """

    def __init__(self, waiting_max: int) -> None:
        self.lull = Lull()
        self._waiting_max = waiting_max
        self._waiting: Counter[str] = Counter()
        self._queues: dict[tuple[str, Work], _Queue] = {}
        self._threads = {work: asyncio.Semaphore(count) for work, count in _THREADS.items()}

    def queue(self, caller: CallerIdentity, work: Work) -> AbstractAsyncContextManager[None]:
        """Wait in one of the caller's queues, then hold its head; an agent's rests after.

        Raises:
            RequestError: 429 where too many are in its queues already.
        """
        if caller.trusted and work in _NEVER_AWAITED:
            return nullcontext()
        return self._queued(caller, work)

    @asynccontextmanager
    async def _queued(self, caller: CallerIdentity, work: Work) -> AsyncIterator[None]:
        with self._counted(caller) as waiting:
            if waiting > self._waiting_max and not caller.trusted:
                if waiting <= 2 * self._waiting_max:
                    await asyncio.sleep(_REST_MAX_SECONDS)
                raise RequestError(
                    429, "too_many_requests", "wait for the answers to your earlier requests"
                )
            queue = self._queue(caller, work)
            queue.length += 1
            try:
                async with queue.free:
                    if (rest := queue.rests_until - monotonic()) > 0:
                        await asyncio.sleep(rest)
                    began = monotonic()
                    try:
                        yield
                    finally:
                        if work in _RESTING and not caller.trusted:
                            ended = monotonic()
                            rest = min(_REST_MAX_SECONDS, _REST * (ended - began))
                            queue.rests_until = ended + rest
            finally:
                queue.length -= 1

    @contextmanager
    def _counted(self, caller: CallerIdentity) -> Iterator[int]:
        """How many requests of a caller wait or are worked on, this one included."""
        self._waiting[caller.name] += 1
        try:
            yield self._waiting[caller.name]
        finally:
            self._waiting[caller.name] -= 1
            if not self._waiting[caller.name]:
                del self._waiting[caller.name]

    def _queue(self, caller: CallerIdentity, work: Work) -> _Queue:
        key = (caller.name, work)
        if key not in self._queues:
            if len(self._queues) >= _QUEUES_MAX:
                now = monotonic()
                self._queues = {
                    kept: queue
                    for kept, queue in self._queues.items()
                    if queue.length or queue.rests_until > now
                }
            at_once = _AT_ONCE.get(work, 1)
            if caller.trusted:
                at_once = max(at_once, _TRUSTED_AT_ONCE)
            self._queues[key] = _Queue(at_once)
        return self._queues[key]

    async def away(self, work: Work, function: Callable[..., T], *arguments: Any) -> T:
        """The result of a function in another thread, of which few work at once."""
        async with self._threads[work]:
            return await run_in_threadpool(function, *arguments)
