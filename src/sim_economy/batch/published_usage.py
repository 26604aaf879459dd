"""The published draws of usage as lists: one for each seed, each number drawn once.

NumPy's Mersenne Twister goes on from the state of Python's; what Python makes of its 32-bit words
is done here in compiled code.

Source: docs/spec/experiment.md; `agents.usage_model.PublishedUsage`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import Int32s

RANGES: Final = ((50, 301, 9), (40, 241, 8))
"""Of thinking and output: the least, how many there are, and the bits that are drawn for it."""
SPARE: Final = 1.15
"""Words beyond those expected, of which a draw takes 1.7 or 1.07."""


def published_lists(seeds: Sequence[int], turns: int, agents: int) -> Any:
    """Usage under each seed, `[seed, turn, agent, 2]`."""
    listed = np.empty((len(seeds), turns * agents * 2), np.int32)
    for index, seed in enumerate(seeds):
        size = int(turns * agents * (512 / 301 + 256 / 241) * SPARE) + 64
        while not _draw(_words(int(seed), size), listed[index]):
            size *= 2
    return listed.reshape(len(seeds), turns, agents, 2)


def _words(seed: int, size: int) -> Any:
    """The first words that `random.Random(seed)` draws."""
    *key, following = random.Random(seed).getstate()[1]  # noqa: S311
    words = np.random.MT19937()
    words.state = {
        "bit_generator": "MT19937",
        "state": {"key": np.array(key, np.uint32), "pos": following},
    }
    return words.random_raw(size).astype(np.uint32)


@compiled
def _draw(words: Any, listed: Int32s) -> bool:
    """Take numbers from words until the list is full; False where the words do not suffice."""
    at = 0
    for index in range(len(listed)):
        low, count, bits = RANGES[index % 2]
        while True:
            if at == len(words):
                return False
            drawn = np.int64(words[at]) >> (32 - bits)
            at += 1
            if drawn < count:
                break
        listed[index] = np.int32(low + drawn)
    return True
