"""The reinvestment rebate: who has points, and what a contract's end adds to a side's net.

Source: docs/spec/economy.md, G2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from sim_economy.core.contracts import Contract, ContractKind
from sim_economy.core.governance_config import ReinvestmentRebate
from sim_economy.core.state import NetRecord, RebateMemory
from sim_economy.core.units import Millionths, portion

SIDE_POINTS: Final = 2
"""Points of a side of a settled contract."""


def rebate(pool: int, share: Millionths) -> int:
    """The part of the pool that is rebated, if anybody has points.

    Source: docs/spec/economy.md, G2.
    """
    return portion(pool, share)


def in_window(rule: ReinvestmentRebate, memory: RebateMemory, turn: int) -> RebateMemory:
    """The memory without studies and contracts that have no points at T6 of a turn any more.

    Args:
        memory: With the turn's studies in it.

    Source: docs/spec/economy.md, G2.
    """
    first = turn - rule.window_turns
    return replace(
        memory,
        studies=tuple(studied for studied in memory.studies if studied.turn > first),
        settled=tuple(settled for settled in memory.settled if settled.turn >= first),
    )


def points(rule: ReinvestmentRebate, memory: RebateMemory) -> list[int]:
    """The points of each agent at T6, `[agent]`.

    Args:
        memory: What is in the window, with the turn's stakes.

    Source: docs/spec/economy.md, G2.
    """
    found = [int(turns >= rule.stake_turns) for turns in memory.staked]
    for studied in memory.studies:
        found[studied.agent] += 1
    for settled in memory.settled:
        found[settled.agent] += SIDE_POINTS
    return found


def moved_before(contract: Contract) -> tuple[int, int]:
    """What proposer and counterparty had received, less paid, before a contract's end.

    Source: docs/spec/economy.md, G2.
    """
    deal = contract.deal
    match deal.kind:
        case ContractKind.LOAN:
            received = -deal.principal
        case ContractKind.INSURANCE:
            received = deal.premium
        case ContractKind.FORWARD:
            received = deal.price - (deal.cap - contract.payment)
        case _:
            received = 0
    return received, -received


def moved(known: NetRecord, received: int) -> tuple[NetRecord, bool]:
    """A running net after a contract's end, and whether it is a new maximum or minimum.

    Source: docs/spec/economy.md, G2.
    """
    net = known.net + received
    is_new = net > known.high or net < known.low
    return NetRecord(net, max(known.high, net), min(known.low, net)), is_new


def staked_turns(
    before: Sequence[int], staked: Sequence[int], rule: ReinvestmentRebate
) -> list[int]:
    """For how many turns each agent has had the stake, up to those that are asked for, `[agent]`.

    Source: docs/spec/economy.md, G2.
    """
    return [
        min(rule.stake_turns, turns + 1) if held >= rule.stake_min else 0
        for turns, held in zip(before, staked, strict=True)
    ]
