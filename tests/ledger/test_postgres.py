"""What a PostgreSQL server can do to a ledger, and what it can't."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from sim_economy.core.actions import Input, Mine
from sim_economy.core.errors import ExtraMissingError, StoreError, WorldUnknownError
from sim_economy.core.world_config import parse_world_config
from sim_economy.ledger.sidecars.locations import PostgresLocation, location_of
from sim_economy.ledger.stores.postgres import PostgresStore
from sim_economy.ledger.verify import verify
from sim_economy.world.engine import Engine
from sim_economy.world.replay import replay
from sim_economy.world.world import World
from tests.ledger.ledgers import SCENARIO, export, play, script
from tests.postgres import PostgresServer

pytestmark = pytest.mark.usefixtures("state_folder")


@pytest.fixture
def kept(postgres: PostgresServer, state_folder: Path) -> str:
    location = postgres.world()
    play(World.create(location, SCENARIO), script(SCENARIO, 4)).close()
    return location


def refusal(location: str, *, new: bool = False, read_only: bool = False) -> StoreError:
    ledger_location = location_of(location)
    with pytest.raises(StoreError) as failure:
        ledger_location.new() if new else ledger_location.open(read_only=read_only)
    return failure.value


def schema(location: str) -> str:
    return f'"sim_{location.partition("#")[2] or "default"}"'


# One writer, many readers


def test_a_writer_with_another_state_folder_is_refused_all_the_same(
    kept: str, tmp_path: Path
) -> None:
    elsewhere = PostgresLocation(kept, state=tmp_path / "elsewhere")
    with World.open(kept):
        with pytest.raises(StoreError) as failure:
            elsewhere.open()
        assert failure.value.code == "ledger_in_use"
        with pytest.raises(StoreError) as failure:
            elsewhere.new()
        assert failure.value.code == "ledger_in_use"
    elsewhere.open().close()


def test_two_databases_cannot_share_sidecars(postgres: PostgresServer, tmp_path: Path) -> None:
    one, other = (
        PostgresLocation(postgres.world().partition("#")[0], "same", tmp_path),
        PostgresLocation(postgres.database(), "same", tmp_path),
    )
    store = one.new()
    with pytest.raises(StoreError) as failure:
        other.new()
    assert failure.value.code == "ledger_in_use"
    store.discard()
    other.new().discard()


def test_worlds_of_one_database_are_written_side_by_side(postgres: PostgresServer) -> None:
    locations = [postgres.world() for _ in range(3)]
    worlds = [World.create(location, SCENARIO) for location in locations]
    for inputs in script(SCENARIO, 3):
        for world in worlds:
            world.turn(inputs)
    assert len({export(world.store) for world in worlds}) == 1
    for world in worlds:
        assert verify(world.store).holds
        world.close()


def test_a_frozen_reader_stays_in_its_moment(kept: str) -> None:
    with (
        World.open(kept) as writer,
        closing(location_of(kept).open(read_only=True, frozen=True)) as frozen,
    ):
        then = export(frozen)
        writer.submit(Input("agent_0", Mine()))
        writer.turn()
        assert export(frozen) == then
        assert (frozen.head().turn, writer.store.head().turn) == (4, 5)
        assert list(frozen.submissions()) == []
        assert verify(frozen).turns == 4


@pytest.mark.parametrize("frozen", [True, False])
def test_a_reader_cannot_write(kept: str, frozen: bool) -> None:
    with closing(location_of(kept).open(read_only=True, frozen=frozen)) as store:
        with pytest.raises(StoreError) as failure:
            World.open(store).turn()
        assert failure.value.code == "ledger_unwritable"
    with World.open(kept) as world:
        assert world.turn_number == 4


# Durability


@pytest.mark.parametrize(
    ("default", "held"), [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply")]
)
def test_a_writer_commits_to_the_disk_whatever_the_servers_default(
    postgres: PostgresServer, default: str, held: str
) -> None:
    location = postgres.database()
    database = location.rpartition("/")[2]
    postgres.execute(f"ALTER DATABASE {database} SET synchronous_commit = {default}")
    with World.create(location, SCENARIO) as world:
        assert isinstance(world.store, PostgresStore)
        assert list(world.store._rows("SHOW synchronous_commit")) == [(held,)]
    with World.open(location) as world:
        assert isinstance(world.store, PostgresStore)
        assert list(world.store._rows("SHOW synchronous_commit")) == [(held,)]


@pytest.fixture
def without_fsync(postgres: PostgresServer) -> Iterator[None]:
    def becomes(setting: str) -> None:
        postgres.execute("SELECT pg_reload_conf()")
        while postgres.execute("SHOW fsync") != [(setting,)]:
            time.sleep(0.01)

    postgres.execute("ALTER SYSTEM SET fsync = off")
    becomes("off")
    yield
    postgres.execute("ALTER SYSTEM RESET fsync")
    becomes("on")


def test_a_server_that_does_not_sync_is_refused_by_name(
    kept: str, postgres: PostgresServer, without_fsync: None
) -> None:
    for found in (refusal(kept), refusal(postgres.world(), new=True)):
        assert found.code == "ledger_unwritable"
        assert "fsync = off" in str(found)
    World.open(kept, read_only=True).close()


def test_a_database_that_only_reads_is_refused_by_writers(postgres: PostgresServer) -> None:
    location = postgres.database()
    World.create(location, SCENARIO).close()
    database = location.rpartition("/")[2]
    postgres.execute(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    assert refusal(location).code == "ledger_unwritable"
    with World.open(location, read_only=True) as world:
        assert verify(world.store).holds


# What is no ledger


def test_a_missing_world_is_an_error_and_not_created(postgres: PostgresServer) -> None:
    location = postgres.world()
    for read_only in (True, False):
        assert refusal(location, read_only=read_only).code == "ledger_missing"
    assert not location_of(location).exists()
    assert not postgres.execute(
        f"SELECT 1 FROM pg_namespace WHERE nspname = 'sim_{location.partition('#')[2]}'"
    )


def test_an_empty_schema_becomes_the_ledger(postgres: PostgresServer) -> None:
    location = postgres.world()
    postgres.execute(f"CREATE SCHEMA {schema(location)}")
    assert not location_of(location).exists()
    assert refusal(location).code == "ledger_missing"
    World.create(location, SCENARIO).close()
    assert location_of(location).exists()


@pytest.mark.parametrize("table", ["theirs (a int)", "meta (a int)"])
def test_another_programs_schema_is_refused_and_not_touched(
    postgres: PostgresServer, table: str
) -> None:
    location = postgres.world()
    postgres.execute(f"CREATE SCHEMA {schema(location)} CREATE TABLE {table}")
    assert location_of(location).exists()
    assert refusal(location).code in {"ledger_format", "ledger_damaged"}
    assert refusal(location, new=True).code == "ledger_exists"
    with pytest.raises(StoreError):
        World.create(location, SCENARIO)
    assert postgres.execute(f"SELECT * FROM {schema(location)}.{table.split(maxsplit=1)[0]}") == []


@pytest.mark.parametrize("version", [0, 2**62])
def test_a_ledger_of_another_format_is_refused(
    kept: str, postgres: PostgresServer, version: int
) -> None:
    postgres.execute(f"UPDATE {schema(kept)}.meta SET layout = {version}")
    for read_only in (True, False):
        assert refusal(kept, read_only=read_only).code == "ledger_format"


def test_a_database_of_another_encoding_is_refused(postgres: PostgresServer) -> None:
    location = postgres.database("ENCODING 'LATIN1' TEMPLATE template0")
    found = refusal(location, new=True)
    assert found.code == "ledger_format"
    assert "LATIN1" in str(found)


def test_tables_of_other_schemas_are_never_read(postgres: PostgresServer) -> None:
    location = postgres.database()
    database = location.rpartition("/")[2]
    postgres.execute("CREATE TABLE turns (turn bigint)", database)
    postgres.execute("CREATE TABLE meta (format bigint)", database)
    assert location_of(location).worlds() == []
    assert refusal(location).code == "ledger_missing"
    with play(World.create(location, SCENARIO), script(SCENARIO, 3)) as world:
        assert verify(world.store).holds
    assert postgres.execute("SELECT * FROM turns", database) == []


def test_a_world_whose_start_fails_leaves_nothing(
    postgres: PostgresServer, state_folder: Path
) -> None:
    location = postgres.world()
    ledger_location = location_of(location)
    Path(f"{ledger_location.sidecar}.head").mkdir(parents=True)
    engine = Engine.open(ledger_location)
    with pytest.raises(StoreError):
        engine.start({}, None)
    Path(f"{ledger_location.sidecar}.head").rmdir()
    assert not ledger_location.exists()
    engine.start({}, None)
    engine.close()


def test_discarding_a_store_that_was_opened_leaves_the_world(kept: str) -> None:
    opened = location_of(kept).open()
    with pytest.raises(StoreError):
        World(SCENARIO, store=opened)
    opened.discard()
    with World.open(kept) as world:
        assert world.turn_number == 4


# Names


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("postgresql://u:secret@host:5/db", "postgresql://u@host:5/db"),
        ("postgres://u@host/db#other", "postgres://u@host/db#other"),
        ("postgresql://u:secret@/db?host=%2Ftmp", "postgresql://u@/db?host=%2Ftmp"),
        ("postgresql:///db?password=secret&port=7", "postgresql:///db?port=7"),
        ("postgresql://u:se@cret@host/db", "postgresql://u@host/db"),
        ("postgresql://u:se/cret@host/db", "postgresql://u@host/db"),
        ("postgresql://host/db?user=u&sslpassword=secret", "postgresql://host/db?user=u"),
        ("postgresql://h1:1,h2:2/db#default", "postgresql://h1:1,h2:2/db"),
    ],
)
def test_a_location_is_named_without_its_password(location: str, name: str) -> None:
    assert location_of(location).name == name


def test_sidecars_lie_in_the_state_folder(
    monkeypatch: pytest.MonkeyPatch, state_folder: Path
) -> None:
    location = "postgresql://host/db"
    assert location_of(location).sidecar == state_folder / "default"
    assert location_of(f"{location}#b").sidecar == state_folder / "b"
    assert location_of(location).world("b").sidecar == state_folder / "b"
    assert PostgresLocation(location, state="x").world("b").sidecar == Path("x/b")
    monkeypatch.delenv("SIM_ENGINE_STATE")
    assert location_of(location).sidecar == Path("sim-economy-state/default")


@pytest.mark.parametrize("name", ["", "A", "a b", 'a"b', "../a", "a" * 41, "default", "-a"])
def test_a_name_no_world_can_have_is_refused(name: str) -> None:
    ledger_location = location_of("postgresql://host/db")
    with pytest.raises(WorldUnknownError):
        ledger_location.world(name)
    if name not in {"", "default"}:
        with pytest.raises(WorldUnknownError):
            location_of(f"postgresql://host/db#{name}")


def test_the_worlds_of_a_database_are_those_that_were_started(postgres: PostgresServer) -> None:
    location = postgres.database()
    ledger_location = location_of(location)
    assert ledger_location.worlds() == []
    for name in ("b-1_x", "a"):
        World(SCENARIO, store=ledger_location.world(name).new(), world_id=name).close()
    assert not ledger_location.exists()
    World.create(location, SCENARIO).close()
    postgres.execute("CREATE SCHEMA sim_empty", location.rpartition("/")[2])
    assert ledger_location.exists()
    assert ledger_location.worlds() == ["a", "b-1_x"]
    assert ledger_location.world("a").worlds() == ["b-1_x"]
    with World.open(f"{location}#b-1_x") as world:
        assert world.world_id == "b-1_x"


def test_a_server_that_is_not_there_is_an_error_without_the_password() -> None:
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        location = f"postgresql://u:secret@127.0.0.1:{bound.getsockname()[1]}/db"
        for found in (refusal(location), refusal(location, new=True)):
            assert found.code == "store_unreachable"
            assert "secret" not in str(found)
            assert "\n" not in str(found)
        with pytest.raises(StoreError):
            location_of(location).exists()


@pytest.mark.parametrize(
    "location", ["postgresql://u:secret@h:port/db", "postgresql://h/db?what=secret", "postgres://["]
)
def test_a_location_that_is_none_is_an_error_that_repeats_nothing_of_it(location: str) -> None:
    found = refusal(location)
    assert found.code == "store_unreachable"
    assert "secret" not in str(found).removeprefix(found.path)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sim_economy.ledger.stores.postgres")
    monkeypatch.delattr("sim_economy.ledger.stores.postgres")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ExtraMissingError) as failure:
        location_of("postgresql://host/db")
    assert "sim-economy[postgres]" in str(failure.value)
    assert location_of("world.sqlite").name == "world.sqlite"


# Exact values


def test_the_largest_amounts_are_kept_exactly(postgres: PostgresServer) -> None:
    config = parse_world_config({"num_agents": 2, "genesis_tokens_per_agent": 2**31 - 1, "seed": 1})
    with World.create(postgres.world(), config) as world:
        store = world.store
        assert isinstance(store, PostgresStore)
        store._connection.execute("BEGIN")
        for number in (2**62, -(2**62), 2**63 - 1, -(2**63)):
            store._connection.execute(
                "UPDATE turns SET line = regexp_replace(line, 'supply\":[0-9-]+', %s)",
                (f'supply":{number}',),
            )
            assert list(store._rows("SELECT token_supply FROM turns")) == [(number,)]
        store._connection.execute("ROLLBACK")
        assert verify(store).holds


@pytest.mark.parametrize("speech", ["é\u2028\u0001\x7f", "\\ % ? %s {} '' \"", "\U0001f600" * 50])
def test_texts_are_kept_as_they_are(postgres: PostgresServer, speech: str) -> None:
    inputs = [
        Input("agent_0", Mine(), thinking_units=0, output_units=0, thinking=speech, speech=speech)
    ]
    alone = World(SCENARIO)
    alone.turn(inputs)
    with World.create(postgres.world(), SCENARIO) as world:
        world.submit(inputs[0])
        world.turn()
        assert export(world.store) == export(alone.store)
        assert replay(world.store) == alone.head


# A server that goes


def terminate(postgres: PostgresServer) -> None:
    """End the sessions of every ledger, as an administrator does."""
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'sim-economy'"
    )


def test_a_store_that_lost_its_connection_keeps_nothing_and_refuses_all_work(
    kept: str, postgres: PostgresServer
) -> None:
    world = World.open(kept)
    assert not world.store.lost
    terminate(postgres)
    for _ in range(2):
        with pytest.raises(StoreError) as failure:
            world.turn([Input("agent_0", Mine())])
        assert failure.value.code == "store_unreachable"
        assert world.store.lost
        with pytest.raises(StoreError):
            world.submit(Input("agent_0", Mine()))
        with pytest.raises(StoreError):
            world.store.head()
    assert world.turn_number == 4
    world.close()
    with World.open(kept) as again:
        assert (again.turn_number, again.head) == (4, world.head)
        again.turn()


def test_a_failure_that_only_the_driver_tells_of_leaves_open_what_was_kept(kept: str) -> None:
    store = PostgresLocation(kept).open()
    with pytest.raises(StoreError) as failure, store.one_commit():
        raise psycopg.InternalError("cannot exit pipeline mode while busy")
    assert failure.value.code == "store_unreachable"
    assert store.lost
    store.close()
    location_of(kept).open().close()


class Cutting:
    """A way to the server that swallows what it answers to a commit, and then breaks."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.armed = self.swallowing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for pair in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while text := source.recv(65536):
                if answers and self.swallowing:
                    time.sleep(0.2)
                    break
                self.swallowing |= self.armed and b"COMMIT" in text
                target.sendall(text)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        self._listening.close()


def test_a_turn_whose_commit_was_never_confirmed_is_there_after_reopening(
    postgres: PostgresServer,
) -> None:
    direct = postgres.world()
    with closing(Cutting(postgres.port)) as between:
        engine = Engine.open(direct.replace(f":{postgres.port}/", f":{between.port}/"))
        engine.start({"num_agents": 2}, None)
        engine.close_turn(expected=1)
        between.armed = True
        with pytest.raises(StoreError) as failure:
            engine.close_turn(expected=2, key="k", request=b"body")
        assert failure.value.code == "store_unreachable"
        with World.open(direct, read_only=True) as kept:
            assert kept.turn_number == 2
        with pytest.raises(StoreError):
            engine.close_turn(expected=2, key="k", request=b"body")
        with pytest.raises(StoreError):
            engine.started()
        between.armed = between.swallowing = False
        answer = engine.close_turn(expected=2, key="k", request=b"body")
        assert '"turn":2' in answer
        assert engine.started().turn_number == 2
        assert '"turn":3' in engine.close_turn(expected=3)
        assert engine.read(verify).turns == 3
        engine.close()
    Engine.open(direct).close()


def test_an_engine_asked_by_many_at_once_is_reopened_once(postgres: PostgresServer) -> None:
    engine = Engine.open(postgres.world())
    engine.start({"num_agents": 2}, None)
    engine.close_turn()
    for round_ in range(3):
        terminate(postgres)
        with pytest.raises(StoreError):
            engine.close_turn()
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(engine.read, [verify] * 8))
        assert [each.turns for each in found] == [round_ + 1] * 8
        engine.close_turn()
    assert engine.read(verify).holds
    engine.close()


def test_an_engine_that_lost_its_server_does_not_go_on_from_a_ledger_set_back(
    postgres: PostgresServer,
) -> None:
    location = postgres.world()
    engine = Engine.open(location)
    engine.start({"num_agents": 2}, None)
    engine.close_turn()
    older = postgres.dump(location)
    engine.close_turn()
    engine.close_turn()
    terminate(postgres)
    postgres.restore(location, older)
    with pytest.raises(StoreError) as failure:
        engine.close_turn()
    assert failure.value.code == "store_unreachable"
    for _ in range(2):
        with pytest.raises(StoreError) as failure:
            engine.close_turn()
        assert failure.value.code == "ledger_rolled_back"
    engine.close()
    with pytest.raises(StoreError) as failure:
        Engine.open(location)
    assert failure.value.code == "ledger_rolled_back"
    accepted = Engine.open(location, accept_head=True)
    assert accepted.started().turn_number == 1
    accepted.close()


def test_a_turn_that_the_server_refuses_leaves_the_world_intact(
    kept: str, postgres: PostgresServer
) -> None:
    table = f"{schema(kept)}.turns"
    with World.open(kept) as world:
        postgres.execute(f"ALTER TABLE {table} ADD CONSTRAINT room CHECK (turn < 6) NOT VALID")
        world.turn([Input("agent_0", Mine(), 0, 500)])
        before = world.head
        with pytest.raises(StoreError) as failure:
            world.turn([Input("agent_0", Mine(), 0, 500)])
        assert failure.value.code == "ledger_unwritable"
        assert "nothing was written" in str(failure.value)
        assert (world.head, world.store.head(), world.store.lost) == (before, before, False)
        postgres.execute(f"ALTER TABLE {table} DROP CONSTRAINT room")
        world.turn([Input("agent_0", Mine(), 0, 500)])
        assert verify(world.store).holds


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE {}.turns SET UNLOGGED",
        "ALTER TABLE {}.receipts ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE {}.receipts ALTER COLUMN answer SET DEFAULT ''",
        "ALTER TABLE {}.turns ADD CHECK (turn < 1000)",
    ],
)
def test_an_altered_table_is_refused_at_the_start(
    postgres: PostgresServer, kept: str, statement: str
) -> None:
    postgres.execute(statement.format(f"sim_{kept.partition('#')[2]}"))
    for read_only in (False, True):
        with pytest.raises(StoreError) as failure:
            World.open(kept, read_only=read_only)
        assert failure.value.code == "ledger_damaged"
