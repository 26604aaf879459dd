"""Full disks, read-only files, and ledgers that are not what their engine left."""

from __future__ import annotations

import ctypes
import json
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any, Final

import pytest

from sim_economy.core.codec import parse_inputs
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.ledger.verify import verify
from sim_economy.world.engine import Engine
from tests.api.wire_client import PARAMETERS, PROGRAM, EngineProcess
from tests.faults.power.posting import AGENT_IDS, Poster, posted
from tests.faults.power.recording import compiled_recorder

ENDLESS: Final = resource.RLIM_INFINITY
LINE: Final = "UPDATE turns SET line ="
LEDGER_FILES: Final = ("", "-wal", "-shm", ".head")
_CAPABILITIES_OF_ROOT: Final = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
_PR_CAPBSET_DROP: Final = 24


def limit_files(engine: EngineProcess, length: int) -> None:
    """Let a running engine make no file longer than this."""
    resource.prlimit(engine.process.pid, resource.RLIMIT_FSIZE, (length, ENDLESS))


def head_of(poster: Poster) -> dict[str, Any]:
    status, head = poster.call("GET", "/head")
    assert status == 200
    found: dict[str, Any] = head
    return found


def state_of(poster: Poster) -> dict[str, Any]:
    status, state = poster.call("GET", "/state")
    assert status == 200
    found: dict[str, Any] = state
    return found


def assert_holds(ledger: Path, turns: int) -> None:
    with closing(SQLiteStore.open(ledger, read_only=True)) as store:
        verification = verify(store)
    assert verification.finding is None
    assert verification.turns == turns


def played(ledger: Path, turns: int, seed: int = 1) -> Path:
    """A ledger of that many turns, closed."""
    engine = Engine.open(ledger)
    try:
        engine.start({**PARAMETERS, "seed": seed}, AGENT_IDS)
        draws = random.Random(seed)
        for turn in range(1, turns + 1):
            inputs = json.loads(posted(turn, draws).body)["inputs"]
            engine.close_turn(parse_inputs(inputs))
    finally:
        engine.close()
    return ledger


def copied(ledger: Path, to: Path, suffixes: tuple[str, ...] = LEDGER_FILES) -> Path:
    """A copy of a closed ledger and what lies beside it."""
    for suffix in suffixes:
        if (file := Path(f"{ledger}{suffix}")).exists():
            shutil.copy(file, f"{to}{suffix}")
        else:
            Path(f"{to}{suffix}").unlink(missing_ok=True)
    return to


def changed(ledger: Path, statement: str) -> None:
    with closing(sqlite3.connect(ledger)) as connection, connection:
        assert connection.execute(statement).rowcount != 0, "nothing was changed"


def refusal(ledger: Path, *program: str) -> str:
    """The one line an engine says as it refuses to start."""
    engine = EngineProcess(ledger, program=program or (PROGRAM,))
    try:
        with pytest.raises(RuntimeError):  # it would say what it says; an answer fails here
            engine.wait()
        assert engine.process.returncode == 1
    finally:
        engine.process.kill()
        engine.process.wait()
    message = engine.messages()
    assert message.startswith("sim-engine: ")
    assert message.count("\n") == 1, message
    return message


def assert_starts(ledger: Path, turn: int, accept_head: str = "0") -> None:
    """The engine starts with that turn behind it, plays the next, and starts once more."""
    with (
        EngineProcess(ledger, SIM_ENGINE_ACCEPT_HEAD=accept_head) as engine,
        closing(Poster(engine)) as poster,
    ):
        assert head_of(poster)["turn"] == turn
        engine.stop()
    with EngineProcess(ledger) as engine, closing(Poster(engine)) as poster:
        assert head_of(poster)["turn"] == turn
        poster.turn(posted(turn + 1, random.Random(1)))


def fail_whole_then_go_on(
    engine: EngineProcess, fill: Callable[[int], None], free: Callable[[], None]
) -> None:
    """Fill the disk again and again during a run; `fill` is given how many bytes to spare."""
    draws = random.Random(1)
    with closing(Poster(engine)) as poster:
        poster.init(seed=1)
        turn = 1
        for spare in (0, 100, 1000, 2000, 3000):
            for turn in range(turn, turn + 3):  # noqa: B020
                poster.turn(posted(turn, draws))
            fill(spare)
            refused = posted(turn + 1, draws)
            while poster.post(refused)[0] == 200:  # The log is written over before it grows.
                turn += 1
                refused = posted(turn + 1, draws)
            head, state = head_of(poster), state_of(poster)
            for _ in range(3):
                status, answer = poster.post(refused)
                assert status == 503, answer
                assert answer["error"]["code"] == "ledger_unwritable"
                assert head_of(poster) == head
                assert state_of(poster) == state
                assert_holds(engine.ledger, turn)
            free()
            assert poster.turn(refused)["turn"] == turn + 1
            assert poster.turn(refused)["turn"] == turn + 1
            turn += 2
        last = head_of(poster)
        engine.kill()
    with EngineProcess(engine.ledger) as again, closing(Poster(again)) as poster:
        assert head_of(poster) == last
    assert_holds(engine.ledger, last["turn"])


def test_a_turn_that_hits_the_file_size_limit_fails_whole_and_the_run_goes_on(
    ledger: Path,
) -> None:
    with EngineProcess(ledger) as engine:
        fail_whole_then_go_on(
            engine,
            lambda spare: limit_files(engine, Path(f"{ledger}-wal").stat().st_size + spare),
            lambda: limit_files(engine, ENDLESS),
        )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("mounting a small disk needs root on Linux")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_turn_on_a_full_disk_fails_whole_and_the_run_goes_on(small_disk: Path) -> None:
    filler = small_disk / "filler"

    def fill(spare: int) -> None:
        room = os.statvfs(small_disk)
        filler.write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - spare)))

    with EngineProcess(small_disk / "world.db") as engine:
        fail_whole_then_go_on(engine, fill, filler.unlink)


@pytest.mark.parametrize("length", [0, 100, 4096, 5000, 8000])
def test_an_init_without_space_fails_whole_and_works_with_space(ledger: Path, length: int) -> None:
    with EngineProcess(ledger) as engine, closing(Poster(engine)) as poster:
        limit_files(engine, length)
        status, answer = poster.call("POST", "/init", b'{"config": {}, "agent_ids": ["a", "b"]}')
        assert status == 503, answer
        assert answer["error"]["code"] == "ledger_unwritable"
        assert poster.call("GET", "/state")[0] == 409
        limit_files(engine, ENDLESS)
        poster.init(seed=1)
        poster.turn(posted(1, random.Random(1)))
        engine.stop()
    assert_starts(ledger, 1)


@pytest.fixture
def headless(tmp_path: Path, ledger: Path) -> Iterator[tuple[EngineProcess, Path]]:
    """An engine, and a file that while it exists fills the disk for the head file alone."""
    recorder = compiled_recorder(tmp_path)
    if recorder is None:
        pytest.skip("no C compiler: a full disk for one file cannot be had")
    full = tmp_path / "full"
    with EngineProcess(
        ledger,
        LD_PRELOAD=str(recorder),
        POWER_FOLDER=str(tmp_path.resolve()),
        POWER_LOG=str(tmp_path / "log"),
        POWER_FULL=str(full),
    ) as engine:
        yield engine, full


def test_turns_whose_head_could_not_be_kept_leave_a_ledger_that_starts(
    headless: tuple[EngineProcess, Path],
) -> None:
    engine, full = headless
    draws = random.Random(1)
    with closing(Poster(engine)) as poster:
        poster.init(seed=1)
        poster.turn(posted(1, draws))
        full.touch()
        for _ in range(3):
            open_turn = head_of(poster)["turn"] + 1
            status, _ = poster.post(posted(open_turn, draws))
            assert status == 503
        last = head_of(poster)["turn"]
        engine.kill()
    assert last <= 2, "turns were closed though the head stayed behind"
    assert_starts(engine.ledger, last)


def test_a_repeated_request_is_answered_only_once_its_head_is_kept(
    headless: tuple[EngineProcess, Path],
) -> None:
    engine, full = headless
    request = posted(1, random.Random(1))
    with closing(Poster(engine)) as poster:
        poster.init(seed=1)
        full.touch()
        assert poster.post(request)[0] == 503
        assert poster.post(request)[0] == 503
        full.unlink()
        assert poster.turn(request)["turn"] == 1
        engine.kill()
    assert_starts(engine.ledger, 1)


def test_an_init_whose_head_could_not_be_kept_can_be_made_again(
    headless: tuple[EngineProcess, Path],
) -> None:
    engine, full = headless
    with closing(Poster(engine)) as poster:
        full.touch()
        status, answer = poster.call("POST", "/init", b'{"config": {}, "agent_ids": ["a", "b"]}')
        assert status == 503, answer
        full.unlink()
        poster.init(seed=1)
        engine.stop()
    assert_starts(engine.ledger, 0)


BOUND = f"""
import ctypes, os, sys
for capability in {_CAPABILITIES_OF_ROOT}:
    ctypes.CDLL(None).prctl({_PR_CAPBSET_DROP}, capability, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Starts a program for which permissions hold even where the tests run as root."""


def refusal_without_rights(ledger: Path) -> str:
    if sys.platform != "linux" or ctypes.sizeof(ctypes.c_void_p) != 8:
        pytest.skip("giving up rights is written for Linux")
    return refusal(ledger, sys.executable, "-c", BOUND, PROGRAM)


def test_a_read_only_ledger_file_is_refused_with_a_clear_message(ledger: Path) -> None:
    played(ledger, 2)
    ledger.chmod(0o444)
    message = refusal_without_rights(ledger)
    assert str(ledger) in message
    assert "cannot be written" in message or "cannot be opened" in message


def test_a_ledger_in_a_read_only_folder_is_refused_with_a_clear_message(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    ledger = played(folder / "world.db", 2)
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    try:
        message = refusal_without_rights(ledger)
    finally:
        folder.chmod(0o755)
    assert str(ledger) in message
    assert "cannot be written" in message or "cannot be opened" in message


def test_a_read_only_head_file_is_refused_with_a_clear_message(ledger: Path) -> None:
    played(ledger, 2)
    Path(f"{ledger}.head").chmod(0o444)
    assert f"{ledger}.head: cannot be written" in refusal_without_rights(ledger)


def test_a_ledger_cut_short_is_refused(ledger: Path) -> None:
    played(ledger, 20)
    with ledger.open("r+b") as file:
        file.truncate(ledger.stat().st_size // 2)
    assert str(ledger) in refusal(ledger)


def test_a_ledger_with_a_torn_page_is_refused(ledger: Path) -> None:
    played(ledger, 20)
    with ledger.open("r+b") as file:
        for page in range(1, ledger.stat().st_size // 4096):
            file.seek(page * 4096 + 512)
            file.write(bytes(3584))
    assert str(ledger) in refusal(ledger)


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (f"{LINE} json_set(line, '$.postings[0][2]', 9999) WHERE turn = 70", "turn 70"),
        (f"{LINE} json_set(line, '$.postings[0][2]', 9999) WHERE turn = 3", "turn 3"),
        ("DELETE FROM turns WHERE turn = 5", "turn 6"),
        (f"{LINE} replace(line, state_digest, head) WHERE turn = 68", "turn 68"),
        (f"{LINE} json_set(line, '$.bill.collected', 9999) WHERE turn = 10", "turn 10"),
        (f"{LINE} replace(line, '1', '2') WHERE turn = 0", "turn 0"),
        ("UPDATE turns SET head = state_digest WHERE turn = 69", "turn 69"),
        ("UPDATE snapshots SET state = replace(state, '1', '2') WHERE turn = 64", "turn 64"),
        ("UPDATE genesis SET data = replace(data, 'agent_1', 'agent_9')", "turn "),
        (f"{LINE} replace(line, 'mine', 'study') WHERE turn = 69", "turn 69"),
        (f"{LINE} line || ' ' WHERE turn = 20", "turn 20"),
    ],
)
def test_an_altered_ledger_is_refused_or_soon_reported_with_its_location_named(
    long_ledger: Path, ledger: Path, statement: str, index: str
) -> None:
    copied(long_ledger, ledger)
    changed(ledger, statement)
    assert index in complaint(ledger)


def complaint(ledger: Path) -> str:
    """What an engine says as it refuses to start, or why it soon is not ready to play."""
    engine = EngineProcess(ledger)
    try:
        engine.wait()
        until = time.monotonic() + 5
        while (reply := engine.ask("GET", "/ready")).status == 200:
            assert time.monotonic() < until, "nothing was said"
            time.sleep(0.02)
        assert reply.error["code"] == "ledger_damaged"
        return str(reply.error["message"])
    except RuntimeError as refused:
        return str(refused)
    finally:
        engine.process.kill()
        engine.process.wait()


@pytest.fixture(scope="module")
def long_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seventy turns, a snapshot at the sixty-fourth."""
    return played(tmp_path_factory.mktemp("long") / "world.db", 70)


def rolled_back(ledger: Path, folder: Path) -> None:
    """Play four turns, keep a copy of the database, play six more, and put the copy back."""
    played(ledger, 4)
    copy = copied(ledger, folder / "old.db", ("", "-wal"))
    engine = Engine.open(ledger)
    for _ in range(6):
        engine.close_turn([])
    engine.close()
    copied(copy, ledger, ("", "-wal", "-shm"))


def test_a_rolled_back_ledger_is_refused(ledger: Path, tmp_path: Path) -> None:
    rolled_back(ledger, tmp_path)
    message = refusal(ledger)
    assert "saw turn 10 and the ledger ends with turn 4" in message


def test_a_rolled_back_ledger_is_accepted_on_demand_and_from_then_on(
    ledger: Path, tmp_path: Path
) -> None:
    rolled_back(ledger, tmp_path)
    assert_starts(ledger, 4, accept_head="1")


def test_another_end_of_the_same_world_is_refused(ledger: Path, tmp_path: Path) -> None:
    """Rolled back and played on elsewhere to the same turn."""
    rolled_back(ledger, tmp_path)
    other = copied(ledger, tmp_path / "other.db")
    Path(f"{other}.head").unlink()
    engine = Engine.open(other, accept_head=True)
    for _ in range(6):
        engine.close_turn([], ends=engine.started().turn_number == 9)
    engine.close()
    copied(other, ledger, ("", "-wal", "-shm"))
    assert "saw another turn 10 than the ledger has" in refusal(ledger)


def test_a_ledger_without_its_head_is_refused_and_accepted_on_demand(ledger: Path) -> None:
    played(ledger, 3)
    Path(f"{ledger}.head").unlink()
    assert f"{ledger}.head: holds no head" in refusal(ledger)
    assert f"{ledger}.head: holds no head" in refusal(ledger)
    assert_starts(ledger, 3, accept_head="1")


@pytest.mark.parametrize("turns", [2, 3, 4, 9])
def test_the_head_of_another_ledger_is_refused(ledger: Path, tmp_path: Path, turns: int) -> None:
    played(ledger, 3)
    other = played(tmp_path / "other.db", turns, seed=2)
    shutil.copy(f"{other}.head", f"{ledger}.head")
    assert f"{ledger}.head: saw" in refusal(ledger)


def test_a_damaged_head_is_refused(ledger: Path) -> None:
    played(ledger, 3)
    head = Path(f"{ledger}.head")
    head.write_bytes(bytes(byte ^ 0x81 for byte in head.read_bytes()))
    assert f"{ledger}.head: holds no head" in refusal(ledger)


def test_a_ledger_one_turn_ahead_of_its_head_is_accepted(ledger: Path) -> None:
    played(ledger, 3)
    head = Path(f"{ledger}.head").read_bytes()
    engine = Engine.open(ledger)
    engine.close_turn([])
    engine.close()
    Path(f"{ledger}.head").write_bytes(head)
    assert_starts(ledger, 4)


def test_a_ledger_two_turns_ahead_of_its_head_is_refused(ledger: Path) -> None:
    played(ledger, 3)
    head = Path(f"{ledger}.head").read_bytes()
    engine = Engine.open(ledger)
    engine.close_turn([])
    engine.close_turn([])
    engine.close()
    Path(f"{ledger}.head").write_bytes(head)
    assert "saw turn 3 last" in refusal(ledger)


def test_a_new_world_starts_where_all_that_remembers_an_old_one_was_moved_away(
    ledger: Path,
) -> None:
    played(ledger, 5)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{ledger}{suffix}").unlink(missing_ok=True)
    assert f"{ledger}.head: saw turn 5" in refusal(ledger)
    Path(f"{ledger}.head").unlink()
    played(ledger, 0, seed=2)
    assert_starts(ledger, 0)


def test_a_database_of_another_format_is_refused(ledger: Path) -> None:
    played(ledger, 1)
    changed(ledger, "PRAGMA user_version = 999")
    assert f"{ledger}: has layout 999" in refusal(ledger)


def test_a_database_of_another_program_is_refused_and_left_as_it_is(ledger: Path) -> None:
    changed(ledger, "CREATE TABLE recipes (name TEXT)")
    before = ledger.read_bytes()
    assert f"{ledger}: is not a sim-economy ledger" in refusal(ledger)
    assert ledger.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(ledger: Path) -> None:
    ledger.write_text("dear diary\n" * 200)
    assert str(ledger) in refusal(ledger)
    assert ledger.read_text() == "dear diary\n" * 200


def test_an_empty_file_becomes_a_new_world(ledger: Path) -> None:
    ledger.touch()
    with EngineProcess(ledger) as engine, closing(Poster(engine)) as poster:
        poster.init(seed=1)
        engine.stop()
    assert_starts(ledger, 0)


def test_a_folder_instead_of_a_ledger_is_refused(ledger: Path) -> None:
    ledger.mkdir()
    assert str(ledger) in refusal(ledger)


def test_a_ledger_where_no_folder_can_be_ends_the_start_with_a_clear_message(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    engine = EngineProcess(tmp_path / "file" / "world.db")
    assert engine.process.wait(10) == 1
    assert "its folder is missing or read-only; name another file" in engine.messages()


def test_a_folder_that_is_gone_when_a_world_starts_fails_init_with_a_clear_message(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with EngineProcess(folder / "world.db") as engine, closing(Poster(engine)) as poster:
        folder.rmdir()
        folder.touch()
        status, answer = poster.call("POST", "/init", b'{"config": {}, "agent_ids": ["a", "b"]}')
        assert status == 503
        assert answer["error"]["code"] == "ledger_unwritable"


def test_a_sound_ledger_is_never_reported_damaged_while_turns_are_played(ledger: Path) -> None:
    played(ledger, 200)
    draws = random.Random(1)
    done = Event()
    with EngineProcess(ledger) as engine, ThreadPoolExecutor() as pool:

        def findings() -> list[Any]:
            found = []
            while not done.is_set():
                found.append(engine.call("/verification")["finding"])
            return found

        with closing(Poster(engine)) as poster:
            checks = pool.submit(findings)
            try:
                for turn in range(201, 261):
                    poster.turn(posted(turn, draws))
                status, answer = poster.call("GET", "/ready")
            finally:
                done.set()
        assert set(map(str, checks.result())) == {"None"}
        assert status == 200, answer
