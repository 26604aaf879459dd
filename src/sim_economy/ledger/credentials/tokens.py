"""Tokens of operator and agents: shown once, kept as hashes beside the ledger."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from msgspec import DecodeError, Struct, json

from sim_economy.core.errors import StoreError
from sim_economy.ledger.records import digest
from sim_economy.ledger.sidecars.ledger_files import read_sidecar, write_private

ADMIN: Final = "admin"
"""The name in the operator's token; no agent's, since theirs start with `agent:`."""


class IssuedTokens(Struct, frozen=True):
    """The tokens of a new world, in the clear this one time."""

    admin_token: str
    agent_tokens: dict[str, str]


class Credentials(Struct, frozen=True):
    """Hashes of one world's tokens.

    Attributes:
        world: The genesis hash they belong to.
        holders: Hash of the token, by `admin` or `agent:ID`.
        salt: What hides the world's secret in its commitment.
    """

    world: str
    holders: dict[str, str]
    salt: str

    @classmethod
    def issue(
        cls, world: str, agent_ids: Sequence[str], admin_token: str | None
    ) -> tuple[Self, IssuedTokens]:
        """New tokens for everyone, and what to keep of them.

        Args:
            admin_token: The operator's own; a new one when None.
        """
        admin = admin_token or f"{ADMIN}.{secrets.token_urlsafe(32)}"
        agents = {agent: f"agent:{agent}.{secrets.token_urlsafe(32)}" for agent in agent_ids}
        holders = {ADMIN: digest(admin.encode())}
        holders |= {f"agent:{agent}": digest(token.encode()) for agent, token in agents.items()}
        return cls(world, holders, secrets.token_hex(16)), IssuedTokens(admin, agents)

    def commitment(self, secret: str) -> str:
        """The commitment shown before turn 1, opened by salt and secret after the end (L8)."""
        return digest(f"{self.salt}{secret}".encode())

    def holder(self, token: str) -> str | None:
        """`admin` or `agent:ID`, or None where nobody has this token; in constant time."""
        found = digest(token.encode())
        named = token.rpartition(".")[0]
        for name in (named, ADMIN):
            kept = self.holders.get(name, "")
            if hmac.compare_digest(found, kept):
                return name
        return None

    def write(self, path: Path) -> None:
        """Keep the hashes in a file that only its owner may read.

        Raises:
            StoreError: It cannot be written.
        """
        write_private(path, json.encode(self))

    @classmethod
    def read(cls, path: Path, world: str) -> Self:
        """The hashes kept for a world.

        Raises:
            StoreError: There are none, they are another world's, or a symbolic link is there.
        """
        try:
            kept = json.decode(read_sidecar(path), type=cls)
        except (OSError, DecodeError, RecursionError):
            kept = None
        if kept is None or kept.world != world:
            raise StoreError(
                "credentials_missing",
                str(path),
                "holds no tokens of this world; restore the file, or serve without tokens",
            )
        return kept
