"""Which agents are out of tokens, in a world whose rules refuse usage (I7, I8)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from sim_economy.core.income_config import EmptyRule
from sim_economy.core.world_config import WorldConfig
from sim_economy.ledger.records import TurnRecord


class OutOfTokens:
    """Since when each agent has been out of tokens; nobody is where the rules refuse no usage.

    An agent is, from the turn in which usage of it was refused or after which its balance is below
    zero, until a turn in which none was and after which it holds tokens.

    Attributes:
        since: `[agent]`; None where an agent is not.
    """

    __slots__ = ("_refuses", "since")

    def __init__(self, config: WorldConfig, agents: int) -> None:
        self._refuses = refuses_usage(config)
        self.since: list[int | None] = [None] * agents

    def add(self, record: TurnRecord, balances: Sequence[int]) -> None:
        """Take in one more turn and the balances after it."""
        if not self._refuses:
            return
        denied = () if record.units_denied is UNSET else record.units_denied
        refused = {own.agent for own in denied if own.units}
        for agent, balance in enumerate(balances):
            if agent in refused or balance < 0:
                if self.since[agent] is None:
                    self.since[agent] = record.turn
            elif balance > 0:
                self.since[agent] = None


def refuses_usage(config: WorldConfig) -> bool:
    """Whether usage is refused that a balance cannot pay."""
    return config.when_empty is not EmptyRule.DEBT
