"""Who an engine lets in, and whose agents sign what they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Self

from msgspec import Struct

from sim_economy.core.errors import ScenarioError
from sim_economy.ledger.credentials.signatures import is_public_key

AUTH_MODES: Final = ("open", "tokens", "signatures")


class Access(Struct, frozen=True, kw_only=True):
    """The access rules of an engine.

    Attributes:
        tokens: Whether every call needs a token.
        signatures: Whether the agents of new worlds sign what they do.
        admin_token: The operator's, if it is not to be made with the world.
        stated: Whether somebody chose this; if not, a world that has tokens is not opened without.
    """

    tokens: bool = False
    signatures: bool = False
    admin_token: str | None = None
    stated: bool = True

    @classmethod
    def of(cls, mode: str | None, admin_token: str | None) -> Self:
        """By the name of its mode: open, tokens, or signatures, which asks for tokens too.

        Args:
            mode: Open for new worlds when None.
        """
        assert mode is None or mode in AUTH_MODES, mode
        return cls(
            tokens=mode in {"tokens", "signatures"},
            signatures=mode == "signatures",
            admin_token=admin_token,
            stated=mode is not None,
        )

    def check_keys(self, agent_ids: Sequence[str], public_keys: Mapping[str, str] | None) -> None:
        """Check that every agent of a new world has a key, or none where nobody signs.

        Raises:
            ScenarioError: With every problem found.
        """
        if public_keys is None:
            if self.signatures:
                raise ScenarioError(["public_keys: are missing; this engine's agents sign"])
            return
        agents = set(agent_ids)
        problems = [f"public_keys: {agent} has none" for agent in agents - public_keys.keys()]
        if not public_keys.keys() <= agents:
            problems.append("public_keys: names an agent that is not in the world")
        problems += [
            f"public_keys: {agent} has no Ed25519 key, 64 hexadecimal digits"
            for agent, key in public_keys.items()
            if agent in agents and not is_public_key(key)
        ]
        if problems:
            raise ScenarioError(sorted(problems)[:20])
