"""Rings: what an agent has set going in past turns, until it is due.

A slot holds one row for each agent. A flag says that a row may hold something; a row is written
whole before its flag is set, so rows without a flag are never read.
"""

from __future__ import annotations

import numpy as np

from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import LANES, Int32s


@compiled
def ring_row(ring: Int32s, flag: np.int64) -> Int32s:
    """The row that a flag is of."""
    return ring[flag * LANES : (flag + 1) * LANES]
