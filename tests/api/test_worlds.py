"""Many worlds behind one engine: independent, named, durable, and closed to each other's tokens."""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Barrier, Timer
from typing import Any, Final

import pytest
from starlette.testclient import TestClient

from sim_economy.api.app import ROUTES, create_app
from sim_economy.api.connection_limits import ConnectionLimits
from sim_economy.api.worlds import Worlds
from sim_economy.core.errors import StoreError
from sim_economy.ledger.sidecars.locations import location_of
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.ledger.verify import verify
from sim_economy.world.access import Access
from sim_economy.world.engine import Engine
from sim_economy.world.replay import replay
from tests.api.test_drop_in import PUBLISHED
from tests.api.wire_client import EngineProcess, Reply, ask, published_row, published_run
from tests.faults.limited import DEADLINES, FEW_WORLDS, OPEN_MAX, TURN_SECONDS

CONFIG: Final = {"config": {"seed": 3, "num_agents": 2}, "agent_ids": ["ann", "bob"]}
PREFIXES: Final = ("", "/worlds/a", "/worlds/b")
MINE: Final = {"action": {"action": "mine"}}
BATCH: Final = {"inputs": [{"agent_id": "ann", **MINE, "output_units": 120}]}


def start(engine: EngineProcess, *prefixes: str) -> None:
    for prefix in prefixes:
        engine.call(f"{prefix}/init", CONFIG)


def turns(engine: EngineProcess, prefix: str, count: int) -> None:
    for _ in range(count):
        engine.call(f"{prefix}/turn", BATCH)


def file_of(engine: EngineProcess, prefix: str) -> Path:
    name = prefix.rpartition("/")[2]
    return Path(f"{engine.ledger}.worlds/{name}.sqlite") if name else engine.ledger


def listing(folder: Path) -> set[str]:
    """Everything in a folder and below it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def worlds(ledger: Path) -> Iterator[EngineProcess]:
    """An engine with three worlds at turn 0."""
    with EngineProcess(ledger) as running:
        start(running, *PREFIXES)
        yield running


# Independent


def test_each_world_has_its_own_turns_heads_and_events(worlds: EngineProcess) -> None:
    for count, prefix in enumerate(PREFIXES):
        turns(worlds, prefix, count)
    states = [worlds.call(f"{prefix}/state") for prefix in PREFIXES]
    assert [state["turn"] for state in states] == [0, 1, 2]
    assert [state["agents"][0]["balance"] for state in states] == [1000, 980, 960]
    for prefix, state in zip(PREFIXES, states, strict=True):
        head = worlds.call(f"{prefix}/head")
        assert (head["turn"], head["hash"]) == (state["turn"], state["head"])
        rows = worlds.call(f"{prefix}/turns")["rows"]
        assert [row["turn"] for row in rows] == list(range(state["turn"] + 1))
        assert worlds.call(f"{prefix}/verification")["turns"] == state["turn"]
        assert verify(file_of(worlds, prefix)).holds


def test_worlds_of_one_configuration_and_one_history_have_heads_of_their_own(
    worlds: EngineProcess,
) -> None:
    for prefix in PREFIXES:
        turns(worlds, prefix, 1)
    assert len({worlds.call(f"{prefix}/genesis")["genesis"] for prefix in PREFIXES}) == 3
    assert len({worlds.call(f"{prefix}/head")["hash"] for prefix in PREFIXES}) == 3
    assert len({worlds.call(f"{prefix}/head")["state_digest"] for prefix in PREFIXES}) == 1
    assert worlds.call("/worlds/a/genesis")["world_id"] == "a"
    assert worlds.call("/genesis")["world_id"] == "default"


def test_an_idempotency_key_belongs_to_one_world(worlds: EngineProcess) -> None:
    answers = []
    for prefix in (*PREFIXES, *PREFIXES):
        body = json.dumps(BATCH).encode()
        reply = worlds.ask("POST", f"{prefix}/turn", body, **{"Idempotency-Key": "key"})
        assert reply.status == 200
        answers.append(reply.body)
    assert answers[:3] == answers[3:]
    assert len(set(answers)) == 3
    other = worlds.ask("POST", "/worlds/a/turn", b'{"inputs": []}', **{"Idempotency-Key": "key"})
    assert other.error["code"] == "idempotency_key_reused"


def test_an_action_waits_in_its_own_world_alone(worlds: EngineProcess) -> None:
    worlds.call("/worlds/a/agents/ann/action", MINE)
    for prefix, waiting in zip(PREFIXES, (0, 1, 0), strict=True):
        assert worlds.call(f"{prefix}/close", {})["data"]["inputs"] == waiting


def test_a_stream_tells_of_its_own_world_alone(worlds: EngineProcess) -> None:
    with worlds.connection(10) as connection:
        connection.request("GET", "/worlds/a/events")
        stream = connection.getresponse()
        assert stream.readline() == b": connected\n"
        turns(worlds, "", 2)
        turns(worlds, "/worlds/b", 3)
        data = worlds.call("/worlds/a/turn", BATCH)["data"]
        lines = [stream.readline() for _ in range(4)]
        assert lines[1] == b"id: 1\n"
        assert json.loads(lines[3][6:])["head"] == data["head"]


def test_turns_of_many_worlds_at_once_each_close_once(worlds: EngineProcess) -> None:
    def post(number: int) -> Reply:
        prefix = PREFIXES[number % 3]
        body = json.dumps({**BATCH, "turn": 1}).encode()
        return worlds.ask("POST", f"{prefix}/turn", body)

    with ThreadPoolExecutor(24) as pool:
        found = Counter(reply.status for reply in pool.map(post, range(48)))
    assert found == {200: 3, 409: 45}
    assert [worlds.call(f"{prefix}/state")["turn"] for prefix in PREFIXES] == [1, 1, 1]


@pytest.mark.parametrize("run", [7])
def test_a_published_run_in_another_world_is_exact_to_the_last_digit(
    tmp_path: Path, run: int
) -> None:
    assert published_row(published_run(tmp_path, run, world="seven")) == PUBLISHED[run - 1]


# Names


def test_the_worlds_that_were_started_are_listed_in_order(ledger: Path) -> None:
    with EngineProcess(ledger) as engine:
        assert engine.call("/worlds") == {"worlds": []}
        start(engine, "/worlds/zoo", "/worlds/a-1_b")
        assert engine.call("/worlds") == {"worlds": ["a-1_b", "zoo"]}
        wrong = engine.ask("POST", "/worlds/wrong/init", b'{"config": {"num_cores": 0}}')
        assert wrong.status == 422
        start(engine, "", "/worlds/" + "9" * 40)
        engine.stop()
    with EngineProcess(ledger) as engine:
        names = ["default", "9" * 40, "a-1_b", "zoo"]
        assert engine.call("/worlds") == {"worlds": names}


IMPOSSIBLE: Final = (
    "default", "A", "aB", "a" * 41, "-a", "_a", "a.b", "a%20b", "%C3%A9", "%D0%B0", ".", "..",
    "...", "%2e%2e", "%2E", "..%2fa", "a%2Fb", "%2fetc", "..%2f..%2fworld", "a%5Cb", "%00",
    "a%00", "a%0A", "a.sqlite", "world.db", "%ff%fe", "a:b", "~", "*", "a,b", "%25", "a%3Fb",
)  # fmt: skip


@pytest.mark.parametrize("started", [False, True], ids=["nothing started", "worlds started"])
def test_a_name_no_world_can_have_is_a_404_everywhere_and_writes_nothing(
    ledger: Path, started: bool
) -> None:
    with EngineProcess(ledger) as engine:
        if started:
            start(engine, *PREFIXES)
        before = listing(ledger.parent)
        with engine.connection() as connection:
            for name in IMPOSSIBLE:
                for method, path, body in (
                    ("GET", "state", None),
                    ("GET", "config", None),
                    ("GET", "agents/ann/observation", None),
                    ("POST", "init", json.dumps(CONFIG).encode()),
                    ("POST", "run", json.dumps({**CONFIG, "turns": 1}).encode()),
                    ("POST", "turn", b'{"inputs": []}'),
                ):
                    reply = ask(connection, method, f"/worlds/{name}/{path}", body)
                    assert reply.status == 404, (name, path, reply.body)
                    assert reply.error["code"] in {"world_unknown", "path_unknown"}
        assert listing(ledger.parent) == before
        assert engine.call("/worlds")["worlds"] == (["default", "a", "b"] if started else [])


def test_a_world_that_was_not_started_is_a_404_and_writes_nothing(ledger: Path) -> None:
    with EngineProcess(ledger) as engine:
        for route in ROUTES:
            if "{world_id}" in route.path and not (route.starts or route.unopened):
                path = route.path.replace("{world_id}", "nobody").replace("{agent_id}", "ann")
                reply = engine.ask(route.method, path, b"{}" if route.method == "POST" else None)
                assert (reply.status, reply.error["code"]) == (404, "world_unknown"), path
        assert listing(ledger.parent) == set()


def at_once(count: int, call: Callable[[int], Reply]) -> list[Reply]:
    together = Barrier(count)

    def one(number: int) -> Reply:
        together.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.parametrize("prefix", ["", "/worlds/a"])
def test_of_100_posts_that_start_one_world_exactly_one_does(ledger: Path, prefix: str) -> None:
    with EngineProcess(ledger) as engine:
        replies = at_once(
            100,
            lambda number: engine.ask(
                "POST", f"{prefix}/init", json.dumps({"config": {"seed": number}}).encode()
            ),
        )
        assert Counter(reply.status for reply in replies) == {200: 1, 409: 99}
        codes = {reply.error["code"] for reply in replies if reply.status == 409}
        assert codes == {"world_exists"}
        (made,) = [reply.json for reply in replies if reply.status == 200]
        assert engine.call(f"{prefix}/head")["hash"] == made["head"]
        turns(engine, prefix, 1)
        assert verify(file_of(engine, prefix)).holds


def test_starting_a_started_world_is_a_409_also_after_a_restart(worlds: EngineProcess) -> None:
    turns(worlds, "/worlds/a", 2)
    worlds.stop()
    with EngineProcess(worlds.ledger) as engine:
        for _ in range(2):
            refused = engine.ask("POST", "/worlds/a/init", json.dumps(CONFIG).encode())
            assert (refused.status, refused.error["code"]) == (409, "world_exists")
            assert refused.error["turn"] == 2
        assert engine.call("/worlds/a/state")["turn"] == 2


def test_a_refused_start_leaves_the_name_free(ledger: Path) -> None:
    with EngineProcess(ledger) as engine:
        for body in (b'{"config": {"num_cores": 0}}', b"{", b'{"agent_ids": ["a", "a"]}'):
            assert engine.ask("POST", "/worlds/a/init", body).status in {400, 422}
            assert engine.ask("GET", "/worlds/a/state").status == 404
        assert listing(ledger.parent) == set()
        start(engine, "/worlds/a")


# Tokens


class Houses:
    """An engine with tokens and the default world and one beside it."""

    def __init__(self, ledger: Path, admin_token: str | None = None) -> None:
        self.engine = Engine.open(ledger, Access(tokens=True, admin_token=admin_token))
        self.client = TestClient(create_app(Worlds(self.engine, ConnectionLimits())))
        self.tokens: dict[str, str | None] = {"nobody": None, "stranger": "admin.made-up"}
        if admin_token is not None:
            self.tokens["host"] = admin_token

    def call(self, who: str, method: str, path: str, body: Any = None) -> Any:
        token = self.tokens[who]
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.client.request(method, path, json=body, headers=headers)

    def start(self, who: str, world: str) -> None:
        prefix = "" if world == "default" else f"/worlds/{world}"
        answer = self.call(who, "POST", f"{prefix}/init", CONFIG)
        assert answer.status_code == 200, answer.text
        self.tokens[f"{world}'s operator"] = answer.json()["admin_token"]
        for agent, token in answer.json()["agent_tokens"].items():
            self.tokens[f"{world}'s {agent}"] = token


@contextmanager
def houses(ledger: Path, admin_token: str | None = None) -> Iterator[Houses]:
    made = Houses(ledger, admin_token)
    with made.client:
        yield made


def test_a_token_of_one_world_opens_nothing_in_another(ledger: Path) -> None:
    with houses(ledger) as made:
        made.start("nobody", "default")
        made.start("default's operator", "a")
        made.start("default's operator", "b")
        own = {"a's operator", "a's ann", "a's bob"}
        before = made.call("a's operator", "GET", "/worlds/a/state").json()
        for who in made.tokens.keys() - own:
            for route in ROUTES:
                path = route.path.replace("{world_id}", "a").replace("{agent_id}", "ann")
                if not route.path.startswith("/worlds/{") or path.endswith(("/config", "/ready")):
                    continue
                if route.unopened or (route.starts and who == "default's operator"):
                    continue
                answer = made.call(who, route.method, path)
                assert answer.status_code in {401, 403}, (who, path)
        assert made.call("a's operator", "GET", "/worlds/a/state").json() == before
        for who in own:
            for path in (
                "/state",
                "/head",
                "/agents/ann/observation",
                "/worlds/b/head",
                "/metrics",
            ):
                assert made.call(who, "GET", path).status_code == 401, (who, path)
        assert made.call("a's ann", "POST", "/agents/ann/action", MINE).status_code == 401
        assert made.call("a's ann", "POST", "/worlds/a/agents/ann/action", MINE).status_code == 200
        assert made.call("a's bob", "POST", "/worlds/a/agents/ann/action", MINE).status_code == 403


def may_start_and_list(made: Houses) -> dict[str, tuple[int, int, int]]:
    """The status of starting a world, running one and listing them, by who asks; nothing starts."""
    wrong = {"config": {"num_cores": 0}}
    return {
        who: (
            made.call(who, "POST", "/worlds/new/init", wrong).status_code,
            made.call(who, "POST", "/worlds/new/run", wrong).status_code,
            made.call(who, "GET", "/worlds").status_code,
        )
        for who in made.tokens
    }


def test_nobody_starts_or_lists_worlds_before_there_is_an_operator(ledger: Path) -> None:
    with houses(ledger) as made:
        assert set(may_start_and_list(made).values()) == {(401, 401, 401)}
        assert listing(ledger.parent) == set()


def test_the_default_worlds_operator_starts_and_lists_worlds_and_nobody_else(
    ledger: Path,
) -> None:
    with houses(ledger) as made:
        made.start("nobody", "default")
        made.start("default's operator", "a")
        assert may_start_and_list(made) == {
            "nobody": (401, 401, 401),
            "stranger": (401, 401, 401),
            "default's operator": (422, 422, 200),
            "default's ann": (403, 403, 403),
            "default's bob": (403, 403, 403),
            "a's operator": (401, 401, 401),
            "a's ann": (401, 401, 401),
            "a's bob": (401, 401, 401),
        }


def test_the_token_set_beforehand_starts_lists_and_operates_every_world(ledger: Path) -> None:
    with houses(ledger, "the-operators") as made:
        assert may_start_and_list(made) == {
            "nobody": (401, 401, 401),
            "stranger": (401, 401, 401),
            "host": (422, 422, 200),
        }
        made.start("host", "a")
        made.start("host", "default")
        assert may_start_and_list(made)["a's ann"] == (401, 401, 401)
        assert may_start_and_list(made)["default's ann"] == (403, 403, 403)
        for prefix in ("", "/worlds/a"):
            assert made.call("host", "POST", f"{prefix}/turn", BATCH).status_code == 200
            assert made.call("nobody", "POST", f"{prefix}/turn", BATCH).status_code == 401
    with houses(ledger, "the-operators") as again:
        assert again.call("host", "GET", "/worlds/a/state").json()["turn"] == 1


def test_a_world_whose_tokens_are_gone_is_refused_and_the_others_go_on(ledger: Path) -> None:
    with houses(ledger, "the-operators") as made:
        made.start("host", "default")
        made.start("host", "a")
        made.start("host", "b")
    Path(f"{ledger}.worlds/a.sqlite.tokens").unlink()
    with houses(ledger, "the-operators") as again:
        refused = again.call("host", "GET", "/worlds/a/state")
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "credentials_missing"
        for prefix in ("", "/worlds/b"):
            assert again.call("host", "POST", f"{prefix}/turn", BATCH).status_code == 200


# Durable


@pytest.mark.parametrize("stopped", ["terminated", "killed"])
def test_every_world_comes_back_after_a_restart(worlds: EngineProcess, stopped: str) -> None:
    for count, prefix in enumerate(PREFIXES, 1):
        turns(worlds, prefix, count)
        worlds.call(f"{prefix}/agents/bob/action", MINE)
    before = [worlds.call(f"{prefix}/state") for prefix in PREFIXES]
    if stopped == "killed":
        worlds.kill()
    else:
        assert worlds.stop() < 3
    with EngineProcess(worlds.ledger) as engine:
        assert [engine.call(f"{prefix}/state") for prefix in PREFIXES] == before
        for prefix in PREFIXES:
            assert engine.call(f"{prefix}/close", {})["data"]["inputs"] == 1


KILLS: Final = int(os.environ.get("SIM_ENGINE_WORLD_KILLS", "6"))


def test_no_acknowledged_turn_of_any_world_is_lost_to_kills(ledger: Path) -> None:
    draws = random.Random(5)
    names = [f"/worlds/w{number}" for number in range(3)]
    heads: dict[str, dict[int, str]] = {name: {} for name in ("", *names)}
    with EngineProcess(ledger) as engine:
        start(engine, *heads)

    def post(engine: EngineProcess, prefix: str) -> None:
        with engine.connection() as connection, suppress(OSError, http.client.HTTPException):
            while True:
                reply = ask(connection, "POST", f"{prefix}/turn", json.dumps(BATCH).encode())
                assert reply.status == 200, reply.body
                data = reply.json["data"]
                heads[prefix][data["turn"]] = data["head"]

    for _ in range(KILLS):
        with EngineProcess(ledger) as engine, ThreadPoolExecutor(4) as pool:
            killer = Timer(draws.uniform(0.05, 0.4), engine.process.kill)
            posting = [pool.submit(post, engine, prefix) for prefix in heads]
            killer.start()
            for one in posting:
                one.result()
            killer.join()
            engine.process.wait(10)
    with EngineProcess(ledger) as engine:
        for prefix, acknowledged in heads.items():
            state = engine.call(f"{prefix}/state")
            assert max(acknowledged) <= state["turn"] <= max(acknowledged) + KILLS
            path = file_of(engine, prefix)
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
                kept = dict(reader.execute("SELECT turn, head FROM turns"))
            assert kept | acknowledged == kept
            assert verify(path).holds
            assert replay(path).turn == state["turn"]


def test_the_folder_of_the_worlds_is_on_the_disk_before_the_first_answer(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    sync = os.fsync

    def recorded(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    engine = Engine.open(Engine.open(ledger).location.world("a"), world_id="a")
    engine.start({}, None)
    engine.close()
    assert str(ledger.parent) in synced, "else a power cut takes the folder with all its worlds"
    assert f"{ledger}.worlds" in synced


def damage(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as vandal:
        vandal.execute(statement)
        vandal.commit()


DAMAGES: Final[dict[str, tuple[Callable[[Path], object], str]]] = {
    "no ledger": (lambda path: path.write_bytes(b"a diary\n" * 200), "ledger_format"),
    "no snapshot": (lambda path: damage(path, "DELETE FROM snapshots"), "ledger_damaged"),
    "an altered input": (
        lambda path: damage(path, "UPDATE turns SET line = replace(line, 120, 220)"),
        "ledger_damaged",
    ),
    "cut off": (lambda path: os.truncate(path, 4096), "ledger_damaged"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_world_is_refused_with_its_location_and_the_others_continue(
    worlds: EngineProcess, name: str
) -> None:
    for prefix in PREFIXES:
        turns(worlds, prefix, 3)
    worlds.stop()
    harm, code = DAMAGES[name]
    harm(file_of(worlds, "/worlds/a"))
    with EngineProcess(worlds.ledger) as engine:
        for _ in range(2):
            for method, path in (("GET", "state"), ("POST", "turn"), ("POST", "init")):
                body = json.dumps(BATCH).encode() if method == "POST" else None
                refused = engine.ask(method, f"/worlds/a/{path}", body)
                assert (refused.status, refused.error["code"]) == (503, code)
                assert (
                    "a.sqlite" in refused.error["message"] or "turn 1" in refused.error["message"]
                )
        for prefix in ("", "/worlds/b"):
            turns(engine, prefix, 1)
            assert engine.call(f"{prefix}/ready")["turn"] == 4
        assert engine.call("/worlds")["worlds"] == ["default", "a", "b"]
        assert "Traceback" not in engine.messages()


def test_damage_before_the_last_snapshot_is_found_behind_and_named(worlds: EngineProcess) -> None:
    turns(worlds, "/worlds/a", 66)
    worlds.stop()
    damage(
        file_of(worlds, "/worlds/a"),
        "UPDATE turns SET line = replace(line, 120, 121) WHERE turn = 5",
    )
    with EngineProcess(worlds.ledger) as engine:
        assert engine.call("/worlds/a/state")["turn"] == 66
        until = time.monotonic() + 20
        while (ready := engine.ask("GET", "/worlds/a/ready")).status == 200:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert (ready.status, ready.error["code"]) == (503, "ledger_damaged")
        assert ready.error["message"].startswith("turn 5: ")
        assert engine.ask("GET", "/ready").status == 200
        assert engine.ask("GET", "/worlds/b/ready").status == 200


def test_a_rolled_back_world_is_refused_and_the_others_go_on(worlds: EngineProcess) -> None:
    path = file_of(worlds, "/worlds/a")
    turns(worlds, "/worlds/a", 1)
    worlds.stop()
    shutil.copyfile(path, path.with_suffix(".old"))
    with EngineProcess(worlds.ledger) as engine:
        turns(engine, "/worlds/a", 3)
        engine.stop()
    path.with_suffix(".old").replace(path)
    with EngineProcess(worlds.ledger) as engine:
        refused = engine.ask("GET", "/worlds/a/state")
        assert (refused.status, refused.error["code"]) == (503, "ledger_rolled_back")
        assert "a.sqlite.head" in refused.error["message"]
        turns(engine, "", 1)
        turns(engine, "/worlds/b", 1)
        engine.stop()
    with EngineProcess(worlds.ledger, SIM_ENGINE_ACCEPT_HEAD="1") as engine:
        assert engine.call("/worlds/a/state")["turn"] == 1


def test_a_second_engine_cannot_take_a_world_that_the_first_has_open(ledger: Path) -> None:
    with EngineProcess(ledger) as first:
        start(first, "/worlds/a")
        with EngineProcess(ledger) as second:
            for method, path in (("GET", "state"), ("POST", "init"), ("POST", "turn")):
                body = json.dumps(CONFIG).encode() if method == "POST" else None
                refused = second.ask(method, f"/worlds/a/{path}", body)
                assert (refused.status, refused.error["code"]) == (503, "ledger_in_use")
            start(second, "/worlds/b")
            turns(first, "/worlds/a", 2)
            assert first.ask("GET", "/worlds/b/state").error["code"] == "ledger_in_use"
        turns(first, "/worlds/b", 1)
        start(first, "")
        third = EngineProcess(ledger)
        assert third.process.wait(timeout=10) == 1
        assert "another process writes it" in third.messages()


# Many


def held_open(engine: EngineProcess) -> set[str]:
    """The worlds beside the default one whose files the process has open."""
    names = set()
    for descriptor in Path(f"/proc/{engine.process.pid}/fd").iterdir():
        with suppress(OSError):
            path = descriptor.readlink()
            if path.suffix == ".sqlite" and path.parent.name.endswith(".worlds"):
                names.add(path.stem)
    return names


@pytest.fixture
def few(ledger: Path) -> Iterator[EngineProcess]:
    """An engine that holds few worlds open at once."""
    with EngineProcess(ledger, program=FEW_WORLDS) as running:
        yield running


def settled(engine: EngineProcess) -> set[str]:
    """The worlds held open once nothing reads in the background."""
    until = time.monotonic() + 10
    while len(held_open(engine)) > OPEN_MAX and time.monotonic() < until:
        time.sleep(0.02)
    return held_open(engine)


def test_of_many_worlds_the_least_used_are_closed_and_opened_again(few: EngineProcess) -> None:
    names = [f"w{number}" for number in range(OPEN_MAX + 3)]
    for name in names:
        start(few, f"/worlds/{name}")
        turns(few, f"/worlds/{name}", 1)
    assert settled(few) == {*names[-OPEN_MAX:]}
    used = names[-OPEN_MAX]
    turns(few, f"/worlds/{used}", 1)
    turns(few, "/worlds/w0", 1)
    assert settled(few) == {used, "w0", *names[-OPEN_MAX + 2 :]}
    for turn in range(3, 6):
        for name in names:
            turns(few, f"/worlds/{name}", 1)
            held = few.call(f"/worlds/{name}/state")["turn"]
            assert held == turn - (name not in {used, "w0"})
    assert len(settled(few)) == OPEN_MAX
    assert few.call("/worlds")["worlds"] == names
    few.stop()
    for name in names:
        assert verify(file_of(few, name)).holds


def test_a_world_found_unsound_takes_no_turn_when_it_is_opened_again(few: EngineProcess) -> None:
    names = [f"w{number}" for number in range(OPEN_MAX + 1)]
    for name in names:
        start(few, f"/worlds/{name}")
    turns(few, "/worlds/w0", 66)
    for name in names[1:]:
        turns(few, f"/worlds/{name}", 1)
    assert "w0" not in settled(few)
    path = file_of(few, "w0")
    whole, times = path.read_bytes(), path.stat()
    damage(path, "UPDATE turns SET line = replace(line, 120, 121) WHERE turn = 5")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    ready(few, "/worlds/w0", 503)
    for _ in range(2):
        for name in names[1:]:
            turns(few, f"/worlds/{name}", 1)
        refused = few.ask("POST", "/worlds/w0/turn", b'{"inputs": []}')
        assert (refused.status, refused.error["code"]) == (503, "ledger_damaged")
    for name in names[1:]:
        turns(few, f"/worlds/{name}", 1)
    assert "w0" not in settled(few)
    path.write_bytes(whole)
    ready(few, "/worlds/w0", 200)
    turns(few, "/worlds/w0", 1)


def ready(engine: EngineProcess, prefix: str, status: int) -> None:
    """Wait until a world is ready, or is not."""
    until = time.monotonic() + 20
    while engine.ask("GET", f"{prefix}/ready").status != status:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_an_event_stream_keeps_its_world_open(few: EngineProcess) -> None:
    start(few, "/worlds/watched")
    with few.connection(10) as connection:
        connection.request("GET", "/worlds/watched/events")
        stream = connection.getresponse()
        assert stream.readline() == b": connected\n"
        for number in range(OPEN_MAX + 2):
            start(few, f"/worlds/w{number}")
        assert "watched" in settled(few)
        turns(few, "/worlds/watched", 1)
        assert [stream.readline() for _ in range(2)][1] == b"id: 1\n"
    until = time.monotonic() + 20
    while "watched" in held_open(few):
        start(few, f"/worlds/later-{time.monotonic_ns()}")
        assert time.monotonic() < until, "a stream that is gone holds its world open for ever"


def test_a_world_asked_for_while_all_others_are_watched_is_served(few: EngineProcess) -> None:
    with suppress_all() as watching:
        for number in range(OPEN_MAX):
            start(few, f"/worlds/w{number}")
            connection = watching(few)
            connection.request("GET", f"/worlds/w{number}/events")
            assert connection.getresponse().readline() == b": connected\n"
        start(few, "/worlds/another")
        turns(few, "/worlds/another", 3)
        assert few.call("/worlds/another/state")["turn"] == 3


@contextmanager
def suppress_all() -> Iterator[Callable[[EngineProcess], http.client.HTTPConnection]]:
    """A maker of connections that are all closed in the end."""
    made: list[http.client.HTTPConnection] = []

    def connect(engine: EngineProcess) -> http.client.HTTPConnection:
        made.append(http.client.HTTPConnection("127.0.0.1", engine.port, timeout=10))
        return made[-1]

    try:
        yield connect
    finally:
        for connection in made:
            connection.close()


def test_a_world_is_not_closed_under_a_request_whose_body_is_on_its_way(
    few: EngineProcess,
) -> None:
    start(few, "/worlds/slow")
    body = json.dumps(BATCH).encode()
    with socket.create_connection(("127.0.0.1", few.port), timeout=10) as late:
        late.sendall(
            b"POST /worlds/slow/turn HTTP/1.1\r\nHost: [::1]\r\nContent-Length: %d\r\n\r\n"
            % len(body)
        )
        time.sleep(0.1)
        for number in range(OPEN_MAX + 2):
            start(few, f"/worlds/w{number}")
        late.sendall(body)
        answer = http.client.HTTPResponse(late)
        answer.begin()
        assert answer.status == 200, answer.read()
    assert few.call("/worlds/slow/state")["turn"] == 1


def test_two_slow_starts_of_one_name_make_one_world(ledger: Path) -> None:
    body = json.dumps(CONFIG).encode()
    head = b"POST /worlds/a/init HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(
        body
    )
    with EngineProcess(ledger) as engine:
        statuses = []
        with (
            socket.create_connection(("127.0.0.1", engine.port), timeout=10) as one,
            socket.create_connection(("127.0.0.1", engine.port), timeout=10) as other,
        ):
            for late in (one, other):
                late.sendall(head)
            time.sleep(0.1)
            for late in (one, other):
                late.sendall(body)
                answer = http.client.HTTPResponse(late)
                answer.begin()
                statuses.append(answer.status)
        assert statuses == [200, 409]


FLAT: Final = 8 * 2**20


def test_requests_to_2000_unknown_worlds_leave_memory_flat(ledger: Path) -> None:
    with EngineProcess(ledger) as engine, engine.connection() as connection:

        def ask_for(numbers: range) -> None:
            for number in numbers:
                assert ask(connection, "GET", f"/worlds/w{number}/state").status == 404
                wrong = ask(connection, "POST", f"/worlds/w{number}/init", b'{"config": []}')
                assert wrong.status == 422

        ask_for(range(200))
        before = engine.memory()
        ask_for(range(200, 2200))
        assert engine.memory() - before < FLAT
        assert listing(ledger.parent) == set()


# Deadlines


def kept_turns(path: Path) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as reader:
        (turn,) = reader.execute("SELECT MAX(turn) FROM turns").fetchone()
    return int(turn)


def wait_for(turn: int, *paths: Path) -> None:
    until = time.monotonic() + 15
    while min(map(kept_turns, paths)) < turn:
        assert time.monotonic() < until, "an open turn was not closed"
        time.sleep(TURN_SECONDS / 4)


def test_deadlines_hold_in_every_world_also_after_a_restart_and_without_a_request(
    ledger: Path,
) -> None:
    with EngineProcess(ledger, program=DEADLINES) as engine:
        start(engine, *PREFIXES)
        paths = [file_of(engine, prefix) for prefix in PREFIXES]
        engine.call("/worlds/a/agents/ann/action", MINE)
        wait_for(3, *paths)
        engine.kill()
    with closing(sqlite3.connect(f"file:{paths[1]}?mode=ro", uri=True)) as reader:
        played = reader.execute("SELECT turn, data FROM inputs").fetchall()
    assert len(played) == 1
    assert json.loads(played[0][1]) == {"agent_id": "ann", **MINE}
    reached = max(map(kept_turns, paths))
    with EngineProcess(ledger, program=DEADLINES) as engine:
        wait_for(reached + 2, *paths)
        engine.stop()
    for path in paths:
        assert verify(path).holds


def test_a_world_that_cannot_be_opened_stops_no_deadline_of_another(ledger: Path) -> None:
    with EngineProcess(ledger) as engine:
        start(engine, *PREFIXES)
        paths = [file_of(engine, prefix) for prefix in PREFIXES]
    paths[1].write_bytes(b"a diary\n" * 200)
    with EngineProcess(ledger, program=DEADLINES) as engine:
        wait_for(2, paths[0], paths[2])
        (line,) = engine.messages().splitlines()
        told = json.loads(line)
        assert told["level"] == "ERROR"
        assert told["message"].startswith("world a is not served: ")


def test_a_blank_file_that_another_writer_is_filling_is_left_to_it(ledger: Path) -> None:
    with closing(SQLiteStore.new(ledger)) as store:
        ledger.touch()
        with pytest.raises(StoreError) as caught:
            location_of(ledger).new()
        assert caught.value.code == "ledger_in_use"
        assert ledger.exists(), "else what the other writes goes to a file without a name"
        store.discard()
    ledger.touch()
    location_of(ledger).new().discard()
