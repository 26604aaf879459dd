"""Templates: the terms that a matched contract has unless its parties choose others.

Source: docs/spec/economy.md, G4.
"""

from __future__ import annotations

from sim_economy.core.contracts import ContractKind, Terms
from sim_economy.core.governance_config import ContractMatching
from sim_economy.core.needs import ContractMatch
from sim_economy.core.units import INPUT_LIMIT, MILLION


def template(
    match: ContractMatch, open_turn: int, signature_window: int, rule: ContractMatching
) -> Terms:
    """The terms of a kind; what only a party can know is left to it, as None.

    Args:
        open_turn: The turn in which the contract would be proposed.

    Source: docs/spec/economy.md, G4.
    """
    last_signing = open_turn + signature_window
    due_turn = min(INPUT_LIMIT, last_signing + rule.term_turns)
    amount, price = match.amount, match.price
    match match.kind:
        case ContractKind.SERVICE:
            bond = -(-price * rule.bond_rate // MILLION)
            return Terms(
                due_turn=due_turn,
                price=price,
                proposer_collateral=bond,
                counterparty_collateral=bond,
                arbitrator_collateral=price,
                arbitrator_fee=min(rule.arbitrator_fee, bond),
            )
        case ContractKind.INFORMATION_SALE:
            return Terms(due_turn=due_turn, price=price, proposer_collateral=price)
        case ContractKind.LOAN:
            return Terms(due_turn=due_turn, principal=amount, premium=price)
        case ContractKind.INSURANCE:
            return Terms(due_turn=due_turn, payout=amount, premium=price)
        case ContractKind.FORWARD:
            start_turn = min(due_turn, last_signing + 1)
            return Terms(due_turn=due_turn, price=price, cap=amount, start_turn=start_turn)
