"""Ledgers of the release before lines were kept: read by everything, copied to be played on."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sim_economy.core.errors import StoreError
from sim_economy.core.rules_version import RulesVersion
from sim_economy.experiments.experiment import run_experiment
from sim_economy.ledger.readers.diff import diff
from sim_economy.ledger.readers.export import COLUMNS, table_rows
from sim_economy.ledger.readers.reading import reading
from sim_economy.ledger.readers.statement import statement
from sim_economy.ledger.records import recorded_inputs
from sim_economy.ledger.sidecars.locations import SQLiteLocation, location_of
from sim_economy.ledger.stores.backup import convert, copy_ledger
from sim_economy.ledger.stores.old_layout import OLD_LAYOUT
from sim_economy.ledger.stores.protocol import Store
from sim_economy.ledger.stores.sql_store import LAYOUT
from sim_economy.ledger.stores.sqlite import SQLiteStore, is_blank
from sim_economy.ledger.verify import verify
from sim_economy.orchestrator.record.call_folder import LEDGER, open_world
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.world.engine import Engine
from sim_economy.world.replay import replay
from sim_economy.world.world import World
from tests.ledger.ledgers import (
    OLD,
    OLD_TABLES,
    SCENARIO,
    export_hash,
    into_old_layout,
    rich_world,
    script,
)
from tests.orchestrator.setup import mocked, play
from tests.postgres import PostgresServer

TURNS = 13
HEAD = "7144106df24d8081f6ce9416700171b9bff25552b056398b339f946d3668adca"
"""As the old release printed it."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(OLD)
    connection.close()
    return path


@pytest.fixture
def new(tmp_path: Path) -> Path:
    path = tmp_path / "new.sqlite"
    rich_world(path, TURNS, SCENARIO.under_rules(RulesVersion.V2)).close()
    return path


def outside_the_chain(store: Store) -> tuple[Any, ...]:
    return tuple(
        list(each)
        for each in (
            store.snapshots(),
            (receipt for receipt, _ in store.receipts()),
            store.submissions(),
            store.accounts(),
        )
    )


def test_every_reader_finds_in_it_what_it_finds_in_the_present_layout(old: Path, new: Path) -> None:
    with reading(old) as before, reading(new) as after:
        assert (before.layout, after.layout) == (OLD_LAYOUT, LAYOUT)  # type: ignore[attr-defined]
        assert export_hash(before) == export_hash(after)
        assert before.head() == after.head()
        assert before.head().hash == HEAD
        assert outside_the_chain(before) == outside_the_chain(after)
        assert verify(before) == verify(after)
        assert verify(before).turns == TURNS
        assert replay(before) == replay(after)
        assert diff(before, after).same
        assert statement(before, "agent_1") == statement(after, "agent_1")
        for table in COLUMNS:
            assert list(table_rows(before, table)) == list(table_rows(after, table))
    with World.open(old, read_only=True) as one, World.open(new, read_only=True) as other:
        assert one.state == other.state


def test_other_programs_find_the_same_rows_by_the_same_names(old: Path, new: Path) -> None:
    before, after = sqlite3.connect(old), sqlite3.connect(new)
    for table in OLD_TABLES.values():
        cursor = before.execute(f"SELECT * FROM {table} ORDER BY 1")
        # A checksum is bound to the one before it since.
        names = [column[0] for column in cursor.description if column[0] != "checksum"]
        columns = ", ".join(names)
        found = after.execute(f"SELECT {columns} FROM {table} ORDER BY 1").fetchall()
        assert found == before.execute(f"SELECT {columns} FROM {table} ORDER BY 1").fetchall()
        typed = f"SELECT typeof({columns.replace(', ', '), typeof(')}) FROM {table} ORDER BY 1"
        assert set(after.execute(typed)) == set(before.execute(typed)), table
    before.close()
    after.close()


@pytest.mark.parametrize("play_on", [World.open, Engine.open, SQLiteStore.open])
def test_it_is_not_played_on_and_the_message_says_how_it_could_be(play_on: Any, old: Path) -> None:
    whole = old.read_bytes()
    with pytest.raises(StoreError) as refused:
        play_on(old)
    assert refused.value.code == "ledger_format"
    assert "`sim-economy copy OLD NEW`" in str(refused.value)
    assert old.read_bytes() == whole


def test_a_copy_has_every_line_and_plays_on_as_if_it_had_always_been_so(
    old: Path, new: Path, tmp_path: Path
) -> None:
    copy_ledger(location_of(old), location_of(tmp_path / "copy.sqlite"))
    played = []
    for path in (tmp_path / "copy.sqlite", new):
        with reading(path) as store:
            assert outside_the_chain(store)
        with World.open(path) as world:
            for inputs in script(world.config, 3):
                world.turn(inputs)
            assert verify(world.store).holds
            played.append((world.head, export_hash(world.store)))
    assert played[0] == played[1]


ALTERATIONS = [
    *(
        f"UPDATE {table} SET {column} = {value} WHERE turn = 2"
        for table, column, value in [
            ("inputs", "data", "replace(data, 'mine', 'idle')"),
            ("inputs", "data", "data || ' '"),
            ("inputs", "rejection", "COALESCE(rejection, 'x')"),
            ("inputs", "public_key", "COALESCE(public_key || '0', '')"),
            ("inputs", "signature", "NULL"),
            ("postings", "amount", "amount + 1"),
            ("postings", "source", "source + 1"),
            ("postings", "target", "'x'"),
            ("postings", "reason", "'burn'"),
            ("turns", "ends", "1"),
            ("turns", "fees_collected", "fees_collected + 1"),
            ("turns", "dividends", "dividends + 1"),
            ("turns", "token_supply", "token_supply - 1"),
            ("turns", "state_digest", "head"),
            ("turns", "head", "state_digest"),
        ]
    ),
    "UPDATE blocks SET data = replace(data, 'mine', 'core') WHERE turn = 1",
    "UPDATE blocks SET signature = 'x' WHERE turn = 1",
    "UPDATE transactions SET data = replace(data, '100', '101')",
    "UPDATE snapshots SET state = replace(state, '0', '1')",
    "UPDATE receipts SET answer = answer || ' '",
    "UPDATE submissions SET data = replace(data, 'mine', 'idle')",
    "UPDATE accounts SET name = 'x' WHERE account = 3",
    "UPDATE genesis SET data = replace(data, '7', '8')",
    "INSERT INTO inputs VALUES (2, 99, '{}', NULL, NULL, NULL)",
    "INSERT INTO postings VALUES (99, 0, 3, 1, 5, 'stake')",
    "INSERT INTO contracts VALUES (3, 0, '{}')",
    "DELETE FROM turns WHERE turn = 5",
    "DELETE FROM blocks WHERE turn = 1",
    "DELETE FROM postings WHERE turn = 2 AND position = 1",
    "DROP VIEW journal",
    "CREATE TRIGGER extra AFTER INSERT ON turns BEGIN DELETE FROM postings; END",
]


@pytest.mark.parametrize("statement", ALTERATIONS)
def test_an_alteration_is_found_and_nothing_is_copied(
    statement: str, old: Path, tmp_path: Path
) -> None:
    connection = sqlite3.connect(old)
    changes = connection.total_changes
    connection.execute(statement)
    assert connection.total_changes > changes or statement.startswith(("DROP", "CREATE"))
    connection.commit()
    connection.close()
    assert not verify(old).holds
    with pytest.raises(StoreError):
        copy_ledger(location_of(old), location_of(tmp_path / "copy.sqlite"))
    assert not SQLiteLocation(tmp_path / "copy.sqlite").exists()
    whole = old.read_bytes()
    with pytest.raises(StoreError):
        convert(old)
    assert old.read_bytes() == whole


COPY = """
import sys
from sim_economy.ledger.records import recorded_inputs
from sim_economy.ledger.sidecars.locations import location_of
from sim_economy.ledger.stores import backup
def turn(number):
    print(number, flush=True)
backup.copy_ledger(location_of(sys.argv[1]), location_of(sys.argv[2]), turn)
"""


@pytest.mark.parametrize("after", [0, 5, 40])
def test_a_killed_copy_leaves_nothing_and_can_be_repeated(after: int, tmp_path: Path) -> None:
    source, target = tmp_path / "source.sqlite", tmp_path / "target.sqlite"
    rich_world(source).close()
    running = subprocess.Popen(
        [sys.executable, "-c", COPY, source, target], stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    for line in running.stdout:
        if int(line) >= after:
            break
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()
    assert is_blank(target)
    copy_ledger(location_of(source), location_of(target))
    with reading(source) as one, reading(target) as other:
        assert export_hash(one) == export_hash(other)


def test_a_converted_file_keeps_what_was_only_in_its_log(old: Path, new: Path) -> None:
    writer = sqlite3.connect(old)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("DELETE FROM submissions WHERE position = 2")
    writer.commit()
    log = Path(f"{old}-wal").read_bytes()
    file = old.read_bytes()
    writer.close()
    old.write_bytes(file)
    Path(f"{old}-wal").write_bytes(log)
    convert(old)
    assert {path.name for path in old.parent.glob("old*")} == {"old.sqlite", "old.sqlite.lock"}
    with reading(old) as converted, reading(new) as whole:
        assert converted.layout == LAYOUT  # type: ignore[attr-defined]
        assert export_hash(converted) == export_hash(whole)
        assert converted.submissions() == whole.submissions()[:2]
    before = old.stat().st_mtime_ns
    time.sleep(0.01)
    convert(old)
    assert old.stat().st_mtime_ns == before, "converted once"


def test_an_unfinished_orchestrated_run_is_resumed_with_its_ledger_converted(
    tmp_path: Path,
) -> None:
    whole = play(tmp_path / "whole", mocked(6))
    folder = tmp_path / "old"
    shutil.copytree(tmp_path / "whole", folder)
    lines = (folder / "calls.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "calls.jsonl").write_bytes(b"".join(lines[: len(lines) // 2]))
    with reading(folder / LEDGER) as kept:
        turns = [stored.record for stored in kept.read()]
    for suffix in ("", "-wal", "-shm"):
        Path(f"{folder / LEDGER}{suffix}").unlink(missing_ok=True)
    task = mocked(6)
    with open_world(folder, task) as world:
        for record in turns[1:3]:
            world.turn(recorded_inputs(record))
    into_old_layout(folder / LEDGER)
    ended = play(folder, task)
    assert ended.world_head == whole.world_head
    with reading(folder / LEDGER) as store:
        assert store.layout == LAYOUT  # type: ignore[attr-defined]


def test_an_experiment_is_resumed_with_its_ledgers_converted(tmp_path: Path) -> None:
    scenario = load_scenario("as-run", {"turns": 4, "runs": 2})
    run_experiment(scenario, tmp_path, ledgers=True)
    path = tmp_path / "runs/run-0001.sqlite"
    into_old_layout(path)
    with reading(path) as store:
        assert store.layout == OLD_LAYOUT  # type: ignore[attr-defined]
        head = store.head()
    assert run_experiment(scenario, tmp_path, ledgers=True).resumed == 2
    with reading(path) as store:
        assert store.layout == LAYOUT  # type: ignore[attr-defined]
        assert (store.head(), verify(store).holds) == (head, True)


def test_in_postgresql_it_is_read_and_copied_too(
    postgres: PostgresServer, old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIM_ENGINE_STATE", str(tmp_path / "state"))
    location, target = postgres.world(), postgres.world()
    schema = f"sim_{location.partition('#')[2]}"
    kept = sqlite3.connect(old)
    statements = [f"CREATE SCHEMA {schema}", f"SET search_path TO {schema}"]
    statements.append("CREATE TABLE meta (format bigint NOT NULL); INSERT INTO meta VALUES (2)")
    for made, table in OLD_TABLES.items():
        text = made.replace("INTEGER", "bigint").replace("TEXT", 'text COLLATE "C"')
        statements.append(text.removesuffix(" WITHOUT ROWID"))
        if made.startswith("CREATE TABLE"):
            columns = [row[1] for row in kept.execute(f"PRAGMA table_info({table})")]
            quoted = " || ',' || ".join(f"quote({column})" for column in columns)
            statements += [
                f"INSERT INTO {table} VALUES ({row})"
                for (row,) in kept.execute(f"SELECT {quoted} FROM {table}")
            ]
    kept.close()
    postgres.execute(";".join(statements))
    with reading(old) as file, reading(location) as store:
        assert store.layout == OLD_LAYOUT  # type: ignore[attr-defined]
        assert export_hash(store) == export_hash(file)
        assert store.head() == file.head()
        assert verify(store) == verify(file)
    with pytest.raises(StoreError, match="sim-economy copy OLD NEW"):
        World.open(location)
    copy_ledger(location_of(location), location_of(target))
    with reading(target) as store, World.open(target) as world:
        assert store.head().hash == HEAD == world.head.hash
        assert verify(store).holds
    postgres.execute(f"CREATE INDEX extra ON {schema}.turns (head)")
    assert not verify(location).holds
