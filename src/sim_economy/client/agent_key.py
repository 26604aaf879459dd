"""An agent's key: made here, kept by the agent, its public half registered when a world starts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from nacl.signing import SigningKey


class AgentKey:
    """An Ed25519 key that signs one agent's actions.

    Attributes:
        public_key: In lowercase hex, to be registered with `init`.
    """

    def __init__(self, seed: bytes | None = None) -> None:
        """A key from its 32 secret bytes; a new one when None."""
        self._key = SigningKey.generate() if seed is None else SigningKey(seed)
        self.public_key = bytes(self._key.verify_key).hex()

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """The key kept in a file by `write`.

        Raises:
            OSError: It cannot be read.
            ValueError: It holds no key.
        """
        return cls(bytes.fromhex(Path(path).read_text(encoding="utf-8-sig").strip()))

    def write(self, path: str | Path) -> None:
        """Keep the secret in a new file that only its owner may read.

        Raises:
            OSError: It is there already, or cannot be written.
        """
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{bytes(self._key).hex()}\n")

    def sign(
        self,
        world: str,
        turn: int,
        agent_id: str,
        action: Mapping[str, object],
        speech: str | None = None,
        needs: Sequence[Mapping[str, object]] = (),
    ) -> str:
        """The signature, in hex, to send with the action.

        Args:
            world: The genesis hash; see `EngineClient.genesis`.
            turn: The open turn; the signature holds in no other.
            action: As it is sent, as are needs.
        """
        message = action_message(world, turn, agent_id, action, speech, needs)
        return bytes(self._key.sign(message).signature).hex()


def action_message(
    world: str,
    turn: int,
    agent_id: str,
    action: Mapping[str, object],
    speech: str | None = None,
    needs: Sequence[Mapping[str, object]] = (),
) -> bytes:
    """The signed message: JSON after RFC 8785, without nulls and without a tip of 0."""
    given = {
        name: _without_nulls(value) if isinstance(value, Mapping) else value
        for name, value in _without_nulls(action).items()
        if not (name == "fee" and value == 0)
    }
    message: dict[str, object] = {
        "world": world,
        "turn": turn,
        "agent_id": agent_id,
        "action": given,
    }
    if speech is not None:
        message["speech"] = speech
    if needs:
        message["needs"] = list(needs)
    return json.dumps(
        message, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def _without_nulls(given: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in given.items() if value is not None}
