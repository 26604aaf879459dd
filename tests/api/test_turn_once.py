"""One turn, once: of many posts one applies, a repeated one gets its answer again."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier, Event
from typing import Any, Final

import pytest

from tests.api.wire_client import EngineProcess, Reply, ask

POSTS: Final = 50
WRITES: Final = 40


def turn_body(turn: int | None = None, *, output_units: int = 150) -> bytes:
    inputs = [
        {
            "agent_id": f"agent_{i}",
            "action": {"action": "mine" if i else "stake", **({} if i else {"amount": 1})},
            "output_units": output_units,
        }
        for i in range(8)
    ]
    return json.dumps({"inputs": inputs} | ({} if turn is None else {"turn": turn})).encode()


def post(engine: EngineProcess, body: bytes, key: str | None = None) -> Reply:
    return engine.ask("POST", "/turn", body, **({} if key is None else {"Idempotency-Key": key}))


@pytest.fixture
def world(ledger: Path) -> Iterator[EngineProcess]:
    """An engine with a world at turn 0."""
    with EngineProcess(ledger) as running:
        running.call("/init", {"config": {"seed": 7}})
        yield running


def at_once(engine: EngineProcess, bodies: list[bytes], keys: list[str | None]) -> list[Reply]:
    """Every body on a connection of its own, sent at the same moment."""
    together = Barrier(len(bodies))

    def one(body: bytes, key: str | None) -> Reply:
        with engine.connection() as connection:
            connection.connect()
            together.wait()
            headers = {} if key is None else {"Idempotency-Key": key}
            return ask(connection, "POST", "/turn", body, headers)

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(one, bodies, keys))


def test_of_50_posts_for_one_turn_exactly_one_applies(world: EngineProcess) -> None:
    for turn in (1, 2):
        bodies = [turn_body(turn, output_units=100 + i) for i in range(POSTS)]
        replies = at_once(world, bodies, [None] * POSTS)
        assert Counter(reply.status for reply in replies) == {200: 1, 409: POSTS - 1}
        refused = [reply.error for reply in replies if reply.status == 409]
        assert {error["code"] for error in refused} == {"turn_conflict"}
        assert {error["turn"] for error in refused} == {turn + 1}
        (applied,) = [reply.json["data"] for reply in replies if reply.status == 200]
        state = world.call("/state")
        assert (state["turn"], state["head"]) == (turn, applied["head"])


def test_posts_that_name_no_turn_each_close_one(world: EngineProcess) -> None:
    replies = at_once(world, [turn_body()] * 20, [None] * 20)
    assert sorted(reply.json["data"]["turn"] for reply in replies) == list(range(1, 21))


def test_of_50_posts_under_one_key_all_get_the_one_answer(world: EngineProcess) -> None:
    replies = at_once(world, [turn_body(1)] * POSTS, ["key"] * POSTS)
    assert {reply.status for reply in replies} == {200}
    assert len({reply.body for reply in replies}) == 1
    assert world.call("/state")["turn"] == 1


def test_a_repeated_key_gets_the_stored_answer_byte_for_byte(world: EngineProcess) -> None:
    first = post(world, turn_body(), "key")
    assert first.status == 200
    for _ in range(2):
        assert post(world, turn_body(), "other").status == 200
    assert post(world, turn_body(), "key").body == first.body
    assert world.call("/state")["turn"] == 2


@pytest.mark.parametrize("stopped", ["terminated", "killed"])
def test_a_stored_answer_outlives_the_process(ledger: Path, stopped: str) -> None:
    with EngineProcess(ledger) as engine:
        engine.call("/init", {"config": {}})
        first = post(engine, turn_body(1), "key")
        later = post(engine, turn_body(2), "later key")
        if stopped == "killed":
            engine.kill()
        else:
            engine.stop()
    with EngineProcess(ledger) as engine:
        assert post(engine, turn_body(1), "key").body == first.body
        assert post(engine, turn_body(2), "later key").body == later.body
        assert post(engine, turn_body(3), "key").error["code"] == "idempotency_key_reused"
        assert engine.call("/state")["turn"] == 2


def test_a_key_with_another_body_is_refused_and_names_the_turn_it_closed(
    world: EngineProcess,
) -> None:
    post(world, turn_body(1), "key")
    before = world.call("/state")
    refused = post(world, turn_body(2), "key")
    assert (refused.status, refused.error["code"]) == (422, "idempotency_key_reused")
    assert refused.error["turn"] == 1
    assert world.call("/state") == before


def test_a_refused_request_uses_up_no_key(world: EngineProcess) -> None:
    assert post(world, turn_body(2), "key").status == 409
    assert post(world, b"{", "key").status == 400
    assert post(world, turn_body(1), "key").status == 200


@pytest.mark.parametrize("key", ["", "a" * 256, "\u00e9", "a\tb"])
def test_a_key_that_is_none_is_refused(world: EngineProcess, key: str) -> None:
    refused = post(world, turn_body(1), key)
    assert (refused.status, refused.error["field"]) == (422, "Idempotency-Key")
    assert world.call("/state")["turn"] == 0


def test_a_stale_or_future_turn_is_refused_with_the_open_one(world: EngineProcess) -> None:
    post(world, turn_body(1))
    post(world, turn_body(2))
    before = world.call("/state")
    for wrong in (1, 2, 4, 2**53):
        refused = post(world, turn_body(wrong))
        assert (refused.status, refused.error["code"]) == (409, "turn_conflict")
        assert refused.error["turn"] == 3
    assert world.call("/state") == before


def test_close_closes_a_turn_once_too(world: EngineProcess) -> None:
    first = world.ask("POST", "/close", b'{"turn": 1}', **{"Idempotency-Key": "key"})
    again = world.ask("POST", "/close", b'{"turn": 1}', **{"Idempotency-Key": "key"})
    assert first.status == again.status == 200
    assert first.body == again.body
    assert world.ask("POST", "/close", b'{"turn": 1}').error["turn"] == 2


def test_no_turn_follows_the_declared_end(world: EngineProcess) -> None:
    body = json.dumps({"inputs": [], "ends": True}).encode()
    assert post(world, body, "last").json["data"]["ended"] is True
    refused = post(world, turn_body())
    assert (refused.status, refused.error["code"], refused.error["turn"]) == (409, "run_ended", 1)
    assert post(world, body, "last").status == 200


# Readers


def whole(state: dict[str, Any]) -> None:
    held = ("balance", "staked", "unstaking", "pending", "escrow")
    owned = sum(agent[name] for agent in state["agents"] for name in held)
    assert owned == state["token_supply"]


def test_http_readers_see_only_whole_turns_while_turns_are_written(world: EngineProcess) -> None:
    ended = Event()
    answers = {0: world.call("/state")["head"]}

    def read() -> list[tuple[int, str]]:
        seen = []
        with world.connection() as connection:
            while not ended.is_set():
                state = ask(connection, "GET", "/state").json
                whole(state)
                seen.append((state["turn"], state["head"]))
        return seen

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        with world.connection() as connection:
            for _ in range(WRITES):
                data = ask(connection, "POST", "/turn", turn_body()).json["data"]
                answers[data["turn"]] = data["head"]
        ended.set()
        for reader in readers:
            seen = reader.result()
            assert seen == sorted(seen, key=lambda one: one[0])
            assert all(answers[turn] == head for turn, head in seen)


SUPPLY = """
SELECT t.turn, t.token_supply,
    (SELECT -SUM(CASE WHEN source < 3 AND target >= 3 THEN -amount
                      WHEN source >= 3 AND target < 3 THEN amount ELSE 0 END) FROM postings),
    (SELECT MAX(turn) FROM postings), (SELECT COUNT(DISTINCT turn) FROM inputs),
    (SELECT COUNT(*) FROM inputs)
FROM turns t ORDER BY t.turn DESC LIMIT 1
"""
"""The last turn; its supply as kept, and as the postings of all turns make it."""


def test_readers_of_the_file_see_only_whole_turns_while_turns_are_written(
    world: EngineProcess,
) -> None:
    ended = Event()

    def read() -> set[int]:
        seen = set()
        with closing(sqlite3.connect(f"file:{world.ledger}?mode=ro", uri=True)) as reader:
            systems = reader.execute("SELECT name FROM accounts WHERE account < 3").fetchall()
            assert {name for (name,) in systems} == {"issuance", "platform", "destroyed"}
            while not ended.is_set():
                turn, kept, summed, posted, turns, inputs = reader.execute(SUPPLY).fetchone()
                assert kept == summed
                assert posted == turns == turn
                assert inputs == 8 * turn
                seen.add(turn)
        return seen

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        with world.connection() as connection:
            for _ in range(WRITES):
                assert ask(connection, "POST", "/turn", turn_body()).status == 200
        ended.set()
        assert set().union(*(reader.result() for reader in readers))
