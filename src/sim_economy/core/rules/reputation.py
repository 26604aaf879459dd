"""Reputations: the records that a contract's end adds to.

Source: docs/spec/economy.md, K11.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from sim_economy.core.contracts import (
    Contract,
    ContractKind,
    Favoured,
    Happened,
    Reputation,
    Role,
)


def contract_value(contract: Contract, happened: Happened) -> int:
    """The value of an ended contract for reputations, in tokens.

    Source: docs/spec/economy.md, K11.
    """
    deal = contract.deal
    match deal.kind:
        case ContractKind.SERVICE | ContractKind.INFORMATION_SALE:
            return deal.price
        case ContractKind.LOAN:
            owed = deal.principal + deal.premium
            return deal.premium if happened is Happened.SETTLED else owed
        case ContractKind.INSURANCE:
            return deal.premium
        case ContractKind.FORWARD:
            return deal.cap - contract.payment


def recorded(
    contract: Contract, happened: Happened, fault: Sequence[Role], before: Sequence[Reputation]
) -> tuple[Reputation, Reputation, Reputation]:
    """The records of the three parties after a contract that counts.

    Args:
        fault: Through whom it defaulted.
        before: Their records, in the order of the parties.

    Source: docs/spec/economy.md, K11.
    """
    one, other, arbitrator = before
    favoured = contract.favoured
    if happened is Happened.SETTLED:
        one = replace(one, settled=one.settled + 1)
        if favoured is None:
            other = replace(other, settled=other.settled + 1)
    if Role.PROPOSER in fault:
        one = replace(one, defaulted=one.defaulted + 1)
    if Role.COUNTERPARTY in fault:
        other = replace(other, defaulted=other.defaulted + 1)
    if Role.ARBITRATOR in fault:
        arbitrator = replace(arbitrator, missed=arbitrator.missed + 1)
    match favoured:
        case Favoured.PROPOSER:
            arbitrator = replace(arbitrator, for_proposers=arbitrator.for_proposers + 1)
        case Favoured.COUNTERPARTY:
            rulings = arbitrator.for_counterparties + 1
            arbitrator = replace(arbitrator, for_counterparties=rulings)
    return one, other, arbitrator
