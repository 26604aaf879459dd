"""A durable turn over HTTP against what no engine can do without: `python -m benchmarks.engine`.

The floor of a turn is the same rows in one raw SQLite commit, the head written and synced beside
it, and the same bytes there and back over a bare loopback socket. Both sides take turns, on the
same turns of the published runs; every figure is a median of one run of this program.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import sim_economy.world.engine
import sim_economy.world.world
from sim_economy.api.request_validation import parse_turn
from sim_economy.api.world_answers import state_answer
from sim_economy.ledger.sidecars.head_file import HeadFile
from sim_economy.ledger.stores.sql_store import statements_of
from sim_economy.ledger.stores.sqlite import SQLiteStore
from sim_economy.world.engine import Engine
from tests.api.wire_client import PARAMETERS, EngineProcess, inputs_of, published_run

Answer = TypeVar("Answer")

TURNS = 60
SLOT = 512
PARTS = ("parse", "play", "seal", "commit", "head", "answer")
TABLES = {"turns": "turn, line, head", "snapshots": "*", "receipts": "*"}
AGENTS = [f"agent_{index}" for index in range(8)]
ECHO = """
import socket, struct, sys
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
peer, _ = listening.accept()
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
while head := peer.recv(8, socket.MSG_WAITALL):
    asked, answered = struct.unpack(">II", head)
    while asked:
        asked -= len(peer.recv(asked))
    peer.sendall(bytes(answered))
"""


class Connection:
    """HTTP/1.1 keep-alive over a raw socket: as little of a client as there can be."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(
        self, path: str, body: bytes, key: str | None = None, status: int = 200
    ) -> tuple[float, int, bytes]:
        """Seconds from the first byte out to the last byte in, bytes both ways, and the answer."""
        more = "" if key is None else f"Idempotency-Key: {key}\r\n"
        request = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"{more}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        start = time.perf_counter()
        self._socket.sendall(request)
        answer = self._socket.recv(65536)
        while (end := answer.find(b"\r\n\r\n")) < 0:
            answer += self._socket.recv(65536)
        length = int(answer[:end].lower().partition(b"content-length:")[2].split()[0])
        while len(answer) < end + 4 + length:
            answer += self._socket.recv(65536)
        taken = time.perf_counter() - start
        assert answer.startswith(b"HTTP/1.1 %d" % status), answer
        return taken, len(request), answer

    def close(self) -> None:
        self._socket.close()


class Floor:
    """The rows, the head and the bytes of a turn, and nothing else."""

    def __init__(self, folder: Path, echo: socket.socket) -> None:
        self._echo = echo
        self._head = os.open(folder / "floor.head", os.O_RDWR | os.O_CREAT)
        self._sqlite = sqlite3.connect(folder / "floor.sqlite", isolation_level=None)
        self._sqlite.execute("PRAGMA page_size = 512")
        self._sqlite.execute("PRAGMA journal_mode = WAL")
        self._sqlite.execute("PRAGMA synchronous = FULL")
        for statement in statements_of("sqlite"):
            self._sqlite.execute(statement)

    def commit(self, rows: list[tuple[str, list[tuple[Any, ...]]]]) -> float:
        statements = [
            (f"INSERT INTO {table} VALUES ({', '.join('?' * len(found[0]))})", found)
            for table, found in rows
        ]
        start = time.perf_counter()
        self._sqlite.execute("BEGIN IMMEDIATE")
        for statement, found in statements:
            if len(found) == 1:
                self._sqlite.execute(statement, found[0])
            else:
                self._sqlite.executemany(statement, found)
        self._sqlite.execute("COMMIT")
        return time.perf_counter() - start

    def head(self, turn: int) -> float:
        mark = bytes(SLOT)
        start = time.perf_counter()
        os.pwrite(self._head, mark, SLOT * (turn % 2))
        os.fdatasync(self._head)
        return time.perf_counter() - start

    def echo(self, asked: int, answered: int) -> float:
        request = struct.pack(">II", asked, answered) + bytes(asked)
        start = time.perf_counter()
        self._echo.sendall(request)
        self._echo.recv(answered, socket.MSG_WAITALL)
        return time.perf_counter() - start

    def close(self) -> None:
        self._sqlite.close()
        os.close(self._head)


class EchoProcess:
    def __enter__(self) -> socket.socket:
        self._process = subprocess.Popen(
            [sys.executable, "-c", ECHO], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self._socket = socket.create_connection(("127.0.0.1", int(self._process.stdout.readline())))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.wait(timeout=10)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Times:
    """Seconds by name."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {}

    def add(self, name: str, seconds: float) -> None:
        self.taken.setdefault(name, []).append(seconds)

    def median(self, name: str) -> float:
        return statistics.median(self.taken[name]) if name in self.taken else 0.0

    def wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.add(name, time.perf_counter() - start)

        return timed

    def __add__(self, other: Self) -> Self:
        for name, taken in other.taken.items():
            self.taken.setdefault(name, []).extend(taken)
        return self


def rows_of(ledger: sqlite3.Connection, turn: int) -> list[tuple[str, list[tuple[Any, ...]]]]:
    found = [
        (table, ledger.execute(f"SELECT {kept} FROM {table} WHERE turn = ?", (turn,)).fetchall())
        for table, kept in TABLES.items()
    ]
    return [(table, rows) for table, rows in found if rows]


def written(pid: int) -> int:
    """Bytes a process has sent to the disk."""
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    return 0


def size(path: str) -> int:
    return Path(path).stat().st_size if Path(path).exists() else 0


def one_run(folder: Path, run: int, turns: int, echo: socket.socket, *, keyed: bool) -> Times:
    """Turns of one published run: ours, then the floor of the same turn."""
    times = Times()
    ledger = folder / "engine.sqlite"
    draws = random.Random(1000 + run)
    with EngineProcess(ledger) as engine:
        config = {**PARAMETERS, "seed": 1000 + run}
        engine.call("/init", {"config": config, "agent_ids": AGENTS})
        connection = Connection(engine.port)
        reading = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
        floor = Floor(folder, echo)
        for turn in range(1, turns + 1):
            inputs = inputs_of(turn, engine.call("/state"), draws)
            body = json.dumps({"inputs": inputs}).encode()
            later = json.dumps({"inputs": inputs, "turn": turn + 1}).encode()
            times.add("refused", connection.post("/turn", later, status=409)[0])
            bytes_before = written(engine.process.pid)
            log_before = size(f"{ledger}-wal")
            key = f"{run}-{turn}" if keyed else None
            ours, asked, answer = connection.post("/turn", body, key)
            times.add("bytes written", written(engine.process.pid) - bytes_before)
            times.add("log growth", size(f"{ledger}-wal") - log_before)
            times.add("rows", 0)
            rows = rows_of(reading, turn)
            times.taken["rows"][-1] = sum(len(found) for _, found in rows)
            commit, head = floor.commit(rows), floor.head(turn)
            bare = floor.echo(asked, len(answer))
            times.add("ours", ours)
            times.add("raw commit", commit)
            times.add("raw head", head)
            times.add("raw echo", bare)
            times.add("floor", commit + head + bare)
            times.add("request bytes", asked)
            times.add("answer bytes", len(answer))
        floor.close()
        reading.close()
        connection.close()
        engine.stop()
    return times


@contextmanager
def watched(times: Times) -> Iterator[None]:
    """The parts of closing a turn, timed where they are called."""
    places: list[tuple[Any, str, str]] = [
        (sim_economy.world.world, "play_turn", "play"),
        (sim_economy.world.world, "seal", "seal"),
        (SQLiteStore, "append", "commit"),
        (HeadFile, "write", "head"),
        (sim_economy.world.engine, "turn_answer", "answer"),
    ]
    kept = [(index, name, getattr(index, name)) for index, name, _ in places]
    for index, name, part in places:
        setattr(index, name, times.wrapped(part, getattr(index, name)))
    try:
        yield
    finally:
        for index, name, function in kept:
            setattr(index, name, function)


def parts(folder: Path, run: int, turns: int) -> Times:
    """Where the time of a turn goes, in this process and without HTTP."""
    times = Times()
    draws = random.Random(1000 + run)
    engine = Engine.open(folder / "parts.sqlite")
    engine.start({**PARAMETERS, "seed": 1000 + run}, AGENTS)
    world = engine.started()
    with watched(times):
        for turn in range(1, turns + 1):
            state = state_answer(world.config, world.state, world.head)
            body = json.dumps({"inputs": inputs_of(turn, state, draws)}).encode()
            start = time.perf_counter()
            wanted = parse_turn(body)
            times.add("parse", time.perf_counter() - start)
            closing = time.perf_counter()
            engine.close_turn(wanted.inputs, request=body)
            closed = time.perf_counter() - closing
            times.add("rest", closed - sum(times.taken[part][-1] for part in PARTS[1:]))
    engine.close()
    return times


def starting(folder: Path) -> float:
    """Seconds from starting the process to its first answer."""
    start = time.perf_counter()
    engine = EngineProcess(folder / "starting.sqlite")
    request = b"GET /config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    while True:
        try:
            with socket.create_connection(("127.0.0.1", engine.port)) as asking:
                asking.sendall(request)
                assert asking.recv(65536).startswith(b"HTTP/1.1 200")
            break
        except ConnectionRefusedError:
            time.sleep(0.002)
    taken = time.perf_counter() - start
    engine.stop()
    return taken


def thousand_agents(folder: Path, turns: int) -> float:
    """Median seconds of a turn of 1,000 agents."""
    agent_ids = [f"agent_{index}" for index in range(1000)]
    draws = random.Random(1)
    taken = []
    with EngineProcess(folder / "thousand.sqlite") as engine:
        config = {**PARAMETERS, "num_agents": 1000, "seed": 1}
        engine.call("/init", {"config": config, "agent_ids": agent_ids})
        connection = Connection(engine.port)
        for turn in range(1, turns + 1):
            body = json.dumps({"inputs": inputs_of(turn, engine.call("/state"), draws)}).encode()
            taken.append(connection.post("/turn", body)[0])
        connection.close()
        engine.stop()
    return statistics.median(taken)


def in_fresh_folder(
    index: Path | None, work: Callable[..., Answer], *arguments: Any, **named: Any
) -> Answer:
    with tempfile.TemporaryDirectory(dir=index) as folder:
        return work(Path(folder), *arguments, **named)


def milliseconds(what: str, seconds: float, about: str = "") -> None:
    print(f"{what:44} {seconds * 1000:9.3f} ms  {about}".rstrip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000, help="turns over HTTP")
    parser.add_argument("--folder", type=Path, help="on the disk to measure")
    parser.add_argument("--keyed", action="store_true", help="every turn with an Idempotency-Key")
    options = parser.parse_args()
    runs = range(1, max(1, round(options.rounds / TURNS)) + 1)
    turns = min(TURNS, options.rounds)
    times, inside = Times(), Times()
    with EchoProcess() as echo:
        for run in runs:
            times += in_fresh_folder(options.folder, one_run, run, turns, echo, keyed=options.keyed)
            inside += in_fresh_folder(options.folder, parts, run, turns)
    ours, floor = times.median("ours"), times.median("floor")
    print(f"{len(times.taken['ours'])} turns of 8 agents, medians")
    milliseconds("a durable turn over HTTP", ours)
    milliseconds("its floor", floor)
    milliseconds("  raw SQLite commit of the same rows", times.median("raw commit"))
    milliseconds("  head written and synced", times.median("raw head"))
    milliseconds("  same bytes over loopback", times.median("raw echo"))
    ratios = sorted(
        mine / bare for mine, bare in zip(times.taken["ours"], times.taken["floor"], strict=True)
    )
    tenth = len(ratios) // 10
    print(
        f"{'ratio of medians':44} {ours / floor:9.2f} x   goal 2.0; turn by turn "
        f"{statistics.median(ratios):.2f}, {ratios[tenth]:.2f} to {ratios[-1 - tenth]:.2f}"
    )
    print("where the time goes")
    for part in PARTS:
        milliseconds(f"  {part}", inside.median(part))
    milliseconds("  the rest of close_turn", inside.median("rest"))
    refused = times.median("refused")
    milliseconds("  HTTP: a turn refused as not open, less parse", refused - inside.median("parse"))
    print(f"{'rows of a turn':44} {times.median('rows'):9.0f}")
    print(f"{'bytes sent, answered':44} {times.median('request bytes'):9.0f}", end="")
    print(f" {times.median('answer bytes'):9.0f}")
    print(f"{'bytes written to the disk in a turn':44} {times.median('bytes written'):9.0f}")
    print(f"{'growth of the write-ahead log in a turn':44} {times.median('log growth'):9.0f}")
    starts = [in_fresh_folder(options.folder, starting) for _ in range(10)]
    milliseconds("process start to the first answer", statistics.median(starts), "goal 400")
    whole: list[float] = []
    for run in range(1, 6):
        start = time.perf_counter()
        in_fresh_folder(options.folder, published_run, run)
        whole.append(time.perf_counter() - start)
    milliseconds("a published run, process and all", statistics.median(whole))
    thousand = in_fresh_folder(options.folder, thousand_agents, max(5, options.rounds // 50))
    milliseconds("a turn of 1,000 agents over HTTP", thousand)


if __name__ == "__main__":
    main()
