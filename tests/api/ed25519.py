"""Ed25519 in plain Python: slow, and independent of the library that the engine uses.

Source: RFC 8032, section 5.1.
"""

from __future__ import annotations

from hashlib import sha512
from typing import Final

P: Final = 2**255 - 19
L: Final = 2**252 + 27742317777372353535851937790883648493
"""The order of the main subgroup."""
D: Final = -121665 * pow(121666, -1, P) % P
ROOT: Final = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
"""X, Y, Z and T, with x = X/Z, y = Y/Z and xy = T/Z."""

NEUTRAL: Final[Point] = (0, 1, 1, 0)


def add(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(factor: int, point: Point) -> Point:
    product = NEUTRAL
    while factor:
        if factor & 1:
            product = add(product, point)
        point = add(point, point)
        factor >>= 1
    return product


def same(one: Point, other: Point) -> bool:
    return not (
        (one[0] * other[2] - other[0] * one[2]) % P or (one[1] * other[2] - other[1] * one[2]) % P
    )


def recovered(y: int, sign: int) -> int | None:
    """The x that belongs to a y."""
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def decoded(text: bytes) -> Point | None:
    number = int.from_bytes(text, "little")
    y = number & (2**255 - 1)
    x = recovered(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % P)


def encoded(point: Point) -> bytes:
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


_BASE_Y: Final = 4 * pow(5, -1, P) % P
_BASE: Final = decoded(_BASE_Y.to_bytes(32, "little"))
assert _BASE is not None
BASE: Final[Point] = _BASE


def _hashed(text: bytes) -> int:
    return int.from_bytes(sha512(text).digest(), "little") % L


def _expanded(secret: bytes) -> tuple[int, bytes]:
    digest = sha512(secret).digest()
    scalar = int.from_bytes(digest[:32], "little") & (2**254 - 8) | 2**254
    return scalar, digest[32:]


def public_key(secret: bytes) -> bytes:
    scalar, _ = _expanded(secret)
    return encoded(times(scalar, BASE))


def sign(secret: bytes, message: bytes) -> bytes:
    scalar, prefix = _expanded(secret)
    key = encoded(times(scalar, BASE))
    nonce = _hashed(prefix + message)
    point = encoded(times(nonce, BASE))
    answer = (nonce + _hashed(point + key + message) * scalar) % L
    return point + answer.to_bytes(32, "little")


def holds(key: bytes, signature: bytes, message: bytes) -> bool:
    a, r = decoded(key), decoded(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or len(signature) != 64:
        return False
    challenge = _hashed(signature[:32] + key + message)
    return same(times(s, BASE), add(r, times(challenge, a)))
