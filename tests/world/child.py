"""A process that plays a world, to be killed or starved of disk."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sim_economy.core.actions import Input
from sim_economy.core.errors import StoreError
from sim_economy.core.state import encode_state
from sim_economy.ledger.sidecars.locations import is_database, location_of
from sim_economy.ledger.verify import verify
from sim_economy.world.world import World
from tests.ledger.ledgers import SCENARIO, WRITTEN, export_hash, play, script


def say(text: object) -> None:
    """Print it at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def play_on(path: Path | str, turns: int) -> None:
    """Create or open the world and say each turn once it is kept."""
    exists = location_of(path).exists()
    world = World.open(path) if exists else World.create(path, SCENARIO)
    with world:
        say(world.turn_number)
        for inputs in script(SCENARIO, turns)[world.turn_number :]:
            say(world.turn(inputs).turn)


def hashes(path: Path) -> None:
    """The exports of two worlds, kept in memory and in a file."""
    for name, config in (("run", SCENARIO), ("written", WRITTEN)):
        turns = script(config, 40)
        memory = play(World(config), turns)
        with play(World.create(path / f"{name}.db", config), turns) as kept:
            say(export_hash(memory.store))
            say(export_hash(kept.store))


def starve(path: Path, room: int) -> None:
    """Play with a limit on the size of files until a turn cannot be kept; then play on."""
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    turns = script(SCENARIO, 90)
    with World.create(path, SCENARIO) as world:
        for inputs in turns[:3]:
            world.turn(inputs)
        size = max(file.stat().st_size for file in path.parent.iterdir())
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, unlimited[1]))
        refusals = 0
        while world.turn_number < len(turns):
            before = encode_state(world.state), world.head
            code = _refusal(world, turns[world.turn_number])
            if code is None:
                continue
            assert code == "ledger_unwritable", code
            assert (encode_state(world.state), world.head) == before
            assert world.head == world.store.head()
            assert verify(world.store).holds
            refusals += 1
            if refusals == 2:
                resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
        say(refusals)
        say(export_hash(world.store))


def _refusal(world: World, inputs: Sequence[Input]) -> str | None:
    try:
        world.turn(inputs)
    except StoreError as error:
        return error.code
    return None


def starve_from_the_start(path: Path, room: int) -> None:
    """Create a world where there is no room for one."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    try:
        World.create(path, SCENARIO)
    except StoreError as error:
        say(error.code)
    say(path.exists())


def hold(path: Path | str) -> None:
    """Hold the ledger until standard input closes."""
    with World.open(path):
        say("held")
        sys.stdin.read()


COMMANDS: dict[str, Callable[..., None]] = {
    "play_on": play_on,
    "hashes": hashes,
    "starve": starve,
    "starve_from_the_start": starve_from_the_start,
    "hold": hold,
}

if __name__ == "__main__":
    command, where, *numbers = sys.argv[1:]
    COMMANDS[command](where if is_database(where) else Path(where), *map(int, numbers))
