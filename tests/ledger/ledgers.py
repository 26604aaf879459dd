"""Worlds to keep, open, kill and tamper with: the same inputs whenever they are asked for."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random

from sim_economy.core.actions import (
    Burn,
    Idle,
    Input,
    Job,
    Mine,
    Speak,
    Stake,
    Study,
    Transfer,
    Unrecognised,
    Unstake,
)
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.ledger.records import Receipt, Signature
from sim_economy.ledger.sidecars.ledger_files import remove_ledger
from sim_economy.ledger.stores.protocol import Store
from sim_economy.world.world import World
from tests.properties.random_play import AS_WRITTEN, random_inputs

SCENARIO = parse_world_config(
    {"num_agents": 4, "unstake_delay_turns": 2, "dividend_rule": "stake_and_burn", "seed": 7}
)
WRITTEN = parse_world_config({**AS_WRITTEN, "num_agents": 3, "seed": 11})

RICH_TURNS = 66


@cache
def script(config: WorldConfig, turns: int, key: str = "script") -> tuple[tuple[Input, ...], ...]:
    """Random inputs for so many turns, most of them sound."""
    random = Random(key)
    world = World(config, recorded=False)
    played = []
    for _ in range(turns):
        inputs = tuple(random_inputs(random, world.state, config))
        world.turn(inputs)
        played.append(inputs)
    return tuple(played)


def play(world: World, turns: Sequence[Sequence[Input]]) -> World:
    """Close those of the turns that are not closed yet."""
    for inputs in turns[world.turn_number :]:
        world.turn(inputs)
    return world


OLD = Path(__file__).with_name("old_layout.sql").read_text(encoding="utf-8")
"""`rich_world` of 13 turns, as the last release before lines were kept wrote it."""

OLD_TABLES: dict[str, str] = dict(re.findall(r"^(CREATE \w+ (\w+) [^;]*);$", OLD, re.MULTILINE))
"""Names of the old layout's tables and view, by what makes them."""


def into_old_layout(path: Path) -> None:
    """Write a ledger anew as the release before lines were kept would have."""
    old = path.with_name(f"{path.name}.old")
    connection = sqlite3.connect(old, isolation_level=None)
    for statement in OLD_TABLES:
        connection.execute(statement)
    for pragma in ("application_id = 0x53494D45", "user_version = 2"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("ATTACH ? AS new", (str(path),))
    for statement, table in OLD_TABLES.items():
        if statement.startswith("CREATE TABLE"):
            columns = ", ".join(
                row[1] for row in connection.execute(f"PRAGMA main.table_info({table})")
            )
            connection.execute(f"INSERT INTO main.{table} SELECT {columns} FROM new.{table}")
    connection.close()
    remove_ledger(path)
    old.rename(path)


def export(store: Store) -> bytes:
    """The canonical export: every line, genesis first."""
    return b"\n".join([store.genesis_line(), *(stored.line for stored in store.read())])


def export_hash(store: Store) -> str:
    """The canonical export and every chain head, hashed."""
    heads = "".join(stored.head_hash for stored in store.read())
    return sha256(export(store) + heads.encode()).hexdigest()


def rich_world(path: Path | str, turns: int = RICH_TURNS, config: WorldConfig = SCENARIO) -> World:
    """A ledger in which everything happened that can, and three inputs wait for the open turn."""
    world = World.create(path, config, world_id="rich")
    a, b, c, d = config.agent_ids
    signature = Signature("key-of-a", "signature-of-a")
    world.turn(
        [
            Input(
                a, Mine(), thinking_units=10, output_units=20, thinking="private", speech="public"
            ),
            Input(b, Mine()),
            Input(c, Stake(100, 3)),
            Input(d, Burn(50, 2), 0, 900),
        ],
        signatures=[signature, None, None, Signature("key-of-d", "signature-of-d")],
        receipt=Receipt(1, "first", "digest-1", '{"turn":1}'),
    )
    world.turn(
        [
            Input(a, Transfer(b, 60, 1), 5000, 0),
            Input(b, Study()),
            Input(c, Mine(), 0, 300),
            Input(d, Mine(), 0, 1500),
            Input("nobody", Mine()),
            Input(a, Idle()),
        ],
        signatures=[signature, None, None, None, None, None],
        receipt=Receipt(2, "second", "digest-2", '{"turn":2}'),
    )
    world.turn(
        [
            Input(d, Job(), 0, 400),
            Input(c, Unstake(40)),
            Input(
                b, Speak(), thinking_units=0, output_units=0, thinking=None, speech="hello é\u2028"
            ),
            Input(a, Unrecognised("no such")),
        ],
        receipt=Receipt(3, "third", "digest-3", "[]"),
    )
    for inputs in script(config, 8, "rich"):
        world.turn(inputs)
    while world.turn_number < turns - 1:
        world.turn()
    world.turn([Input(a, Mine(), 0, 150), Input(b, Mine()), Input(c, Stake(1))])
    world.submit(Input(a, Mine(), 0, 5), signature)
    world.submit(Input(b, Transfer(c, 5, 1), speech="soon"))
    world.submit(Input(c, Idle()))
    return world
