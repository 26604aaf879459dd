"""One ledger, one writer, by whatever path it comes; what is acknowledged is in the file."""

from __future__ import annotations

import fcntl
import gc
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import Raw

from sim_economy.core.actions import Input, Mine
from sim_economy.core.codec import canonical
from sim_economy.core.errors import StoreError
from sim_economy.ledger.records import Submission
from sim_economy.ledger.sidecars.locations import location_of
from sim_economy.ledger.verify import verify
from sim_economy.world.access import Access
from sim_economy.world.engine import Engine
from tests.api.wire_client import EngineProcess
from tests.postgres import PostgresServer


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "world.db"


@pytest.fixture
def first(ledger: Path) -> Engine:
    """An engine at turn 0, before anything was played."""
    engine = Engine.open(ledger, Access())
    engine.start({}, ["ann", "bob"])
    return engine


def works(engine: Engine) -> list[Callable[[], object]]:
    """Whatever writes into the ledger of a world."""
    return [lambda: engine.close_turn([]), lambda: engine.submit(Input("ann", Mine()))]


def refusal(path: Path, *, accept_head: bool = True) -> StoreError:
    with pytest.raises(StoreError) as failure:
        Engine.open(path, Access(), accept_head=accept_head)
    return failure.value


def test_a_hard_link_is_refused_before_and_after_turns(first: Engine, ledger: Path) -> None:
    other = ledger.with_name("other.db")
    other.hardlink_to(ledger)
    for _ in range(2):
        assert refusal(other).code == "ledger_in_use"
        first.close_turn([])
    first.close()
    for path in (ledger, other):
        assert "second name (a hard link)" in str(refusal(path))
    other.unlink()
    Engine.open(ledger).close()


@pytest.mark.parametrize("absolute", [True, False])
def test_a_symbolic_link_is_the_file_it_leads_to(
    first: Engine, ledger: Path, tmp_path: Path, absolute: bool
) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link.db"
    link.symlink_to(ledger if absolute else "../world.db")
    assert refusal(link).code == "ledger_in_use"
    first.close_turn([])
    first.close()
    engine = Engine.open(link)
    assert engine.location.sidecar == ledger
    engine.close_turn([])
    engine.close()
    assert {path.name for path in link.parent.iterdir()} == {"link.db"}
    Engine.open(ledger).close()


def test_a_link_to_a_ledger_that_is_not_there_yet_makes_it_there(tmp_path: Path) -> None:
    link, ledger = tmp_path / "link.db", tmp_path / "world.db"
    link.symlink_to(ledger)
    engine = Engine.open(link, Access())
    engine.start({}, ["ann"])
    assert refusal(ledger).code == "ledger_in_use"
    engine.close()
    assert Path(f"{ledger}.head").exists()
    assert not Path(f"{link}.head").exists()


@pytest.mark.parametrize("there", [True, False])
def test_a_head_file_that_lies_by_the_name_of_a_link_is_not_overlooked(
    first: Engine, ledger: Path, there: bool
) -> None:
    first.close_turn([])
    first.close()
    link = ledger.with_name("link.db")
    link.symlink_to(ledger)
    Path(f"{ledger}.head").rename(f"{link}.head")
    if not there:
        ledger.unlink()
    refused = refusal(link)
    assert refused.code == "ledger_unwitnessed"
    assert f"move it to {ledger}.head" in str(refused)
    assert verify(link).holds if there else not ledger.exists()
    Path(f"{link}.head").rename(f"{ledger}.head")
    if there:
        Engine.open(link).close()
    else:
        assert refusal(link).code == "ledger_rolled_back"


def test_without_its_lock_file_a_ledger_is_held_all_the_same(first: Engine, ledger: Path) -> None:
    Path(f"{ledger}.lock").unlink()
    assert refusal(ledger).code == "ledger_in_use"
    with EngineProcess(ledger.with_name("unrelated.db")):
        pass
    first.submit(Input("ann", Mine()))
    first.close_turn([])
    first.close()
    assert verify(ledger).holds
    Engine.open(ledger).close()


def test_a_ledger_that_was_renamed_is_held_and_its_writer_writes_no_more(
    first: Engine, ledger: Path
) -> None:
    moved = ledger.with_name("moved.db")
    ledger.rename(moved)
    assert refusal(moved).code == "ledger_in_use"
    for work in works(first):
        with pytest.raises(StoreError) as failure:
            work()
        assert failure.value.code == "ledger_missing"
    moved.rename(ledger)
    first.close_turn([])
    first.close()
    engine = Engine.open(ledger)
    assert engine.started().turn_number == 1
    engine.close()


def test_another_file_by_the_name_of_the_ledger_is_found_at_the_next_turn(
    first: Engine, ledger: Path, tmp_path: Path
) -> None:
    other = Engine.open(tmp_path / "other.db", Access())
    other.start({}, ["ann", "bob"])
    other.close()
    (tmp_path / "other.db").replace(ledger)
    with pytest.raises(StoreError, match="moved, removed or replaced"):
        first.close_turn([])
    first.close()


def test_a_turn_that_another_writer_kept_stops_this_one(first: Engine, ledger: Path) -> None:
    first.close_turn([])
    with closing(sqlite3.connect(ledger)) as other:
        other.execute("INSERT INTO turns SELECT turn + 1, line, head FROM turns WHERE turn = 1")
        other.commit()
    head = Path(f"{ledger}.head").read_bytes()
    for work in works(first):
        with pytest.raises(StoreError) as failure:
            work()
        assert failure.value.code == "ledger_in_use"
    assert Path(f"{ledger}.head").read_bytes() == head
    first.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM turns WHERE turn = 1",
        "UPDATE turns SET head = 'x' WHERE turn = 1",
        "INSERT INTO submissions SELECT 1, turn, data, NULL, NULL, checksum FROM submissions",
        "DELETE FROM submissions",
    ],
)
def test_an_end_that_another_moved_stops_the_writer_and_nothing_is_lost(
    first: Engine, ledger: Path, statement: str
) -> None:
    first.close_turn([])
    first.submit(Input("ann", Mine()))
    with closing(sqlite3.connect(ledger)) as other:
        assert other.execute(statement).rowcount == 1
        other.commit()
        before = list(other.iterdump())
        with pytest.raises(StoreError) as failure:
            first.close_turn([])
        assert failure.value.code == "ledger_in_use"
        assert list(other.iterdump()) == before
    first.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {}.turns WHERE turn = 1",
        "UPDATE {}.turns SET head = 'x' WHERE turn = 1",
        "INSERT INTO {0}.submissions SELECT 1, turn, data, NULL, NULL, 'x' FROM {0}.submissions",
        "DELETE FROM {}.submissions",
    ],
)
def test_in_postgresql_too(postgres: PostgresServer, state_folder: Path, statement: str) -> None:
    location = postgres.world()
    engine = Engine.open(location, Access())
    engine.start({}, ["ann", "bob"])
    engine.close_turn([])
    engine.submit(Input("ann", Mine()))
    schema = f"sim_{location.partition('#')[2]}"
    postgres.execute(statement.format(schema))
    counted = f"SELECT (SELECT count(*) FROM {schema}.turns), count(*) FROM {schema}.submissions"
    before = postgres.execute(counted)
    with pytest.raises(StoreError) as failure:
        engine.close_turn([])
    assert failure.value.code == "ledger_in_use"
    assert postgres.execute(counted) == before
    engine.close()


def test_a_commit_that_fails_otherwise_is_not_taken_for_another_writer(first: Engine) -> None:
    store = first.started().store
    mine = Submission(1, 0, Raw(canonical(Input("ann", Mine()))), None)

    def broken_off() -> None:
        with store.one_commit():
            store.accept(mine)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken_off()
    store.accept(mine)
    assert len(store.submissions()) == 1
    first.close()


LOCKED = """
import fcntl, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    connection.execute("PRAGMA journal_mode = DELETE")
except sqlite3.OperationalError as error:
    print(error)
"""


def test_a_writer_that_stops_leaves_the_locks_of_readers_in_its_process(
    first: Engine, ledger: Path
) -> None:
    first.close_turn([])
    with closing(location_of(ledger).open(read_only=True, frozen=True)) as reader:
        head = reader.head()
        first.close()
        done = subprocess.run(
            [sys.executable, "-c", LOCKED, ledger], capture_output=True, text=True, check=True
        )
        assert done.stdout == "database is locked\n"
        assert reader.head() == head
        again = Engine.open(ledger)
        again.close_turn([])
        again.close()
    gc.collect()
    listed = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.exists()]
    assert ledger not in listed


def test_readers_take_no_lock_that_a_writer_would_meet(first: Engine, ledger: Path) -> None:
    first.close()
    with closing(location_of(ledger).open(read_only=True, frozen=True)):
        engine = Engine.open(ledger)
        engine.close_turn([])
        with closing(location_of(ledger).open(read_only=True)) as reader:
            assert reader.head() == engine.started().head
        with ledger.open("rb") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # To close `file` here drops SQLite's locks of this process; nobody else is there.
        engine.close()
