"""The shares of a turn's covered fees, for all lanes.

Source: docs/spec/economy.md, C2 to C4.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled
from sim_economy.batch.lanes import (
    BALANCE,
    BURNED,
    CLAIMS,
    CORES,
    DIVIDENDS,
    EACH,
    GENESIS,
    GUARD,
    LANES,
    OUTSIDE,
    POOL,
    POOL_PART,
    SHARES,
    STAKED,
    Floats,
    Int32s,
    Int64s,
)
from sim_economy.batch.steps.exact_lanes import FEE_CLIP, UP, biased_share, share_of

POOL_MAX: Final = (1 << 31) - 1
"""A pool beyond it times a claim could pass 64 bits."""


@compiled
def has_shares(turn: Int32s) -> bool:
    """Whether anybody owns a core share in any lane."""
    owned = np.int32(0)
    for lane in range(LANES):
        owned |= turn[SHARES + lane]
    return owned != 0


@compiled
def share_by_cores(turn: Int32s, totals: Int64s, cores: np.int64) -> None:
    """C3, `core_owners`: what one share is entitled to."""
    inverse = 1.0 / np.float64(cores) * (1.0 + UP)
    for lane in range(LANES):
        each = min(np.float64(totals[POOL + lane]) * inverse, FEE_CLIP)
        turn[EACH + lane] = np.int32(each)


@compiled
def pay_core_owner(turn: Int32s, rows: Int32s) -> None:
    """C3, `core_owners`: one agent's shares."""
    for lane in range(LANES):
        share = np.int64(turn[EACH + lane]) * np.int64(rows[CORES + lane])
        paid = np.int32(min(share, np.int64(1 << 30)))
        rows[BALANCE + lane] += paid
        turn[DIVIDENDS + lane] += paid
        turn[GUARD + lane] |= paid


@compiled
def begin_claims(totals: Int64s) -> None:
    """Nobody claims anything yet."""
    for lane in range(LANES):
        totals[CLAIMS + lane] = 0


@compiled
def add_claim(totals: Int64s, rows: Int32s) -> None:
    """C3, `stake_and_burn`: one agent's claim is what it staked and what it ever burned."""
    for lane in range(LANES):
        totals[CLAIMS + lane] += rows[STAKED + lane] + rows[BURNED + lane]


@compiled
def bound_claims(
    turn: Int32s, totals: Int64s, draws: Floats, parameters: Int32s, agents: np.int64
) -> None:
    """C3, `stake_and_burn`: the whole is never below what all began with."""
    for lane in range(LANES):
        if totals[POOL + lane] > POOL_MAX:
            turn[GUARD + lane] |= OUTSIDE
        begun = agents * np.int64(parameters[GENESIS + lane])
        whole = max(totals[CLAIMS + lane], begun, np.int64(1))
        totals[CLAIMS + lane] = whole
        draws[POOL_PART + lane] = biased_share(totals[POOL + lane], whole)


@compiled
def pay_claim(turn: Int32s, totals: Int64s, draws: Floats, rows: Int32s) -> None:
    """C3, `stake_and_burn`: one agent's part of the pool."""
    for lane in range(LANES):
        claim = np.int64(rows[STAKED + lane]) + np.int64(rows[BURNED + lane])
        pool, whole, part = totals[POOL + lane], totals[CLAIMS + lane], draws[POOL_PART + lane]
        paid = np.int32(share_of(pool, claim, whole, part))
        rows[BALANCE + lane] += paid
        turn[DIVIDENDS + lane] += paid
        turn[GUARD + lane] |= paid
