"""Agents that sign what they do, written from the page on the ledger alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from nacl.signing import SigningKey
from starlette.testclient import TestClient

from sim_economy.api.app import create_app
from sim_economy.api.connection_limits import ConnectionLimits
from sim_economy.api.worlds import Worlds
from sim_economy.world.access import Access
from sim_economy.world.engine import Engine

OPERATOR: Final = "the-operators"
MINE: Final = {"action": "mine"}


def message(
    world: str, turn: int, agent_id: str, action: Mapping[str, object], speech: str | None = None
) -> bytes:
    """What an agent signs: keys in order, no blanks, UTF-8; no nulls and no tips of 0."""
    kept = {
        name: value
        for name, value in action.items()
        if value is not None and (name, value) != ("fee", 0)
    }
    if "terms" in kept:
        terms: Any = kept["terms"]
        kept["terms"] = {name: value for name, value in terms.items() if value is not None}
    said = {} if speech is None else {"speech": speech}
    signed = {"world": world, "turn": turn, "agent_id": agent_id, "action": kept, **said}
    return json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Signer:
    """One agent and its key, the same whenever it is made."""

    def __init__(self, agent_id: str) -> None:
        self.agent_id = agent_id
        self.secret = sha256(agent_id.encode()).digest()
        self._key = SigningKey(self.secret)
        self.public_key = bytes(self._key.verify_key).hex()

    def signature(
        self,
        world: str,
        turn: int,
        action: Mapping[str, object],
        speech: str | None = None,
        agent_id: str | None = None,
    ) -> str:
        text = message(world, turn, agent_id or self.agent_id, action, speech)
        return self._key.sign(text).signature.hex()


ANN: Final = Signer("ann")
BOB: Final = Signer("bob")
PUBLIC_KEYS: Final = {signer.agent_id: signer.public_key for signer in (ANN, BOB)}


class SignedHouse:
    """An engine whose agents sign, a world of two of them, and everybody's token."""

    def __init__(self, engine: Engine, client: TestClient, started: dict[str, Any]) -> None:
        self.engine = engine
        self.client = client
        self.tokens = {**started["agent_tokens"], "operator": started["admin_token"]}
        self.world: str = self.call("ann", "GET", "/genesis").json()["genesis"]

    def call(self, who: str, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        return self.client.request(method, path, json=body, headers=headers)

    def act(self, signer: Signer, action: Mapping[str, Any], turn: int, **more: Any) -> Any:
        """An agent's own signed action."""
        speech = more.pop("speech", None)
        body = {
            "action": action,
            "speech": speech,
            "signature": signer.signature(self.world, turn, action, speech),
            **more,
        }
        return self.call(signer.agent_id, "POST", f"/agents/{signer.agent_id}/action", body)

    def turn(self, *inputs: Mapping[str, Any], **more: Any) -> Any:
        """The operator's batch."""
        return self.call("operator", "POST", "/turn", {"inputs": inputs, **more})

    def unmoved(self) -> bool:
        """Whether nothing was written since the world began."""
        world = self.engine.started()
        return world.turn_number == 0 and world.accepted() == []


@contextmanager
def signed_house(
    ledger: Path, config: dict[str, Any] | None = None, world_id: str = "default"
) -> Iterator[SignedHouse]:
    engine = Engine.open(ledger, Access.of("signatures", OPERATOR), world_id=world_id)
    with TestClient(create_app(Worlds(engine, ConnectionLimits()))) as client:
        started = client.post(
            "/init",
            json={
                "config": {"seed": 7, "block_threshold": 10, **(config or {})},
                "agent_ids": ["ann", "bob"],
                "public_keys": PUBLIC_KEYS,
            },
            headers={"Authorization": f"Bearer {OPERATOR}"},
        ).json()
        yield SignedHouse(engine, client, started)
