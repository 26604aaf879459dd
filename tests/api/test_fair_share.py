"""One caller cannot crowd out the others: queues, small bodies, closed worlds, idle connections."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.requests import Request
from starlette.responses import Response

from sim_economy.api.app import ROUTES, ServedRoute
from sim_economy.api.authentication import CallerRole
from sim_economy.api.connection_limits import LARGE, ConnectionLimits, subscriber_of
from sim_economy.api.error_responses import RequestError
from sim_economy.api.fair_share import CallerIdentity, FairShare, Lull, PausingStore, Work
from sim_economy.api.route import Route
from sim_economy.api.worlds import ServedWorld, Worlds
from sim_economy.core.world_config import WorldConfig, parse_world_config
from sim_economy.ledger.sidecars.locations import location_of
from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.ledger.verify import Verification
from sim_economy.world.access import Access
from sim_economy.world.engine import Engine
from sim_economy.world.world import World
from tests.api.wire_client import EngineProcess, Reply, ask
from tests.faults.limited import CONNECTIONS, FEW_CONNECTIONS, SHORT_STATEMENTS, STATEMENT_TURNS

OPERATOR: Final = "the-operators-own-token"
ADMIN: Final = {"Authorization": f"Bearer {OPERATOR}"}
AGENTS: Final = ["ann", "bob"]
MINE: Final = {"action": {"action": "mine"}}
ANN: Final = CallerIdentity(name="default/agent:ann", holder="agent:ann")
BOB: Final = CallerIdentity(name="default/agent:bob", holder="agent:bob")


class House:
    """An engine with tokens, a default world and one of another name."""

    def __init__(self, engine: EngineProcess) -> None:
        self.engine = engine
        self.tokens: dict[str, str] = self.start("")
        self.start("/worlds/other")

    def start(self, prefix: str) -> Any:
        return self.post(f"{prefix}/init", {"config": {}, "agent_ids": AGENTS}).json["agent_tokens"]

    def post(self, path: str, body: Any) -> Reply:
        reply = self.engine.ask("POST", path, json.dumps(body).encode(), **ADMIN)
        assert reply.status == 200, reply
        return reply

    def header(self, agent: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[agent]}"}

    def act(self, agent: str, body: bytes) -> Reply:
        return self.engine.ask("POST", f"/agents/{agent}/action", body, **self.header(agent))


def with_tokens(ledger: Path) -> EngineProcess:
    return EngineProcess(ledger, SIM_ENGINE_AUTH="tokens", SIM_ENGINE_ADMIN_TOKEN=OPERATOR)


@pytest.fixture
def house(ledger: Path) -> Iterator[House]:
    with with_tokens(ledger) as engine:
        yield House(engine)


# Queues


def in_queue(share: FairShare, *callers: CallerIdentity, seconds: float = 0.02) -> list[float]:
    """When each of some requests for a brief work was done, all asked for at once."""
    began = time.monotonic()

    async def one(caller: CallerIdentity) -> float:
        async with share.queue(caller, Work.BRIEF):
            await asyncio.sleep(seconds)
        return time.monotonic() - began

    async def every() -> list[float]:
        return await asyncio.gather(*map(one, callers))

    return asyncio.run(every())


def test_a_request_waits_for_its_own_callers_requests_and_for_nobody_elses() -> None:
    *anns, bobs = in_queue(FairShare(100), *[ANN] * 5, BOB)
    assert bobs < anns[1]
    assert anns == sorted(anns)
    assert anns[-1] >= 5 * 0.02


def test_a_callers_queue_rests_after_its_work_also_when_that_fails() -> None:
    share = FairShare(100)

    async def fails() -> None:
        with suppress(ZeroDivisionError):
            async with share.queue(ANN, Work.SHORT):
                time.sleep(0.03)
                raise ZeroDivisionError

    async def second() -> float:
        await fails()
        began = time.monotonic()
        async with share.queue(ANN, Work.SHORT):
            return time.monotonic() - began

    assert asyncio.run(second()) > 0.09


def test_an_operators_requests_stand_side_by_side_and_never_rest() -> None:
    operator = CallerIdentity(name="admin", trusted=True)
    assert max(in_queue(FairShare(1), *[operator] * 10)) < 5 * 0.02


def test_a_queue_that_is_too_long_is_refused_to_its_caller_alone() -> None:
    share = FairShare(3)
    with pytest.raises(RequestError) as refused:
        in_queue(share, *[ANN] * 4)
    assert (refused.value.status, refused.value.code) == (429, "too_many_requests")
    assert len(in_queue(FairShare(3), *[ANN] * 3, *[BOB] * 3)) == 6


@pytest.mark.parametrize(
    ("size", "work", "waits"),
    [(10 * LARGE, Work.LONG, True), (10, Work.LONG, False), (10 * LARGE, Work.SHORT, False)],
)
def test_a_large_answer_holds_its_callers_queue_until_it_is_taken(
    ledger: Path, size: int, work: Work, waits: bool
) -> None:
    async def large(served: ServedWorld, request: Request) -> Response:
        return Response(b"x" * size)

    worlds = Worlds(Engine.open(ledger, Access(tokens=True)), ConnectionLimits())
    stated = Route(
        path="/x",
        endpoint=large,
        caller=CallerRole.ANYONE,
        summary="",
        answer=str,
        errors=(),
        work=work,
    )
    route = ServedRoute(stated, worlds)
    scope = {"type": "http", "method": "GET", "path": "/x", "headers": [], "query_string": b""}

    async def play() -> None:
        taken = asyncio.Event()
        sent = 0

        async def slow(message: Any) -> None:
            await taken.wait()

        async def quick(message: Any) -> None:
            nonlocal sent
            sent += len(message.get("body", b""))

        async def nothing() -> Any:
            raise AssertionError

        first = asyncio.create_task(route({**scope}, nothing, slow))
        second = asyncio.create_task(route({**scope}, nothing, quick))
        await asyncio.sleep(0.1)
        assert (not second.done()) == waits
        assert worlds.share.lull.is_quiet
        taken.set()
        await asyncio.gather(first, second)
        assert sent == size

    asyncio.run(play())
    worlds.close()


def test_a_refusal_waits_in_the_queue_too(ledger: Path) -> None:
    worlds = Worlds(Engine.open(ledger, Access(tokens=True)), ConnectionLimits())
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"x=1"}
    sent: list[Any] = []

    async def nothing() -> Any:
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message.get("status"))

    async def play(route: Route, status: int) -> None:
        stranger = CallerIdentity(name="")
        async with worlds.share.queue(stranger, Work.SHORT):
            asked = asyncio.create_task(ServedRoute(route, worlds)({**scope}, nothing, send))
            await asyncio.sleep(0.05)
            assert sent == []
        await asked
        assert sent.pop(0) == status
        sent.clear()

    async def both() -> None:
        for path, status in (("/config", 422), ("/worlds", 401)):
            (route,) = [route for route in ROUTES if route.path == path]
            await play(route, status)

    asyncio.run(both())
    worlds.close()


def test_queues_in_which_nobody_stands_are_forgotten() -> None:
    share = FairShare(3)
    callers = [CallerIdentity(name=str(number), trusted=True) for number in range(3000)]
    for caller in callers:
        in_queue(share, caller, seconds=0)
    assert len(share._queues) <= 1024


def test_long_work_pauses_while_something_short_is_under_way() -> None:
    lull = Lull()
    lull._WAIT_SECONDS = 5.0  # type: ignore[misc]
    with World(WorldConfig(), store=MemoryStore()) as world:
        for _ in range(3):
            world.turn()
        read: list[int] = []

        def reading() -> None:
            read.extend(stored.turn for stored in PausingStore(world.store, lull).read())

        thread = threading.Thread(target=reading)
        with lull:
            thread.start()
            time.sleep(0.1)
            assert read == []
        thread.join(timeout=2)
        assert read == [0, 1, 2, 3]


# Bodies


def test_an_agents_body_is_bounded_by_the_worlds_own_texts() -> None:
    limits = ConnectionLimits()
    usual = WorldConfig()
    assert limits.body_of_agent(usual) == 12 * 30_500 + LARGE
    assert limits.body_of_agent(WorldConfig(speech_length_max=10**9)) == limits.body_bytes


def test_an_agents_body_may_hold_the_longest_texts_that_a_shock_lets_it_send() -> None:
    shocks = [
        {"turn": 5, "until": 9, "target": "speech_length_max", "value": 1500},
        {"turn": 10, "target": "speech_length_max", "value": 20},
        {"turn": 10, "target": "thinking_length_max", "value": 10},
    ]
    shocked = parse_world_config({"governance": {"shocks": shocks}})
    limits = ConnectionLimits()
    assert limits.body_of_agent(shocked) == 12 * 31_500 + LARGE
    assert limits.marks_of_agent(shocked) == limits.marks_of_agent(WorldConfig()) + 1000


def test_the_longest_texts_are_taken_however_they_are_escaped(house: House) -> None:
    text = {"speech": "\U0001f600" * 500, "thinking": "\U0001f600" * 20_000}
    assert house.act("ann", json.dumps({**MINE, **text}).encode()).status == 200
    marks = json.dumps({**MINE, "speech": "[" * 500, "thinking": "," * 20_000})
    assert house.act("bob", marks.encode()).status == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"speech": "' + b"x" * 500_000 + b'"}', 413, "body_too_large"),
        (b" " * (8 * 2**20), 413, "body_too_large"),
        (b"[" + b"[]," * 100_000 + b"[]]", 400, "input_invalid"),
        (b"[" * 400_000, 400, "input_invalid"),
        (b'{"action": [' + b"1," * 100_000 + b"1]}", 400, "input_invalid"),
    ],
    ids=["a text", "blanks", "lists", "brackets", "numbers"],
)
def test_what_no_action_can_be_is_refused_before_it_is_parsed(
    house: House, body: bytes, status: int, code: str
) -> None:
    for prefix in ("", "/worlds/other"):
        path = f"{prefix}/agents/ann/action"
        refused = house.engine.ask("POST", path, body, **ADMIN)
        assert (refused.status, refused.error["code"]) == (status, code)
    began = time.perf_counter()
    assert house.act("ann", body).status == status
    assert time.perf_counter() - began < 1


def test_the_operators_bodies_keep_their_limit(house: House) -> None:
    body = json.dumps({"inputs": [{"agent_id": "ann", **MINE}]}).ljust(2**20)
    assert house.engine.ask("POST", "/turn", body.encode(), **ADMIN).status == 200


# Two agents at their worst; `benchmarks/hostile.py` measures it


IDS: Final = b'{"action": {"action": "confirm", "contract_id": [%b1]}}' % (b"1," * 190_000)
WORST: Final = {
    "ids": ("POST", "/agents/{}/action", IDS),
    "lists": ("POST", "/agents/{}/action", b"[" + b"[]," * 130_000 + b"[]]"),
    "statements": ("GET", "/agents/{}/statement", None),
    "observations": ("GET", "/agents/{}/observation", None),
}


def turns_of_another_world(house: House, seconds: float) -> float:
    """The median of a turn's seconds."""
    taken = []
    until = time.monotonic() + seconds
    with house.engine.connection() as connection:
        while time.monotonic() < until:
            began = time.perf_counter()
            reply = ask(connection, "POST", "/worlds/other/turn", b'{"inputs": []}', ADMIN)
            taken.append(time.perf_counter() - began)
            assert reply.status == 200
    return statistics.median(taken)


@pytest.mark.parametrize(
    "way", ["ids", *(pytest.param(way, marks=pytest.mark.nightly) for way in [*WORST][1:])]
)
def test_two_agents_at_their_worst_delay_no_turn_of_another_world(house: House, way: str) -> None:
    house.post("/run", {"turns": 1000 if way == "statements" else 1, "ends": False})
    quiet = turns_of_another_world(house, 0.5)
    method, path, body = WORST[way]
    until = time.monotonic() + 2

    def attack(number: int) -> None:
        agent = AGENTS[number % 2]
        with house.engine.connection() as connection:
            while time.monotonic() < until:
                with suppress(OSError, http.client.HTTPException):
                    ask(connection, method, path.format(agent), body, house.header(agent))

    with ThreadPoolExecutor(8) as pool:
        attacks = [pool.submit(attack, number) for number in range(8)]
        time.sleep(0.2)
        assert turns_of_another_world(house, 1.5) < max(0.03, 5 * quiet)
        for one in attacks:
            one.result()
    assert "Traceback" not in house.engine.messages()


# Statements and pages


def test_a_statement_of_too_many_turns_is_to_be_asked_for_in_parts(ledger: Path) -> None:
    with EngineProcess(ledger, program=SHORT_STATEMENTS) as engine:
        engine.call("/init", {"config": {}})
        engine.call("/run", {"turns": STATEMENT_TURNS + 5, "ends": False})
        path = "/agents/agent_0/statement"
        refused = engine.ask("GET", path)
        assert (refused.status, refused.error["field"]) == (422, "to")
        assert engine.ask("GET", f"{path}?from=0&to={STATEMENT_TURNS}").status == 422
        first = engine.call(f"{path}?from=0&to={STATEMENT_TURNS - 1}")
        second = engine.call(f"{path}?from={STATEMENT_TURNS}")
        assert first["closing"] == second["opening"]


def test_a_page_ends_where_its_records_are_large(ledger: Path) -> None:
    with EngineProcess(ledger, program=SHORT_STATEMENTS) as engine:
        engine.call("/init", {"config": {}})
        for _ in range(4):
            speech = [{"agent_id": "agent_0", **MINE, "speech": "x" * 500}]
            engine.call("/turn", {"inputs": speech})
        rows: list[Any] = []
        after: int | None = -1
        pages = 0
        while after is not None:
            query = "" if after < 0 else f"?after={after}"
            page = engine.call(f"/turns{query}")
            rows, after, pages = rows + page["rows"], page["next"], pages + 1
        assert [row["turn"] for row in rows] == [0, 1, 2, 3, 4]
        assert pages > 1


# Worlds that are not open


def opened(engine: EngineProcess) -> set[str]:
    """Worlds whose files the process has open."""
    found = set()
    for descriptor in Path(f"/proc/{engine.process.pid}/fd").iterdir():
        with suppress(OSError):
            found.add(descriptor.readlink().stem)
    return found


def test_a_stranger_opens_no_world(house: House) -> None:
    house.engine.stop()
    with with_tokens(house.engine.ledger) as engine:
        strangers: list[dict[str, str]] = [
            {},
            house.header("ann"),
            {"Authorization": "Bearer agent:ann.invented"},
        ]
        for headers in strangers:
            for path in ("config", "ready", "head", "state", "agents/ann/observation"):
                refused = engine.ask("GET", f"/worlds/other/{path}", None, **headers)
                assert (refused.status, refused.error["code"]) == (401, "token_unknown"), path
            refused = engine.ask("POST", "/worlds/other/turn", b'{"inputs": []}', **headers)
            assert refused.status == 401
        assert "other" not in opened(engine)
        assert engine.ask("GET", "/worlds/other/ready", None, **ADMIN).status == 200
        assert "other" in opened(engine)


def test_a_world_without_its_tokens_is_opened_for_nobody(house: House) -> None:
    house.engine.stop()
    Path(f"{house.engine.ledger}.worlds/other.sqlite.tokens").unlink()
    with EngineProcess(house.engine.ledger, SIM_ENGINE_AUTH="tokens") as engine:
        refused = engine.ask("GET", "/worlds/other/head")
        assert (refused.status, refused.error["code"]) == (503, "credentials_missing")
        assert "other" not in opened(engine)


def test_a_world_is_checked_once_for_each_state_of_its_file(ledger: Path) -> None:
    location = location_of(ledger)
    for world_id in ("", "a", "b"):
        where = location.world(world_id) if world_id else location
        engine = Engine.open(where, world_id=world_id or "default")
        engine.start({}, None)
        engine.close()

    async def found_of(worlds: Worlds, *, plays: bool = False) -> Verification | None:
        served = await worlds.of("a")
        await asyncio.gather(*served.tasks)
        if plays:
            served.engine.close_turn()
        worlds.forget("a")
        return served.engine.verified

    async def play() -> None:
        worlds = Worlds(Engine.open(ledger), ConnectionLimits())
        first = await found_of(worlds)
        assert first is not None
        assert await found_of(worlds) is first
        assert await found_of(worlds, plays=True) is first
        second = await found_of(worlds)
        assert second is not None
        assert (second.turns, second.holds) == (1, True)
        worlds.close()

    asyncio.run(play())


# Connections


def silent(engine: EngineProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", engine.port), timeout=10)


@pytest.mark.parametrize("said", [b"", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_idle_connections_give_way_to_new_ones(ledger: Path, said: bytes) -> None:
    with EngineProcess(ledger, program=FEW_CONNECTIONS) as engine, ExitStack() as held:
        for _ in range(3 * CONNECTIONS):
            idle = held.enter_context(silent(engine))
            idle.sendall(said)
        for _ in range(5):
            assert engine.ask("GET", "/health").status == 200


def test_the_address_with_the_most_connections_makes_room(ledger: Path) -> None:
    said = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with (
        EngineProcess(ledger, program=FEW_CONNECTIONS) as engine,
        engine.connection() as oldest,
        ExitStack() as held,
    ):
        assert ask(oldest, "GET", "/health").status == 200
        kept = oldest.sock
        for _ in range(3 * CONNECTIONS):
            where = ("127.0.0.1", engine.port)
            other = held.enter_context(
                socket.create_connection(where, timeout=10, source_address=("127.0.0.2", 0))
            )
            other.sendall(said)
        time.sleep(0.2)
        assert ask(oldest, "GET", "/health").status == 200
        assert oldest.sock is kept


def test_a_request_under_way_keeps_its_connection(ledger: Path) -> None:
    with EngineProcess(ledger, program=FEW_CONNECTIONS) as engine, ExitStack() as held:
        engine.call("/init", {"config": {}})
        body = b'{"inputs": []}'
        late = held.enter_context(silent(engine))
        late.sendall(b"POST /turn HTTP/1.1\r\nHost: localhost\r\nContent-Length: 14\r\n\r\n")
        time.sleep(0.1)
        for _ in range(2 * CONNECTIONS):
            held.enter_context(silent(engine))
        assert engine.ask("GET", "/health").status == 200
        late.sendall(body)
        assert late.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("host", "subscriber"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_is_that_of_one_subscriber(host: str, subscriber: str) -> None:
    assert subscriber_of(host) == subscriber


def test_an_answer_that_nobody_takes_is_given_up(ledger: Path) -> None:
    with EngineProcess(ledger, program=FEW_CONNECTIONS) as engine:
        agents = [f"agent_{number}" for number in range(3000)]
        engine.call("/init", {"config": {}, "agent_ids": agents})
        before, sockets = engine.memory(), held_sockets(engine)
        with ExitStack() as held:
            for _ in range(CONNECTIONS // 2):
                waiting = held.enter_context(socket.socket())
                waiting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                waiting.connect(("127.0.0.1", engine.port))
                waiting.sendall(b"GET /state HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
            until = time.monotonic() + 20
            while held_sockets(engine) > sockets:
                assert time.monotonic() < until
                time.sleep(0.1)
        assert engine.memory() - before < 64 * 2**20
        assert engine.ask("GET", "/health").status == 200


def held_sockets(engine: EngineProcess) -> int:
    """Sockets that the process holds."""
    found = 0
    for descriptor in Path(f"/proc/{engine.process.pid}/fd").iterdir():
        with suppress(OSError):
            found += str(descriptor.readlink()).startswith("socket:")
    return found
