"""The usage of one agent in one turn, for all lanes.

Source: docs/spec/economy.md, L8, T1 and B1.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.compiling import compiled, mixed
from sim_economy.batch.lanes import (
    FEE,
    FREE_UNITS,
    LANES,
    OUTPUT,
    OUTPUT_COUNT,
    OUTPUT_LESS_FREE,
    OUTPUT_LOW,
    OUTPUT_SPAN,
    THINKING,
    THINKING_COUNT,
    THINKING_FROM,
    THINKING_LOW,
    THINKING_PART,
    THINKING_SPAN,
    USAGE_INDEX,
    Int32s,
    Int64s,
    Uint64s,
)
from sim_economy.batch.steps.exact_lanes import SCALED_BITS

UNIFORM: Final = 0
TABLED: Final = 1
LISTED: Final = 2

HALF: Final = np.uint64(32)
LOWER: Final = np.uint64(2**32 - 1)
TABLE_SIZE: Final = 1 << 16
PART_BITS: Final = 41
"""Parts of thinking are rounded up to 2^-41: exact for fewer than two million units."""


@compiled
def uniform_usage(turn: Int32s, parameters: Int32s, keys: Uint64s, step: np.uint64) -> None:
    """Draw thinking and output from a range each.

    Args:
        keys: Of this turn and the purpose `usage`, `[lane]`.
        step: What tells this agent's draw apart.
    """
    for lane in range(LANES):
        drawn = mixed(keys[lane] + step)
        thinking = ((drawn >> HALF) * np.uint64(parameters[THINKING_COUNT + lane])) >> HALF
        output = ((drawn & LOWER) * np.uint64(parameters[OUTPUT_COUNT + lane])) >> HALF
        turn[THINKING + lane] = parameters[THINKING_LOW + lane] + np.int32(thinking)
        turn[OUTPUT + lane] = parameters[OUTPUT_LOW + lane] + np.int32(output)


@compiled
def drawn_units(usage: Int64s, key: np.uint64, lane: int) -> np.int64:
    """Draw thinking and output from a range each, and add up what is charged of them."""
    drawn = mixed(key)
    thinking = ((drawn >> HALF) * (np.uint64(usage[THINKING_SPAN + lane]) & LOWER)) >> HALF
    output = ((drawn & LOWER) * (np.uint64(usage[OUTPUT_SPAN + lane]) & LOWER)) >> HALF
    used = np.int64(thinking) + usage[THINKING_FROM + lane]
    counted = (used * usage[THINKING_PART + lane]) >> PART_BITS
    units = counted + np.int64(output) + usage[OUTPUT_LESS_FREE + lane]
    return max(units, np.int64(0))


@compiled
def charge_drawn_usage(
    turn: Int32s, usage: Int64s, prices: Int64s, keys: Uint64s, step: np.uint64
) -> None:
    """Draw thinking and output from a range each, and find the fee, all in 64 bits.

    Args:
        prices: Of one agent, by `exact_lanes.scaled_price`, `[lane]`.
        keys: As `uniform_usage` takes them, with the step.

    Source: docs/spec/economy.md, L8 and B1 to B3.
    """
    for lane in range(LANES):
        units = drawn_units(usage, keys[lane] + step, lane)
        fee = (units * prices[lane]) >> SCALED_BITS
        turn[FEE + lane] = np.int32(fee)


@compiled
def charge_scaled_usage(turn: Int32s, usage: Int64s, prices: Int64s) -> None:
    """The fee for thinking and output that were drawn or read, in 64 bits.

    Args:
        prices: Of one agent, by `exact_lanes.scaled_price`, `[lane]`.

    Source: docs/spec/economy.md, B1 to B3.
    """
    for lane in range(LANES):
        used = np.int64(turn[THINKING + lane])
        counted = (used * usage[THINKING_PART + lane]) >> PART_BITS
        units = counted + np.int64(turn[OUTPUT + lane]) - usage[FREE_UNITS + lane]
        fee = (max(units, np.int64(0)) * prices[lane]) >> SCALED_BITS
        turn[FEE + lane] = np.int32(fee)


@compiled
def quantile(table: Int32s, half: np.int64) -> np.int32:
    """Units at the probability half / 2^32; see `agents.quantiles`."""
    scaled = max(np.int64(0), half * TABLE_SIZE - (1 << 31))
    index = scaled >> 32
    part = scaled & 0xFFFFFFFF
    below = np.int64(table[index])
    above = np.int64(table[min(index + 1, TABLE_SIZE - 1)])
    return np.int32(below + (((above - below) * part) >> 32))


@compiled
def tabled_usage(turn: Int32s, tables: Int32s, keys: Uint64s, step: np.uint64) -> None:
    """Draw thinking and output from a table of quantiles each.

    Args:
        tables: Quantiles of thinking, then of output.
    """
    thinking, output = tables[:TABLE_SIZE], tables[TABLE_SIZE:]
    for lane in range(LANES):
        drawn = mixed(keys[lane] + step)
        turn[THINKING + lane] = quantile(thinking, np.int64(drawn >> HALF))
        turn[OUTPUT + lane] = quantile(output, np.int64(drawn & LOWER))


@compiled
def listed_usage(
    turn: Int32s, parameters: Int32s, listed: Int32s, start: np.int64, stride: np.int64
) -> None:
    """Read thinking and output from a list.

    Args:
        listed: Pairs, `[list, turn, agent]`.
        start: Of this turn and agent in a list, counted in pairs.
        stride: Pairs of a list.
    """
    for lane in range(LANES):
        at = 2 * (parameters[USAGE_INDEX + lane] * stride + start)
        turn[THINKING + lane] = listed[at]
        turn[OUTPUT + lane] = listed[at + 1]


@compiled
def read_two_lists(parameters: Int32s) -> bool:
    """Whether every lane reads the list of the first lane or that of the last."""
    first, last = parameters[USAGE_INDEX], parameters[USAGE_INDEX + LANES - 1]
    others = np.int32(0)
    for lane in range(LANES):
        index = parameters[USAGE_INDEX + lane]
        others |= np.int32((index != first) & (index != last))
    return others == 0


@compiled
def usage_of_two_lists(
    turn: Int32s, parameters: Int32s, listed: Int32s, start: np.int64, stride: np.int64
) -> None:
    """Read thinking and output as `listed_usage` does, where `read_two_lists` holds."""
    first, last = parameters[USAGE_INDEX], parameters[USAGE_INDEX + LANES - 1]
    of_first, of_last = 2 * (first * stride + start), 2 * (last * stride + start)
    thinking, output = listed[of_first], listed[of_first + 1]
    other_thinking, other_output = listed[of_last], listed[of_last + 1]
    for lane in range(LANES):
        reads_first = parameters[USAGE_INDEX + lane] == first
        turn[THINKING + lane] = thinking if reads_first else other_thinking
        turn[OUTPUT + lane] = output if reads_first else other_output
