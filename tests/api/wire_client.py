"""An independent client in the manner of the original ones: a process, urllib, and SQLite.

It knows the wire contract alone and shares no code with the engine.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from weakref import finalize

PROGRAM = str(Path(sys.executable).parent / "sim-engine")

PARAMETERS = {
    "num_agents": 8,
    "num_cores": 4,
    "genesis_tokens_per_agent": 1000,
    "commons_threshold_per_turn": 100,
    "base_inference_rate": 1,
    "thinking_layer_discount": 0.1,
    "mine_base_weight": 10.0,
    "stake_weight_per_token": 0.01,
    "burn_weight_per_token": 0.05,
    "burn_decay_rate": 0.02,
    "burn_maturity_turns": 3,
    "unstake_delay_turns": 5,
    "interest_rate_per_turn": 0.01,
    "signing_bonus": 50,
    "block_threshold": 20.0,
    "attested_confirmation_window": 3,
    "slash_both_on_timeout": True,
}


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


class Reply(NamedTuple):
    """An answer of any status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """What the engine says was wrong."""
        found: dict[str, Any] = self.json["error"]
        return found


class EngineProcess:
    """One engine, started with two environment variables and nothing else."""

    def __init__(
        self,
        ledger: Path | str,
        *,
        program: Sequence[str] = (PROGRAM,),
        port: int | None = None,
        **more: str,
    ) -> None:
        self.ledger = Path(ledger)
        self.port = free_port() if port is None else port
        descriptor, name = tempfile.mkstemp(prefix="sim-engine-", suffix=".txt")
        self._messages = Path(name)
        finalize(self, self._messages.unlink, missing_ok=True)
        self.process = subprocess.Popen(
            program,
            env={
                "PATH": os.environ["PATH"],
                "PORT": str(self.port),
                "DB_PATH": str(ledger),
                **more,
            },
            stderr=descriptor,
        )
        os.close(descriptor)
        finalize(self, self.process.kill)

    def messages(self) -> str:
        """What it has written to standard error; a file, so that no amount of it stalls it."""
        return self._messages.read_text(encoding="utf-8")

    def wait(self, seconds: float = 10.0) -> dict[str, Any]:
        """Poll /config as existing clients do."""
        until = time.monotonic() + seconds
        while True:
            try:
                found: dict[str, Any] = self.call("/config")
                return found
            except OSError:
                if self.process.poll() is not None:
                    raise RuntimeError(self.messages()) from None
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def call(self, path: str, body: Any = None, **headers: str) -> Any:
        """One request; any status but 2xx is fatal."""
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=content,
            headers={"Content-Type": "application/json", **headers},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        """One request on a connection of its own; any status is an answer."""
        with self.connection() as connection:
            return ask(connection, method, path, body, headers)

    @contextmanager
    def connection(self, seconds: float = 60.0) -> Iterator[http.client.HTTPConnection]:
        """A connection to keep alive."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            yield connection
        finally:
            connection.close()

    def memory(self) -> int:
        """Bytes it holds in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) * 1024

    def stop(self) -> float:
        """SIGTERM; returns the seconds until it was gone."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=10)
        return time.monotonic() - start

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(timeout=10)

    def __enter__(self) -> EngineProcess:
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """One request on a connection that is kept."""
    with suppress(BrokenPipeError, ConnectionResetError):  # it may answer before it has read all
        connection.request(method, path, body, dict(headers or {}))
    answer = connection.getresponse()
    return Reply(answer.status, dict(answer.headers), answer.read())


def choose(index: int, turn: int, agents: list[dict[str, Any]]) -> dict[str, Any]:
    """The published policy on what /state answers."""
    balance, staked = agents[index]["balance"], agents[index]["staked"]
    if balance < -180:
        return {"action": "job"}
    if staked > 0 and turn % 15 == 0:
        return {"action": "unstake"}
    if balance > 360 and staked < 220 and (turn + index) % 7 == 0:
        return {"action": "stake", "amount": 80}
    if balance > 600 and (turn + index) % 11 == 0:
        return {"action": "burn", "amount": 50}
    if balance > 450 and turn % 13 == 0:
        poorest = min(agents, key=lambda agent: agent["balance"])
        if poorest is not agents[index]:
            return {"action": "transfer", "to": poorest["agent_id"], "amount": 20, "fee": 1}
    if balance > 250 and turn % 10 == 0:
        return {"action": "study"}
    return {"action": "mine"}


def inputs_of(turn: int, state: dict[str, Any], draws: random.Random) -> list[dict[str, Any]]:
    """The published inputs of one turn."""
    agents = state["agents"]
    sent = []
    for index, agent in enumerate(agents):
        thinking, output = draws.randint(50, 350), draws.randint(40, 280)
        sent.append(
            {
                "agent_id": agent["agent_id"],
                "thinking": None,
                "action": choose(index, turn, agents),
                "speech": None,
                "thinking_units": thinking,
                "output_units": output,
            }
        )
    return sent


def counted(ledger: Path, query: str) -> dict[str, int]:
    """Groups counted in the file while the engine writes it."""
    connection = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
    try:
        return {str(kind): count for kind, count in connection.execute(query)}
    finally:
        connection.close()


def gini(values: Sequence[float]) -> float:
    """The published formula, sign and all."""
    total = sum(values)
    ordered = sorted(values)
    n = len(values)
    if total == 0:
        return 0.0
    return 2.0 * sum(i * x for i, x in enumerate(ordered, 1)) / (n * total) - (n + 1) / n


def share_of_first(values: Sequence[float]) -> float:
    total = sum(values)
    return max(values) / total if total > 0 else 0.0


def published_row(raw: Mapping[str, Any]) -> dict[str, str]:
    """The published columns from raw figures, as the published file writes them."""
    balances: list[int] = raw["balances"]
    wealth = [free + kept for free, kept in zip(balances, raw["staked"], strict=True)]
    shift = float(1 - min(wealth)) if min(wealth) <= 0 else 0.0
    positive = [one + shift for one in wealth]
    row = {
        "run_id": raw["run"],
        "turns": raw["turns"],
        "token_supply_final": raw["supply"],
        "fees_total": raw["fees"],
        "turns_with_block": raw["with_block"],
        "block_count_db": raw["blocks"],
        "settled_contracts": raw["settled"],
        "defaulted_contracts": raw["defaulted"],
        "mean_balance_final": statistics.mean(balances),
        "median_balance_final": statistics.median(balances),
        "min_balance_final": min(balances),
        "max_balance_final": max(balances),
        "negative_balance_agents": len([one for one in balances if one < 0]),
        "gini_wealth_final": gini(wealth),
        "top1_wealth_share_final": share_of_first(wealth),
        "wealth_shift_used": shift,
        "gini_wealth_shifted": gini(positive),
        "top1_wealth_shifted_share_final": share_of_first(positive),
    }
    for column, counts, kinds in (
        ("validator", raw["validators"], "mine stake burn"),
        ("tx", raw["transactions"], "transfer stake unstake burn study job"),
        ("actions", raw["actions"], "mine stake unstake burn study job transfer"),
    ):
        row |= {f"{column}_{kind}": counts.get(kind, 0) for kind in kinds.split()}
    return {name: str(value) for name, value in row.items()}


def published_run(
    folder: Path, run: int, turns: int = 60, world: str | None = None
) -> dict[str, Any]:
    """One published run through a fresh engine; raw figures for the published row.

    Args:
        world: The name of the world it is played in; the default one when None.
    """
    ledger = folder / f"run-{run}.db"
    kept = ledger if world is None else Path(f"{ledger}.worlds") / f"{world}.sqlite"
    return run_of(EngineProcess(ledger), lambda query: counted(kept, query), run, turns, world)


def run_of(
    started: EngineProcess,
    counts: Callable[[str], dict[str, int]],
    run: int,
    turns: int,
    world: str | None = None,
) -> dict[str, Any]:
    """One published run through an engine without a world.

    Args:
        counts: Groups counted in the ledger while the engine writes it.
    """
    prefix = "" if world is None else f"/worlds/{world}"
    with started as engine:
        agent_ids = [f"agent_{i}" for i in range(8)]
        config = {**PARAMETERS, "seed": 1000 + run}
        engine.call(f"{prefix}/init", {"config": config, "agent_ids": agent_ids})
        draws = random.Random(1000 + run)
        fees = with_block = 0
        settled = defaulted = 0
        actions: dict[str, int] = {}
        for turn in range(1, turns + 1):
            sent = inputs_of(turn, engine.call(f"{prefix}/state"), draws)
            for one in sent:
                name = one["action"]["action"]
                actions[name] = actions.get(name, 0) + 1
            data = engine.call(f"{prefix}/turn", {"inputs": sent})["data"]
            fees += data["inference_fees_collected"]
            with_block += data["block_winner"] is not None
            settled += len(data["contracts_settled"])
            defaulted += len(data["contracts_defaulted"])
        final = engine.call(f"{prefix}/state")
        blocks = counts("SELECT 'blocks', COUNT(*) FROM blocks WHERE turn > 0")
        validators = counts(
            "SELECT json_extract(data, '$.validator_type'), COUNT(*) FROM blocks "
            "WHERE turn > 0 GROUP BY 1",
        )
        transactions = counts(
            "SELECT json_extract(data, '$.tx_type'), COUNT(*) FROM transactions GROUP BY 1"
        )
        seconds = engine.stop()
    return {
        "run": run,
        "turns": turns,
        "supply": final["token_supply"],
        "balances": [agent["balance"] for agent in final["agents"]],
        "staked": [agent["staked"] for agent in final["agents"]],
        "fees": fees,
        "with_block": with_block,
        "blocks": blocks["blocks"],
        "validators": validators,
        "transactions": transactions,
        "actions": actions,
        "settled": settled,
        "defaulted": defaulted,
        "stop_seconds": seconds,
    }
