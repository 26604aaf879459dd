"""The layout of a block: 64 worlds side by side, a lane each.

Every array is flat. A row is 64 numbers, one a lane, and a row's constant is where it starts, so
that `rows[BALANCE + lane]` is one number. With constant offsets from one base the compiler sees
that rows do not overlap, and a loop over lanes becomes vector instructions.
"""

from __future__ import annotations

from itertools import count
from typing import Final

import numpy as np

LANES: Final = 64

LIMIT: Final = 1 << 27
"""No account and no flow of an agent in a turn reaches this in the kernel: 32 bits then hold the
sums of a turn over eight agents. A world that does is played by the core."""

GROUP: Final = 8
"""Agents whose flows add up in 32 bits before they are added to totals of 64."""

OUTSIDE: Final = np.int32(-(1 << 31))
"""In a guard: outside the kernel's exact range."""

_at = (LANES * row for row in count())

# Of each agent, 32 bits: `rows`, ROWS numbers an agent.
BALANCE: Final = next(_at)
STAKED: Final = next(_at)
UNSTAKING: Final = next(_at)
STUDIES: Final = next(_at)
EMPLOYED: Final = next(_at)
BURNED: Final = next(_at)
CORES: Final = next(_at)
WAITING_STAKE: Final = next(_at)
WAITING_BURN: Final = next(_at)
WAITING_OUT: Final = next(_at)
WAITING_IN: Final = next(_at)
WAITING_TIP: Final = next(_at)
ACTION: Final = next(_at)
BID: Final = next(_at)
ALLOWANCE: Final = next(_at)
ROWS: Final = next(_at)

_at = (LANES * row for row in count())

# Of each agent, floats: `weights`, WEIGHTS numbers an agent.
PRICE: Final = next(_at)
PRICE_REST: Final = next(_at)
STUDY_FACTOR: Final = next(_at)
BURN_WEIGHT: Final = next(_at)
REACHED: Final = next(_at)
WEIGHTS: Final = next(_at)

_at = (LANES * row for row in count())

# Of the agent whose turn is played, and of the turn, 32 bits: `turn`.
AMOUNT: Final = next(_at)
TIP: Final = next(_at)
TARGET: Final = next(_at)
THINKING: Final = next(_at)
OUTPUT: Final = next(_at)
FEE: Final = next(_at)
POOREST: Final = next(_at)
WINNER: Final = next(_at)
WINNER_HIGH: Final = next(_at)
BLOCK: Final = next(_at)
"""A mask: all bits where there is a block, none where there is not."""
KIND: Final = next(_at)
COUNTING: Final = next(_at)
TIPS_WAITING: Final = next(_at)
STAKES_WAITING: Final = next(_at)
BURNS_WAITING: Final = next(_at)
TRANSFERS_WAITING: Final = next(_at)
GUARD: Final = next(_at)
BLOCK_TURN: Final = next(_at)
BLOCK_WINNER: Final = next(_at)
BLOCK_KIND: Final = next(_at)
FIRST_NEGATIVE: Final = next(_at)
PLATFORM_NEGATIVE: Final = next(_at)
BLOCKS: Final = next(_at)
STAKE_BLOCKS: Final = next(_at)
BURN_BLOCKS: Final = next(_at)
SHARES: Final = next(_at)
EACH: Final = next(_at)
COUNTS: Final = next(_at)
"""The first of the counts, which never begin anew in a run."""
NEGATIVE: Final = COUNTS
STAKES_CHOSEN: Final = next(_at)
UNSTAKES_CHOSEN: Final = next(_at)
BURNS_CHOSEN: Final = next(_at)
STUDIES_CHOSEN: Final = next(_at)
JOBS_CHOSEN: Final = next(_at)
TRANSFERS_CHOSEN: Final = next(_at)
OTHERS_CHOSEN: Final = next(_at)
REJECTED: Final = next(_at)
STAKES_DONE: Final = next(_at)
BURNS_DONE: Final = next(_at)
TRANSFERS_DONE: Final = next(_at)
RELEASES_DONE: Final = next(_at)
FLOWS: Final = next(_at)
"""The first of the flows, which are added to totals of the same order: first those of bills,"""
CHARGED: Final = FLOWS
COVERED: Final = next(_at)
WAIVED: Final = next(_at)
CREDITS: Final = next(_at)
RELIEF: Final = next(_at)
INTEREST: Final = next(_at)
TURN_FLOWS: Final = next(_at)
"""then those that may move at any time in a turn."""
DIVIDENDS: Final = TURN_FLOWS
BONUSES: Final = next(_at)
STUDY_COSTS: Final = next(_at)
BURNS: Final = next(_at)
CORE_PRICES: Final = next(_at)
INCOME: Final = next(_at)
DEBT: Final = next(_at)
TURN_ROWS: Final = next(_at)
FLOW_COUNT: Final = (TURN_ROWS - FLOWS) // LANES

_at = (LANES * row for row in count())

# Of each world, floats of 32 bits for the lottery: `points`; weights count units.
SHORT_MINE: Final = next(_at)
SHORT_STAKE: Final = next(_at)
SHORT_BURN_RATE: Final = next(_at)
SHORT_THRESHOLD: Final = next(_at)
SHORT_LOST: Final = next(_at)
"""Twice what the weight of all burns may be off by, for each token burned."""
SHORT_KEEP: Final = next(_at)
SHORT_EXACT: Final = next(_at)
SHORT_BURN_PART: Final = next(_at)
SHORT_LOW: Final = next(_at)
SHORT_HIGH: Final = next(_at)
SHORT_PASSED: Final = next(_at)
POINT_ROWS: Final = next(_at)

_at = (LANES * row for row in count())

# Of each world, floats of the turn: `draws`.
EXACT_WEIGHT: Final = next(_at)
POINT_LOW: Final = next(_at)
POINT_HIGH: Final = next(_at)
BURNED_SUM: Final = next(_at)
BURN_PART: Final = next(_at)
PASSED: Final = next(_at)
POOL_PART: Final = next(_at)
"""The turn's pool for each token of claims, rounded up."""
DRAW_ROWS: Final = next(_at)

# Of each world, 64 bits: `totals`, the flows in their order, then these.
_at = (LANES * row for row in count(FLOW_COUNT))
PLATFORM: Final = next(_at)
PLATFORM_MIN: Final = next(_at)
POOL: Final = next(_at)
CLAIMS: Final = next(_at)
INTERVENED: Final = next(_at)
"""What interventions gave the platform, less what they took from it."""
LOST: Final = next(_at)
"""What shocks destroyed."""
TOTAL_ROWS: Final = next(_at)

_at = (LANES * row for row in count())

# Of each world, its parameters of 32 bits: `parameters`.
GENESIS: Final = next(_at)
COMMONS: Final = next(_at)
BONUS: Final = next(_at)
STUDY_COST: Final = next(_at)
CREDIT_MAX: Final = next(_at)
CARRYOVER: Final = next(_at)
SPENT_AGE: Final = next(_at)
THINKING_LOW: Final = next(_at)
THINKING_COUNT: Final = next(_at)
OUTPUT_LOW: Final = next(_at)
OUTPUT_COUNT: Final = next(_at)
USAGE_INDEX: Final = next(_at)
POLICY: Final = next(_at)
"""The first number of the policy; how many follow is the policy's affair."""

_at = (LANES * row for row in count())

# Of each world, its rates and weights as floats: `rates`.
THINKING_RATE: Final = next(_at)
INTEREST_RATE: Final = next(_at)
UNIT_PRICE: Final = next(_at)
"""Millionths a unit, a whole number."""
STUDY_KEEP: Final = next(_at)
"""Millionths that a study leaves of the factor, a whole number."""
MINE_WEIGHT: Final = next(_at)
STAKE_WEIGHT: Final = next(_at)
BURN_WEIGHT_RATE: Final = next(_at)
BURN_KEEP: Final = next(_at)
BURN_ERROR: Final = next(_at)
THRESHOLD: Final = next(_at)
RATES: Final = next(_at)

_at = (LANES * row for row in count())

# Of each world, what draws and charges usage in 64 bits: `usage`.
THINKING_FROM: Final = next(_at)
THINKING_SPAN: Final = next(_at)
OUTPUT_LESS_FREE: Final = next(_at)
"""The least output, less the free units."""
OUTPUT_SPAN: Final = next(_at)
THINKING_PART: Final = next(_at)
"""2^-41, rounded up."""
FREE_UNITS: Final = next(_at)
USAGE_ROWS: Final = next(_at)

SERIES: Final = 4
"""Numbers that are kept of each turn: agents and tokens below zero, platform, supply."""

Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]
Int32s = np.ndarray[tuple[int], np.dtype[np.int32]]
Int64s = np.ndarray[tuple[int], np.dtype[np.int64]]
Uint64s = np.ndarray[tuple[int], np.dtype[np.uint64]]
ShortFloats = np.ndarray[tuple[int], np.dtype[np.float32]]
Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
