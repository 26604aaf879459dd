"""Policies that fail at some points, where other processes can import them."""

from __future__ import annotations

from sim_economy.agents.policy import Policy, View
from sim_economy.core.actions import Action, Mine

IS_BROKEN = True
"""Whether they fail; what they call elsewhere, a file or a library, may be repaired."""


class Fragile(Policy, frozen=True):
    """Mines, and raises from turn 3 on where its `limit` is above 5 and the seed is even."""

    limit: int = 0

    def decide(self, view: View) -> Action:
        """Mine, or raise."""
        if IS_BROKEN and self.limit > 5 and view.open_turn > 2 and view.config.seed % 2 == 0:
            raise ArithmeticError("over the limit")
        return Mine()
