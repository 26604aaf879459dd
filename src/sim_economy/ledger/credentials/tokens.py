"""Tokens of operator, readers and agents: shown once, kept as hashes beside the ledger."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from msgspec import DecodeError, Struct, json
from msgspec.structs import replace

from sim_economy.core.errors import StoreError
from sim_economy.ledger.records import digest
from sim_economy.ledger.sidecars.ledger_files import read_sidecar, write_private

ADMIN: Final = "admin"
"""The name in the operator's token; no agent's, since theirs start with `agent:`."""


READER: Final = "reader"
"""The name in the token that shows a world and changes nothing."""


class IssuedTokens(Struct, frozen=True):
    """The tokens of a new world, in the clear this one time."""

    admin_token: str
    agent_tokens: dict[str, str]
    reader_token: str


class Credentials(Struct, frozen=True):
    """Hashes of one world's tokens.

    Attributes:
        world: The genesis hash they belong to.
        holders: Hash of the token, by `admin`, `reader` or `agent:ID`. Worlds of earlier releases
            have no reader until one is asked for.
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
        reader = _reader_token()
        holders = {ADMIN: digest(admin.encode()), READER: digest(reader.encode())}
        holders |= {f"agent:{agent}": digest(token.encode()) for agent, token in agents.items()}
        issued = IssuedTokens(admin, agents, reader)
        return cls(world, holders, secrets.token_hex(16)), issued

    def with_new_reader(self) -> tuple[Self, str]:
        """The same with another reader's token, and that token; the one before is none any more."""
        reader = _reader_token()
        holders = {**self.holders, READER: digest(reader.encode())}
        return replace(self, holders=holders), reader

    def commitment(self, secret: str) -> str:
        """The commitment shown before turn 1, opened by salt and secret after the end (L8)."""
        return digest(f"{self.salt}{secret}".encode())

    def holder(self, token: str) -> str | None:
        """`admin`, `reader` or `agent:ID`, None where nobody has this token; in constant time."""
        found = digest(token.encode())
        named = token.rpartition(".")[0]
        for name in (named, ADMIN):
            kept = self.holders.get(name, "")
            if hmac.compare_digest(found, kept):
                return name
        return None

    def write(self, path: Path, *, replaces: bool = False) -> None:
        """Keep the hashes in a file that only its owner may read.

        Args:
            replaces: Whether it takes the place of the world's earlier ones.

        Raises:
            StoreError: It cannot be written.
        """
        write_private(path, json.encode(self), replaces=replaces)

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


def _reader_token() -> str:
    return f"{READER}.{secrets.token_urlsafe(32)}"


CREDENTIALS_DECODER: Final = json.Decoder(Credentials)
"""Reads the hashes kept of a world's tokens."""
