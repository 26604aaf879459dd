"""What one agent may see, and nothing else.

Source: docs/spec/economy.md, section 9.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from sim_economy.core.events import RejectionReason, Transaction
from sim_economy.core.ledger import holdings
from sim_economy.core.scenario import Scenario, config
from sim_economy.core.state import Release, State, Tip


class Observation(Struct, frozen=True):
    """One agent's view of the world before it acts.

    Attributes:
        accounts: Own tokens by account (O1).
        transactions: Own, waiting for a block (O1).
        releases: Own stake on its way back (O1).
        rejection: Why the own last action was refused (O1).
        tip: The newest block of the chain (O2).
        core_owners: Core shares by agent id, owners only (O2).
        speech: What each agent said last turn (O2).
        world: Parameters and variants without the seed (O2).
    """

    agent_id: str
    turn: int
    accounts: dict[str, int]
    studies: int
    transactions: tuple[Transaction, ...]
    releases: tuple[Release, ...]
    rejection: RejectionReason | None
    tip: Tip
    fees_collected: int
    token_supply: int
    core_owners: dict[str, int]
    speech: dict[str, str]
    world: dict[str, int | bool | str | Decimal]


def observe(state: State, agent: int, scenario: Scenario) -> Observation:
    """The view of the agent at a position in genesis order."""
    agent_id = scenario.agent_ids[agent]
    return Observation(
        agent_id=agent_id,
        turn=state.turn,
        accounts=holdings(state.accounts, agent),
        studies=state.studies[agent],
        transactions=tuple(own for own in state.mempool if own.agent_id == agent_id),
        releases=tuple(own for own in state.releases if own.agent == agent),
        rejection=state.rejections[agent],
        tip=state.tip,
        fees_collected=state.fees_collected,
        token_supply=state.token_supply,
        core_owners={
            owner: shares
            for owner, shares in zip(scenario.agent_ids, state.cores, strict=True)
            if shares
        },
        speech={
            speaker: said
            for speaker, said in zip(scenario.agent_ids, state.speech, strict=True)
            if said is not None
        },
        world=config(scenario),
    )
