"""Ed25519: who asked for an action, and which engine made a block.

What is signed is canonical JSON after RFC 8785, so that any language can make the same bytes:
keys in order, no blanks, UTF-8.

Source: RFC 8032, RFC 8785; docs/spec/ledger.md.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from sim_economy.core.errors import ExtraMissingError, StoreError
from sim_economy.ledger.records import BlockRecord, Signature
from sim_economy.ledger.sidecars.ledger_files import read_sidecar, write_private

_HEX: Final = re.compile("[0-9a-f]{64}")


def action_message(world: str, turn: int, sent: Mapping[str, Any]) -> bytes:
    """The message that an agent signs.

    Args:
        world: The genesis hash.
        sent: The input as it is kept: absent arguments and a tip of 0 are left out.
    """
    message = {"world": world, "turn": turn, "agent_id": sent["agent_id"], "action": sent["action"]}
    if "speech" in sent:
        message["speech"] = sent["speech"]
    if "needs" in sent:
        message["needs"] = sent["needs"]
    return _canonical(message)


def turn_message(world: str, turn: int, block: BlockRecord | None, head: str) -> bytes:
    """The message that an engine signs.

    Args:
        block: The turn's; None in a turn without one.
        head: The chain head that the turn would have without the signature; with it, everything
            that was recorded so far is signed.
    """
    block_hash = None if block is None else block.hash
    return _canonical({"world": world, "turn": turn, "block": block_hash, "head": head})


def _canonical(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def is_signed(public_key: str, signature: str, message: bytes) -> bool:
    """Test whether a signature in hex is the key's over the message.

    Raises:
        ExtraMissingError: PyNaCl is not installed.
    """
    nacl = _nacl()
    try:
        nacl.signing.VerifyKey(bytes.fromhex(public_key)).verify(message, bytes.fromhex(signature))
    except (ValueError, TypeError, nacl.exceptions.BadSignatureError):
        return False
    return True


def is_public_key(text: str) -> bool:
    """Test whether a text in lowercase hex is a valid public key.

    Raises:
        ExtraMissingError: PyNaCl is not installed.
    """
    if not _HEX.fullmatch(text):
        return False
    return bool(_nacl().bindings.crypto_core_ed25519_is_valid_point(bytes.fromhex(text)))


class EngineKey:
    """The private key of one world's engine, in a file that only its owner may read."""

    def __init__(self, seed: bytes) -> None:
        self._key = _nacl().signing.SigningKey(seed)
        self.public_key: str = bytes(self._key.verify_key).hex()

    @classmethod
    def make(cls, path: Path) -> Self:
        """A new key, kept.

        Raises:
            StoreError: It cannot be written.
        """
        seed = secrets.token_bytes(32)
        write_private(path, seed.hex().encode())
        return cls(seed)

    @classmethod
    def read(cls, path: Path, public_key: str) -> Self:
        """The key kept for a world.

        Raises:
            StoreError: It is missing, another world's, or a symbolic link is there.
        """
        try:
            key = cls(bytes.fromhex(read_sidecar(path).decode("ascii")))
        except (OSError, ValueError):
            key = None
        if key is None or key.public_key != public_key:
            raise StoreError(
                "credentials_missing",
                str(path),
                "holds no key of this world; restore the file: without it the world can be read "
                "and verified, not played on",
            )
        return key

    def sign(self, message: bytes) -> Signature:
        """The signature with its public key."""
        return Signature(self.public_key, self._key.sign(message).signature.hex())


@cache
def _nacl() -> Any:
    try:
        import nacl.bindings  # noqa: PLC0415
        import nacl.signing  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ExtraMissingError("signing", "PyNaCl", "signatures") from None
    return nacl
