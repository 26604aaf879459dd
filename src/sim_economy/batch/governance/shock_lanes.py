"""Shocks, for all lanes: gains and losses, and what holds for some turns.

Source: docs/spec/economy.md, G6.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sim_economy.batch.arrays import BlockWorlds, Workspace
from sim_economy.batch.compiling import compiled_apart
from sim_economy.batch.governance.debt_rails_lanes import note_balance, repay_rise
from sim_economy.batch.governance.governance_arrays import Governance, Shocks
from sim_economy.batch.governance.governance_lanes import AGENT_ROWS, LENDS
from sim_economy.batch.lanes import (
    BALANCE,
    GUARD,
    INCOME,
    LANES,
    LIMIT,
    LOST,
    OUTPUT,
    OUTSIDE,
    PRICE,
    PRICE_REST,
    ROWS,
    STUDY_FACTOR,
    THINKING,
    UNIT_PRICE,
    WEIGHTS,
    Floats,
    Int32s,
    Int64s,
)
from sim_economy.batch.steps.exact_lanes import price_of

MILLION: Final = np.int64(10**6)
PRODUCT_MAX: Final = np.int64((1 << 62) - 1)
UNITS_MAX: Final = np.int64(LIMIT)
ZERO: Final = np.int32(0)
ENTRY: Final = 3
"""Numbers of a gain or loss: turn, agent, tokens; those of a loss are below zero."""


@compiled_apart
def strike(work: Workspace, governance: Governance, agent: np.int64, number: np.int64) -> None:
    """T2: what one agent gains or loses in this turn."""
    entries = governance.shocks.one_off
    rows = work.rows[agent * ROWS : (agent + 1) * ROWS]
    own = governance.agents[agent * AGENT_ROWS : (agent + 1) * AGENT_ROWS]
    for entry in range(0, len(entries), ENTRY):
        if entries[entry] != number or entries[entry + 1] != agent:
            continue
        tokens = np.int32(entries[entry + 2])
        if tokens < 0:
            _lose(rows, work.totals, np.int32(-tokens))
            continue
        note_balance(rows, own)
        _gain(work.turn, rows, tokens)
        if governance.rules[LENDS]:
            repay_rise(work.rows, work.totals, governance, agent)


@compiled_apart
def _gain(turn: Int32s, rows: Int32s, tokens: np.int32) -> None:
    for lane in range(LANES):
        rows[BALANCE + lane] += tokens
        turn[INCOME + lane] += tokens
        turn[GUARD + lane] |= tokens | max(rows[BALANCE + lane], ZERO)


@compiled_apart
def _lose(rows: Int32s, totals: Int64s, tokens: np.int32) -> None:
    for lane in range(LANES):
        taken = min(tokens, max(rows[BALANCE + lane], ZERO))
        rows[BALANCE + lane] -= taken
        totals[LOST + lane] += np.int64(taken)


@compiled_apart
def meter(turn: Int32s, factor: np.int64) -> None:
    """T1: an agent's units under a shock of usage, each rounded down."""
    for lane in range(LANES):
        for row in (THINKING, OUTPUT):
            units = np.int64(turn[row + lane])
            if factor > 0 and units > PRODUCT_MAX // factor:
                units = np.int64(0)
                turn[GUARD + lane] |= OUTSIDE
            units = units * factor // MILLION
            if units >= UNITS_MAX:
                units = np.int64(0)
                turn[GUARD + lane] |= OUTSIDE
            turn[row + lane] = np.int32(units)


@compiled_apart
def keep_parameters(worlds: BlockWorlds, shocks: Shocks) -> None:
    """Keep the parameters of genesis that shocks will change."""
    for index in range(len(shocks.rows)):
        row, at = shocks.rows[index], index * LANES
        for lane in range(LANES):
            if shocks.is_rate[index]:
                shocks.kept[at + lane] = worlds.rates[row + lane]
            else:
                shocks.kept[at + lane] = np.float64(worlds.parameters[row + lane])


@compiled_apart
def set_parameters(
    worlds: BlockWorlds, work: Workspace, shocks: Shocks, agents: np.int64, number: np.int64
) -> None:
    """Set the parameters that shocks change as they are in a turn; in turn 0 as at genesis."""
    for index in range(len(shocks.rows)):
        row, at = shocks.rows[index], index * LANES
        value = shocks.values[number * len(shocks.rows) + index]
        for lane in range(LANES):
            own = shocks.kept[at + lane] if value < 0.0 else value
            if shocks.is_rate[index]:
                worlds.rates[row + lane] = own
            else:
                worlds.parameters[row + lane] = np.int32(own)
        if shocks.is_rate[index] and row == UNIT_PRICE:
            for agent in range(agents):
                reprice(work.weights[agent * WEIGHTS : (agent + 1) * WEIGHTS], worlds.rates)


@compiled_apart
def reprice(weights: Floats, rates: Floats) -> None:
    """The price of a unit for one agent under another rate (B3)."""
    for lane in range(LANES):
        price, rest = price_of(rates[UNIT_PRICE + lane], weights[STUDY_FACTOR + lane])
        weights[PRICE + lane] = price
        weights[PRICE_REST + lane] = rest
