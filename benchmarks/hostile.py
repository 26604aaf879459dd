"""One world's turns while two agents of another do their worst: `python -m benchmarks.hostile`.

The engine has one core, the attackers the other, which the operator shares with them at a higher
priority. Each way of attacking lasts `--seconds`, over `--connections` connections for each of two
agents' tokens, while the operator closes turns of a world that is not attacked; ratios are to the
median of as many seconds just before, with nobody else there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.api.wire_client import EngineProcess, ask

AGENTS = [f"agent_{index}" for index in range(12)]
OPERATOR = "the-operators-own-token"
ADMIN = {"Authorization": f"Bearer {OPERATOR}"}
OTHER = "/worlds/other"
MEGABYTE = 2**20
ENGINE_CORE, ATTACKERS_CORE = 0, 1


def post(agent: str, token: str, body: bytes) -> bytes:
    head = (
        f"POST /agents/{agent}/action HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str, token: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
    return head.encode()


def filled(opening: bytes, unit: bytes, closing: bytes, size: int) -> bytes:
    """A body of about a size, of one unit many times."""
    count = (size - len(opening) - len(closing)) // (len(unit) + 1)
    return opening + b",".join([unit] * count) + closing


def text(field: str, size: int) -> bytes:
    return json.dumps({"action": {"action": "mine"}, field: "x" * size}).encode()


IDS = b'{"action": {"action": "confirm", "contract_id": ['
BODIES = {
    "texts within the limit": text("thinking", 19_000),
    "texts of 8 MB": text("speech", 8 * MEGABYTE - 100),
    "lists, 400 kB": filled(b"[", b"[]", b"]", 400_000),
    "lists, 8 MB": filled(b"[", b"[]", b"]", 8 * MEGABYTE - 100),
    "brackets, 400 kB": b"[" * 400_000,
    "ids, 400 kB": filled(IDS, b"1", b"]}}", 400_000),
    "ids, 40 kB": filled(IDS, b"1", b"]}}", 40_000),
    "ids, 8 MB": filled(IDS, b"1", b"]}}", 8 * MEGABYTE - 100),
    "small actions": text("speech", 20),
}
READS = {
    "statements": "/agents/{agent}/statement",
    "observations": "/agents/{agent}/observation",
    "wrong queries": "/agents/{agent}/observation?wrong=1",
    "strangers to other worlds": f"{OTHER}/config",
}
WAYS = (*BODIES, *READS)


def request(way: str, agent: str, token: str) -> bytes:
    if way in BODIES:
        return post(agent, token, BODIES[way])
    shown = token if way != "strangers to other worlds" else "agent:agent_0.invented"
    return get(READS[way].format(agent=agent), shown)


async def repeated(port: int, sent: bytes, until: float, found: Counter[str]) -> None:
    """One connection: the same request as soon as it is answered, opened anew if it is closed."""
    while time.monotonic() < until:
        with suppress(OSError, asyncio.IncompleteReadError, ValueError):
            reading, writing = await asyncio.open_connection("127.0.0.1", port)
            try:
                while time.monotonic() < until:
                    writing.write(sent)
                    head = await reading.readuntil(b"\r\n\r\n")
                    found[head[9:12].decode()] += 1
                    length = head.lower().partition(b"content-length:")[2].split()
                    await reading.readexactly(int(length[0]))
            finally:
                writing.close()
        await asyncio.sleep(0.001)


def attack(port: int, way: str, token: tuple[str, str], connections: int, seconds: float) -> None:
    os.sched_setaffinity(0, {ATTACKERS_CORE})
    os.nice(10)
    found: Counter[str] = Counter()
    sent = request(way, *token)

    async def all_at_once() -> None:
        until = time.monotonic() + seconds
        attacks = [repeated(port, sent, until, found) for _ in range(connections)]
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds + 1):
                await asyncio.gather(*attacks)

    asyncio.run(all_at_once())


class Attacked:
    """An engine with a world of 12 agents that is attacked and one that is not."""

    def __init__(self, folder: Path, turns: int) -> None:
        self.folder = folder
        self.engine = EngineProcess(
            folder / "world.sqlite", SIM_ENGINE_AUTH="tokens", SIM_ENGINE_ADMIN_TOKEN=OPERATOR
        )
        self.engine.wait()
        for thread in Path(f"/proc/{self.engine.process.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {ENGINE_CORE})
        body = {"agent_ids": AGENTS, "config": {"seed": 1, "usage_source": "operator"}}
        tokens = self.call("/init", body)["agent_tokens"]
        self.call(f"{OTHER}/init", {**body, "config": {"seed": 2}})
        self.tokens = [(agent, tokens[agent]) for agent in AGENTS[:2]]
        played = 0
        while played < turns:
            played = min(turns, played + 5_000)
            self.call("/run", {"turns": played, "ends": False})

    def call(self, path: str, body: Any = None) -> Any:
        with self.engine.connection(300) as connection:
            content = None if body is None else json.dumps(body).encode()
            reply = ask(connection, "GET" if body is None else "POST", path, content, ADMIN)
            assert reply.status == 200, reply
            return reply.json

    def bytes_kept(self) -> int:
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def turns(self, seconds: float) -> list[float]:
        """Seconds of each turn of the other world, closed one after another with little pauses."""
        taken: list[float] = []
        inputs = [{"agent_id": agent, "action": {"action": "mine"}} for agent in AGENTS]
        body = json.dumps({"inputs": inputs}).encode()
        until = time.monotonic() + seconds
        with self.engine.connection(300) as connection:
            while time.monotonic() < until or len(taken) < 3:
                start = time.perf_counter()
                reply = ask(connection, "POST", f"{OTHER}/turn", body, ADMIN)
                taken.append(time.perf_counter() - start)
                assert reply.status == 200, reply
                time.sleep(0.005)
        return taken

    def attacked(self, way: str, connections: int, seconds: float) -> list[float]:
        together = multiprocessing.get_context("fork")
        attackers = [
            together.Process(
                target=attack, args=(self.engine.port, way, token, connections, seconds + 1)
            )
            for token in self.tokens
        ]
        for attacker in attackers:
            attacker.start()
        time.sleep(0.5)
        taken = self.turns(seconds)
        for attacker in attackers:
            attacker.join(timeout=10)
            attacker.kill()
            attacker.join()
        return taken


def shown(name: str, taken: list[float], quiet: float, megabytes: float) -> None:
    median, slow = statistics.median(taken), sorted(taken)[int(len(taken) * 0.99)]
    print(
        f"{name:26} {median * 1000:9.2f} {slow * 1000:9.2f} {max(taken) * 1000:9.2f} ms"
        f" {quiet * 1000:8.2f} {median / quiet:7.2f} x {len(taken):6} turns {megabytes:8.1f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each attack")
    parser.add_argument("--connections", type=int, default=20, help="of each of two agents")
    parser.add_argument("--turns", type=int, default=10_000, help="of the world that is attacked")
    parser.add_argument("--only", choices=WAYS, action="append", help="one of the attacks")
    parser.add_argument("--folder", type=Path, help="on the disk to measure")
    options = parser.parse_args()
    os.sched_setaffinity(0, {ATTACKERS_CORE})
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        house = Attacked(Path(folder), options.turns)
        house.turns(1)
        started = house.engine.memory() / MEGABYTE
        print(f"{'':26} {'median':>9} {'p99':>9} {'worst':>9}    {'quiet':>8}")
        for way in options.only or WAYS:
            quiet = statistics.median(house.turns(options.seconds))
            taken = house.attacked(way, options.connections, options.seconds)
            shown(way, taken, quiet, house.engine.memory() / MEGABYTE)
            before = house.bytes_kept()
            for _ in range(3):
                for agent, token in house.tokens:
                    sent = request(way, agent, token) if way in BODIES else b""
                    if sent:
                        asyncio.run(once(house.engine.port, sent))
                house.call("/close", {})
            grown = (house.bytes_kept() - before) / 3
            print(f"{'  bytes kept a turn':26} {grown:9.0f}")
        ended = house.engine.memory() / MEGABYTE
        print(f"memory {started:.1f} MB before, {ended:.1f} MB after")
        house.engine.stop()


async def once(port: int, sent: bytes) -> None:
    """Send a request and wait for the end of its answer's head."""
    with suppress(OSError, asyncio.IncompleteReadError):
        reading, writing = await asyncio.open_connection("127.0.0.1", port)
        writing.write(sent)
        await reading.readuntil(b"\r\n\r\n")
        writing.close()


if __name__ == "__main__":
    main()
