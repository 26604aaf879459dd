"""What remembers a world outlives its ledger: no start makes a new world over it."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit

import pytest

from sim_economy.core.errors import StoreError
from sim_economy.ledger.credentials.signatures import EngineKey
from sim_economy.ledger.sidecars.ledger_files import write_private
from sim_economy.ledger.sidecars.locations import SQLiteLocation, location_of
from sim_economy.ledger.stores.backup import copy_ledger
from sim_economy.ledger.verify import verify
from sim_economy.world.access import Access
from sim_economy.world.engine import Engine
from sim_economy.world.world import World
from tests.api.wire_client import EngineProcess
from tests.postgres import PostgresServer

SIDECARS = (".head", ".tokens", ".key")
KEYS = {"ann": bytes(EngineKey(b"a" * 32).public_key, "ascii").decode()}
SIGNING = Access(tokens=True, signatures=True)


def started(location: str, access: Access = SIGNING, turns: int = 3) -> Engine:
    engine = Engine.open(location, access)
    engine.start({}, ["ann"], KEYS if access.signatures else None)
    for _ in range(turns):
        engine.close_turn([])
    return engine


def memory(location: str) -> dict[str, bytes]:
    """Every file beside a ledger but its lock, by name."""
    sidecar = location_of(location).sidecar
    found = (path for path in sidecar.parent.glob(f"{sidecar.name}.*") if path.is_file())
    return {path.name: path.read_bytes() for path in found if path.suffix != ".lock"}


def refusal(location: str, access: Access = SIGNING, *, accept_head: bool = False) -> StoreError:
    with pytest.raises(StoreError) as failure:
        Engine.open(location, access, accept_head=accept_head)
    return failure.value


def blank(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("VACUUM")
    connection.close()


LOSSES: dict[str, Callable[[Path], None]] = {
    "missing": Path.unlink,
    "empty": lambda path: os.truncate(path, 0),
    "blank": blank,
}


@pytest.mark.parametrize("turns", [0, 1, 5])
@pytest.mark.parametrize("mode", ["open", "tokens", "signatures"])
@pytest.mark.parametrize("name", LOSSES)
def test_a_world_whose_ledger_is_gone_is_refused_and_plays_on_when_it_is_back(
    tmp_path: Path, name: str, mode: str, turns: int
) -> None:
    ledger = tmp_path / "world.db"
    access = Access.of(mode, None)
    started(str(ledger), access, turns).close()
    kept, before = ledger.read_bytes(), memory(str(ledger))
    LOSSES[name](ledger)
    for accept_head in (False, True):
        refused = refusal(str(ledger), access, accept_head=accept_head)
        assert refused.code == "ledger_rolled_back"
        assert f"saw turn {turns} and {ledger} holds no world" in str(refused)
    assert memory(str(ledger)) == before
    ledger.write_bytes(kept)
    engine = Engine.open(ledger, access)
    engine.close_turn([])
    engine.close()
    assert verify(ledger).holds


@pytest.mark.parametrize("name", LOSSES)
def test_an_init_after_the_ledger_went_under_an_engine_without_a_world_is_refused(
    tmp_path: Path, name: str
) -> None:
    ledger = tmp_path / "world.db"
    waiting = Engine.open(ledger, SIGNING)
    started(str(ledger)).close()
    LOSSES[name](ledger)
    before = memory(str(ledger))
    with pytest.raises(StoreError) as failure:
        waiting.start({}, ["ann"], KEYS)
    assert failure.value.code == "ledger_rolled_back"
    assert memory(str(ledger)) == before


@pytest.mark.parametrize("name", LOSSES)
def test_over_the_wire_the_default_world_stops_the_start_and_a_named_one_answers_503(
    tmp_path: Path, name: str
) -> None:
    ledger = tmp_path / "world.db"
    with EngineProcess(ledger) as engine:
        engine.call("/init", {"config": {}})
        engine.call("/worlds/a/init", {"config": {}})
        engine.call("/worlds/a/turn", {"inputs": []})
        engine.stop()
    named = Path(f"{ledger}.worlds/a.sqlite")
    kept, before = named.read_bytes(), memory(str(named))
    LOSSES[name](named)
    with EngineProcess(ledger, SIM_ENGINE_ACCEPT_HEAD="1") as engine:
        for method, call, body in (("GET", "state", None), ("POST", "init", b'{"config": {}}')):
            refused = engine.ask(method, f"/worlds/a/{call}", body)
            assert (refused.status, refused.error["code"]) == (503, "ledger_rolled_back")
        assert engine.call("/state")["turn"] == 0
        assert memory(str(named)) == before
        named.write_bytes(kept)
        assert engine.call("/worlds/a/turn", {"inputs": []})["data"]["turn"] == 2
        engine.stop()
    LOSSES[name](ledger)
    lost = EngineProcess(ledger)
    assert lost.process.wait(timeout=10) == 1
    assert f"{ledger}.head: saw turn 0" in lost.messages()


@pytest.mark.parametrize(
    "loss", ["DROP SCHEMA {} CASCADE", "DROP SCHEMA {0} CASCADE; CREATE SCHEMA {0}"]
)
def test_a_world_whose_schema_is_gone_is_refused(
    postgres: PostgresServer, state_folder: Path, loss: str
) -> None:
    location = postgres.world()
    started(location).close()
    dumped, before = postgres.dump(location), memory(location)
    schema = f"sim_{location.partition('#')[2]}"
    waiting = Engine(location_of(location), SIGNING)
    postgres.execute(loss.format(schema))
    assert refusal(location, accept_head=True).code == "ledger_rolled_back"
    with pytest.raises(StoreError) as failure:
        waiting.start({}, ["ann"], KEYS)
    assert failure.value.code == "ledger_rolled_back"
    assert memory(location) == before
    postgres.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    postgres.restore(location, dumped)
    engine = Engine.open(location, SIGNING)
    assert engine.started().turn_number == 3
    engine.close()


def test_a_damaged_head_file_of_a_lost_ledger_is_no_new_one(tmp_path: Path) -> None:
    ledger = tmp_path / "world.db"
    started(str(ledger)).close()
    ledger.unlink()
    head = Path(f"{ledger}.head")
    head.write_bytes(bytes(byte ^ 0x81 for byte in head.read_bytes()))
    assert "cannot be read any more" in str(refusal(str(ledger)))


def test_turns_left_in_a_log_alone_are_not_thrown_away(tmp_path: Path) -> None:
    ledger = tmp_path / "world.db"
    engine = started(str(ledger))
    log = Path(f"{ledger}-wal").read_bytes()
    engine.close()
    for suffix in ("", ".head"):
        Path(f"{ledger}{suffix}").unlink()
    for left in (None, b""):
        if left is not None:
            ledger.write_bytes(left)
        Path(f"{ledger}-wal").write_bytes(log)
        with pytest.raises(StoreError) as failure:
            Engine.open(ledger, SIGNING).start({}, ["ann"], KEYS)
        assert failure.value.code == "ledger_rolled_back"
        assert Path(f"{ledger}-wal").read_bytes() == log


def test_tokens_and_key_without_a_head_are_set_aside_and_never_written_over(
    tmp_path: Path,
) -> None:
    ledger = tmp_path / "world.db"
    started(str(ledger)).close()
    before = memory(str(ledger))
    for number in (1, 2):
        ledger.unlink()
        Path(f"{ledger}.head").unlink()
        started(str(ledger)).close()
        after = memory(str(ledger))
        assert after[f"world.db.key.{number}"] == before["world.db.key"]
        assert after[f"world.db.tokens.{number}"] == before["world.db.tokens"]
        before = after
    assert verify(ledger).holds


KILLED = """
import os, sys
from pathlib import Path
from tests.faults.test_lost_ledger import KEYS, SIGNING
from sim_economy.world.engine import Engine
left = int(sys.argv[2])
def count(event, arguments):
    global left
    if event in ("open", "os.rename", "os.remove", "os.mkdir", "fcntl.flock", "sqlite3.connect"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
engine = Engine.open(sys.argv[1], SIGNING)
sys.addaudithook(count)
engine.start({}, ["ann"], KEYS)
os._exit(0)
"""


def test_an_init_killed_at_any_step_can_be_repeated_and_loses_no_key(tmp_path: Path) -> None:
    steps = 0
    while True:
        ledger = tmp_path / str(steps) / "world.db"
        ledger.parent.mkdir()
        write_private(Path(f"{ledger}.key"), b"of another world")
        ended = subprocess.run([sys.executable, "-c", KILLED, ledger, str(steps)], check=False)
        engine = Engine(location_of(ledger), SIGNING)
        if ended.returncode == -signal.SIGKILL and not engine.location.exists():
            engine.start({}, ["ann"], KEYS)
        else:
            engine = Engine.open(ledger, SIGNING)
        engine.close_turn([])
        engine.close()
        assert verify(ledger).holds
        keys = {path.read_bytes() for path in ledger.parent.glob("world.db.key*")}
        assert b"of another world" in keys
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
        steps += 1
    assert steps > 10


def test_a_start_that_fails_leaves_nothing_that_remembers_a_world(tmp_path: Path) -> None:
    ledger = tmp_path / "world.db"
    Path(f"{ledger}.head").mkdir()
    engine = Engine.open(ledger, SIGNING)
    with pytest.raises(StoreError):
        engine.start({}, ["ann"], KEYS)
    assert not ledger.exists()
    Path(f"{ledger}.head").rmdir()
    engine.start({}, ["ann"], KEYS)
    engine.close()


def test_a_start_that_a_full_disk_stops_leaves_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    ledger = tmp_path / "world.db"
    engine = Engine.open(ledger, SIGNING)
    limits = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (2000, limits[1]))
    try:
        for _ in range(2):
            with pytest.raises(StoreError) as failure:
                engine.start({}, ["ann"], KEYS)
            assert failure.value.code == "ledger_unwritable"
    finally:
        setrlimit(RLIMIT_FSIZE, limits)
    assert {path.name for path in tmp_path.iterdir()} == {"world.db.lock"}
    engine.start({}, ["ann"], KEYS)
    engine.close()
    Engine.open(ledger, SIGNING).close()


HEADLESS = """
import sys
from resource import RLIMIT_FSIZE, setrlimit
from tests.faults.test_lost_ledger import KEYS, SIGNING
from sim_economy.core.errors import StoreError
from sim_economy.world.engine import Engine
engine = Engine.open(sys.argv[1], SIGNING)
def fill(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".head"):
        setrlimit(RLIMIT_FSIZE, (100, 100))
sys.addaudithook(fill)
try:
    engine.start({}, ["ann"], KEYS)
except StoreError as error:
    print(error.code)
"""


def test_a_world_whose_first_head_finds_the_disk_full_is_not_remembered(tmp_path: Path) -> None:
    """It is cut off in the head itself, after the ledger was kept."""
    ledger = tmp_path / "world.db"
    command = [sys.executable, "-c", HEADLESS, str(ledger)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout == "ledger_unwritable\n"
    assert not ledger.exists()
    assert not Path(f"{ledger}.head").exists()
    engine = started(str(ledger))
    engine.close()


def test_a_failed_start_in_a_schema_that_was_there_leaves_it_and_its_owner(
    postgres: PostgresServer, state_folder: Path
) -> None:
    location = postgres.world()
    schema = f"sim_{location.partition('#')[2]}"
    postgres.execute("DROP ROLE IF EXISTS theirs; CREATE ROLE theirs")
    postgres.execute(f"CREATE SCHEMA {schema} AUTHORIZATION theirs")
    head = Path(f"{location_of(location).sidecar}.head")
    head.mkdir(parents=True)
    engine = Engine.open(location, Access())
    with pytest.raises(StoreError):
        engine.start({}, ["ann"])
    head.rmdir()
    assert not location_of(location).exists()
    owner = f"SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = '{schema}'"
    assert postgres.execute(owner) == [("theirs",)]
    engine.start({}, ["ann"])
    engine.close()


# Sidecar files


@pytest.mark.parametrize("suffix", [*SIDECARS, ".lock"])
@pytest.mark.parametrize("leads", [True, False])
def test_a_symbolic_link_instead_of_a_sidecar_is_refused_and_nothing_written_through_it(
    tmp_path: Path, suffix: str, leads: bool
) -> None:
    ledger, theirs = tmp_path / "world.db", tmp_path / "theirs"
    if leads:
        theirs.write_text("theirs")
    Path(f"{ledger}{suffix}").symlink_to(theirs)
    with pytest.raises(StoreError) as failure:
        started(str(ledger))
    assert failure.value.code == "ledger_unwritable"
    assert "is a symbolic link" in str(failure.value)
    assert (theirs.read_text() if leads else theirs.exists()) == ("theirs" if leads else False)
    assert not ledger.exists()
    Path(f"{ledger}{suffix}").unlink()
    started(str(ledger)).close()
    Path(f"{ledger}{suffix}").replace(theirs)
    Path(f"{ledger}{suffix}").symlink_to(theirs)
    before = theirs.read_bytes()
    assert "is a symbolic link" in str(refusal(str(ledger)))
    assert theirs.read_bytes() == before


def test_sidecars_are_their_owners_alone_also_where_they_were_not(tmp_path: Path) -> None:
    ledger = tmp_path / "world.db"
    started(str(ledger)).close()
    modes = [stat.S_IMODE(Path(f"{ledger}{suffix}").stat().st_mode) for suffix in SIDECARS]
    assert modes == [0o600] * 3
    for suffix in SIDECARS:
        Path(f"{ledger}{suffix}").chmod(0o644)
    Engine.open(ledger, SIGNING).close()
    modes = [stat.S_IMODE(Path(f"{ledger}{suffix}").stat().st_mode) for suffix in SIDECARS]
    assert modes == [0o600] * 3


@pytest.mark.parametrize("suffix", SIDECARS)
def test_a_sidecar_with_a_second_name_is_refused(tmp_path: Path, suffix: str) -> None:
    ledger = tmp_path / "world.db"
    started(str(ledger)).close()
    (tmp_path / "second").hardlink_to(f"{ledger}{suffix}")
    assert "second name" in str(refusal(str(ledger)))


# Copies


def test_a_copy_does_not_forget_the_world_that_its_target_remembers(tmp_path: Path) -> None:
    ledger, backup = tmp_path / "world.db", tmp_path / "backup.db"
    engine = started(str(ledger))
    copy_ledger(engine.location, location_of(backup))
    engine.close_turn([])
    engine.close()
    ledger.unlink()
    before = memory(str(ledger))
    with pytest.raises(StoreError) as failure:
        copy_ledger(location_of(backup), location_of(ledger))
    assert failure.value.code == "ledger_rolled_back"
    assert memory(str(ledger)) == before
    assert not SQLiteLocation(ledger).exists()


def test_a_copy_that_holds_all_that_its_target_remembers_brings_the_world_back(
    tmp_path: Path,
) -> None:
    ledger, backup = tmp_path / "world.db", tmp_path / "backup.db"
    engine = started(str(ledger))
    copy_ledger(engine.location, location_of(backup))
    engine.close()
    ledger.unlink()
    copy_ledger(location_of(backup), location_of(ledger))
    engine = Engine.open(ledger, SIGNING)
    engine.close_turn([])
    engine.close()


# Names


def test_two_swapped_worlds_are_found(tmp_path: Path) -> None:
    base = location_of(tmp_path / "world.db")
    for world_id in ("one", "two"):
        engine = Engine.open(base.world(world_id), Access(), world_id=world_id)
        engine.start({}, ["ann"])
        engine.close_turn([])
        engine.close()
    folder = tmp_path / "world.db.worlds"
    for suffix in ("", ".head"):
        one, two = folder / f"one.sqlite{suffix}", folder / f"two.sqlite{suffix}"
        one.rename(folder / "swap")
        two.rename(one)
        (folder / "swap").rename(two)
    for world_id, other in (("one", "two"), ("two", "one")):
        with pytest.raises(StoreError) as failure:
            Engine.open(base.world(world_id), Access(), world_id=world_id, accept_head=True)
        assert failure.value.code == "ledger_foreign"
        assert f"is the ledger of the world `{other}`, not of `{world_id}`" in str(failure.value)


def test_the_default_world_is_no_named_one_and_the_other_way_round(tmp_path: Path) -> None:
    base = location_of(tmp_path / "world.db")
    started(str(tmp_path / "world.db"), Access()).close()
    assert isinstance(base, SQLiteLocation)
    (tmp_path / "world.db.worlds").mkdir()
    for suffix in ("", ".head"):
        shutil.copy(f"{base.path}{suffix}", f"{base.path}.worlds/one.sqlite{suffix}")
    with pytest.raises(StoreError) as failure:
        Engine.open(base.world("one"), Access(), world_id="one")
    assert failure.value.code == "ledger_foreign"
    World.create(tmp_path / "other.db", world_id="two").close()
    assert refusal(str(tmp_path / "other.db"), Access()).code == "ledger_foreign"


def test_the_ledger_of_a_run_can_be_served(tmp_path: Path) -> None:
    World.create(tmp_path / "run.sqlite", world_id="as-run/1001").close()
    Engine.open(tmp_path / "run.sqlite", Access()).close()


# A write-ahead log of another file

KILLED_PLAYING = """
import os, sys
from sim_economy.world.engine import Engine
engine = Engine.open(sys.argv[1])
for _ in range(int(sys.argv[2])):
    engine.close_turn([])
os.kill(os.getpid(), 9)
"""


def restored_with_a_log(tmp_path: Path, turns: int) -> Path:
    """A ledger put back at turn 30, with its head file, under a writer killed `turns` later."""
    ledger, backup = tmp_path / "world.db", tmp_path / "backup.db"
    started(str(ledger), Access(), 30).close()
    copy_ledger(location_of(ledger), location_of(backup))
    subprocess.run([sys.executable, "-c", KILLED_PLAYING, ledger, str(turns)], check=False)
    shutil.copyfile(backup, ledger)
    shutil.copyfile(f"{backup}.head", f"{ledger}.head")
    return ledger


def test_a_restored_ledger_whose_log_has_all_turns_since_is_refused(tmp_path: Path) -> None:
    ledger = restored_with_a_log(tmp_path, 30)
    refused = refusal(str(ledger), Access())
    assert refused.code == "ledger_rolled_back"
    assert "saw turn 30 last" in str(refused)


def test_a_restored_ledger_is_not_mixed_with_the_log_of_the_one_before(tmp_path: Path) -> None:
    ledger = restored_with_a_log(tmp_path, 150)
    log = Path(f"{ledger}-wal")
    before = ledger.read_bytes(), log.read_bytes()
    refused = refusal(str(ledger), Access())
    assert refused.code == "ledger_damaged"
    assert "remove -wal and -shm" in str(refused)
    assert (ledger.read_bytes(), log.read_bytes()) == before
    log.unlink()
    Path(f"{ledger}-shm").unlink(missing_ok=True)
    engine = Engine.open(ledger, Access())
    assert engine.started().turn_number == 30
    engine.close()
