"""The auction of core shares: its winners and their price.

Source: docs/spec/economy.md, C1.
"""

from __future__ import annotations

from collections.abc import Mapping


def sale(bids: Mapping[int, int], num_cores: int) -> tuple[list[int], int]:
    """The winners, highest bid first, and the one price they all pay.

    Args:
        bids: Tokens by agent index; none below 1.

    Source: docs/spec/economy.md, C1.
    """
    ranked = sorted(bids, key=lambda agent: (-bids[agent], agent))
    winners, losers = ranked[:num_cores], ranked[num_cores:]
    return winners, bids[losers[0]] if losers else 1
