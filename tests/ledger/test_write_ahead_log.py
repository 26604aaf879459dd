"""The write-ahead log grows while a reader stays, and is given back when it has gone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from sim_economy.core.actions import Input, Speak
from sim_economy.ledger.readers.statement import statement
from sim_economy.world.world import World
from tests.ledger.ledgers import SCENARIO

KEPT_MOST: Final = 1 << 20


def test_what_a_foreign_reader_let_the_log_grow_is_given_back_while_the_engine_runs(
    tmp_path: Path,
) -> None:
    path = tmp_path / "world.sqlite"
    log = Path(f"{path}-wal")
    spoken = [Input(each, Speak(), speech="word " * 90) for each in SCENARIO.agent_ids]
    with World.create(path, SCENARIO) as world:
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT COUNT(*) FROM turns").fetchall()
            while not log.exists() or log.stat().st_size < 3 * KEPT_MOST:
                world.turn(spoken)
            reader.execute("COMMIT")
        for _ in range(2):
            world.turn(spoken)
        assert log.stat().st_size <= KEPT_MOST


def test_a_reader_of_ours_is_gone_when_its_answer_is_there(tmp_path: Path) -> None:
    path = tmp_path / "world.sqlite"
    with World.create(path, SCENARIO) as world:
        world.turn([])
        statement(path, "agent_0")
        with closing(sqlite3.connect(path)) as other:
            busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            assert not busy
