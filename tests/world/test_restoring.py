"""A world opened again goes on as if it had never been closed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from random import Random

import pytest

from sim_economy.core.state import encode_state
from sim_economy.ledger.sidecars.locations import location_of
from sim_economy.ledger.verify import verify
from sim_economy.world.replay import replay
from sim_economy.world.world import SNAPSHOT_EVERY, World
from tests.ledger.ledgers import SCENARIO, export, export_hash, play, script

TURNS = 2 * SNAPSHOT_EVERY + 6
STOPS = (0, 1, 2, 31, *(SNAPSHOT_EVERY + off for off in range(-3, 4)), 100, 127, 128, 129)


def test_a_world_opened_again_after_many_turns_goes_on_with_the_same_bytes(location: str) -> None:
    turns = script(SCENARIO, TURNS)
    uninterrupted = World(SCENARIO)
    world = World.create(location, SCENARIO)
    for number, inputs in enumerate(turns):
        if number in STOPS:
            world.close()
            world = World.open(location)
            assert encode_state(world.state) == encode_state(uninterrupted.state)
            assert (world.head, world.config) == (uninterrupted.head, SCENARIO)
        world.turn(inputs)
        uninterrupted.turn(inputs)
    assert export(world.store) == export(uninterrupted.store)
    assert list(world.store.snapshots()) == list(uninterrupted.store.snapshots())
    assert verify(world.store).holds
    assert replay(world.store) == uninterrupted.head
    world.close()


@pytest.mark.parametrize("stop", [0, 1, SNAPSHOT_EVERY - 1, SNAPSHOT_EVERY, SNAPSHOT_EVERY + 1])
def test_a_world_closed_once_goes_on_with_the_same_bytes(stop: int, location: str) -> None:
    turns = script(SCENARIO, SNAPSHOT_EVERY + 3)
    play(World.create(location, SCENARIO), turns[:stop]).close()
    with play(World.open(location), turns) as world:
        assert export_hash(world.store) == export_hash(play(World(SCENARIO), turns).store)


def test_a_world_opened_twice_without_a_turn_between_stays_as_it_is(location: str) -> None:
    play(World.create(location, SCENARIO), script(SCENARIO, 5)).close()
    for _ in range(3):
        World.open(location).close()
    with World.open(location, read_only=True) as world:
        assert export(world.store) == export(play(World(SCENARIO), script(SCENARIO, 5)).store)


def test_every_acknowledged_turn_outlives_a_dozen_kills(location: str) -> None:
    turns = script(SCENARIO, 400)
    random = Random(2024)
    acknowledged = 0
    for kill in range(12):
        command = [sys.executable, "-m", "tests.world.child", "play_on", location, "400"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(random.randrange(1, 40)):
                acknowledged = int(child.stdout.readline())
            time.sleep(random.random() * 0.004)
            child.send_signal(signal.SIGKILL)
            # What it said before it died counts too.
            acknowledged = max([acknowledged, *map(int, child.stdout.read().split())])
        assert child.returncode == -signal.SIGKILL
        # A reader sees one moment: a server may still be keeping what the dead process sent.
        reads = kill % 2 == 0
        with World.open(location_of(location).open(read_only=reads, frozen=reads)) as world:
            assert acknowledged <= world.turn_number <= acknowledged + 1
            verified = verify(world.store)
            assert verified.holds, verified.finding
            alone = play(World(SCENARIO), turns[: world.turn_number])
            assert export(world.store) == export(alone.store)
            assert encode_state(world.state) == encode_state(alone.state)
    assert acknowledged > 12
