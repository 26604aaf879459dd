"""Counts of a run: blocks, transactions, contracts and flows, from its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.core.accounts import FIRST, SYSTEM_ACCOUNTS, WIDTH, Posting, PostingReason
from sim_economy.core.contracts import ENDS, TRANSITIONS, Happened, Role
from sim_economy.core.events import ContractEvent, TransactionType, ValidatorType
from sim_economy.ledger.records import TurnRecord


class Flow(Struct, frozen=True, array_like=True):
    """Tokens that one owner gave another for a reason, over a whole run.

    Attributes:
        payer: An agent's index, or the account of the system, counted from -1 downwards.
        payee: Likewise.
    """

    payer: int
    payee: int
    reason: str
    tokens: int


class Made(Struct, frozen=True, kw_only=True):
    """A contract from its proposal to its end.

    Attributes:
        parties: Indices of proposer, counterparty and arbitrator.
        gains: What each party gained by it, losses below zero, in tokens. What a forward paid of
            its counterparty's fees is a gain of the counterparty.
        drawn: What a forward paid of its counterparty's fees, in tokens.
        started: The turn of the last signature; None where it never started.
        end: `settled`, `defaulted`, `lapsed` or `void`; None while it is open.
        fault: Indices of those through whom it defaulted.
    """

    contract_id: int
    kind: str
    parties: tuple[int, int, int]
    proposed: int
    gains: tuple[int, int, int]
    drawn: int
    started: int | None = None
    ended: int | None = None
    end: str | None = None
    cause: str | None = None
    fault: tuple[int, ...] = ()


class LedgerCounts(Struct, kw_only=True):
    """Counts of a ledger's records.

    Attributes:
        blocks: After genesis.
        validators: Blocks by validator type.
        transactions: Finalised ones by type.
        contracts: How many were proposed, started, settled and so on.
        made: Every contract.
        flows: Who gave whom how much, and for what.
    """

    blocks: int
    validators: dict[str, int]
    transactions: dict[str, int]
    contracts: dict[str, int]
    made: list[Made]
    flows: list[Flow]


def owner_name(owner: int, agent_ids: Sequence[str]) -> str:
    """`agent_3`, or `platform`."""
    return agent_ids[owner] if owner >= 0 else SYSTEM_ACCOUNTS[-owner - 1]


_ENDS: Final = {happened: stage for (_, happened), stage in TRANSITIONS.items() if stage in ENDS}


class MadeContracts:
    """Every contract of the turns it is given, in order, from turn 1 on.

    Attributes:
        made: By contract id, as the last turn left it.
        happened: How many were proposed, started, settled and so on.
    """

    def __init__(self, agent_ids: Sequence[str]) -> None:
        self._agent_indices = {agent_id: index for index, agent_id in enumerate(agent_ids)}
        self.made: dict[int, Made] = {}
        self.happened: Counter[str] = Counter()

    def add(self, record: TurnRecord) -> None:
        """Follow one more turn."""
        for event in record.contracts:
            self.happened[event.happened.value] += 1
            self._follow(event, record.turn)
            self._add_gains(event, record.postings)

    def _follow(self, event: ContractEvent, turn: int) -> None:
        """Apply an event to its contract."""
        number, made = event.contract_id, self.made
        if event.deal is not None:
            proposer, counterparty, arbitrator = (
                self._agent_indices[party] for party in event.deal.parties
            )
            made[number] = Made(
                contract_id=number,
                kind=event.deal.kind.value,
                parties=(proposer, counterparty, arbitrator),
                proposed=turn,
                gains=(0, 0, 0),
                drawn=0,
            )
        elif event.happened is Happened.STARTED:
            made[number] = replace(made[number], started=turn)
        elif event.happened in _ENDS:
            made[number] = replace(
                made[number],
                ended=turn,
                end=_ENDS[event.happened].value,
                cause=(event.reason or event.happened).value,
                fault=tuple(self._agent_indices[party] for party in event.fault),
            )

    def _add_gains(self, event: ContractEvent, postings: Sequence[Posting]) -> None:
        """Add what an event moved between its parties, and a fee that it paid for one."""
        if event.postings is None:
            return
        made = self.made[event.contract_id]
        gained = Counter({made.parties[Role.COUNTERPARTY]: event.amount or 0})
        for posting in postings[slice(*event.postings)]:
            gained[owner_of(posting.source)] -= posting.amount
            gained[owner_of(posting.target)] += posting.amount
        proposer, counterparty, arbitrator = (
            before + gained[party] for before, party in zip(made.gains, made.parties, strict=True)
        )
        self.made[event.contract_id] = replace(
            made,
            gains=(proposer, counterparty, arbitrator),
            drawn=made.drawn + (event.amount or 0),
        )


class TurnCounter:
    """The counts of the turns it is given, in order, from turn 1 on."""

    def __init__(self, agent_ids: Sequence[str]) -> None:
        self._validators = Counter({kind.value: 0 for kind in ValidatorType})
        self._transactions = Counter({kind.value: 0 for kind in TransactionType})
        self._contracts = MadeContracts(agent_ids)
        self._moved: Counter[tuple[int, int, PostingReason]] = Counter()

    def add(self, record: TurnRecord) -> None:
        """Count one more turn."""
        if record.block is not None:
            self._validators[str(record.block.validator_type)] += 1
        for transaction in record.transactions:
            self._transactions[transaction.tx_type.value] += 1
        self._contracts.add(record)
        for posting in record.postings:
            self._moved[posting.source, posting.target, posting.reason] += posting.amount

    def counts(self) -> LedgerCounts:
        """The counts so far."""
        return LedgerCounts(
            blocks=self._validators.total(),
            validators=dict(self._validators),
            transactions=dict(self._transactions),
            contracts=dict(self._contracts.happened),
            made=list(self._contracts.made.values()),
            flows=_flows(self._moved),
        )


def _flows(moved: Mapping[tuple[int, int, PostingReason], int]) -> list[Flow]:
    """The movements between different owners, in a fixed order."""
    totals: Counter[tuple[int, int, str]] = Counter()
    for (source, target, reason), tokens in moved.items():
        payer, payee = owner_of(source), owner_of(target)
        if payer != payee:
            totals[payer, payee, reason.value] += tokens
    return [Flow(*key, tokens) for key, tokens in sorted(totals.items())]


def owner_of(account: int) -> int:
    """An agent's index, or the system's account, counted from -1 downwards."""
    return -account - 1 if account < FIRST else (account - FIRST) // WIDTH
