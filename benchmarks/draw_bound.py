"""A bound for any kernel: the draw of an agent's usage and its fee, and nothing else.

Thinking from 50 to 350 and output from 40 to 280, a tenth of thinking counts, a hundred units are
free, each other one costs a token: docs/spec/economy.md, L8 and B1 to B3. 64 worlds stand side by
side, and every number has 64 bits, so that nothing is converted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from sim_economy.batch.compiling import mixed
from sim_economy.core.randomness import INDEX_STEP, SEED_STEP, TURN_STEP, purpose_number

LANES = 64
_SEED_STEP = np.uint64(SEED_STEP)
_TURN_STEP = np.uint64(TURN_STEP)
_INDEX_STEP = np.uint64(INDEX_STEP)
_PURPOSE = np.uint64(purpose_number("usage"))
_HALF = np.uint64(32)
_LOWER = np.uint64(2**32 - 1)
_THINKING, _OUTPUT = np.uint64(301), np.uint64(241)
_LEAST_THINKING = np.uint64(50)
_TENTH, _TENTH_SHIFT = np.uint64(52_429), np.uint64(19)
"""A tenth of any number of 16 bits, rounded down: a product and a shift."""
_FREE = np.int64(100 - 40)


@njit(nogil=True, error_model="numpy")
def charge_worlds(seeds: Any, turns: int, agents: int, sums: Any) -> None:
    """Add up the fees of each world, `[world]`; a multiple of 64 worlds."""
    keys, of_turn = np.empty(LANES, np.uint64), np.empty(LANES, np.uint64)
    total = np.empty(LANES, np.int64)
    for first in range(0, len(seeds), LANES):
        for lane in range(LANES):
            keys[lane] = mixed(seeds[first + lane] + _SEED_STEP)
            total[lane] = 0
        for turn in range(turns):
            step = np.uint64(turn + 1) * _TURN_STEP
            for lane in range(LANES):
                of_turn[lane] = mixed(keys[lane] + step)
            for agent in range(agents):
                _charge(of_turn, np.uint64(agent) * _INDEX_STEP + _PURPOSE, total)
        for lane in range(LANES):
            sums[first + lane] = total[lane]


@njit(nogil=True, error_model="numpy")
def _charge(of_turn: Any, step: Any, total: Any) -> None:
    """Draw and charge one agent of 64 worlds."""
    for lane in range(LANES):
        drawn = mixed(of_turn[lane] + step)
        thinking = ((drawn >> _HALF) * _THINKING >> _HALF) + _LEAST_THINKING
        output = (drawn & _LOWER) * _OUTPUT >> _HALF
        counted = thinking * _TENTH >> _TENTH_SHIFT
        total[lane] += max(np.int64(counted + output) - _FREE, np.int64(0))


def vector_width() -> int:
    """Bits of the widest registers that the compiled loop uses."""
    text = "".join(_charge.inspect_asm().values())
    return next((bits for name, bits in (("%zmm", 512), ("%ymm", 256)) if name in text), 128)
