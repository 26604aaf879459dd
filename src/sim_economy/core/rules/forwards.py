"""The part of its holder's fees that a forward pays.

Source: docs/spec/economy.md, K4 and B6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sim_economy.core.contracts import Contract, ContractKind, Role, Stage


def draws(contracts: Iterable[Contract], fees: Sequence[int], turn: int) -> list[tuple[int, int]]:
    """Contract ids with the tokens drawn from each, in the order of the contracts.

    Args:
        contracts: Open ones.
        fees: Tokens, `[agent]`.

    Source: docs/spec/economy.md, K4.
    """
    left: dict[int, int] = {}
    drawn = []
    for contract in contracts:
        if contract.deal.kind is not ContractKind.FORWARD or contract.stage is not Stage.ACTIVE:
            continue
        if turn < contract.deal.start_turn:
            continue
        holder = contract.seats[Role.COUNTERPARTY]
        owed = left.get(holder, fees[holder])
        amount = min(owed, contract.payment)
        if amount:
            left[holder] = owed - amount
            drawn.append((contract.contract_id, amount))
    return drawn
