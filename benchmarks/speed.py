"""The 24 x 60 x 8 experiment against a bare loop, raw SQLite and Mesa: `make bench`.

Every figure is a ratio of medians over interleaved rounds of one run of this program.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import bare, mesa_model
from sim_economy.ledger.stores.sql_store import statements_of
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.reports.published.rows import compare
from sim_economy.runs.policy_loop import play, play_run
from sim_economy.runs.run_metrics import metrics_csv, run_metrics, summary_json
from sim_economy.scenarios.scenario import load_scenario
from sim_economy.world.world import World

TREATMENT = load_scenario("as-run")
RUNS = range(1, TREATMENT.runs + 1)
SEEDS = [TREATMENT.seed + run for run in RUNS]


def bare_loop() -> None:
    for seed in SEEDS:
        bare.play(seed)


def mesa_loop() -> None:
    for seed in SEEDS:
        mesa_model.play(seed)


def unrecorded() -> None:
    """Postings and events, no digests."""
    for run in RUNS:
        config = TREATMENT.config_of_run(run)
        world = World(config, recorded=False)
        usage = TREATMENT.usage.turns(config)
        events = list(play(world, TREATMENT.policies, usage, TREATMENT.turns))
        assert len(events) == TREATMENT.turns


def recorded() -> None:
    """Digests and chain, counted back from the records."""
    for run in RUNS:
        play_run(TREATMENT, run)


def durable(folder: Path) -> None:
    """Every turn committed to SQLite, write-ahead log, synchronous FULL."""
    for run in RUNS:
        store = SQLiteStore.new(folder / f"{run}.sqlite")
        play_run(TREATMENT, run, store)
        store.close()


def recorded_rows(folder: Path) -> list[list[tuple[str, list[tuple[Any, ...]]]]]:
    """The rows of every commit of every run: what raw SQLite is given to write."""
    tables = {"turns": "turn, line, head", "snapshots": "*"}
    runs = []
    for run in RUNS:
        connection = sqlite3.connect(folder / f"{run}.sqlite")
        turns: list[list[tuple[str, list[tuple[Any, ...]]]]] = []
        for turn in range(1, TREATMENT.turns + 1):
            commit = []
            for table, kept in tables.items():
                rows = connection.execute(f"SELECT {kept} FROM {table} WHERE turn = ?", (turn,))
                commit.append((table, rows.fetchall()))
            turns.append([(table, rows) for table, rows in commit if rows])
        connection.close()
        runs.append([entry for turn_commit in turns for entry in [*turn_commit, ("", [])]])
    return runs


def raw_commits(folder: Path, runs: list[list[tuple[str, list[tuple[Any, ...]]]]]) -> None:
    """The same rows, the same tables, the same durability, and nothing else."""
    for number, run in enumerate(runs):
        connection = sqlite3.connect(folder / f"{number}.sqlite", isolation_level=None)
        connection.execute("PRAGMA page_size = 512")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        for statement in statements_of("sqlite"):
            connection.execute(statement)
        connection.execute("BEGIN IMMEDIATE")
        for table, rows in run:
            if not table:
                connection.execute("COMMIT")
                connection.execute("BEGIN IMMEDIATE")
            elif len(rows) == 1:
                marks = ", ".join("?" * len(rows[0]))
                connection.execute(f"INSERT INTO {table} VALUES ({marks})", rows[0])
            else:
                marks = ", ".join("?" * len(rows[0]))
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        connection.execute("COMMIT")
        connection.close()


def in_fresh_folder(work: Callable[[Path], None]) -> Callable[[], None]:
    def timed() -> None:
        with tempfile.TemporaryDirectory() as folder:
            work(Path(folder))

    return timed


def process(*arguments: str) -> Callable[[], None]:
    program = shutil.which("sim-economy", path=str(Path(sys.executable).parent)) or "sim-economy"

    def timed() -> None:
        subprocess.run([program, *arguments], check=True, capture_output=True)

    return timed


def medians(contenders: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Median seconds of each, all of them taking turns."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for work in contenders.values():
        work()
    for _ in range(rounds):
        for name, work in contenders.items():
            start = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in times.items()}


def check_contenders() -> None:
    """The bare loop, the Mesa model and ours tell the same numbers."""
    runs = [play_run(TREATMENT, run) for run in RUNS]
    rows = [run_metrics(run) for run in runs]
    assert compare(metrics_csv(rows), summary_json(TREATMENT, rows)).holds
    for seed, row in zip(SEEDS, rows, strict=True):
        loop = bare.play(seed)
        supply = sum(loop.balances) + sum(loop.staked) + loop.pending
        assert (supply, loop.fees, loop.blocks, min(loop.balances), max(loop.balances)) == (
            row["token_supply_final"],
            row["fees_total"],
            row["turns_with_block"],
            row["min_balance_final"],
            row["max_balance_final"],
        )
        assert all(row[f"actions_{name}"] == count for name, count in loop.actions.items())
        economy = mesa_model.play(seed)
        assert (economy.fees, economy.blocks) == (loop.fees, loop.blocks)
        assert [agent.balance for agent in economy.agents] == loop.balances


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    check_contenders()
    memory = medians(
        {"bare": bare_loop, "unrecorded": unrecorded, "recorded": recorded, "mesa": mesa_loop},
        options.rounds,
    )
    with tempfile.TemporaryDirectory() as folder:
        durable(Path(folder))
        rows = recorded_rows(Path(folder))
    disk = medians(
        {
            "raw": in_fresh_folder(lambda folder: raw_commits(folder, rows)),
            "durable": in_fresh_folder(durable),
        },
        max(3, options.rounds // 3),
    )
    with tempfile.TemporaryDirectory() as folder:
        whole = medians(
            {
                "reproduce": process("reproduce", "--no-report", "--out", f"{folder}/out"),
                "help": process("--help"),
            },
            max(3, options.rounds // 3),
        )
    figures = [
        ("bare loop, draws included", memory["bare"], None, None),
        ("postings and events, no digests", memory["unrecorded"], memory["bare"], 6.0),
        ("with digests and chain", memory["recorded"], memory["bare"], 10.0),
        ("Mesa 3, same rules, no ledger", memory["mesa"], memory["bare"], None),
        ("raw SQLite commits of the same rows", disk["raw"], None, None),
        ("every turn durable in SQLite", disk["durable"], disk["raw"], 2.5),
        ("whole process: reproduce --no-report", whole["reproduce"], None, 2.0),
        ("whole process: --help", whole["help"], None, 0.25),
    ]
    if options.json:
        print(
            json.dumps(
                [dict(zip(("what", "seconds", "against", "goal"), f, strict=True)) for f in figures]
            )
        )
        return
    for what, seconds, against, goal in figures:
        ratio = f"{seconds / against:5.2f} x" if against else f"{seconds:5.2f} s"
        print(f"{what:40} {seconds * 1000:9.1f} ms  {ratio}  {f'goal {goal}' if goal else ''}")


if __name__ == "__main__":
    main()
