"""Interventions, once more from genesis and the records alone: what they remember and did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import UNSET, json

from sim_economy.core.accounts import FIRST, WIDTH
from sim_economy.ledger.records import Genesis, TurnRecord


class GovernanceFold:
    """What the interventions of a world must have done in each turn.

    Attributes:
        is_on: Whether the world has any.
    """

    def __init__(self, state: dict[str, Any], agents: Mapping[str, int], first: Genesis) -> None:
        self._state = state
        self._agents = agents
        rules = first.parameters.get("governance", {})
        self.is_on = bool(rules)
        self._cap: Mapping[str, Any] | None = rules.get("fee_cap")
        self._parameters = first.parameters
        memory: dict[str, Any] = {}
        if self._cap is not None:
            memory["fee_window"] = []
        if self.is_on:
            state["governance"] = memory

    def problems(self, record: TurnRecord, contracts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """Fold a turn in, and name what in it is not what the interventions of its world do.

        Args:
            contracts: Those open before it.
        """
        if record.turn == 0:
            return
        if self.is_on == (record.governance is UNSET):
            yield "what interventions did is there without them, or not there with them"
        elif self.is_on:
            did = json.decode(json.encode(record.governance))
            fees = self._fees(record, contracts)
            yield from self._capped(record, did, fees)

    def _fees(self, record: TurnRecord, contracts: Sequence[Mapping[str, Any]]) -> list[int]:
        """What each agent was charged, forwards of it included, `[agent]`."""
        fees = [0] * len(self._agents)
        for posting in record.postings:
            if posting.reason == "inference_fee":
                fees[(posting.source - FIRST) // WIDTH] += posting.amount
        holders = {held["contract_id"]: held["seats"][1] for held in contracts}
        for event in record.contracts:
            if event.happened == "drawn" and event.contract_id in holders:
                fees[holders[event.contract_id]] += event.amount or 0
        return fees

    def _capped(
        self, record: TurnRecord, did: Mapping[str, Any], fees: Sequence[int]
    ) -> Iterator[str]:
        """G1: what was charged stays within the cap, and what was not was waived in proportion."""
        waived = _by_agent(did.get("fees_waived", ()), len(fees))
        if self._cap is None:
            if "fees_allowed" in did or any(waived):
                yield "fees were capped, and genesis states no cap"
            return
        window = self._state["governance"]["fee_window"]
        allowed = _allowed(self._cap, window, record.turn, self._parameters["signing_bonus"])
        if did.get("fees_allowed") != allowed:
            yield "the fees allowed are not those of the cap"
        owed = [fee + spared for fee, spared in zip(fees, waived, strict=True)]
        if waived != _shared(max(0, sum(owed) - allowed), owed):
            yield "the fees waived are not what passes the cap, in proportion to fees"
        window.append([record.turn, sum(fees), _tips(record), self._job_pay(record)])
        del window[: -self._cap["window_turns"]]

    def _job_pay(self, record: TurnRecord) -> int:
        paid = {"job_credit", "interest_relief"}
        if self._parameters["signing_bonus_rule"] == "first_job":
            paid.add("signing_bonus")
        return sum(posting.amount for posting in record.postings if posting.reason in paid)


def _allowed(
    cap: Mapping[str, Any], window: Sequence[Sequence[int]], turn: int, signing_bonus: int
) -> int:
    """Tokens that a cap lets be charged in a turn."""
    turns = min(cap["window_turns"], turn)
    base = turns * signing_bonus
    charged = 0
    for of_turn, fees, tips, job_pay in window:
        base += tips + (job_pay if cap["base"] == "productive_surplus" else 0)
        charged += fees if turn - of_turn < turns else 0
    left: int = base * round(cap["cap_ratio"] * 10**6) // 10**6 - charged
    return max(0, left)


def _tips(record: TurnRecord) -> int:
    """Tokens that others than its winner paid for a place in the block."""
    return sum(
        posting.amount
        for posting in record.postings
        if posting.reason == "tip"
        and (posting.source - FIRST) // WIDTH != (posting.target - FIRST) // WIDTH
    )


def _shared(tokens: int, weights: Sequence[int]) -> list[int]:
    """Tokens in proportion to weights; what is left over one each, greatest remainder first."""
    if not tokens:
        return [0] * len(weights)
    parts = [divmod(tokens * weight, sum(weights)) for weight in weights]
    order = sorted(range(len(parts)), key=lambda agent: (-parts[agent][1], agent))
    first = set(order[: tokens - sum(whole for whole, _ in parts)])
    return [whole + (agent in first) for agent, (whole, _) in enumerate(parts)]


def _by_agent(listed: Sequence[Sequence[int]], agents: int) -> list[int]:
    """Tokens by agent index, `[agent]`."""
    named = {own[0]: own[1] for own in listed}
    return [named.get(agent, 0) for agent in range(agents)]
