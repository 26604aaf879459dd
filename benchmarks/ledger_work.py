"""A round of work on ledgers, as JSON; `benchmarks.before` runs it in two checkouts."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import psycopg

from sim_economy.api import ledger_pages
from sim_economy.ledger.readers.export import canonical_lines
from sim_economy.ledger.readers.reading import reading
from sim_economy.ledger.readers.series import turn_figures
from sim_economy.ledger.readers.statement import statement
from sim_economy.ledger.sidecars.locations import location_of
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.ledger.verify import verify
from sim_economy.runs.policy_loop import play, play_run
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.world.world import World
from tests.api.wire_client import PARAMETERS, EngineProcess, inputs_of

QUERIES = (
    "SELECT COUNT(*) FROM blocks WHERE turn > 0",
    "SELECT json_extract(data, '$.validator_type'), COUNT(*) FROM blocks GROUP BY 1",
    "SELECT json_extract(data, '$.tx_type'), COUNT(*) FROM transactions GROUP BY 1",
)
SIZES = {"10,000 turns of 8": (8, 10_000), "1,000 turns of 1,000": (1000, 1000)}


def milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def consumed(values: Iterator[Any]) -> int:
    return sum(1 for _ in values)


def written(pid: int) -> int:
    """Bytes a process has sent to the disk."""
    found = Path(f"/proc/{pid}/io").read_text(encoding="utf-8").partition("write_bytes: ")[2]
    return int(found.split()[0])


def over_http(folder: Path) -> dict[str, float]:
    """Medians of durable turns over HTTP, and what they leave on the disk."""
    from benchmarks.engine import Connection  # noqa: PLC0415

    taken, sent = [], []
    draws = random.Random(1001)
    agents = [f"agent_{index}" for index in range(8)]
    with EngineProcess(folder / "http.sqlite") as engine:
        engine.call("/init", {"config": {**PARAMETERS, "seed": 1001}, "agent_ids": agents})
        connection = Connection(engine.port)
        for turn in range(1, 301):
            body = json.dumps({"inputs": inputs_of(turn, engine.call("/state"), draws)}).encode()
            before = written(engine.process.pid)
            taken.append(connection.post("/turn", body)[0] * 1000)
            sent.append(written(engine.process.pid) - before)
        connection.close()
        engine.stop()
    return {
        "a durable turn over HTTP, ms": sorted(taken)[len(taken) // 2],
        "bytes to the disk in a turn, median": sorted(sent)[len(sent) // 2],
        "bytes to the disk in a turn, mean": sum(sent) / len(sent),
    }


def durable(folder: Path) -> dict[str, float]:
    """The published experiment, every turn durable; then a run into PostgreSQL if one is given."""
    scenario = load_scenario("as-run")

    def experiment() -> None:
        for run in range(1, scenario.runs + 1):
            store = SQLiteStore.new(folder / f"{run}.sqlite")
            play_run(scenario, run, store)
            store.close()

    figures = {
        "the durable experiment, ms": milliseconds(experiment),
        "its files, bytes": float(sum(path.stat().st_size for path in folder.glob("*.sqlite"))),
    }
    if server := os.environ.get("BENCH_POSTGRES"):
        name = f"{server}#b{os.getpid()}"
        store = location_of(name).new()
        figures["60 durable turns in PostgreSQL, ms"] = milliseconds(
            lambda: play_run(scenario, 1, store)
        )
        with psycopg.connect(server) as connection:
            ((size,),) = connection.execute(
                "SELECT SUM(pg_total_relation_size(oid)) FROM pg_class "
                "WHERE relkind = 'r' AND relnamespace = %s::regnamespace",
                (f"sim_b{os.getpid()}",),
            ).fetchall()
        figures["its tables, bytes"] = float(size)
        store.close()
    return figures


def reads(folder: Path, title: str, agents: int, turns: int) -> dict[str, float]:
    """Every reader over one long ledger, made here once."""
    path = folder / f"{agents}.sqlite"
    if not path.exists():
        scenario = load_scenario("as-run", {"num_agents": agents})
        config = scenario.config_of_run(1)
        with World(config, store=SQLiteStore.new(path)) as world:
            for _ in play(world, scenario.policies, scenario.usage.turns(config), turns):
                pass
    figures = {"file, bytes": float(path.stat().st_size)}
    with reading(path) as store:
        figures["statement, ms"] = milliseconds(lambda: statement(store, "agent_3"))
        figures["statement of the last 100 turns, ms"] = milliseconds(
            lambda: statement(store, "agent_3", first_turn=turns - 100)
        )
        figures["series, ms"] = milliseconds(lambda: consumed(turn_figures(store)))
        figures["export, ms"] = milliseconds(lambda: consumed(canonical_lines(store)))
        figures["verify, ms"] = milliseconds(lambda: verify(store))
    worlds: list[World] = []
    figures["restart, ms"] = milliseconds(lambda: worlds.append(World.open(path, read_only=True)))
    (world,) = worlds
    for table in ("postings", "blocks", "rejections"):
        figures[f"a page of {table}, ms"] = milliseconds(partial(_page, world, table, turns // 2))
    figures["256 turns as events, ms"] = milliseconds(
        lambda: consumed(ledger_pages.event_lines(world, turns // 2))
    )
    world.close()
    client = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for number, query in enumerate(QUERIES, 1):
        figures[f"clients' query {number}, ms"] = milliseconds(
            lambda query=query: client.execute(query).fetchall()  # type: ignore[misc]
        )
    client.close()
    return {f"{title}: {name}": figure for name, figure in figures.items()}


def _page(world: World, table: str, after: int) -> object:
    """A page of a hundred rows, by the checkout that is measured."""
    if len(signature(ledger_pages.page).parameters) == 4:  # Before pages had a budget.
        return ledger_pages.page(world, table, after, 100)  # type: ignore[call-arg, arg-type]
    return ledger_pages.page(world.store, world.config, table, after, 100, 2**22)


def main() -> None:
    kept = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(dir=kept) as folder:
        figures = over_http(Path(folder)) | durable(Path(folder))
    for title, (agents, turns) in SIZES.items():
        figures |= reads(kept, title, agents, turns)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
