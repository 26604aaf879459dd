"""Contracts as pages list them: what each is about, how far it has come, and in which turns."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from sim_economy.core.contracts import ENDS, TRANSITIONS, ContractKind, Deal, Happened, Stage
from sim_economy.ledger.readers.counts import MadeContracts
from sim_economy.ledger.records import TurnRecord
from sim_economy.viewer.answer_rows import ContractRow, digits

_AMOUNT: Final = {
    ContractKind.SERVICE: "price",
    ContractKind.INFORMATION_SALE: "price",
    ContractKind.LOAN: "principal",
    ContractKind.INSURANCE: "payout",
    ContractKind.FORWARD: "price",
}
"""The term that says how large a contract of a kind is."""


class _Entry(Struct):
    deal: Deal
    stage: Stage
    turns: array[int]


class ContractIndex:
    """Every contract of the turns it is given, in order, from turn 1 on.

    Attributes:
        open_contracts: Proposed ones included.
    """

    def __init__(self, agent_ids: Sequence[str]) -> None:
        self._contracts = MadeContracts(agent_ids)
        self._entries: dict[int, _Entry] = {}
        self.open_contracts = 0

    @property
    def happened(self) -> dict[str, int]:
        """How many were proposed, started, settled and so on."""
        return dict(self._contracts.happened)

    def add(self, record: TurnRecord) -> None:
        """Follow one more turn."""
        self._contracts.add(record)
        for event in record.contracts:
            if event.happened is Happened.REFUSED:
                continue
            if event.deal is not None:
                self._entries[event.contract_id] = _Entry(event.deal, Stage.PROPOSED, array("q"))
                self.open_contracts += 1
            entry = self._entries[event.contract_id]
            if event.deal is None:
                stage = TRANSITIONS[entry.stage, event.happened]
                self.open_contracts -= stage in ENDS and entry.stage not in ENDS
                entry.stage = stage
            if not entry.turns or entry.turns[-1] != record.turn:
                entry.turns.append(record.turn)

    def __contains__(self, contract_id: int) -> bool:
        return contract_id in self._entries

    def deal(self, contract_id: int) -> Deal:
        """What the parties agreed on."""
        return self._entries[contract_id].deal

    def turns(self, contract_id: int) -> Sequence[int]:
        """The turns in which something happened to it."""
        return self._entries[contract_id].turns

    def newest(self, *, kind: str = "", stage: str = "", agent_id: str = "") -> Iterator[int]:
        """Ids of the contracts that fit, newest first; a stage may be `open`."""
        for contract_id in reversed(self._entries):
            entry = self._entries[contract_id]
            if (
                kind in ("", entry.deal.kind)
                and (not agent_id or agent_id in entry.deal.parties)
                and (stage in ("", entry.stage) or (stage == "open" and entry.stage not in ENDS))
            ):
                yield contract_id

    def row(self, contract_id: int) -> ContractRow:
        """A contract in a list."""
        entry, made = self._entries[contract_id], self._contracts.made[contract_id]
        deal = entry.deal
        proposer, counterparty, arbitrator = made.gains
        return ContractRow(
            contract_id=contract_id,
            kind=deal.kind.value,
            settlement=deal.settlement.value,
            parties=deal.parties,
            proposed=deal.proposed,
            started=made.started,
            ended=made.ended,
            stage=entry.stage.value,
            cause=made.cause,
            amount=digits(getattr(deal, _AMOUNT[deal.kind])),
            gains=(digits(proposer), digits(counterparty), digits(arbitrator)),
        )
