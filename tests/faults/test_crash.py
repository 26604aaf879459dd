"""SIGKILL at any moment: every acknowledged turn stays, and no part of another."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.ledger.verify import verify
from sim_economy.world.replay import replay
from tests.api.wire_client import EngineProcess
from tests.faults.power.posting import AGENT_IDS, GONE, Posted, Poster, posted

KILLS = 50
NIGHTLY_KILLS = int(os.environ.get("SIM_ENGINE_KILLS", "1000"))


class PostingClient:
    """What one client of one ledger has asked and was answered, over any number of crashes.

    Attributes:
        heads: By acknowledged turn, genesis first.
        unanswered: The request the last crash cut off, if one was under way.
    """

    def __init__(self, ledger: Path, seed: int) -> None:
        self.ledger = ledger
        self.draws = random.Random(seed)
        self.heads: dict[int, str] = {}
        self.unanswered: Posted | None = None
        self.repeated = 0
        self.kept = 0

    def post_until_killed(self, engine: EngineProcess, seconds: float) -> None:
        """Post turn after turn to an engine that is killed after that many seconds."""
        with closing(Poster(engine)) as poster:
            killer = Timer(seconds, engine.process.kill)
            killer.start()
            try:
                while True:
                    request = posted(max(self.heads) + 1, self.draws)
                    self.unanswered = request
                    self.heads[request.turn] = poster.turn(request)["head"]
                    self.unanswered = None
            except GONE:
                pass
            finally:
                killer.join()
                engine.process.wait(10)

    def check(self, engine: EngineProcess) -> None:
        """Hold what a restarted engine has against every answer, and repeat the open request."""
        with closing(Poster(engine)) as poster:
            status, head = poster.call("GET", "/head")
            assert status == 200, head
            last = max(self.heads)
            assert head["turn"] in {last, last + (self.unanswered is not None)}
            found: dict[int, str] = dict(rows(self.ledger, "SELECT turn, head FROM turns"))
            assert len(found) == head["turn"] + 1
            assert found | self.heads == found
            for table in ("inputs", "postings", "transactions", "blocks", "receipts"):
                ((newest,),) = rows(self.ledger, f"SELECT MAX(turn) FROM {table}")
                assert (newest or 0) <= head["turn"], table
            ((inputs,),) = rows(
                self.ledger, f"SELECT COUNT(*) FROM inputs WHERE turn = {head['turn']}"
            )
            assert inputs == (len(AGENT_IDS) if head["turn"] else 0)
            if self.unanswered is not None:
                self._repeat(poster, self.unanswered, found.get(last + 1))

    def _repeat(self, poster: Poster, request: Posted, kept_head: str | None) -> None:
        answer = poster.turn(request)
        assert answer["turn"] == request.turn
        assert kept_head in {None, answer["head"]}
        assert poster.turn(request) == answer
        self.heads[request.turn] = answer["head"]
        self.unanswered = None
        self.repeated += 1
        self.kept += kept_head is not None


def rows(ledger: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def assert_holds(ledger: Path) -> None:
    """Every hash and posting, from genesis on."""
    with closing(SQLiteStore.open(ledger, read_only=True)) as store:
        assert verify(store).finding is None


def kill_often(kills: int, seed: int, client: PostingClient) -> None:
    """Kill engines of one ledger, a quarter of them while they start."""
    draws = random.Random(seed)
    with EngineProcess(client.ledger) as engine, closing(Poster(engine)) as poster:
        client.heads[0] = poster.init(seed)
    for kill in range(1, kills + 1):
        if draws.random() < 0.25:
            starting = EngineProcess(client.ledger)
            time.sleep(draws.uniform(0.0, 0.5))
            starting.kill()
        else:
            with EngineProcess(client.ledger) as engine:
                client.check(engine)
                under_load = draws.random() < 0.7
                client.post_until_killed(engine, draws.uniform(0, 0.25 if under_load else 0.02))
        if kill % (kills // 5) == 0:
            assert_holds(client.ledger)
    with EngineProcess(client.ledger) as engine:
        client.check(engine)
    assert_holds(client.ledger)
    with closing(SQLiteStore.open(client.ledger, read_only=True)) as store:
        assert replay(store).turn == max(client.heads)
    print(  # noqa: T201
        f"{kills} kills, {max(client.heads)} turns, {client.repeated} requests cut off, "
        f"{client.kept} of them kept"
    )


def test_every_acknowledged_turn_survives_fifty_kills_and_no_part_of_another(
    tmp_path: Path,
) -> None:
    client = PostingClient(tmp_path / "world.db", seed=1)
    kill_often(KILLS, 1, client)
    assert client.repeated > KILLS // 4, "hardly a request was cut off; the kills missed the load"


@pytest.mark.nightly
def test_every_acknowledged_turn_survives_a_thousand_kills(tmp_path: Path) -> None:
    """A fresh ledger for every hundred, so that checking them stays short."""
    for seed in range(100, 100 + -(-NIGHTLY_KILLS // 100)):
        client = PostingClient(tmp_path / f"world-{seed}.db", seed)
        kill_often(100, seed, client)


def test_a_world_whose_init_was_killed_is_there_whole_or_can_be_made_again(tmp_path: Path) -> None:
    draws = random.Random(3)
    for attempt in range(8):
        ledger = tmp_path / f"world-{attempt}.db"
        head = None
        with EngineProcess(ledger) as engine, closing(Poster(engine)) as poster:
            killer = Timer(draws.uniform(0.0, 0.02), engine.process.kill)
            killer.start()
            with suppress(*GONE):
                head = poster.init(seed=attempt)
            killer.join()
        with EngineProcess(ledger) as engine, closing(Poster(engine)) as poster:
            status, found = poster.call("GET", "/head")
            if status != 200:
                assert head is None
                poster.init(seed=attempt)
            else:
                assert found["turn"] == 0
                assert head in {None, found["hash"]}
        assert_holds(ledger)
