"""The published draws of usage as lists: one for each seed, each number drawn once.

Python's generator, the Mersenne Twister MT19937, and what Python makes of its 32-bit words, in
compiled code.

Source: docs/spec/experiment.md; `agents.usage_model.PublishedUsage`; M. Matsumoto, T. Nishimura,
Mersenne Twister, ACM TOMACS 8 (1998), with the initialisation by an array of 2002.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import Int32s

RANGES: Final = ((50, 301, 9), (40, 241, 8))
"""Of thinking and output: the least, how many there are, and the bits that are drawn for it."""
WORDS: Final = 624
MIDDLE: Final = 397
LOW: Final = np.uint64(2**32 - 1)
UPPER_BIT: Final = np.uint64(1 << 31)
LOWER_BITS: Final = np.uint64((1 << 31) - 1)
TWIST: Final = np.uint64(0x9908B0DF)
ODD: Final = np.uint64(1)
FIRST_WORD: Final = np.uint64(19_650_218)
SPREAD: Final = np.uint64(1_812_433_253)
BY_KEY: Final = np.uint64(1_664_525)
BY_INDEX: Final = np.uint64(1_566_083_941)
BORROW: Final = np.uint64(2**32)
SHIFT_30: Final = np.uint64(30)
FIRST_TEMPER: Final = np.uint64(0x9D2C5680)
SECOND_TEMPER: Final = np.uint64(0xEFC60000)
SHIFT_11, SHIFT_7, SHIFT_15, SHIFT_18 = (np.uint64(shift) for shift in (11, 7, 15, 18))


def published_lists(seeds: Sequence[int], turns: int, agents: int) -> Any:
    """Usage under each seed, `[seed, turn, agent, 2]`."""
    listed = np.empty((len(seeds), turns * agents * 2), np.int32)
    words = np.empty(WORDS, np.uint64)
    for index, seed in enumerate(seeds):
        _draw(words, _key(int(seed)), listed[index])
    return listed.reshape(len(seeds), turns, agents, 2)


def _key(seed: int) -> Any:
    """A seed in words of 32 bits, the lowest first, as Python hands it to its generator."""
    count = max(1, -(-seed.bit_length() // 32))
    return np.array([seed >> 32 * word & 0xFFFFFFFF for word in range(count)], np.uint64)


@compiled
def _draw(words: Any, key: Any, listed: Int32s) -> None:
    """Draw numbers until the list is full; what is beyond its range is drawn again."""
    _begin(words, key)
    at = WORDS
    for index in range(len(listed)):
        low, count, bits = RANGES[index % 2]
        drawn = np.int64(count)
        while drawn >= count:
            if at == WORDS:
                _twist(words)
                at = 0
            drawn = np.int64(_tempered(words[at])) >> (32 - bits)
            at += 1
        listed[index] = np.int32(low + drawn)


@compiled
def _begin(words: Any, key: Any) -> None:
    """The generator's state under a key."""
    words[0] = FIRST_WORD
    for index in range(1, WORDS):
        words[index] = (_folded(words, index) * SPREAD + np.uint64(index)) & LOW
    at, part = 1, 0
    for _ in range(max(WORDS, len(key))):
        mixed = words[at] ^ (_folded(words, at) * BY_KEY)
        words[at] = (mixed + key[part] + np.uint64(part)) & LOW
        at = _following(words, at)
        part = part + 1 if part + 1 < len(key) else 0
    for _ in range(WORDS - 1):
        mixed = words[at] ^ (_folded(words, at) * BY_INDEX)
        words[at] = ((mixed & LOW) + BORROW - np.uint64(at)) & LOW
        at = _following(words, at)
    words[0] = UPPER_BIT


@compiled
def _folded(words: Any, index: int) -> np.uint64:
    """The word before this one, its highest bits folded into its lowest."""
    before = words[index - 1]
    return np.uint64(before ^ (before >> SHIFT_30))


@compiled
def _following(words: Any, index: int) -> int:
    """The next index; from the last on to the second, and the first word takes the last one."""
    if index + 1 < WORDS:
        return index + 1
    words[0] = words[WORDS - 1]
    return 1


@compiled
def _twist(words: Any) -> None:
    """The next words of the generator."""
    for index in range(WORDS):
        both = (words[index] & UPPER_BIT) | (words[(index + 1) % WORDS] & LOWER_BITS)
        twisted = both >> ODD
        if both & ODD:
            twisted ^= TWIST
        words[index] = words[(index + MIDDLE) % WORDS] ^ twisted


@compiled
def _tempered(word: np.uint64) -> np.uint64:
    """A word as it is drawn."""
    word ^= word >> SHIFT_11
    word ^= (word << SHIFT_7) & FIRST_TEMPER
    word ^= (word << SHIFT_15) & SECOND_TEMPER
    return (word ^ (word >> SHIFT_18)) & LOW
