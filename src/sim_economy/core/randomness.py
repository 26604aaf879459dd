"""Draws as pure functions of (seed, turn, purpose, index).

Source: docs/spec/economy.md, L8.
"""

from __future__ import annotations

import hmac
from hashlib import sha256


def seed_key(seed: int, secret: str = "") -> bytes:
    """The key under which every draw of a world is made.

    Args:
        secret: Hexadecimal digits that stand instead of the seed where clients are untrusted.
    """
    return bytes.fromhex(secret) if secret else b"%d" % seed


def draw(key: bytes, turn: int, purpose: str, index: int) -> int:
    """A uniform integer in [0, 2^64): the first eight bytes of an HMAC-SHA-256."""
    message = f"{turn}/{purpose}/{index}".encode()
    return int.from_bytes(hmac.digest(key, message, sha256)[:8], "big")


def draw_below(bound: int, key: bytes, turn: int, purpose: str, index: int) -> int:
    """A draw scaled to [0, bound)."""
    return draw(key, turn, purpose, index) * bound >> 64
