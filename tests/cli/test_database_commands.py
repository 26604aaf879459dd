"""The commands on ledgers in PostgreSQL, and copies from one database to another."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sim_economy.core.actions import Idle, Input, Mine
from sim_economy.core.errors import StoreError
from sim_economy.ledger.sidecars.locations import location_of
from sim_economy.ledger.stores.backup import copy_ledger
from sim_economy.ledger.verify import verify
from sim_economy.world.engine import Engine
from sim_economy.world.world import World
from tests.cli.shell import CALL, complaint, json_of, sim_economy
from tests.ledger.ledgers import export_hash, rich_world
from tests.postgres import PASSWORD, PostgresServer

pytestmark = pytest.mark.usefixtures("state_folder")


@pytest.fixture
def world(postgres: PostgresServer, ledgers: Path, state_folder: Path) -> str:
    """The first published run, in PostgreSQL."""
    location = postgres.world()
    copied = sim_economy("copy", ledgers / "published.sqlite", location)
    assert copied.returncode == 0, copied.stderr
    assert PASSWORD not in copied.stdout
    return location


def test_a_published_run_is_the_same_in_a_database_and_in_a_file(
    postgres: PostgresServer, ledgers: Path
) -> None:
    location = postgres.world()
    arguments = ("run", "as-run", "--seed", "1001", "--json")
    played = json_of(sim_economy(*arguments, "--ledger", location))
    known = json_of(sim_economy("verify", ledgers / "published.sqlite", "--json"))
    assert played["head"] == known["head"]["hash"]
    assert played["ledger"] == location_of(location).name
    assert complaint(sim_economy(*arguments, "--ledger", location))


def test_every_reading_command_takes_a_database(world: str, ledgers: Path, tmp_path: Path) -> None:
    file = ledgers / "published.sqlite"
    found = json_of(sim_economy("verify", world, "--json"))
    assert found["head_file"], "a copy gets one"
    known = json_of(sim_economy("verify", file, "--json"))
    assert {**found, "head_file": False} == known
    assert json_of(sim_economy("replay", world, "--json")) == json_of(
        sim_economy("replay", file, "--json")
    )
    arguments = ("agent_3", "--account", "all", "--json")
    assert json_of(sim_economy("statement", world, *arguments)) == json_of(
        sim_economy("statement", file, *arguments)
    )
    assert json_of(sim_economy("diff", world, file, "--json"))["same"]
    assert not json_of(sim_economy("diff", ledgers / "one.sqlite", world, "--json"), 1)["same"]
    for form in ("jsonl", "csv"):
        for source, name in ((world, "base"), (file, "file")):
            out = tmp_path / f"{name}-{form}"
            assert sim_economy("export", source, "--format", form, "--out", out).returncode == 0
    assert (tmp_path / "base-jsonl").read_bytes() == (tmp_path / "file-jsonl").read_bytes()
    for table in (tmp_path / "base-csv").iterdir():
        assert table.read_bytes() == (tmp_path / "file-csv" / table.name).read_bytes()


def test_an_export_of_a_database_is_named_after_its_world(world: str, tmp_path: Path) -> None:
    ended = sim_economy("export", world, "--format", "jsonl", cwd=tmp_path)
    assert ended.returncode == 0
    assert (tmp_path / f"{world.partition('#')[2]}.jsonl").is_file()


def test_no_command_shows_the_password(world: str, tmp_path: Path) -> None:
    for ended in (
        sim_economy("verify", world),
        sim_economy("replay", world),
        sim_economy("diff", world, world),
        sim_economy("backup", world, tmp_path / "b.sqlite"),
        sim_economy("verify", world + "-missing"),
        sim_economy("copy", world, world),
    ):
        assert PASSWORD not in ended.stdout + ended.stderr
        assert PASSWORD.replace(" ", "%20") not in ended.stdout + ended.stderr


def test_a_backup_of_a_database_is_a_sound_file_of_the_same_digests(
    world: str, tmp_path: Path
) -> None:
    target = tmp_path / "backup.sqlite"
    ended = sim_economy("backup", world, target)
    assert ended.returncode == 0, ended.stderr
    assert {path.name for path in tmp_path.iterdir()} - {"state"} == {
        "backup.sqlite",
        "backup.sqlite.head",
    }
    with World.open(world, read_only=True) as kept, World.open(target, read_only=True) as copied:
        assert export_hash(copied.store) == export_hash(kept.store)
        assert list(copied.store.snapshots()) == list(kept.store.snapshots())
    engine = Engine.open(target)
    assert engine.started().turn_number == 60
    engine.close()
    assert complaint(sim_economy("backup", world, target))


@pytest.mark.parametrize("way", ["file to base", "base to file", "file to file", "base to base"])
def test_a_copy_has_everything_and_an_engine_goes_on_from_it(
    way: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    locations = [
        str(tmp_path / f"{number}.sqlite") if kind == "file" else postgres.world()
        for number, kind in enumerate(way.split(" to "))
    ]
    rich_world(locations[0]).close()
    source, target = map(location_of, locations)
    with World.open(source.open()) as writer:
        turns: list[int] = []
        head = copy_ledger(source, target, turns.append)
        assert turns == list(range(writer.turn_number + 1))
        store = target.open(read_only=True)
        assert head == writer.head == store.head()
        assert verify(store).holds
        assert export_hash(store) == export_hash(writer.store)
        assert list(store.snapshots()) == list(writer.store.snapshots())
        assert len(list(store.receipts())) == 3
        assert list(store.receipts()) == list(writer.store.receipts())
        assert list(store.checksums()) == list(writer.store.checksums())
        store.close()
    with pytest.raises(StoreError) as failure:
        copy_ledger(source, target)
    assert failure.value.code == "ledger_exists"
    engine = Engine.open(target, world_id="rich")
    assert len(engine.started().accepted()) == 3
    engine.close_turn()
    engine.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE turns SET line = replace(line, 60, 61) WHERE turn = 2",
        "UPDATE receipts SET answer = 'another'",
        "UPDATE submissions SET data = replace(data, 'soon', 'noon')",
        "UPDATE snapshots SET state = replace(state, '1', '2')",
    ],
)
def test_a_ledger_that_does_not_hold_is_not_copied(
    statement: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    path = tmp_path / "rich.sqlite"
    rich_world(path).close()
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement).rowcount
    connection.close()
    location = postgres.world()
    with pytest.raises(StoreError) as failure:
        copy_ledger(location_of(path), location_of(location))
    assert failure.value.code == "ledger_damaged"
    assert not location_of(location).exists()


def test_a_copy_in_progress_is_of_one_moment(postgres: PostgresServer, tmp_path: Path) -> None:
    ledger_location, target = location_of(postgres.world()), location_of(tmp_path / "copy.sqlite")
    with World(store=ledger_location.new()) as world:
        for _ in range(5):
            world.act({"agent_0": Mine()})
        world.submit(Input("agent_1", Idle()))

        def meanwhile(turn: int) -> None:
            world.turn()

        head = copy_ledger(ledger_location, target, meanwhile)
        assert (head.turn, world.turn_number) == (5, 11)
    with World.open(target.open()) as copied:
        assert len(copied.accepted()) == 1


def test_a_shell_completes_files_where_a_ledger_is_asked_for() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CALL],
        env={
            **os.environ,
            "_SIM_ECONOMY_COMPLETE": "bash_complete",
            "COMP_WORDS": "sim-economy verify wor",
            "COMP_CWORD": "2",
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.stdout.split() == ["file,wor"]
