"""The arbitration subsidy, once more from genesis and the records alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import json

from sim_economy.core.accounts import BALANCE, PLATFORM, WIDTH, Posting, PostingReason
from sim_economy.ledger.fold.repayments import Received, those_expected
from sim_economy.ledger.records import TurnRecord


class SubsidyFold:
    """What the subsidy must have been in each turn."""

    def __init__(self, rule: Mapping[str, Any]) -> None:
        self._small_value = rule["small_value"]

    def problems(
        self,
        record: TurnRecord,
        contracts: Sequence[Mapping[str, Any]],
        received: Sequence[Received],
    ) -> Iterator[str]:
        """Name what in a turn is not what the subsidy pays.

        Args:
            contracts: Those open before the turn, as they were then.
            received: Its postings, inflows with what was repaid of them.
        """
        postings = [own.posting for own in received]
        rebates = sum(own.amount for own in postings if own.reason is PostingReason.REBATE)
        left = record.bill.covered - record.bill.dividends - rebates
        reason = PostingReason.ARBITRATION_SUBSIDY
        expected = []
        for arbitrator, tokens in self._due(record, contracts):
            paid = min(tokens, left)
            left -= paid
            if paid:
                target = BALANCE + WIDTH * arbitrator
                expected.append(Posting(PLATFORM, target, paid, reason))
        paid_out = [own for own in received if own.posting.reason is reason]
        if those_expected(paid_out, expected) != len(paid_out):
            yield "the arbitration subsidies are not those of the contracts that counted"

    def _due(
        self, record: TurnRecord, contracts: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[int, int]]:
        """Arbitrators with half of their fees, at most of what the contract is worth."""
        known = {held["contract_id"]: held for held in contracts}
        drawn: Counter[int] = Counter()
        for event in json.decode(json.encode(record.contracts)):
            number = event["contract_id"]
            drawn[number] += event.get("amount", 0)
            if not event.get("counted") or number not in known:
                continue
            deal = known[number]["deal"]
            at_the_end_of_the_run = (
                deal["kind"] == "loan" and record.ends and deal["due_turn"] > record.turn
            )
            if at_the_end_of_the_run or deal["parties"][2] in event.get("fault", ()):
                continue
            worth = _worth(known[number], event["happened"], drawn[number])
            if worth <= self._small_value:
                yield known[number]["seats"][2], min(deal["arbitrator_fee"], worth) // 2


def _worth(contract: Mapping[str, Any], happened: str, drawn: int) -> int:
    """The value of a contract as reputations count it.

    Args:
        drawn: In the turn, of what a forward carries.
    """
    deal = contract["deal"]
    match deal["kind"]:
        case "loan":
            principal = 0 if happened == "settled" else deal.get("principal", 0)
            return int(principal + deal.get("premium", 0))
        case "insurance":
            return int(deal.get("premium", 0))
        case "forward":
            return int(deal["cap"] - contract["payment"] + drawn)
    return int(deal.get("price", 0))
