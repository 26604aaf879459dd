"""A ledger is created once, written by one, and left alone by whoever it does not belong to."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sim_economy.core.actions import Input, Mine
from sim_economy.core.errors import ReplayError, SimEconomyError, StoreError
from sim_economy.core.rules_version import RULES_VERSION
from sim_economy.ledger.sidecars.locations import location_of
from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.ledger.verify import verify
from sim_economy.world.replay import replay
from sim_economy.world.world import World
from tests.ledger.ledgers import SCENARIO, export, export_hash, play, script


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "world.db"
    play(World.create(path, SCENARIO), script(SCENARIO, 4)).close()
    return path


@pytest.fixture
def kept(location: str) -> str:
    """The same ledger in each kind of database."""
    play(World.create(location, SCENARIO), script(SCENARIO, 4)).close()
    return location


def refusal(path: Path | str, *, read_only: bool = False) -> StoreError:
    with pytest.raises(StoreError) as failure:
        World.open(path, read_only=read_only)
    return failure.value


def child(*arguments: str) -> list[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.world.child", *arguments],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()


@pytest.mark.parametrize("room", [1, 5000, 12_000, 33_000])
def test_a_full_disk_leaves_world_and_ledger_intact_and_the_run_goes_on(
    room: int, tmp_path: Path
) -> None:
    refusals, exported = child("starve", str(tmp_path / "w.db"), str(room))
    assert int(refusals) == 2
    assert exported == export_hash(play(World(SCENARIO), script(SCENARIO, 90)).store)
    with World.open(tmp_path / "w.db") as world:
        assert world.turn_number == 90
        assert verify(world.store).holds
        assert export_hash(world.store) == exported


@pytest.mark.parametrize("room", [1, 2000, 8000])
def test_a_disk_too_full_for_a_world_is_an_error_and_leaves_no_file(
    room: int, tmp_path: Path
) -> None:
    code, exists = child("starve_from_the_start", str(tmp_path / "w.db"), str(room))
    assert (code, exists) == ("ledger_unwritable", "False")
    assert not [file for file in tmp_path.iterdir() if file.suffix != ".lock"]


def test_a_second_writer_is_refused_while_the_first_lives(kept: str) -> None:
    with World.open(kept) as world:
        assert refusal(kept).code == "ledger_in_use"
        with pytest.raises(StoreError) as failure:
            World.create(kept)
        assert failure.value.code in ("ledger_in_use", "ledger_exists")
        world.turn([Input("agent_0", Mine())])
    with World.open(kept) as world:
        assert world.turn_number == 5


def test_a_second_writer_in_another_process_is_refused(kept: str) -> None:
    command = [sys.executable, "-m", "tests.world.child", "hold", kept]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert refusal(kept).code == "ledger_in_use"
        holder.communicate()
    World.open(kept).close()


def test_readers_are_welcome_while_a_writer_writes_and_cannot_write(kept: str) -> None:
    with World.open(kept) as writer, World.open(kept, read_only=True) as reader:
        writer.turn([Input("agent_0", Mine())])
        assert reader.store.head() == writer.head
        assert verify(reader.store).holds
        with pytest.raises(StoreError) as failure:
            World.open(kept, read_only=True).turn()
        assert failure.value.code == "ledger_unwritable"
        writer.turn()
        assert export(reader.store) == export(writer.store)


@pytest.mark.parametrize("pragma", ["user_version = 1", "user_version = 0", "application_id = 5"])
@pytest.mark.parametrize("read_only", [True, False])
def test_a_ledger_of_another_format_is_refused(ledger: Path, pragma: str, read_only: bool) -> None:
    connection = sqlite3.connect(ledger)
    connection.execute(f"PRAGMA {pragma}")
    connection.close()
    assert refusal(ledger, read_only=read_only).code == "ledger_format"


@pytest.mark.parametrize("read_only", [True, False])
def test_another_programs_database_is_refused_and_not_touched(
    tmp_path: Path, read_only: bool
) -> None:
    path = tmp_path / "theirs.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    before = path.read_bytes()
    assert refusal(path, read_only=read_only).code == "ledger_format"
    assert path.read_bytes() == before


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("text", [b"", b"hello " * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_refused_and_not_touched(
    tmp_path: Path, text: bytes, read_only: bool
) -> None:
    path = tmp_path / "file"
    path.write_bytes(text)
    assert refusal(path, read_only=read_only).code in ("ledger_format", "ledger_damaged")
    assert path.read_bytes() == text


@pytest.mark.parametrize("read_only", [True, False])
def test_a_missing_ledger_is_an_error_and_not_created(tmp_path: Path, read_only: bool) -> None:
    assert refusal(tmp_path / "none.db", read_only=read_only).code == "ledger_missing"
    assert refusal(tmp_path, read_only=read_only).code == "ledger_missing"
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_never_overwritten(ledger: Path) -> None:
    before = ledger.read_bytes()
    with pytest.raises(StoreError) as failure:
        World.create(ledger, SCENARIO)
    assert failure.value.code == "ledger_exists"
    assert ledger.read_bytes() == before
    World.open(ledger).close()


def test_a_world_is_created_in_a_store_only_once(kept: str) -> None:
    store = MemoryStore()
    World(SCENARIO, store=store)
    opened = location_of(kept).open()
    for full in (store, opened):
        before = export(full)
        with pytest.raises(StoreError):
            World(SCENARIO, store=full)
        assert export(full) == before
    opened.close()


def test_a_ledger_in_a_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "w.db", tmp_path / "file" / "deeper" / "w.db"):
        with pytest.raises(StoreError) as failure:
            World.create(path)
        assert failure.value.code == "ledger_unwritable"


def test_rules_of_another_version_are_refused_by_name(ledger: Path) -> None:
    connection = sqlite3.connect(ledger)
    connection.execute(
        "UPDATE genesis SET data = replace(data, ?, ?)",
        (f'"rules_version":"{RULES_VERSION}"', '"rules_version":"0"'),
    )
    connection.commit()
    connection.close()
    with pytest.raises(SimEconomyError) as failure:
        World.open(ledger)
    assert isinstance(failure.value, ReplayError)
    assert "rules version 0" in str(failure.value)
    store = SQLiteStore.open(ledger)
    with pytest.raises(ReplayError):
        replay(store)
    assert not verify(store).holds
    store.close()


def test_closing_twice_is_fine(kept: str) -> None:
    world = World.open(kept)
    world.close()
    world.close()
