"""Draws as pure functions of (seed, turn, purpose, index).

Source: docs/spec/economy.md, L8.
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from hashlib import sha256
from typing import Final, TypeAlias, assert_never

from sim_economy.core.rules_version import RulesVersion

Key: TypeAlias = bytes | int
"""The key of every draw of a world: mixed from a public seed, or a secret that is hashed with."""

_MASK: Final = 2**64 - 1
SEED_STEP: Final = 0x9E3779B97F4A7C15
TURN_STEP: Final = 0xD1B54A32D192ED03
INDEX_STEP: Final = 0xAEF17502108EF2D9


def seed_key(seed: int, secret: str = "", rules_version: RulesVersion = RulesVersion.V3) -> Key:
    """The key under which every draw of a world is made.

    Args:
        secret: Hexadecimal digits that stand instead of the seed where clients are untrusted.
    """
    if secret:
        return bytes.fromhex(secret)
    match rules_version:
        case RulesVersion.V2:
            return b"%d" % seed
        case RulesVersion.V3:
            return mixed(seed + SEED_STEP)
    assert_never(rules_version)


def draw(key: Key, turn: int, purpose: str, index: int) -> int:
    """A uniform integer in [0, 2^64).

    A public seed is mixed by SplitMix64 (doi:10.1145/2660193.2660195), once a turn and once a
    draw; of a secret, the first eight bytes of an HMAC-SHA-256 are taken.
    """
    if isinstance(key, int):
        return mixed(mixed(key + turn * TURN_STEP) + purpose_number(purpose) + index * INDEX_STEP)
    message = f"{turn}/{purpose}/{index}".encode()
    return int.from_bytes(hmac.digest(key, message, sha256)[:8], "big")


def draw_below(bound: int, key: Key, turn: int, purpose: str, index: int) -> int:
    """A draw scaled to [0, bound)."""
    return draw(key, turn, purpose, index) * bound >> 64


@lru_cache(1024)
def purpose_number(purpose: str) -> int:
    """The odd number that stands for a purpose: the first eight bytes of its name's SHA-256."""
    return int.from_bytes(sha256(purpose.encode()).digest()[:8], "big") | 1


def mixed(number: int) -> int:
    """64 bits mixed by the finaliser of SplitMix64, Stafford's variant 13."""
    number &= _MASK
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    number = (number ^ number >> 27) * 0x94D049BB133111EB & _MASK
    return number ^ number >> 31
