"""Closed turns for those who follow a world: when they are woken, and what they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any

import pytest

from sim_economy.api import turn_events
from sim_economy.api.turn_events import TurnEvents
from sim_economy.core.world_config import parse_world_config
from sim_economy.world.world import World


@pytest.fixture
def world() -> World:
    world = World(parse_world_config({"num_agents": 2, "seed": 1}))
    for _ in range(9):
        world.turn([])
    return world


def run(work: Callable[[TurnEvents], Coroutine[Any, Any, None]], followers: int = 1) -> None:
    async def within() -> None:
        events = TurnEvents()
        with ExitStack() as held:
            for _ in range(followers):
                held.enter_context(events.follower())
            await work(events)

    asyncio.run(within())


def test_the_first_turn_wakes_at_once_and_the_next_ones_together_after_a_rest() -> None:
    async def work(events: TurnEvents) -> None:
        clock = asyncio.get_running_loop().time
        events.announce()
        assert await events.woken(0)
        assert events.wakes == 1
        woken = clock()
        for _ in range(20):
            events.announce()
            await asyncio.sleep(0)
        assert await events.woken(1)
        assert events.wakes == 2
        assert clock() - woken >= 50 * turn_events.REST_SECONDS - 0.001

    run(work, followers=50)


def test_a_turn_that_was_closed_before_one_waits_is_not_missed() -> None:
    async def work(events: TurnEvents) -> None:
        events.wake()
        assert await events.woken(0)

    run(work)


def test_nobody_is_woken_where_nobody_follows() -> None:
    async def work(events: TurnEvents) -> None:
        events.announce()
        await asyncio.sleep(0.01)
        assert events.wakes == 0

    run(work, followers=0)


def test_silence_ends_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_events, "SILENT_SECONDS", 0.01)

    async def work(events: TurnEvents) -> None:
        assert not await events.woken(0)

    run(work)


def test_a_batch_is_made_once_until_the_next_turn_is_told(world: World) -> None:
    async def work(events: TurnEvents) -> None:
        batch = events.batch(world, 3)
        assert (batch.last, batch.more) == (9, False)
        assert batch.events.count(b"\n\n") == 6
        assert batch.events.startswith(b"id: 4\nevent: turn\ndata: {")
        assert events.batch(world, 3) is batch
        world.turn([])
        events.wake()
        assert events.batch(world, 3).last == 10
        assert events.batch(world, 9).events.startswith(b"id: 10\n")
        assert events.batch(world, 10).events == b""

    run(work)


def test_a_long_way_to_catch_up_is_sent_in_parts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_events, "BATCH_BYTES", 1)

    async def work(events: TurnEvents) -> None:
        parts = [events.batch(world, after) for after in range(9)]
        assert [part.last for part in parts] == [*range(1, 10)]
        assert [part.more for part in parts] == [True] * 8 + [False]

    run(work)
