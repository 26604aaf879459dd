"""The open worlds of a process, and the background tasks of each."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar, cast
from weakref import WeakValueDictionary

from msgspec import Struct, field, to_builtins

from sim_economy.api.authentication import kept_credentials
from sim_economy.api.connection_limits import LARGE, ConnectionLimits
from sim_economy.api.engine_world import EngineWorld
from sim_economy.api.fair_share import FairShare, PausingStore, Work
from sim_economy.api.reader_sessions import ReaderSessions
from sim_economy.api.request_log import RequestLog
from sim_economy.api.turn_events import TurnEvents
from sim_economy.core.errors import SimEconomyError, WorldUnknownError
from sim_economy.ledger.credentials.tokens import Credentials, IssuedTokens
from sim_economy.ledger.sidecars.locations import DEFAULT_WORLD
from sim_economy.ledger.stores.protocol import Store
from sim_economy.ledger.verify import Verification
from sim_economy.viewer.history.shown_world import ShownWorld
from sim_economy.world.access import Access
from sim_economy.world.engine import Engine

T = TypeVar("T")

_log = logging.getLogger("sim_engine")

OPEN_MAX: Final = 100
"""Worlds other than the default one held open at once; each takes a lock and a few open files."""
_MANY_AGENTS: Final = 500
"""Agents of a world whose answers are large from the start."""


_OPERATOR_MADE: Final = (
    "you: the engine was given no operator's token, so who starts the world becomes its operator; "
    "keep admin_token, it is not shown again"
)
_OPERATOR_GIVEN: Final = "who holds the engine's SIM_ENGINE_ADMIN_TOKEN, which is admin_token"


class ServedWorld(Struct, eq=False, weakref=True, kw_only=True):
    """One world behind its routes.

    Attributes:
        worlds: All of the process.
        closed: Wakes what counts the seconds of an open turn.
        events: Of those who follow it.
        users: Requests and event streams under way; the world stays open as long.
        tasks: Background tasks of the world.
        starting: Held while it is started.
        answer_bytes: Of the longest answer about its state so far, or an agent's view of it.
        shown: What the viewer has read of it; None before it was asked.
        showing: Held by the thread that makes it.
    """

    engine: Engine
    worlds: Worlds
    closed: asyncio.Condition = field(default_factory=asyncio.Condition)
    events: TurnEvents = field(default_factory=TurnEvents)
    users: int = 0
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    answer_bytes: int = 0
    shown: ShownWorld | None = None
    showing: Lock = field(default_factory=Lock)

    @property
    def is_large(self) -> bool:
        """True if answers about the whole world are made in another thread."""
        return self.answer_bytes > LARGE or self.engine.config.num_agents > _MANY_AGENTS

    async def start(
        self,
        configuration: Mapping[str, Any],
        agent_ids: Sequence[str] | None,
        public_keys: Mapping[str, str] | None = None,
    ) -> IssuedTokens | None:
        """Start the world, in another thread; raises as `Engine.start`."""
        async with self.starting:
            issued = await self.worlds.share.away(
                Work.LONG, self.engine.start, configuration, agent_ids, public_keys
            )
            self.worlds.keep(self)
            await self.announce()
        if issued is not None and self.engine.access.admin_token is None:
            _log.warning("world %s: who sent this request is its operator", self.engine.world_id)
        return issued

    def issued_answer(self, issued: IssuedTokens | None) -> dict[str, Any]:
        """What the answer that starts a world says of its tokens and of who became operator."""
        if issued is None:
            return {}
        given = self.engine.access.admin_token is not None
        return {
            "operator": _OPERATOR_GIVEN if given else _OPERATOR_MADE,
            **to_builtins(issued),
            **self.engine.commitment(),
        }

    async def read(self, work: Callable[[Store], T]) -> T:
        """Long work on the records, in another thread and in lulls; raises as `Engine.read`."""
        share = self.worlds.share

        def read(store: Store) -> T:
            return work(cast("Store", PausingStore(store, share.lull)))

        return await share.away(Work.LONG, self.engine.read, read)

    def shown_world(self) -> ShownWorld:
        """The world as the viewer shows it, in another thread; raises as `Engine.read`."""
        with self.showing:
            if self.shown is None:
                source = EngineWorld(self.engine, self.worlds.share.lull)
                self.shown = source.read(partial(ShownWorld, source))
            return self.shown

    def leave(self) -> None:
        """Note the end of a request."""
        self.users -= 1

    async def announce(self) -> None:
        """Wake whoever waits for a turn."""
        self.events.announce()
        async with self.closed:
            self.closed.notify_all()

    async def verify(self) -> Verification:
        """Check the whole ledger, in another thread and in lulls."""
        share, checked = self.worlds.share, self.worlds.checked
        seen = self._seen()

        def found() -> Verification:
            pause = share.lull.pauses()
            verification = self.engine.verify(lambda _: pause())
            checked[self.engine.world_id] = (seen, verification)
            return verification

        verification = await share.away(Work.CHECK, found)
        if verification.finding is not None:
            _log.error("world %s is not sound: %s", self.engine.world_id, verification.finding)
        return verification

    async def check(self) -> None:
        """Check the whole ledger, once for each state of its file."""
        seen, found = self.worlds.checked.get(self.engine.world_id, (None, None))
        if found is not None and seen == self._seen():
            self.engine.verified = found
        else:
            await self.verify()

    def _seen(self) -> tuple[Any, ...]:
        """What tells that a ledger is still as it was: its head, its file's identity and size.

        Whoever writes a file can set back when it was modified, not when it was changed.
        """
        path = self.engine.location.sidecar
        files = [
            (kept.st_ino, kept.st_size, kept.st_mtime_ns, kept.st_ctime_ns)
            for kept in (each.stat() for each in (path, Path(f"{path}-wal")) if each.is_file())
            if kept.st_size
        ]
        return self.engine.started().head.hash, *files

    async def close_at_deadlines(self, seconds: float) -> None:
        """Close every turn that stays open so long; whoever has not acted is idle."""
        while True:
            async with self.closed:
                try:
                    async with asyncio.timeout(seconds):
                        await self.closed.wait()
                        continue
                except TimeoutError:
                    pass
            world = self.engine.world
            if world is None or world.state.ended or not self.engine.closes_itself:
                continue
            try:
                self.engine.close_turn()
            except SimEconomyError as error:
                _log.error("world %s was not closed in time: %s", self.engine.world_id, error)
            else:
                await self.announce()

    def close(self) -> None:
        """Release the ledger."""
        for task in self.tasks:
            task.cancel()
        self.engine.close()


class Worlds:
    """The worlds of one process: the default one and others, opened when asked for.

    Attributes:
        local: Whether they are served on loopback alone.
        hosts: Further names they are reached by where no tokens are asked for.
        requests: What was answered, of all worlds together.
        stopping: Whether event streams end, because the process does.
        share: Every caller's share of this process.
        checked: What the last check of each world's whole ledger saw and found.
        sessions: Of browsers that signed in to look.
    """

    def __init__(
        self,
        engine: Engine,
        limits: ConnectionLimits,
        *,
        accept_head: bool = False,
        local: bool = False,
        hosts: Set[str] = frozenset(),
    ) -> None:
        self.limits = limits
        self.local = local
        self.hosts = frozenset(host.lower() for host in hosts)
        self.requests = RequestLog()
        self.stopping = False
        self.share = FairShare(max(8, limits.connections // 16))
        self.checked: dict[str, tuple[tuple[Any, ...], Verification]] = {}
        self.sessions = ReaderSessions()
        self.default = ServedWorld(engine=engine, worlds=self)
        self._accept_head = accept_head
        self._for_world: OrderedDict[str, ServedWorld] = OrderedDict()
        self._unstarted: WeakValueDictionary[str, ServedWorld] = WeakValueDictionary()
        self._opening: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def access(self) -> Access:
        """The access rules of every world."""
        return self.default.engine.access

    def names(self) -> list[str]:
        """The worlds that were started, the default one first."""
        default = [] if self.default.engine.world is None else [DEFAULT_WORLD]
        return default + self.default.engine.location.worlds()

    def held(self, world_id: str) -> ServedWorld | None:
        """A world that is open, or is about to be started."""
        return self._for_world.get(world_id) or self._unstarted.get(world_id)

    async def credentials(self, world_id: str) -> Credentials | None:
        """The tokens of a world, which stays closed if it is not open; None before it is started.

        Raises:
            WorldUnknownError: No further world can have this name.
            StoreError: There is a world, and no file with its tokens.
        """
        if (served := self.held(world_id)) is not None:
            return served.engine.credentials
        location = self.default.engine.location.world(world_id)
        return await self.share.away(Work.BRIEF, kept_credentials, location)

    async def of(self, world_id: str, *, startable: bool = False) -> ServedWorld:
        """A world other than the default one, opened in another thread if it is not.

        Args:
            startable: Whether it may be one that still has to be started, and then to be kept.

        Raises:
            WorldUnknownError: There is no such world, or none can have this name.
            StoreError, ReplayError: Its ledger cannot be opened; the other worlds continue.
        """
        served = self.held(world_id)
        if served is None:
            lock = self._opening.setdefault(world_id, asyncio.Lock())
            async with lock:
                served = self.held(world_id) or await self._opened(world_id)
        if served.engine.world is None and not startable:
            raise WorldUnknownError
        if world_id in self._for_world:
            self._for_world.move_to_end(world_id)
        return served

    async def _opened(self, world_id: str) -> ServedWorld:
        location = self.default.engine.location.world(world_id)
        opening = partial(
            Engine.open, location, self.access, world_id=world_id, accept_head=self._accept_head
        )
        engine = await self.share.away(Work.LONG, opening)
        served = ServedWorld(engine=engine, worlds=self)
        if engine.world is None:
            self._unstarted[world_id] = served
        else:
            self.keep(served)
            _, found = self.checked.get(world_id, (None, None))
            if found is not None and not found.holds:
                engine.verified = found  # Until a check of the file as it is now finds nothing.
            self._begin(served, served.check())
        return served

    def keep(self, served: ServedWorld) -> None:
        """Hold a started world open; where there are many, the least used one is closed."""
        if served is self.default:
            return
        self._for_world[served.engine.world_id] = served
        self._unstarted.pop(served.engine.world_id, None)
        if self.limits.turn_seconds is not None:
            self._begin(served, served.close_at_deadlines(self.limits.turn_seconds))
        elif len(self._for_world) > OPEN_MAX:
            others = (name for name, held in self._for_world.items() if held is not served)
            idle = next((name for name in others if not self._for_world[name].users), None)
            if idle is not None:
                self.forget(idle)

    def forget(self, world_id: str) -> None:
        """Close a world until it is asked for again."""
        self._for_world.pop(world_id).close()

    def start(self) -> None:
        """Start the background tasks; a deadline applies to every world."""
        if self.default.engine.world is not None:
            self._begin(self.default, self.default.check())
        if self.limits.turn_seconds is not None:
            deadlines = self.default.close_at_deadlines(self.limits.turn_seconds)
            self._begin(self.default, deadlines)
            self._begin(self.default, self._open_all())

    async def _open_all(self) -> None:
        for world_id in self.default.engine.location.worlds():
            try:
                await self.of(world_id)
            except SimEconomyError as error:
                _log.error("world %s is not served: %s", world_id, error)

    async def end_streams(self) -> None:
        """End every event stream; one that is resumed elsewhere misses nothing."""
        self.stopping = True
        for served in (self.default, *self._for_world.values()):
            served.events.wake()

    def close(self) -> None:
        """Release every ledger."""
        for served in (self.default, *self._for_world.values()):
            served.close()

    @staticmethod
    def _begin(served: ServedWorld, work: Coroutine[Any, Any, object]) -> None:
        served.tasks.append(asyncio.create_task(work))
