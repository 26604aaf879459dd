"""A durable turn in PostgreSQL against raw psycopg commits of the same rows: `make bench`.

Both take turns on the same server, started here for the purpose, in one run of this program.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from contextlib import nullcontext
from itertools import count
from pathlib import Path

import psycopg

from benchmarks.speed import RUNS, TREATMENT, medians
from sim_economy.ledger.records import Receipt, StoredTurn
from sim_economy.ledger.sidecars.locations import SQLiteLocation, location_of
from sim_economy.ledger.stores.memory import MemoryStore
from sim_economy.ledger.stores.sql_store import statements_of
from sim_economy.runs.policy_loop import play_run
from tests.postgres import MISSING, PostgresServer, is_available

_RUNS = list(RUNS)[:3]


Rows = dict[str, tuple[object, ...]]
"""The row of each table that a turn adds to."""


class _Recording(MemoryStore):
    """Keeps the rows of every commit as well."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[Rows] = []

    def append(
        self, turn: StoredTurn, *, receipt: Receipt | None = None, state: str | None = None
    ) -> None:
        super().append(turn, receipt=receipt, state=state)
        rows: Rows = {"turns": (turn.turn, turn.line.decode(), turn.head_hash)}
        if state is not None:
            rows["snapshots"] = turn.turn, state
        self.commits.append(rows)


def recorded_commits(run: int) -> list[Rows]:
    store = _Recording()
    play_run(TREATMENT, run, store)
    return store.commits[1:]


def durable(server: PostgresServer) -> None:
    """Every turn played, sealed and committed by the store."""
    for run in _RUNS:
        store = location_of(server.world()).new()
        play_run(TREATMENT, run, store)
        store.close()


def raw_commits(
    server: PostgresServer, schemas: count[int], commits: list[list[Rows]], *, pipelined: bool
) -> None:
    """The same rows into the same tables and nothing else, statement by statement or at once."""
    for turns in commits:
        schema = f"raw{next(schemas)}"
        server.execute(f"CREATE SCHEMA {schema}")
        with psycopg.connect(server.location(), options=f"-c search_path={schema}") as connection:
            for statement in statements_of("postgres"):
                connection.execute(statement.encode())
            connection.commit()
            for rows in turns:
                at_once = connection.pipeline() if pipelined else nullcontext()
                with at_once, connection.transaction(), connection.cursor() as cursor:
                    for table, row in rows.items():
                        marks = ", ".join(["%s"] * len(row))
                        cursor.execute(f"INSERT INTO {table} VALUES ({marks})".encode(), row)


def in_sqlite() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for run in _RUNS:
            store = SQLiteLocation(Path(folder) / f"{run}.sqlite").new()
            play_run(TREATMENT, run, store)
            store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    if not is_available():
        print(f"left out: {MISSING}")
        return
    commits = [recorded_commits(run) for run in _RUNS]
    turns = sum(map(len, commits))
    server = PostgresServer()
    schemas = count(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["SIM_ENGINE_STATE"] = folder
            times = medians(
                {
                    "raw": lambda: raw_commits(server, schemas, commits, pipelined=False),
                    "pipelined": lambda: raw_commits(server, schemas, commits, pipelined=True),
                    "durable": lambda: durable(server),
                    "sqlite": in_sqlite,
                },
                options.rounds,
            )
    finally:
        server.remove()
    for what, name, against, goal in (
        ("raw psycopg commits of the same rows", "raw", None, ""),
        ("the same in one pipeline a turn", "pipelined", "raw", ""),
        ("every turn durable in PostgreSQL", "durable", "raw", "goal 2.5"),
        ("every turn durable in SQLite", "sqlite", None, ""),
    ):
        ratio = f"{times[name] / times[against]:5.2f} x" if against else ""
        print(f"{what:40} {times[name] / turns * 1000:9.2f} ms a turn  {ratio}  {goal}".rstrip())


if __name__ == "__main__":
    main()
