"""Who an engine lets in, and whose agents sign what they do."""

from __future__ import annotations

from typing import Final, Self

from msgspec import Struct

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
