"""What a study keeps of a run at a horizon: whole numbers, from which every outcome follows."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

WAGES_LOWERED: Final = "wages_lowered"
"""What jobs lost because fees were lowered, among what was spared or given."""


class StudyRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run of an arm, read after the turn of a horizon.

    Attributes:
        seed: Of the world.
        turns: The horizon.
        digest: Of the state, 64 bits as 16 hexadecimal digits.
        insolvent_agents: Agents below zero when the turn of the horizon closes.
        insolvent_agent_turns: Agent-turns that end below zero.
        debt_turns: Tokens below zero at the end of each turn, added up.
        squared_debt_turns: Their squares, added up.
        first_negative: The first turn that ends with the agent below zero, `[agent]`; 0 is never.
        wealth: Tokens that each agent owns, in all of its accounts, `[agent]`.
        receivables: Tokens lent by debt rails and not repaid, `[agent]`; empty without them.
        platform_negative_turn: The first turn that ends with the platform below zero; 0 is never.
        rent: Fees that balances covered, less what of them was paid out.
        blocks_won: `[agent]`.
        actions: Inputs by action.
        refused: Inputs that a rule refused.
        displaced: Inputs that were refused, and jobs that were credited nothing, though they were
            not in the world they were decided in; where behaviour is held fixed.
        granted: Tokens spared or given, by how.
        fired: Turns in which a rule did something, by rule.
        contracts: Contracts to which something happened, by what.
        flows: Tokens that one owner gave another, by reason and both (`flow_name`); where turns
            are kept.
        insolvent_by_turn: Agents below zero at the end of each turn, where it is kept.
        platform_by_turn: The platform's balance likewise.
    """

    seed: int
    turns: int
    digest: str
    insolvent_agents: int
    insolvent_agent_turns: int
    debt_turns: int
    squared_debt_turns: int
    first_negative: tuple[int, ...]
    wealth: tuple[int, ...]
    receivables: tuple[int, ...] = ()
    platform: int
    platform_negative_turn: int
    rent: int
    fees_charged: int
    blocks_won: tuple[int, ...]
    actions: dict[str, int]
    refused: int
    displaced: int = 0
    granted: dict[str, int] = field(default_factory=dict)
    fired: dict[str, int] = field(default_factory=dict)
    contracts: dict[str, int] = field(default_factory=dict)
    flows: dict[str, int] = field(default_factory=dict)
    insolvent_by_turn: tuple[int, ...] = ()
    platform_by_turn: tuple[int, ...] = ()

    @property
    def agents(self) -> int:
        """How many there are."""
        return len(self.wealth)

    @property
    def granted_total(self) -> int:
        """Tokens that agents were spared or given in all, gross: what wages lost is not taken off.

        What is spared is priced at the full tariff, for the usage that there was under the rule.
        """
        return sum(tokens for how, tokens in self.granted.items() if how != WAGES_LOWERED)


AGENTS: Final = "agents"
"""All of them, as the owner that a flow is from or to."""


def flow_name(reason: str, giver: str, taker: str) -> str:
    """The key of a flow: its reason, who gave and who took."""
    return f"{reason}: {giver} to {taker}"


def flow_parts(name: str) -> tuple[str, str, str]:
    """The reason of a flow, who gave and who took."""
    reason, _, owners = name.partition(": ")
    giver, _, taker = owners.partition(" to ")
    return reason, giver, taker
