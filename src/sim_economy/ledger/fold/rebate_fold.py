"""The reinvestment rebate, once more from genesis and the records alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import json

from sim_economy.core.accounts import BALANCE, FIRST, PLATFORM, STAKED, WIDTH, PostingReason
from sim_economy.ledger.fold.account_fold import fold_postings
from sim_economy.ledger.fold.repayments import Received, taken
from sim_economy.ledger.records import TurnRecord

_LOANS: Final = frozenset({"repaid", "not_repaid"})


class RebateFold:
    """What the rebate must have been in each turn, and what it remembers.

    Attributes:
        memory: Studies and sides of contracts with their turns, turns of stake, running nets.
    """

    def __init__(self, rule: Mapping[str, Any], agents: int) -> None:
        self._share = round(rule["rebate_share"] * 10**6)
        self._window = rule["window_turns"]
        self._stake_min, self._stake_turns = rule["stake_min"], rule["stake_turns"]
        self.memory: dict[str, Any] = {
            "studies": [],
            "settled": [],
            "staked": [0] * agents,
            "nets": [[0, 0, 0] for _ in range(agents)],
        }

    def problems(
        self,
        record: TurnRecord,
        before: Sequence[int],
        received: Sequence[Received],
        did: Mapping[str, Any],
        studied: Sequence[int],
    ) -> Iterator[str]:
        """Fold a turn up to T6 in, and name what in it the rebate does not do.

        Args:
            before: The accounts before the turn.
            studied: Indices of the agents whose study applied.
        """
        memory, turn = self.memory, record.turn
        memory["studies"] += [[agent, turn] for agent in sorted(studied)]
        for name, first in (("studies", turn - self._window + 1), ("settled", turn - self._window)):
            memory[name] = [own for own in memory[name] if own[1] >= first]
        for agent, tokens in enumerate(self._staked(record, before)):
            held = memory["staked"][agent] + 1 if tokens >= self._stake_min else 0
            memory["staked"][agent] = min(held, self._stake_turns)
        points = self._points()
        if list(did.get("points", ())) != [[own, points[own]] for own in sorted(+points)]:
            yield "the points are not those that studies, contracts and stakes earn"
        total = record.bill.covered * self._share // 10**6 if any(points.values()) else 0
        rebates = {}
        for own, _, _ in received:
            if own.reason is PostingReason.REBATE:
                rebates[(own.target - FIRST) // WIDTH] = own.amount
                if own.source != PLATFORM or (own.target - BALANCE) % WIDTH:
                    yield "a rebate went another way than from the platform to a balance"
        if rebates != _by_points(total, points):
            yield "the rebates are not those of the points"
        if record.bill.dividends > record.bill.covered - total:
            yield "dividends and rebates pass the covered fees"

    def fold_ends(self, record: TurnRecord, contracts: Sequence[Mapping[str, Any]]) -> None:
        """Fold the ends of a turn's contracts in, those of T9 left out.

        Args:
            contracts: Those open before the turn, as they were then.
        """
        known = {held["contract_id"]: held for held in contracts}
        drawn: Counter[int] = Counter()
        ruled: dict[int, str | None] = {}
        started: set[int] = set()
        for event in json.decode(json.encode(record.contracts)):
            number, happened = event["contract_id"], event["happened"]
            if happened == "drawn":
                drawn[number] += event["amount"]
            elif happened == "ruled":
                ruled[number] = event.get("favoured")
            elif happened == "started":
                started.add(number)
            elif happened in ("settled", "defaulted") and number in known:
                contract = known[number]
                if contract["deal"]["due_turn"] > record.turn and event.get("reason") in _LOANS:
                    continue  # a loan that the end of the run ends, at T9
                left = contract["deal"].get("cap", 0) if number in started else contract["payment"]
                side = _moved_before(contract["deal"], left - drawn[number])
                lost = ruled.get(number) == "proposer"
                self._fold_end(record, event, contract["seats"], side, lost=lost)

    def _fold_end(
        self,
        record: TurnRecord,
        event: Mapping[str, Any],
        seats: Sequence[int],
        side: int,
        *,
        lost: bool,
    ) -> None:
        first, last = event.get("postings", (0, 0))
        moved: Counter[int] = Counter({seats[0]: side, seats[1]: -side})
        for posting in record.postings[first:last]:
            payer, payee = ((own - FIRST) // WIDTH for own in (posting.source, posting.target))
            if payer != payee:
                moved[payer] -= posting.amount
                moved[payee] += posting.amount if posting.target >= FIRST else 0
        for part in taken(record):
            moved[part.agent] += part.tokens if first <= part.index < last else 0
        for index, agent in enumerate(seats[:2]):
            net, high, low = self.memory["nets"][agent]
            net += moved[agent]
            self.memory["nets"][agent] = [net, max(net, high), min(net, low)]
            earns = event["happened"] == "settled" and event.get("counted", False)
            if earns and not low <= net <= high and not (lost and index == 1):
                self.memory["settled"].append([agent, record.turn])

    def _points(self) -> Counter[int]:
        points = Counter[int](agent for agent, _ in self.memory["studies"])
        for agent, _ in self.memory["settled"]:
            points[agent] += 2
        for agent, turns in enumerate(self.memory["staked"]):
            points[agent] += turns >= self._stake_turns
        return points

    def _staked(self, record: TurnRecord, before: Sequence[int]) -> list[int]:
        """The stake of each agent at T6: nothing moves it after the block of a turn."""
        accounts = list(before)
        fold_postings(accounts, record.postings)
        return accounts[STAKED::WIDTH]


def _moved_before(deal: Mapping[str, Any], left: int) -> int:
    """What a proposer had received, less paid, before the end of its contract."""
    match deal["kind"]:
        case "loan":
            return -int(deal.get("principal", 0))
        case "insurance":
            return int(deal.get("premium", 0))
        case "forward":
            return int(deal.get("price", 0)) - int(deal.get("cap", 0)) + left
    return 0


def _by_points(tokens: int, points: Mapping[int, int]) -> dict[int, int]:
    """Tokens by agent in proportion to points, those left over by largest remainder."""
    whole = sum(points.values())
    parts = {agent: divmod(tokens * own, whole) for agent, own in points.items() if own}
    left = tokens - sum(part for part, _ in parts.values())
    first = sorted(parts, key=lambda agent: (-parts[agent][1], agent))[:left]
    shares = {agent: part + (agent in first) for agent, (part, _) in parts.items()}
    return {agent: share for agent, share in shares.items() if share}
