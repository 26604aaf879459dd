"""Seeds that are chosen for a draw, and rates that are chosen for a remainder.

Random worlds hardly ever come near the edge of a division or of a ticket; these do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import gcd
from typing import Final

from sim_economy.core.randomness import INDEX_STEP, SEED_STEP, TURN_STEP, purpose_number
from sim_economy.core.units import MILLION

WORD: Final = 2**64
SEEDS: Final = 2**63
HALF: Final = 2**32
_FIRST: Final = pow(0xBF58476D1CE4E5B9, -1, WORD)
_SECOND: Final = pow(0x94D049BB133111EB, -1, WORD)


def unmixed(number: int) -> int:
    """What `mixed` makes a number of."""
    number ^= number >> 31 ^ number >> 62
    number = number * _SECOND % WORD
    number ^= number >> 27 ^ number >> 54
    number = number * _FIRST % WORD
    return number ^ number >> 30 ^ number >> 60


def seed_that_draws(drawn: int, turn: int, purpose: str, index: int = 0) -> int | None:
    """The seed under which a draw comes out so; None where it would have 64 bits."""
    of_turn = unmixed(drawn) - purpose_number(purpose) - index * INDEX_STEP
    of_world = unmixed(of_turn % WORD) - turn * TURN_STEP
    seed = (unmixed(of_world % WORD) - SEED_STEP) % WORD
    return seed if seed < SEEDS else None


def seeds_near(points: Iterable[int], turn: int, purpose: str, index: int = 0) -> list[int]:
    """The seeds whose draw is one of these points, as many as there are."""
    found = (seed_that_draws(point, turn, purpose, index) for point in points if 0 <= point < WORD)
    return [seed for seed in found if seed is not None]


def seeds_with_halves(
    upper: int, lower: int, turn: int, purpose: str, index: int = 0
) -> Iterator[int]:
    """The seed whose draw has these halves, if there is one."""
    seed = seed_that_draws(upper * HALF + lower, turn, purpose, index)
    if seed is not None:
        yield seed


def multipliers(factor: int, modulus: int, remainders: Iterable[int], high: int) -> list[int]:
    """Numbers up to `high` whose product with the factor leaves one of these remainders."""
    common = gcd(factor, modulus)
    found = set()
    for remainder in remainders:
        if remainder % common:
            continue
        part = modulus // common
        least = remainder // common * pow(factor // common, -1, part) % part
        found |= {least, least + part, high - (high - least) % part}
    return sorted(number for number in found if 0 <= number <= high)


def misleading_rates(amount: int, most: int = 24) -> list[int]:
    """Rates in millionths whose product with an amount is whole, and in floats just below."""
    step = MILLION // gcd(amount, MILLION)
    exact = range(step, MILLION, step)
    return [rate for rate in exact if int(amount * (rate / MILLION)) * MILLION < amount * rate][
        :most
    ]


def near_multiples(factor: int, modulus: int, high: int) -> list[int]:
    """Numbers up to `high` whose product with the factor comes closest to a multiple.

    They are the denominators of the convergents of factor / modulus, and of what lies between.
    """
    found = set()
    before, last = 1, 0
    above, below = factor, modulus
    while below and last <= high:
        quotient, rest = divmod(above, below)
        for part in {1, 2, quotient // 2, quotient - 1, quotient}:
            if 0 < part <= quotient and before + part * last <= high:
                found.add(before + part * last)
        before, last = last, before + quotient * last
        above, below = below, rest
    return sorted(found)
