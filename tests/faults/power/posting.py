"""A client that posts turns as fast as they are answered, and remembers every answer."""

from __future__ import annotations

import http.client
import json
import random
from typing import Any, NamedTuple

from tests.api.wire_client import PARAMETERS, EngineProcess

AGENT_IDS = [f"agent_{i}" for i in range(8)]
GONE = (OSError, http.client.HTTPException)
"""How a client learns that the engine is gone."""


class Posted(NamedTuple):
    """One request for a turn, to be sent as it is or once more."""

    turn: int
    key: str
    body: bytes


def posted(turn: int, draws: random.Random) -> Posted:
    """A request for a turn in which the agents do this and that."""
    inputs: list[dict[str, Any]] = []
    for agent_id in AGENT_IDS:
        action: dict[str, Any] = draws.choice(
            [
                {"action": "mine"},
                {"action": "mine"},
                {"action": "study"},
                {"action": "stake", "amount": draws.randint(1, 60)},
                {"action": "transfer", "to": "agent_0", "amount": draws.randint(1, 9), "fee": 1},
            ]
        )
        inputs.append(
            {
                "agent_id": agent_id,
                "action": action,
                "thinking_units": draws.randint(0, 90),
                "output_units": draws.randint(0, 90),
            }
        )
    key = f"turn-{turn}-{draws.getrandbits(64):016x}"
    return Posted(turn, key, json.dumps({"turn": turn, "inputs": inputs}).encode())


class Poster:
    """One connection to one engine."""

    def __init__(self, engine: EngineProcess, seconds: float = 30.0) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", engine.port, timeout=seconds)

    def init(self, seed: int) -> str:
        """Start the world; its head."""
        config = {**PARAMETERS, "seed": seed}
        body = json.dumps({"config": config, "agent_ids": AGENT_IDS}).encode()
        status, answer = self.call("POST", "/init", body)
        assert status == 200, answer
        return str(answer["head"])

    def turn(self, request: Posted) -> dict[str, Any]:
        """What closing the turn answers; anything but a 200 is a fault of the engine."""
        status, answer = self.post(request)
        assert status == 200, answer
        data: dict[str, Any] = answer["data"]
        return data

    def post(self, request: Posted) -> tuple[int, Any]:
        return self.call("POST", "/turn", request.body, {"Idempotency-Key": request.key})

    def call(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of one answer.

        Raises:
            OSError, http.client.HTTPException: The engine is gone; all of them are in `GONE`.
        """
        sent = {"Content-Type": "application/json", **(headers or {})}
        self._connection.request(method, path, body or None, sent)
        answer = self._connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text)

    def close(self) -> None:
        self._connection.close()
