"""The arbitration subsidy: what the platform adds for arbitrators of small contracts.

Source: docs/spec/economy.md, G4.
"""

from __future__ import annotations


def subsidy(arbitrator_fee: int, value: int, small_value: int, rent_left: int) -> int:
    """Tokens for the arbitrator of a contract that counted, as far as the turn's rent reaches.

    Args:
        value: Of the contract, as it counts for reputations (K11).
        small_value: The highest value that is subsidised.
        rent_left: Of the turn's rent, what earlier subsidies left.

    Source: docs/spec/economy.md, G4.
    """
    if value > small_value:
        return 0
    return min(min(arbitrator_fee, value) // 2, rent_left)
