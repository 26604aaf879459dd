"""What tokens and signatures cost: `python -m benchmarks.access`.

Three engines play the same turns of the published runs, one after another within each turn: open,
with tokens, with signatures. Once as whole batches, once as eight own actions and a close. Every
figure is a median of one run of this program; ratios are to the open engine.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim_economy.client.agent_key import AgentKey
from tests.api.wire_client import PARAMETERS, EngineProcess, ask, inputs_of

MODES = ("open", "tokens", "signatures")
AGENTS = [f"agent_{index}" for index in range(8)]
Sent = Sequence[Mapping[str, Any]]


class Side:
    """One engine and how it is spoken to."""

    def __init__(self, folder: Path, mode: str) -> None:
        self.engine = EngineProcess(folder / f"{mode}.sqlite", SIM_ENGINE_AUTH=mode)
        self.engine.wait()
        self.keys = {agent: AgentKey() for agent in AGENTS} if mode == "signatures" else {}
        body: dict[str, Any] = {"config": {**PARAMETERS, "seed": 1001}, "agent_ids": AGENTS}
        if self.keys:
            body["public_keys"] = {agent: key.public_key for agent, key in self.keys.items()}
        started = self.engine.call("/init", body)
        self.tokens = started.get("agent_tokens", {})
        self.admin = self.header(started.get("admin_token"))
        self.genesis = self.engine.call("/genesis", **self.admin)["genesis"]
        self.opened = self.engine.connection()
        self.connection = self.opened.__enter__()

    @staticmethod
    def header(token: str | None) -> dict[str, str]:
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    def state(self) -> Any:
        return self.engine.call("/state", **self.admin)

    def signed(self, turn: int, inputs: Sent) -> list[dict[str, Any]]:
        sent = [dict(one) for one in inputs]
        for one in sent if self.keys else ():
            key = self.keys[one["agent_id"]]
            one["signature"] = key.sign(self.genesis, turn, one["agent_id"], one["action"])
        return sent

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        reply = ask(self.connection, "POST", path, body, headers)
        assert reply.status == 200, reply

    def batch(self, turn: int, inputs: Sent) -> float:
        body = json.dumps({"inputs": self.signed(turn, inputs)}).encode()
        start = time.perf_counter()
        self.post("/turn", body, self.admin)
        return time.perf_counter() - start

    def one_by_one(self, turn: int, inputs: Sent) -> float:
        bodies = []
        for one in self.signed(turn, inputs):
            kept = {name: one[name] for name in ("action", "signature") if name in one}
            bodies.append((one["agent_id"], json.dumps(kept).encode()))
        units = ("thinking_units", "output_units")
        usage = {one["agent_id"]: {name: one[name] for name in units} for one in inputs}
        closing = json.dumps({"usage": usage}).encode()
        start = time.perf_counter()
        for agent, body in bodies:
            headers = self.header(self.tokens.get(agent))
            self.post(f"/agents/{agent}/action", body, headers)
        if self.state_turn() < turn:
            self.post("/close", closing, self.admin)
        return time.perf_counter() - start

    def state_turn(self) -> int:
        reply = ask(self.connection, "GET", "/head", None, self.admin)
        turn: int = reply.json["turn"]
        return turn

    def close(self) -> None:
        self.opened.__exit__(None, None, None)
        self.engine.stop()


def measured(folder: Path, way: str, turns: int) -> dict[str, list[float]]:
    sides = {mode: Side(folder, mode) for mode in MODES}
    taken: dict[str, list[float]] = {mode: [] for mode in MODES}
    draws = random.Random(1001)
    for turn in range(1, turns + 1):
        inputs = inputs_of(turn, sides["open"].state(), draws)
        for mode, side in sides.items():
            taken[mode].append(getattr(side, way)(turn, inputs))
    for side in sides.values():
        side.close()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=600, help="turns in each mode")
    parser.add_argument("--folder", type=Path, help="on the disk to measure")
    options = parser.parse_args()
    for way, about in (("batch", "a batch of 8"), ("one_by_one", "8 own actions and a close")):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            taken = measured(Path(folder), way, options.rounds)
        bare = statistics.median(taken["open"])
        print(f"{about}, durable, over HTTP: medians of {options.rounds} turns")
        for mode in MODES:
            median = statistics.median(taken[mode])
            print(f"  {mode:12} {median * 1000:8.3f} ms  {median / bare:6.2f} x open")


if __name__ == "__main__":
    main()
