"""Counts of a run: blocks, transactions, contracts and flows, from its records."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct, json
from msgspec.structs import replace

from sim_economy.core.accounts import FIRST, SYSTEM_ACCOUNTS, WIDTH
from sim_economy.core.contracts import Stage
from sim_economy.core.events import TransactionType, ValidatorType
from sim_economy.ledger.readers.reading import genesis_record
from sim_economy.ledger.stores.protocol import Store

Moved: TypeAlias = Mapping[tuple[int, int, str], int]
"""Tokens moved, by the two accounts and the reason."""


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
        parties: Positions of proposer, counterparty and arbitrator.
        started: The turn of the last signature; None where it never started.
        end: `settled`, `defaulted`, `lapsed` or `void`; None while it is open.
        fault: Positions of those through whom it defaulted.
    """

    contract_id: int
    kind: str
    parties: tuple[int, int, int]
    proposed: int
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


class _Block(Struct):
    validator_type: str | None


class _Transaction(Struct):
    tx_type: str


class _Deal(Struct):
    kind: str
    parties: tuple[str, str, str]


class _Event(Struct, kw_only=True):
    contract_id: int
    happened: str
    deal: _Deal | None = None
    reason: str | None = None
    fault: tuple[str, ...] = ()


class _Turn(Struct):
    turn: int
    block: _Block | None
    transactions: list[_Transaction]
    contracts: list[_Event]


class _Postings(Struct):
    postings: list[tuple[int, int, int, str]]


_ENDS: Final = {
    "settled": Stage.SETTLED,
    "defaulted": Stage.DEFAULTED,
    "voided": Stage.VOID,
    "lapsed": Stage.LAPSED,
    "withdrawn": Stage.LAPSED,
}


def ledger_counts(store: Store, moved: Moved | None = None) -> LedgerCounts:
    """Blocks, transactions, contracts and flows of a store's turns.

    Args:
        moved: What the postings moved, where somebody who watched the run has added it up.
    """
    decode = json.Decoder(_Turn).decode
    validators: Counter[str] = Counter({kind.value: 0 for kind in ValidatorType})
    transactions: Counter[str] = Counter({kind.value: 0 for kind in TransactionType})
    contracts: Counter[str] = Counter()
    made: dict[int, Made] = {}
    agent_indices: dict[str, int] = {}
    blocks = 0
    for stored in store.read(1):
        turn = decode(stored.line)
        if turn.block is not None:
            blocks += 1
            validators[str(turn.block.validator_type)] += 1
        for transaction in turn.transactions:
            transactions[transaction.tx_type] += 1
        if turn.contracts:
            contracts.update([event.happened for event in turn.contracts])
            if not agent_indices:
                agent_ids = genesis_record(store).agent_ids
                agent_indices = {agent_id: index for index, agent_id in enumerate(agent_ids)}
            for event in turn.contracts:
                _follow(made, event, turn.turn, agent_indices)
    return LedgerCounts(
        blocks=blocks,
        validators=dict(validators),
        transactions=dict(transactions),
        contracts=dict(contracts),
        made=list(made.values()),
        flows=_flows(_moved(store) if moved is None else moved),
    )


def _moved(store: Store) -> Moved:
    decode = json.Decoder(_Postings).decode
    moved: defaultdict[tuple[int, int, str], int] = defaultdict(int)
    for stored in store.read(1):
        for source, target, amount, reason in decode(stored.line).postings:
            moved[source, target, reason] += amount
    return moved


def _follow(
    made: dict[int, Made], event: _Event, turn: int, agent_indices: Mapping[str, int]
) -> None:
    """Apply an event to its contract."""
    if event.deal is not None:
        proposer, counterparty, arbitrator = (agent_indices[party] for party in event.deal.parties)
        made[event.contract_id] = Made(
            contract_id=event.contract_id,
            kind=event.deal.kind,
            parties=(proposer, counterparty, arbitrator),
            proposed=turn,
        )
    elif event.happened == "started":
        made[event.contract_id] = replace(made[event.contract_id], started=turn)
    elif event.happened in _ENDS:
        made[event.contract_id] = replace(
            made[event.contract_id],
            ended=turn,
            end=_ENDS[event.happened].value,
            cause=event.reason or event.happened,
            fault=tuple(agent_indices[party] for party in event.fault),
        )


def _flows(moved: Moved) -> list[Flow]:
    """The movements between different owners, in a fixed order."""
    totals: dict[tuple[int, int, str], int] = {}
    for (source, target, reason), tokens in moved.items():
        payer, payee = _owner(source), _owner(target)
        if payer != payee:
            key = payer, payee, reason
            totals[key] = totals.get(key, 0) + tokens
    return [Flow(*key, tokens) for key, tokens in sorted(totals.items())]


def _owner(account: int) -> int:
    return -account - 1 if account < FIRST else (account - FIRST) // WIDTH
