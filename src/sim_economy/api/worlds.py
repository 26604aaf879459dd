"""The open worlds of a process, and the background tasks of each."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any, Final
from weakref import WeakValueDictionary

from msgspec import Struct, field
from starlette.concurrency import run_in_threadpool

from sim_economy.api.connection_limits import ConnectionLimits
from sim_economy.core.errors import SimEconomyError, WorldUnknownError
from sim_economy.ledger.sidecars.locations import DEFAULT_WORLD
from sim_economy.ledger.verify import Verification, verify
from sim_economy.world.access import Access
from sim_economy.world.engine import Engine

_log = logging.getLogger("sim_engine")

OPEN_MAX: Final = 100
"""Worlds other than the default one held open at once; each takes a lock and a few open files."""


class ServedWorld(Struct, eq=False, weakref=True, kw_only=True):
    """One world behind its routes.

    Attributes:
        worlds: All of the process.
        closed: Wakes whoever waits for the next turn.
        users: Requests and event streams under way; the world stays open as long.
        verified: What the last check of the whole ledger found; None before the first ended.
        tasks: Background tasks of the world.
    """

    engine: Engine
    worlds: Worlds
    closed: asyncio.Condition = field(default_factory=asyncio.Condition)
    users: int = 0
    verified: Verification | None = None
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    async def announce(self) -> None:
        """Wake whoever waits for a turn."""
        async with self.closed:
            self.closed.notify_all()

    async def verify(self) -> Verification:
        """Check the whole ledger, in another thread."""
        self.verified = found = await run_in_threadpool(self.engine.read, verify)
        if found.finding is not None:
            _log.error("world %s is not sound: %s", self.engine.world_id, found.finding)
        return found

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
        answered: Requests answered, by status.
    """

    def __init__(
        self,
        engine: Engine,
        limits: ConnectionLimits,
        *,
        accept_head: bool = False,
        local: bool = False,
    ) -> None:
        self.limits = limits
        self.local = local
        self.answered: dict[int, int] = {}
        self.default = ServedWorld(engine=engine, worlds=self)
        self._accept_head = accept_head
        self._for_world: OrderedDict[str, ServedWorld] = OrderedDict()
        self._unstarted: WeakValueDictionary[str, ServedWorld] = WeakValueDictionary()

    @property
    def access(self) -> Access:
        """The access rules of every world."""
        return self.default.engine.access

    def names(self) -> list[str]:
        """The worlds that were started, the default one first."""
        default = [] if self.default.engine.world is None else [DEFAULT_WORLD]
        return default + self.default.engine.location.worlds()

    def of(self, world_id: str) -> ServedWorld:
        """A world other than the default one, opened if it is not.

        Raises:
            WorldUnknownError: There is no such world.
            StoreError, ReplayError: Its ledger cannot be opened; the other worlds continue.
        """
        served = self.startable(world_id)
        if served.engine.world is None:
            raise WorldUnknownError
        return served

    def startable(self, world_id: str) -> ServedWorld:
        """The service of a world that may still have to be started, and then to be kept.

        Raises:
            WorldUnknownError: No further world can have this name.
            StoreError, ReplayError: Its ledger cannot be opened.
        """
        if world_id in self._for_world:
            self._for_world.move_to_end(world_id)
            return self._for_world[world_id]
        if world_id in self._unstarted:
            return self._unstarted[world_id]
        location = self.default.engine.location.world(world_id)
        accept_head = self._accept_head
        engine = Engine.open(location, self.access, world_id=world_id, accept_head=accept_head)
        served = ServedWorld(engine=engine, worlds=self)
        if engine.world is None:
            self._unstarted[world_id] = served
        else:
            self.keep(served)
            self._begin(served, served.verify())
        return served

    def keep(self, served: ServedWorld) -> None:
        """Hold a started world open; where there are many, the least used one is closed."""
        if served is self.default:
            return
        self._for_world[served.engine.world_id] = served
        if self.limits.turn_seconds is not None:
            self._begin(served, served.close_at_deadlines(self.limits.turn_seconds))
        elif len(self._for_world) > OPEN_MAX:
            others = (name for name, held in self._for_world.items() if held is not served)
            idle = next((name for name in others if not self._for_world[name].users), None)
            if idle is not None:
                self._for_world.pop(idle).close()

    def start(self) -> None:
        """Start the background tasks; a deadline applies to every world."""
        if self.default.engine.world is not None:
            self._begin(self.default, self.default.verify())
        if self.limits.turn_seconds is not None:
            deadlines = self.default.close_at_deadlines(self.limits.turn_seconds)
            self._begin(self.default, deadlines)
            for world_id in self.default.engine.location.worlds():
                try:
                    self.of(world_id)
                except SimEconomyError as error:
                    _log.error("world %s is not served: %s", world_id, error)

    def close(self) -> None:
        """Release every ledger."""
        for served in (self.default, *self._for_world.values()):
            served.close()

    @staticmethod
    def _begin(served: ServedWorld, work: Coroutine[Any, Any, object]) -> None:
        served.tasks.append(asyncio.create_task(work))
