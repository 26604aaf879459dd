"""What one agent may see, and nothing else.

Source: docs/spec/economy.md, section 9.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.core.contracts import Contract, EndedContract, Reputation, Role
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
        contracts: Open ones it is a party to; of an insurance only the insured sees the value (O1).
        contracts_ended: Its contracts that ended in the last turn (O1).
        payloads: Information goods it bought or sold, by contract id (O1).
        rejection: Why the own last action was refused (O1).
        tip: The newest block of the chain (O2).
        core_owners: Core shares by agent id, owners only (O2).
        reputations: By agent id, of those who have one (O2).
        speech: What each agent said last turn (O2).
        world: Parameters and variants without the seed (O2).
    """

    agent_id: str
    turn: int
    accounts: dict[str, int]
    studies: int
    transactions: tuple[Transaction, ...]
    releases: tuple[Release, ...]
    contracts: tuple[Contract, ...]
    contracts_ended: tuple[EndedContract, ...]
    payloads: dict[int, str]
    rejection: RejectionReason | None
    tip: Tip
    fees_collected: int
    token_supply: int
    core_owners: dict[str, int]
    reputations: dict[str, Reputation]
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
        contracts=tuple(
            _as_seen(contract, agent) for contract in state.contracts if agent in contract.seats
        ),
        contracts_ended=tuple(own for own in state.contracts_ended if agent in own.seats),
        payloads={
            sold.contract_id: sold.text
            for sold in state.payloads
            if agent in (sold.seller, sold.buyer)
        },
        rejection=state.rejections[agent],
        tip=state.tip,
        fees_collected=state.fees_collected,
        token_supply=state.token_supply,
        core_owners={
            owner: shares
            for owner, shares in zip(scenario.agent_ids, state.cores, strict=True)
            if shares
        },
        reputations={scenario.agent_ids[known.agent]: known for known in state.reputations},
        speech={
            speaker: said
            for speaker, said in zip(scenario.agent_ids, state.speech, strict=True)
            if said is not None
        },
        world=config(scenario),
    )


def _as_seen(contract: Contract, agent: int) -> Contract:
    """A contract without what it shows of the insured's wealth to others (O3)."""
    if contract.insured_value is None or contract.seats[Role.COUNTERPARTY] == agent:
        return contract
    return replace(contract, insured_value=None)
