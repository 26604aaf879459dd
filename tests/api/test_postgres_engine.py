"""The engine on PostgreSQL: drop-in, killed, and its server stopped under it."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Timer

import psycopg
import pytest

from sim_economy.ledger.records import chained, digest
from sim_economy.ledger.sidecars.locations import location_of
from sim_economy.ledger.stores.protocol import Store
from sim_economy.ledger.verify import verify
from sim_economy.reports.published.rows import published_text
from sim_economy.world.replay import replay
from tests.api.wire_client import PARAMETERS, EngineProcess, published_row, run_of
from tests.conftest import served
from tests.faults.power.posting import GONE, Posted, Poster, posted
from tests.postgres import PASSWORD, PostgresServer

KILLS = 10
STOPS = 6


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A server that a test may stop."""
    yield from served()


def engine_at(location: str, state: Path, auth: str = "open", accept: str = "") -> EngineProcess:
    return EngineProcess(
        location,
        SIM_ENGINE_STATE=str(state),
        SIM_ENGINE_AUTH=auth,
        SIM_ENGINE_ACCEPT_HEAD=accept,
    )


def groups(location: str, query: str) -> dict[str, int]:
    """Groups counted in the database while the engine writes it, with its own JSON functions."""
    query = re.sub(r"json_extract\(data, '\$\.(\w+)'\)", r"data::json ->> '\1'", query)
    with psycopg.connect(location, options="-c search_path=sim_default") as connection:
        return {str(kind): count for kind, count in connection.execute(query.encode())}


def test_an_existing_client_gets_a_published_row_to_the_last_digit(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    location = postgres.database()
    raw = run_of(engine_at(location, tmp_path), lambda query: groups(location, query), 9, 60)
    published = list(csv.DictReader(io.StringIO(published_text("run_metrics.csv"))))
    assert published_row(raw) == published[8]
    assert raw["stop_seconds"] < 3
    store = location_of(location).open(read_only=True)
    with closing(store):
        assert replay(store).turn == 60


def test_sidecars_are_in_the_state_folder(postgres: PostgresServer, tmp_path: Path) -> None:
    location = postgres.database()
    state = tmp_path / "state"
    with engine_at(location, state, "tokens") as engine:
        issued = engine.call("/init", {"config": {"num_agents": 2}})
        admin = {"Authorization": f"Bearer {issued['admin_token']}"}
        assert engine.call("/state", **admin)["turn"] == 0
        assert {path.name for path in state.iterdir()} == {
            "default.head", "default.tokens", "default.lock"
        }  # fmt: skip
        engine.call("/turn", {"inputs": []}, **admin)
        engine.stop()
        assert PASSWORD not in engine.messages()
    with engine_at(location, state, "tokens") as engine:
        assert engine.call("/state", **admin)["turn"] == 1
    engine = engine_at(location, tmp_path / "elsewhere")
    assert engine.process.wait(timeout=10) == 1
    assert "holds no head for this ledger" in engine.messages()


def test_worlds_of_one_engine_are_schemas_of_its_database(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    location = postgres.database()
    names = ("b", "a-1")
    with engine_at(location, tmp_path) as engine:
        engine.call("/init", {"config": PARAMETERS})
        for number, name in enumerate(names, 1):
            engine.call(f"/worlds/{name}/init", {"config": {"num_agents": 3}})
            for _ in range(number):
                engine.call(f"/worlds/{name}/turn", {"inputs": []})
        engine.kill()
    with engine_at(location, tmp_path) as engine:
        assert [engine.call(f"/worlds/{name}/state")["turn"] for name in names] == [1, 2]
        assert engine.call("/state")["turn"] == 0
        assert set(names) <= set(engine.call("/worlds")["worlds"])
        heads = [engine.call(f"/worlds/{name}/head")["hash"] for name in names]
    for name, head in zip(names, heads, strict=True):
        with closing(location_of(f"{location}#{name}").open(read_only=True)) as store:
            assert store.head().hash == head
            assert verify(store).holds


def test_a_second_engine_on_the_same_database_is_refused(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    location = postgres.database()
    with engine_at(location, tmp_path / "one") as first:
        first.call("/init", {"config": PARAMETERS})
        second = engine_at(location, tmp_path / "other")
        assert second.process.wait(timeout=15) == 1
        assert second.messages().endswith(
            "another process writes it; stop that one or name another world\n"
        )
        assert PASSWORD not in second.messages()
        assert first.call("/turn", {"inputs": []})["data"]["turn"] == 1


def test_a_second_engine_on_the_same_unstarted_database_cannot_start_its_world_too(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    location = postgres.database()
    with (
        engine_at(location, tmp_path / "one") as first,
        engine_at(location, tmp_path / "other") as second,
    ):
        first.call("/init", {"config": PARAMETERS})
        refused = second.ask("POST", "/init", b'{"config": {}}')
        assert refused.status in {409, 503}
        assert first.call("/turn", {"inputs": []})["data"]["turn"] == 1


def test_a_schema_restored_from_an_older_dump_is_refused(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    location = postgres.database()
    with engine_at(location, tmp_path) as engine:
        engine.call("/init", {"config": PARAMETERS})
        engine.call("/turn", {"inputs": []})
        older = postgres.dump(location)
        engine.call("/turn", {"inputs": []})
        engine.call("/turn", {"inputs": []})
        engine.stop()
    postgres.restore(location, older)
    store = location_of(location).open(read_only=True)
    with closing(store):
        assert verify(store).holds
    engine = engine_at(location, tmp_path)
    assert engine.process.wait(timeout=15) == 1
    assert "saw turn 3 and the ledger ends with turn 1" in engine.messages()
    with engine_at(location, tmp_path, accept="1") as engine:
        assert engine.call("/head")["turn"] == 1


class PostingClient:
    """Posts turn after turn and remembers what was acknowledged."""

    def __init__(self) -> None:
        self.draws = random.Random(5)
        self.heads: dict[int, str] = {}
        self.unanswered: Posted | None = None
        self.refused = 0
        self.kept = 0

    def post(self, poster: Poster) -> bool:
        """Post the open turn; whether it was acknowledged."""
        request = self.unanswered or posted(max(self.heads) + 1, self.draws)
        again = self.unanswered is not None
        self.unanswered = request
        status, answer = poster.post(request)
        if status == 503:
            assert answer["error"]["code"] in {"store_unreachable", "ledger_in_use"}, answer
            assert PASSWORD not in answer["error"]["message"]
            self.refused += 1
            return False
        assert status == 200, answer
        self.heads[request.turn] = answer["data"]["head"]
        self.kept += again
        self.unanswered = None
        return True

    def check(self, location: str) -> None:
        """Every acknowledged turn is there, and at most the unanswered one more."""
        store = location_of(location).open(read_only=True, frozen=True)
        with closing(store):
            found = {stored.turn: stored.head_hash for stored in store.read()}
            assert found | self.heads == found
            assert len(found) - len(self.heads) <= (self.unanswered is not None)
            assert verify(store).finding is None


def test_every_acknowledged_turn_survives_kills_of_the_engine(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    location = postgres.database()
    client = PostingClient()
    with engine_at(location, tmp_path) as engine, closing(Poster(engine)) as poster:
        client.heads[0] = poster.init(1)
    for _ in range(KILLS):
        with engine_at(location, tmp_path) as engine, closing(Poster(engine)) as poster:
            client.post(poster)
            killer = Timer(client.draws.uniform(0.0, 0.2), engine.process.kill)
            killer.start()
            try:
                while True:
                    client.post(poster)
            except GONE:
                pass
            finally:
                killer.join()
        client.check(location)
    assert client.refused == 0
    assert max(client.heads) > KILLS
    store = location_of(location).open(read_only=True)
    with closing(store):
        assert replay(store).turn >= max(client.heads)


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGKILL, signal.SIGINT])
def test_an_engine_goes_on_when_its_server_is_back_and_no_acknowledged_turn_is_lost(
    how: signal.Signals, own_server: PostgresServer, tmp_path: Path
) -> None:
    location = own_server.location()
    client = PostingClient()
    with engine_at(location, tmp_path) as engine, closing(Poster(engine)) as poster:
        client.heads[0] = poster.init(2)
        for _ in range(STOPS // 2):
            stopper = Timer(client.draws.uniform(0.05, 0.2), own_server.stop, [how])
            stopper.start()
            while client.post(poster):
                pass
            stopper.join()
            assert not client.post(poster)
            for path in ("/state", "/turns", "/head"):
                assert engine.ask("GET", path).status == 503
            assert engine.ask("GET", "/config").status == 200
            own_server.start()
            client.check(location)
            until(lambda: engine.ask("GET", "/verification").status == 200)
            until(lambda: client.post(poster))
            client.check(location)
        assert engine.ask("GET", "/state").status == 200
        assert engine.call("/verification")["finding"] is None
        assert engine.stop() < 3
    assert client.refused
    with engine_at(location, tmp_path) as engine:
        assert engine.call("/head")["turn"] == max(client.heads)


def until(succeeds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not succeeds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_engine_without_its_server_does_not_start_and_says_why(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    own_server.stop()
    engine = engine_at(own_server.location(), tmp_path)
    assert engine.process.wait(timeout=15) == 1
    assert "cannot be reached" in engine.messages()
    assert engine.messages().count("\n") == 1
    assert PASSWORD not in engine.messages()


def test_of_many_posts_for_one_turn_one_applies(postgres: PostgresServer, tmp_path: Path) -> None:
    location = postgres.database()
    with engine_at(location, tmp_path) as engine:
        engine.call("/init", {"config": PARAMETERS})
        body = json.dumps({"turn": 1, "inputs": []}).encode()
        statuses: list[int] = []
        workers = [
            threading.Thread(
                target=lambda: statuses.append(engine.ask("POST", "/turn", body).status)
            )
            for _ in range(20)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert sorted(statuses) == [200] + [409] * 19


def test_readers_during_writes_never_see_half_a_turn(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    location = postgres.database()
    client = PostingClient()
    problems: list[object] = []
    with engine_at(location, tmp_path) as engine, closing(Poster(engine)) as poster:
        client.heads[0] = poster.init(3)

        def read() -> None:
            ledger_location = location_of(location)
            for attempt in range(15):
                frozen = attempt % 2 == 0
                with closing(ledger_location.open(read_only=True, frozen=frozen)) as store:
                    problems.append(verify(store).finding if frozen else first_break(store))

        reader = threading.Thread(target=read)
        reader.start()
        while reader.is_alive():
            client.post(poster)
        reader.join()
    assert problems == [None] * 15


def first_break(store: Store) -> int | None:
    """The first turn whose head is not the hash of what is read of it."""
    before = digest(store.genesis_line())
    for turn, line, head in store.read():
        before = chained(before, line)
        if before != head:
            return turn
    return None
