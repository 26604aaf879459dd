"""A digest of a world's state in 64 bits, which the core and the kernel both can compute.

Each number of a state is multiplied with an odd coefficient of its own; the sum, modulo 2^64, is
mixed once. A sum needs no order, so lanes can add it up, and what waits in several pieces for one
goal counts as one.

Source: docs/spec/economy.md, L8; docs/batch.md.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import Final

from msgspec import UNSET, UnsetType

from sim_economy.core.accounts import (
    BALANCE,
    DESTROYED,
    ESCROW,
    PENDING,
    PLATFORM,
    STAKED,
    UNSTAKING,
    WIDTH,
)
from sim_economy.core.events import TransactionType, ValidatorType
from sim_economy.core.randomness import mixed
from sim_economy.core.state import GovernanceState, State
from sim_economy.core.world_config import WorldConfig, genesis_order

MASK: Final = 2**64 - 1


class Part(IntEnum):
    """What a number of the state is; of the world, of an agent, of an agent and a turn."""

    TURN = 1
    PLATFORM = 2
    DESTROYED = 3
    BLOCK_TURN = 4
    BLOCK_WINNER = 5
    BLOCK_KIND = 6
    BALANCE = 7
    STAKED = 8
    UNSTAKING = 9
    PENDING = 10
    ESCROW = 11
    STUDIES = 12
    EMPLOYED = 13
    BURNED = 14
    CORES = 15
    WAITING_STAKE = 16
    WAITING_BURN = 17
    WAITING_TRANSFER = 18
    WAITING_TIP = 19
    BURN = 20
    RELEASE = 21
    WINDOW_FEES = 22
    WINDOW_TIPS = 23
    WINDOW_JOB_PAY = 24
    RELIEVED = 25
    UNCOVERED = 26
    GIVEN = 27
    RECEIVABLE = 28
    LAST_LOAN = 29
    STUDIED = 30
    STAKED_TURNS = 31


VALIDATOR_CODE: Final = {ValidatorType.MINE: 1, ValidatorType.STAKE: 2, ValidatorType.BURN: 3}
"""Kinds of the newest block; 0 is genesis."""

_ACCOUNTS: Final = (
    (Part.BALANCE, BALANCE),
    (Part.STAKED, STAKED),
    (Part.UNSTAKING, UNSTAKING),
    (Part.PENDING, PENDING),
    (Part.ESCROW, ESCROW),
)
_WAITING: Final = {
    TransactionType.STAKE: Part.WAITING_STAKE,
    TransactionType.BURN: Part.WAITING_BURN,
    TransactionType.TRANSFER: Part.WAITING_TRANSFER,
}


@lru_cache(65536)
def coefficient(part: Part, agent: int = 0, turn: int = 0) -> int:
    """The odd factor of a number in the sum.

    Args:
        agent: Index in genesis order: the owner, of a transfer the recipient.
        turn: Of a burn when it was finalised, of a release when it is due.
    """
    return mixed(mixed((part << 56) + agent) + turn) | 1


def state_digest(state: State, config: WorldConfig) -> int:
    """The digest of all accounts and of all else that rules without contracts depend on.

    Returns:
        From 0 to 2^64 - 1.
    """
    block = state.newest_block
    order = genesis_order(config)
    winner = 0 if block.winner is None else order[block.winner] + 1
    kind = 0 if block.validator_type is None else VALIDATOR_CODE[block.validator_type]
    total = (
        coefficient(Part.TURN) * state.turn
        + coefficient(Part.PLATFORM) * state.accounts[PLATFORM]
        + coefficient(Part.DESTROYED) * state.accounts[DESTROYED]
        + coefficient(Part.BLOCK_TURN) * block.turn
        + coefficient(Part.BLOCK_WINNER) * winner
        + coefficient(Part.BLOCK_KIND) * kind
    )
    for part, first in _ACCOUNTS:
        for agent, tokens in enumerate(state.accounts[first::WIDTH]):
            if tokens:
                total += coefficient(part, agent) * tokens
    for part, numbers in (
        (Part.STUDIES, state.studies),
        (Part.EMPLOYED, state.employed),
        (Part.BURNED, state.burned),
        (Part.CORES, state.cores),
    ):
        for agent, number in enumerate(numbers):
            if number:
                total += coefficient(part, agent) * number
    for waiting in state.mempool:
        owner = order[waiting.agent_id]
        goal = owner if waiting.to is None else order[waiting.to]
        total += coefficient(_WAITING[waiting.tx_type], goal) * waiting.amount
        total += coefficient(Part.WAITING_TIP, owner) * waiting.fee
    for burn in state.burns:
        total += coefficient(Part.BURN, burn.agent, burn.turn) * burn.amount
    for release in state.releases:
        total += coefficient(Part.RELEASE, release.agent, release.due) * release.amount
    total += _governance_sum(state.governance)
    return mixed(total & MASK)


def _governance_sum(memory: GovernanceState | UnsetType) -> int:
    """What interventions add to the sum, but for what contracts have moved."""
    total = 0
    if memory is UNSET:
        return total
    for kept in memory.fee_window or ():
        total += coefficient(Part.WINDOW_FEES, 0, kept.turn) * kept.fees
        total += coefficient(Part.WINDOW_TIPS, 0, kept.turn) * kept.tips
        total += coefficient(Part.WINDOW_JOB_PAY, 0, kept.turn) * kept.job_pay
    for agent in memory.relieved or ():
        total += coefficient(Part.RELIEVED, agent)
    for agent, debt in enumerate(memory.debts or ()):
        total += coefficient(Part.UNCOVERED, agent) * debt.uncovered
        total += coefficient(Part.GIVEN, agent) * debt.given
        total += coefficient(Part.RECEIVABLE, agent) * debt.receivable
        total += coefficient(Part.LAST_LOAN, agent) * debt.last_loan
    if memory.rebate:
        for studied in memory.rebate.studies:
            total += coefficient(Part.STUDIED, studied.agent, studied.turn)
        for agent, turns in enumerate(memory.rebate.staked):
            total += coefficient(Part.STAKED_TURNS, agent) * turns
    return total
