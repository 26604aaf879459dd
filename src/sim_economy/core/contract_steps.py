"""The contract steps of a turn: every change of a contract is here.

`turn` calls it where section 2 says: `act` at T3, `draw` at T4, `close` at T7, `end_run` at T9.
What can become of a contract is in `contracts.TRANSITIONS`, what it moves in `rules`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, assert_never

from msgspec.structs import replace

from sim_economy.core.accounts import (
    BALANCE,
    ESCROW,
    PLATFORM,
    WIDTH,
    Ledger,
    Posting,
    PostingReason,
)
from sim_economy.core.actions import (
    ArbitratorRuling,
    ContractAction,
    ProposeContract,
    SellInformation,
)
from sim_economy.core.contracts import (
    ENDS,
    Cause,
    Contract,
    ContractKind,
    Counted,
    EndedContract,
    Favoured,
    Happened,
    Payload,
    Reputation,
    Role,
    Stage,
    after,
    chained_payload,
)
from sim_economy.core.escrow import Step, paid
from sim_economy.core.events import ContractEvent, RejectionReason
from sim_economy.core.rules import (
    agreement,
    arbitration,
    delivery,
    forwards,
    insurance,
    party_actions,
    proposals,
    reputation,
    settlement,
)
from sim_economy.core.rules_version import RulesVersion
from sim_economy.core.state import State
from sim_economy.core.world_config import WorldConfig

_BY_ID: Final = attrgetter("contract_id")
_BY_AGENT: Final = attrgetter("agent")
_BY_TURN: Final = attrgetter("turn")
_GRAVITY: Final = {reason: index for index, reason in enumerate(RejectionReason)}
_BEFORE_ARBITRATOR: Final = (Stage.REFERRED, Stage.RULED)


class ContractSteps:
    """Keeps the contracts of one turn.

    Attributes:
        events: What happened to contracts, in order.
    """

    __slots__ = (
        "_agent_indices",
        "_config",
        "_counted",
        "_insured_from",
        "_ledger",
        "_state",
        "events",
    )

    def __init__(
        self, state: State, ledger: Ledger, config: WorldConfig, agent_indices: Mapping[str, int]
    ) -> None:
        self._state = state
        self._ledger = ledger
        self._config = config
        self._agent_indices = agent_indices
        self._insured_from: dict[int, int] = {}
        self._counted: set[tuple[int, int, Stage]] | None = None
        self.events: list[ContractEvent] = []

    def act(self, agent: int, action: ContractAction) -> RejectionReason | None:
        """T3: an agent's action on contracts applies, or is refused for a reason.

        An action on several contracts applies if it applies to one of them.
        """
        agent_id, turn = self._config.agent_ids[agent], self._state.turn
        if isinstance(action, ProposeContract):
            refusal = proposals.proposal_refusal(action, agent_id, turn, self._agent_indices)
            if refusal is None:
                self._propose(agent_id, action)
            return refusal
        refusal = party_actions.action_refusal(action, self._config)
        if refusal is not None:
            return refusal
        named = action.contract_id
        assert named is not None, action
        contract_ids = (named,) if isinstance(named, int) else named
        outcomes = [self._state_on(agent, action, contract_id) for contract_id in contract_ids]
        refusals = [outcome for outcome in outcomes if outcome is not None]
        if len(refusals) == len(outcomes):
            return min(refusals, key=_GRAVITY.__getitem__)
        for contract_id, outcome in zip(contract_ids, outcomes, strict=True):
            if outcome is not None:
                self._note(contract_id, Happened.REFUSED, agent_id=agent_id, refusal=outcome)
        return None

    def draw(self, fees: Sequence[int]) -> dict[int, int]:
        """T4: forwards pay fees before balances do.

        Returns:
            Tokens drawn, by agent index.
        """
        drawn: dict[int, int] = {}
        for contract_id, amount in forwards.draws(self._state.contracts, fees, self._state.turn):
            contract = self._state.contracts[self._index(contract_id)]
            escrow = ESCROW + WIDTH * contract.seats[Role.PROPOSER]
            moved = (Posting(escrow, PLATFORM, amount, PostingReason.FORWARD_FEE),)
            left = replace(contract, payment=contract.payment - amount)
            self._move(left, Happened.DRAWN, moved, amount=amount)
            holder = contract.seats[Role.COUNTERPARTY]
            drawn[holder] = drawn.get(holder, 0) + amount
        return drawn

    def close(self) -> None:
        """T7: statements take effect, what is due or late ends, in order of the ids."""
        state, config = self._state, self._config
        self._age_payloads()
        if state.counted:
            state.counted = [
                pair
                for pair in state.counted
                if state.turn - pair.turn < config.reputation_window_turns
            ]
        if not state.contracts:
            return
        self._value()
        disputes = Counter(
            contract.seats[Role.ARBITRATOR]
            for contract in state.contracts
            if contract.stage in _BEFORE_ARBITRATOR
        )
        for contract in state.contracts.copy():
            arbitrator = contract.seats[Role.ARBITRATOR]
            balance = state.accounts[BALANCE + WIDTH * contract.seats[Role.COUNTERPARTY]]
            open_ones = disputes[arbitrator]
            step = _next_step(contract, state.turn, open_ones, balance, config)
            if step is None:
                continue
            if step.happened is Happened.REFERRED:
                disputes[arbitrator] += 1
            elif contract.stage in _BEFORE_ARBITRATOR:
                disputes[arbitrator] -= 1
            self._take(contract, step)

    def end_run(self) -> None:
        """T9 of the last turn: what is still open ends too."""
        for contract in self._state.contracts.copy():
            borrower = BALANCE + WIDTH * contract.seats[Role.COUNTERPARTY]
            step = settlement.last_step(contract, self._state.accounts[borrower])
            self._take(contract, step)

    def _propose(self, agent_id: str, action: ProposeContract) -> None:
        state = self._state
        deal = proposals.deal(action, agent_id, state.turn)
        state.contracts_proposed += 1
        proposer, counterparty, arbitrator = (self._agent_indices[party] for party in deal.parties)
        contract = Contract(
            contract_id=state.contracts_proposed,
            deal=deal,
            seats=(proposer, counterparty, arbitrator),
            stage=after(None, Happened.PROPOSED),
            until=agreement.last_signing_turn(deal, self._config),
        )
        state.contracts.append(contract)
        self._note(contract.contract_id, Happened.PROPOSED, agent_id=agent_id, deal=deal)

    def _state_on(
        self, agent: int, action: party_actions.PartyAction, contract_id: int
    ) -> RejectionReason | None:
        """A party's statement on one contract, or why it is refused."""
        contracts, agent_id = self._state.contracts, self._config.agent_ids[agent]
        index = self._index(contract_id)
        if index == len(contracts) or contracts[index].contract_id != contract_id:
            return RejectionReason.CONTRACT_UNKNOWN
        contract = contracts[index]
        if agent not in contract.seats:
            return RejectionReason.CONTRACT_UNKNOWN
        role = Role(contract.seats.index(agent))
        refusal = party_actions.contract_refusal(action, contract, role, self._state.turn)
        if refusal is not None:
            return refusal
        self._apply(agent_id, action, contract, role)
        return None

    def _apply(
        self, agent_id: str, action: party_actions.PartyAction, contract: Contract, role: Role
    ) -> None:
        """A statement that is not refused; but for signatures, it takes effect at T7."""
        happened = party_actions.event_of(action, role)
        favoured = None
        match happened:
            case Happened.WITHDRAWN:
                self._take(contract, Step(happened=happened), agent_id)
                return
            case Happened.SIGNED if role is Role.COUNTERPARTY:
                contract = replace(contract, counterparty_signed=True)
            case Happened.SIGNED:
                contract = replace(contract, arbitrator_signed=True)
            case Happened.CLAIMED:
                contract = replace(contract, claimed=True)
        assert happened is not None, action
        if isinstance(action, ArbitratorRuling):
            favoured = Favoured(str(action.in_favour_of))
            contract = replace(contract, favoured=favoured)
        elif isinstance(action, SellInformation):
            self._deliver(contract, action.payload or "")
        contract = self._move(contract, happened, agent_id=agent_id, favoured=favoured)
        signed = contract.counterparty_signed and contract.arbitrator_signed
        if signed and contract.stage is Stage.PROPOSED:
            self._start(contract)

    def _deliver(self, contract: Contract, text: str) -> None:
        seller, buyer, _ = contract.seats
        delivered = Payload(
            contract_id=contract.contract_id,
            seller=seller,
            buyer=buyer,
            turn=self._state.turn,
            text=text,
        )
        self._state.payloads.append(delivered)

    def _age_payloads(self) -> None:
        """O1: what was delivered long enough ago leaves the state but for its hash."""
        state = self._state
        if not state.payloads or self._config.rules_version is RulesVersion.V2:
            return
        first_seen = state.turn - self._config.payload_visible_turns + 1
        kept = bisect_left(state.payloads, first_seen, key=_BY_TURN)
        for payload in state.payloads[:kept]:
            state.payloads_hash = chained_payload(state.payloads_hash or "", payload)
        del state.payloads[:kept]

    def _start(self, contract: Contract) -> None:
        """K3: the last signature starts the contract or makes it void."""
        state, deal = self._state, contract.deal
        balances = [state.accounts[BALANCE + WIDTH * seat] for seat in contract.seats]
        insured = contract.seats[Role.COUNTERPARTY]
        reason = agreement.void_reason(deal, balances, state.wealth(insured), state.turn)
        if reason is not None:
            self._take(contract, Step(happened=Happened.VOIDED, reason=reason))
            return
        started = replace(contract, until=deal.due_turn, payment=agreement.payment(deal))
        started = self._move(started, Happened.STARTED, agreement.start(contract))
        if deal.kind is ContractKind.INSURANCE:
            self._insured_from[contract.contract_id] = len(self._ledger.postings)
            self._keep(replace(started, insured_value=state.wealth(insured)))

    def _value(self) -> None:
        """The turn's gains and losses of the insured."""
        whole: dict[int, int] | None = None
        for contract in self._state.contracts.copy():
            if contract.insured_value is None:
                continue
            first = self._insured_from.get(contract.contract_id, 0)
            if first:
                ledger = self._ledger
                taken = [own for own in ledger.repayments if own.index >= first]
                changes = insurance.gains(ledger.postings[first:], taken)
            else:
                if whole is None:
                    whole = insurance.gains(self._ledger.postings, self._ledger.repayments)
                changes = whole
            change = changes.get(contract.seats[Role.COUNTERPARTY], 0)
            if change:
                self._keep(replace(contract, insured_value=contract.insured_value + change))

    def _take(self, contract: Contract, step: Step, agent_id: str | None = None) -> None:
        """Carry out a step that the rules found; at its end a contract leaves the state."""
        stage = after(contract.stage, step.happened)
        if stage not in ENDS:
            until = step.until or contract.until
            self._move(replace(contract, until=until), step.happened, until=step.until)
            return
        held = sum(contract.escrow)
        counted = self._count(contract, stage, step)
        contract = self._state.contracts[self._index(contract.contract_id)]
        before = self._escrowed(contract)
        self._move(
            contract,
            step.happened,
            step.postings,
            reason=step.reason,
            fault=tuple(contract.deal.parties[role] for role in step.fault),
            counted=counted,
            agent_id=agent_id,
        )
        assert before - self._escrowed(contract) == held, contract
        del self._state.contracts[self._index(contract.contract_id)]
        self._state.contracts_ended.append(
            EndedContract(contract.contract_id, contract.seats, stage, step.reason)
        )

    def _count(self, contract: Contract, stage: Stage, step: Step) -> bool:
        """K11: whether the end counts; if so, the records of the parties change."""
        state, config = self._state, self._config
        if stage not in (Stage.SETTLED, Stage.DEFAULTED):
            return False
        if reputation.contract_value(contract, step.happened) < config.reputation_value_min:
            return False
        if self._counted is None:
            self._counted = {(pair.low, pair.high, pair.stage) for pair in state.counted}
        low, high = sorted(contract.seats[:2])
        if (low, high, stage) in self._counted:
            return False
        self._counted.add((low, high, stage))
        state.counted.append(Counted(low, high, stage, state.turn))
        before = [self._reputation(seat) for seat in contract.seats]
        for record in reputation.recorded(contract, step.happened, step.fault, before):
            index = bisect_left(state.reputations, record.agent, key=_BY_AGENT)
            known = index < len(state.reputations)
            if known and state.reputations[index].agent == record.agent:
                state.reputations[index] = record
            elif record != Reputation(agent=record.agent):
                state.reputations.insert(index, record)
        return True

    def _reputation(self, agent: int) -> Reputation:
        reputations = self._state.reputations
        index = bisect_left(reputations, agent, key=_BY_AGENT)
        if index < len(reputations) and reputations[index].agent == agent:
            return reputations[index]
        return Reputation(agent=agent)

    def _move(
        self,
        contract: Contract,
        happened: Happened,
        postings: Sequence[Posting] = (),
        **details: Any,
    ) -> Contract:
        """The contract in its next stage, its postings made, the event noted."""
        contract = replace(contract, stage=after(contract.stage, happened))
        first = len(self._ledger.postings)
        for posting in postings:
            self._ledger.post(posting.source, posting.target, posting.amount, posting.reason)
        moved = (first, len(self._ledger.postings)) if postings else None
        self._keep(contract)
        self._note(contract.contract_id, happened, postings=moved, **details)
        return contract

    def _keep(self, contract: Contract) -> None:
        self._state.contracts[self._index(contract.contract_id)] = contract

    def _note(self, contract_id: int, happened: Happened, **details: Any) -> None:
        self.events.append(ContractEvent(contract_id=contract_id, happened=happened, **details))

    def _index(self, contract_id: int) -> int:
        """The index of a contract among the open ones, or where it would be inserted."""
        return bisect_left(self._state.contracts, contract_id, key=_BY_ID)

    def _escrowed(self, contract: Contract) -> int:
        return sum(self._state.accounts[ESCROW + WIDTH * seat] for seat in contract.seats)


def _next_step(
    contract: Contract, turn: int, disputes: int, balance: int, config: WorldConfig
) -> Step | None:
    """The step of a contract at T7 of a turn, or None.

    Args:
        disputes: Open ones that its arbitrator has before it.
        balance: Of the counterparty; what a lender can be paid from.

    Source: docs/spec/economy.md, K2, K5 to K8.
    """
    match contract.stage:
        case Stage.PROPOSED | Stage.ATTESTING | Stage.REFERRED if turn < contract.until:
            return None
        case Stage.PROPOSED:
            return Step(happened=Happened.LAPSED, reason=Cause.NOT_SIGNED)
        case Stage.ACTIVE:
            return _active_step(contract, turn, balance, config)
        case Stage.DELIVERED:
            return delivery.delivered(contract, turn, config)
        case Stage.CONFIRMED:
            return paid(contract, Cause.CONFIRMED)
        case Stage.ATTESTING:
            return delivery.not_confirmed(contract, config)
        case Stage.DISPUTED:
            return arbitration.referred(turn, disputes, config)
        case Stage.REFERRED:
            return arbitration.no_ruling(contract)
        case Stage.RULED:
            return arbitration.ruling(contract)
        case _:
            raise AssertionError(contract)


def _active_step(contract: Contract, turn: int, balance: int, config: WorldConfig) -> Step | None:
    """K4: a started contract runs until it is due, an insurance until its insured value falls."""
    deal = contract.deal
    if turn < deal.due_turn:
        return settlement.insured_loss(contract) if deal.kind is ContractKind.INSURANCE else None
    match deal.kind:
        case ContractKind.SERVICE:
            return delivery.opened(turn, config)
        case ContractKind.INFORMATION_SALE:
            return delivery.not_delivered(contract)
        case ContractKind.LOAN:
            return settlement.loan_due(contract, balance)
        case ContractKind.INSURANCE | ContractKind.FORWARD:
            return settlement.ran_out(contract)
        case _:
            assert_never(deal.kind)
