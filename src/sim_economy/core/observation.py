"""The observation of one agent, and nothing else.

Source: docs/spec/economy.md, section 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType, field
from msgspec.structs import replace

from sim_economy.core.accounts import holdings
from sim_economy.core.contracts import (
    Contract,
    ContractKind,
    EndedContract,
    Reputation,
    Role,
    Terms,
)
from sim_economy.core.events import RejectionReason, Transaction
from sim_economy.core.needs import ContractMatch, NeedSide
from sim_economy.core.rules.contract_templates import template
from sim_economy.core.state import NewestBlock, Release, State
from sim_economy.core.world_config import WorldConfig, config_values


class OwnIncome(Struct, frozen=True, gc=False):
    """The income of one agent.

    Attributes:
        allowance: Tokens it is granted as a period begins.
        next_period: The next turn in which one begins, the open turn too; None if none is left.
    """

    allowance: int
    next_period: int | None


class OwnMatch(Struct, frozen=True, gc=False, kw_only=True):
    """A contract that the agent and another may make (G4).

    Attributes:
        side: The agent's own; who offers proposes.
        partner: Agent id.
        price: Tokens that the seeker would pay.
        terms: Those of the kind's template, if it is proposed in the open turn.
    """

    kind: ContractKind
    side: NeedSide
    partner: str
    amount: int
    price: int
    terms: Terms


class OwnGovernance(Struct, frozen=True, gc=False, omit_defaults=True):
    """What interventions hold of one agent; each part is absent where its rule is off.

    Attributes:
        receivable: Tokens that it was lent by debt rails and has not repaid (G3).
        relieved: Whether its fees are halved in the open turn (G5).
        matches: Its own of the last turn (G4).
    """

    receivable: int | UnsetType = UNSET
    relieved: bool | UnsetType = UNSET
    matches: tuple[OwnMatch, ...] | UnsetType = UNSET


class Observation(Struct, frozen=True, kw_only=True):
    """One agent's view of the world before it acts.

    Attributes:
        last_turn: The last closed turn; 0 before the first.
        accounts: Own tokens by account (O1).
        transactions: Own, waiting for a block (O1).
        releases: Own stake on its way back (O1).
        contracts: Open ones it is a party to; of an insurance only the insured sees the value (O1).
        contracts_ended: Its contracts that ended in the last turn (O1).
        payloads: Information goods it bought or sold, by contract id (O1).
        rejection: Why the own last action was refused (O1).
        newest_block: The newest block of the chain (O2).
        core_owners: Core shares by agent id, owners only (O2).
        reputations: By agent id, of those who have one (O2).
        speech: What each agent said last turn (O2).
        world: Parameters and variants without the seed (O2).
        income: Its own, in a world that has income (O1).
        governance: Its receivable, relief and matches, in a world with interventions (O1).
    """

    agent_id: str
    last_turn: int = field(name="turn")
    accounts: dict[str, int]
    studies: int
    transactions: tuple[Transaction, ...]
    releases: tuple[Release, ...]
    contracts: tuple[Contract, ...]
    contracts_ended: tuple[EndedContract, ...]
    payloads: dict[int, str]
    rejection: RejectionReason | None
    newest_block: NewestBlock = field(name="tip")
    fees_charged: int = field(name="fees_collected")
    token_supply: int
    core_owners: dict[str, int]
    reputations: dict[str, Reputation]
    speech: dict[str, str]
    world: dict[str, Any]
    income: OwnIncome | UnsetType = UNSET
    governance: OwnGovernance | UnsetType = UNSET


class Observer:
    """Makes the observations of one state; what all agents see is made once."""

    __slots__ = (
        "_allowances",
        "_config",
        "_contracts",
        "_payloads",
        "_public",
        "_releases",
        "_state",
    )

    def __init__(self, state: State, config: WorldConfig) -> None:
        config = config.as_seen(state.turn)
        self._state = state
        self._config = config
        self._contracts: dict[int, list[Contract]] = {}
        self._payloads: dict[int, dict[int, str]] = {}
        self._releases: dict[int, list[Release]] = {}
        for contract in state.contracts:
            for seat in contract.seats:
                self._contracts.setdefault(seat, []).append(contract)
        for sold in state.payloads:
            for seat in (sold.seller, sold.buyer):
                self._payloads.setdefault(seat, {})[sold.contract_id] = sold.text
        for release in state.releases:
            self._releases.setdefault(release.agent, []).append(release)
        income = config.income
        self._allowances = [] if income is None else income.granted(config.agent_ids)
        self._public: dict[str, Any] = {
            "last_turn": state.turn,
            "newest_block": state.newest_block,
            "fees_charged": state.fees_charged,
            "token_supply": state.token_supply,
            "core_owners": {
                owner: shares
                for owner, shares in zip(config.agent_ids, state.cores, strict=True)
                if shares
            },
            "reputations": {config.agent_ids[known.agent]: known for known in state.reputations},
            "speech": {
                speaker: said
                for speaker, said in zip(config.agent_ids, state.speech, strict=True)
                if said is not None
            },
            "world": config_values(config, every=True),
        }

    def of(self, agent: int) -> Observation:
        """The view of the agent at an index in genesis order."""
        state, agent_id = self._state, self._config.agent_ids[agent]
        # Copied, so that no agent can change what another sees.
        public: dict[str, Any] = {
            name: value.copy() if isinstance(value, dict) else value
            for name, value in self._public.items()
        }
        return Observation(
            agent_id=agent_id,
            accounts=holdings(state.accounts, agent),
            studies=state.studies[agent],
            transactions=tuple(own for own in state.mempool if own.agent_id == agent_id),
            releases=tuple(self._releases.get(agent, ())),
            contracts=tuple(_as_seen(own, agent) for own in self._contracts.get(agent, ())),
            contracts_ended=tuple(own for own in state.contracts_ended if agent in own.seats),
            payloads=self._payloads.get(agent, {}).copy(),
            rejection=state.rejections[agent],
            income=self._income(agent),
            governance=self._governance(agent),
            **public,
        )

    def _income(self, agent: int) -> OwnIncome | UnsetType:
        income = self._config.income
        if income is None:
            return UNSET
        return OwnIncome(self._allowances[agent], income.next_period(self._state.turn))

    def _governance(self, agent: int) -> OwnGovernance | UnsetType:
        memory = self._state.governance
        if memory is UNSET or memory.debts is memory.relieved is memory.matches is UNSET:
            return UNSET
        debts, relieved = memory.debts, memory.relieved
        return OwnGovernance(
            receivable=UNSET if debts is UNSET else debts[agent].receivable,
            relieved=UNSET if relieved is UNSET else agent in relieved,
            matches=UNSET if memory.matches is UNSET else self._matches(memory.matches, agent),
        )

    def _matches(self, found: Sequence[ContractMatch], agent: int) -> tuple[OwnMatch, ...]:
        rules = self._config.governance
        assert rules is not None
        assert rules.contract_matching is not None
        own = []
        for match in found:
            if agent not in (match.proposer, match.counterparty):
                continue
            offers = agent == match.proposer
            partner = match.counterparty if offers else match.proposer
            terms = template(
                match,
                self._state.turn + 1,
                self._config.signature_window,
                rules.contract_matching,
            )
            own.append(
                OwnMatch(
                    kind=match.kind,
                    side=NeedSide.OFFER if offers else NeedSide.SEEK,
                    partner=self._config.agent_ids[partner],
                    amount=match.amount,
                    price=match.price,
                    terms=terms,
                )
            )
        return tuple(own)


def observe(state: State, agent: int, config: WorldConfig) -> Observation:
    """The view of the agent at an index in genesis order."""
    return Observer(state, config).of(agent)


def _as_seen(contract: Contract, agent: int) -> Contract:
    """A contract without what it shows of the insured's wealth to others (O3)."""
    if contract.insured_value is None or contract.seats[Role.COUNTERPARTY] == agent:
        return contract
    return replace(contract, insured_value=None)
