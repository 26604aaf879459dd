"""Counts of a run whose needs are matched: matches, and contracts that follow them."""

from __future__ import annotations

from msgspec import UNSET, Struct

from sim_economy.core.contracts import Happened
from sim_economy.ledger.records import TurnRecord


class MatchCounts(Struct, kw_only=True):
    """Counts of matches over a run, shown or not.

    A contract follows a match if the one who offers proposes it, of that kind and to that seeker,
    in the turn after.

    Attributes:
        matches: Pairs matched, each turn anew.
        turns: Those in which some pair was.
        proposed: Contracts that follow a match.
        started: Of these, those that all signed and could pay.
    """

    matches: int = 0
    turns: int = 0
    proposed: int = 0
    started: int = 0


class MatchCounter:
    """The counts of the turns it is given, in order, from turn 1 on.

    Attributes:
        counts: So far.
    """

    def __init__(self, agent_ids: tuple[str, ...]) -> None:
        self._agent_ids = agent_ids
        self._last: set[tuple[str, str, str]] = set()
        self._following: set[int] = set()
        self.counts = MatchCounts()

    def add(self, record: TurnRecord) -> None:
        """Count one more turn."""
        counts = self.counts
        for event in record.contracts:
            if event.happened is Happened.PROPOSED and event.deal is not None:
                proposer, counterparty, _ = event.deal.parties
                if (event.deal.kind, proposer, counterparty) in self._last:
                    self._following.add(event.contract_id)
                    counts.proposed += 1
            elif event.happened is Happened.STARTED:
                counts.started += event.contract_id in self._following
        found = () if record.governance is UNSET else record.governance.matches
        names = self._agent_ids
        self._last = {(own.kind, names[own.proposer], names[own.counterparty]) for own in found}
        counts.matches += len(found)
        counts.turns += bool(found)
