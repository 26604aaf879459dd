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
        if not _in_force(contract, turn):
            continue
        holder = contract.seats[Role.COUNTERPARTY]
        owed = left.get(holder, fees[holder])
        amount = min(owed, contract.payment)
        if amount:
            left[holder] = owed - amount
            drawn.append((contract.contract_id, amount))
    return drawn


def held(contracts: Iterable[Contract], turn: int) -> dict[int, int]:
    """Tokens that forwards in force hold for the fees of their counterparties, by agent index.

    Source: docs/spec/economy.md, K4, I7 and I8.
    """
    tokens: dict[int, int] = {}
    for contract in contracts:
        if _in_force(contract, turn):
            holder = contract.seats[Role.COUNTERPARTY]
            tokens[holder] = tokens.get(holder, 0) + contract.payment
    return tokens


def _in_force(contract: Contract, turn: int) -> bool:
    is_forward = contract.deal.kind is ContractKind.FORWARD
    return is_forward and contract.stage is Stage.ACTIVE and turn >= contract.deal.start_turn
