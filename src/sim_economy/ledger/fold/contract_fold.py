"""Contracts, information goods and reputations, folded from the records alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from msgspec import json

from sim_economy.core.accounts import ESCROW, FIRST, WIDTH, Posting, Repayment
from sim_economy.ledger.fold.repayments import taken
from sim_economy.ledger.records import Genesis, TurnRecord

_STEPS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "signed": (("proposed",), "proposed"),
    "started": (("proposed",), "active"),
    "drawn": (("active",), "active"),
    "delivered": (("active",), "delivered"),
    "opened": (("active", "delivered"), "attesting"),
    "claimed": (("attesting",), "attesting"),
    "confirmed": (("attesting",), "confirmed"),
    "disputed": (("attesting",), "disputed"),
    "referred": (("disputed",), "referred"),
    "ruled": (("referred",), "ruled"),
    "withdrawn": (("proposed",), "lapsed"),
    "lapsed": (("proposed",), "lapsed"),
    "voided": (("proposed", "active", "attesting", "referred"), "void"),
    "settled": (("active", "delivered", "attesting", "confirmed", "ruled"), "settled"),
    "defaulted": (("active", "attesting", "referred", "ruled"), "defaulted"),
}
_ENDS: Final = frozenset({"lapsed", "void", "settled", "defaulted"})
_STATED: Final[Mapping[str, tuple[str, tuple[int, ...]]]] = {
    "proposed": ("propose_contract", (0,)),
    "signed": ("sign_contract", (1, 2)),
    "withdrawn": ("sign_contract", (0,)),
    "delivered": ("sell_information", (0,)),
    "claimed": ("confirm_delivery", (0,)),
    "confirmed": ("confirm_delivery", (1,)),
    "disputed": ("dispute_delivery", (1,)),
    "ruled": ("arbitrator_ruling", (2,)),
}
"""Events that an action made, and the parties whose action it can be."""

_ACTIONS: Final = frozenset(action for action, _ in _STATED.values())
_WAITS: Final = {
    "service": (1, "price"),
    "information_sale": (1, "price"),
    "insurance": (0, "payout"),
    "forward": (0, "cap"),
}
"""The party whose payment is in escrow with the collateral, and the term that says how much."""

_GAINS: Final = {
    "dividend": 1,
    "rebate": 1,
    "job_credit": 1,
    "interest_relief": 1,
    "signing_bonus": 1,
    "inference_fee": -1,
    "interest": -1,
}


class ContractFold:
    """The parts of a state that contracts fill, one turn after another."""

    def __init__(self, state: dict[str, Any], agents: Mapping[str, int], first: Genesis) -> None:
        self._state = state
        self._agents = agents
        self._forgets = first.rules_version != "2"
        self.hold(first.parameters)
        self._turn = 0
        self._insured_from: dict[int, int] = {}

    def hold(self, parameters: Mapping[str, Any]) -> None:
        """Go by parameters from now on."""
        self._signature_window = parameters["signature_window"]
        self._window = parameters["attested_confirmation_window"]
        self._counting_window = parameters["reputation_window_turns"]
        seen = parameters.get("payload_visible_turns", 20)
        self._payloads_seen = seen if self._forgets else None

    def problems(
        self, record: TurnRecord, applied: Mapping[str, dict[str, Any]], before: Sequence[int]
    ) -> Iterator[str]:
        """Fold a turn's contract events in, and name what contradicts the state or itself.

        Args:
            applied: The actions that applied, by agent id.
            before: The accounts before the turn.
        """
        state, self._turn = self._state, record.turn
        self._insured_from = {}
        state["contracts_ended"] = []
        state["counted"] = [
            pair for pair in state["counted"] if self._turn - pair[3] < self._counting_window
        ]
        made: set[tuple[str, str]] = set()
        for event in json.decode(json.encode(record.contracts)):
            if event["happened"] == "refused":
                continue
            if event["happened"] in _STATED:
                action, _ = _STATED[event["happened"]]
                agent_id = event.get("agent_id")
                made.add((agent_id, action))
                if applied.get(agent_id, {}).get("action") != action:
                    yield f"contract {event['contract_id']} was {event['happened']} by nobody"
                    continue
            yield from self._fold_event(event, record.postings, applied, before)
        acted = {
            (agent_id, action["action"])
            for agent_id, action in applied.items()
            if action["action"] in _ACTIONS
        }
        for agent_id, action in sorted(acted - made):
            yield f"the {action} of {agent_id} made nothing happen"
        self._fold_gains(record.postings, taken(record))
        self._fold_age()

    def held(self) -> dict[int, int]:
        """Tokens of open contracts in escrow, by agent index."""
        held: dict[int, int] = {}
        for contract in self._state["contracts"]:
            for seat, tokens in zip(contract["seats"], _escrow(contract), strict=True):
                held[seat] = held.get(seat, 0) + tokens
        return held

    def _fold_event(
        self,
        event: dict[str, Any],
        postings: Sequence[Posting],
        applied: Mapping[str, dict[str, Any]],
        before: Sequence[int],
    ) -> Iterator[str]:
        number, happened = event["contract_id"], event["happened"]
        if happened == "proposed":
            yield from self._fold_proposal(event, applied)
            return
        contract = next(
            (open_ for open_ in self._state["contracts"] if open_["contract_id"] == number), None
        )
        if contract is None:
            yield f"contract {number} was {happened} and is not open"
            return
        yield from self._step_problems(contract, event, postings)
        first, last = event.get("postings", (0, 0))
        held = sum(_escrow(contract))
        _, contract["stage"] = _STEPS[happened]
        if contract["stage"] in _ENDS:
            yield from self._fold_end(contract, event)
        else:
            yield from self._fold_step(contract, event, applied)
            held -= sum(_escrow(contract))
        if _leaves_escrow(postings[first:last]) != held:
            yield f"contract {number} was {happened} and moved other tokens than its escrow says"
        if happened == "started" and contract["deal"]["kind"] == "insurance":
            self._insure(contract, before, postings, last)

    def _step_problems(
        self, contract: dict[str, Any], event: dict[str, Any], postings: Sequence[Posting]
    ) -> Iterator[str]:
        """What an event contradicts in its contract as it was before, and in its turn."""
        number, happened = event["contract_id"], event["happened"]
        stages, _ = _STEPS[happened]
        if contract["stage"] not in stages:
            yield f"contract {number} was {happened} when it was {contract['stage']}"
        first, last = event.get("postings", (0, 0))
        if not 0 <= first <= last <= len(postings):
            yield f"contract {number} names postings that are not there"
        role = self._role(contract, event.get("agent_id"))
        if happened in _STATED and role not in _STATED[happened][1]:
            yield f"contract {number} was {happened} by somebody who could not"

    def _fold_proposal(
        self, event: dict[str, Any], applied: Mapping[str, dict[str, Any]]
    ) -> Iterator[str]:
        state, deal = self._state, event["deal"]
        state["contracts_proposed"] += 1
        if event["contract_id"] != state["contracts_proposed"]:
            yield f"contract {event['contract_id']} is out of number"
        asked = applied[event["agent_id"]]
        parties = [event["agent_id"], asked.get("counterparty"), asked.get("arbitrator")]
        if deal["parties"] != parties or deal["kind"] != asked.get("kind"):
            yield f"contract {event['contract_id']} is not the one proposed"
        terms = asked.get("terms", {})
        if any(name in deal and deal[name] != value for name, value in terms.items()):
            yield f"contract {event['contract_id']} has other terms than those proposed"
        state["contracts"].append(
            {
                "contract_id": event["contract_id"],
                "deal": deal,
                "seats": [self._agents[party] for party in deal["parties"]],
                "stage": "proposed",
                "until": min(self._turn + self._signature_window, deal["due_turn"] - 1),
                "counterparty_signed": False,
                "arbitrator_signed": False,
                "payment": 0,
                "claimed": False,
                "favoured": None,
                "insured_value": None,
            }
        )

    def _fold_step(
        self,
        contract: dict[str, Any],
        event: dict[str, Any],
        applied: Mapping[str, dict[str, Any]],
    ) -> Iterator[str]:
        deal = contract["deal"]
        match event["happened"]:
            case "signed":
                by_counterparty = self._role(contract, event.get("agent_id")) == 1
                contract["counterparty_signed" if by_counterparty else "arbitrator_signed"] = True
            case "started":
                if not (contract["counterparty_signed"] and contract["arbitrator_signed"]):
                    yield f"contract {contract['contract_id']} started before all had signed"
                _, term = _WAITS.get(deal["kind"], (0, ""))
                contract.update(until=deal["due_turn"], payment=deal.get(term, 0))
            case "drawn":
                contract["payment"] -= event.get("amount", 0)
            case "delivered":
                yield from self._fold_payload(contract, applied[event["agent_id"]])
            case "claimed":
                contract["claimed"] = True
            case "opened" | "referred":
                contract["until"] = event.get("until", 0)
                if contract["until"] < self._turn + self._window:
                    yield f"contract {contract['contract_id']} has too short a window"
            case "ruled":
                contract["favoured"] = event.get("favoured")

    def _fold_payload(self, contract: dict[str, Any], action: dict[str, Any]) -> Iterator[str]:
        text = action.get("payload", "")
        if sha256(text.encode()).hexdigest() != contract["deal"].get("payload_hash"):
            yield f"contract {contract['contract_id']} was delivered another payload"
        seller, buyer, _ = contract["seats"]
        self._state["payloads"].append([contract["contract_id"], seller, buyer, self._turn, text])

    def _fold_age(self) -> None:
        """Payloads that are seen no more leave the state but for the hash over them."""
        state = self._state
        while (
            self._payloads_seen is not None
            and state["payloads"]
            and state["payloads"][0][3] <= self._turn - self._payloads_seen
        ):
            *delivered, text = state["payloads"].pop(0)
            words = [state.get("payloads_hash", ""), *delivered, sha256(text.encode()).hexdigest()]
            joined = " ".join(str(word) for word in words)
            state["payloads_hash"] = sha256(joined.encode()).hexdigest()

    def _fold_end(self, contract: dict[str, Any], event: dict[str, Any]) -> Iterator[str]:
        state, number, stage = self._state, contract["contract_id"], contract["stage"]
        state["contracts"].remove(contract)
        state["contracts_ended"].append(
            {
                "contract_id": number,
                "seats": contract["seats"],
                "stage": stage,
                "reason": event.get("reason"),
            }
        )
        fault = [self._role(contract, agent_id) for agent_id in event.get("fault", ())]
        if (stage == "defaulted") != bool(fault) or None in fault:
            yield f"contract {number} ended through the fault of others than its parties"
        if event.get("counted", False):
            yield from self._fold_reputations(contract, fault)

    def _fold_reputations(
        self, contract: dict[str, Any], fault: Sequence[int | None]
    ) -> Iterator[str]:
        number, stage = contract["contract_id"], contract["stage"]
        proposer, counterparty, arbitrator = contract["seats"]
        pair = [*sorted((proposer, counterparty)), stage]
        if stage not in ("settled", "defaulted"):
            yield f"contract {number} counts and was neither settled nor defaulted"
        if pair in [known[:3] for known in self._state["counted"]]:
            yield f"contract {number} counts twice for one pair"
        self._state["counted"].append([*pair, self._turn])
        settled, for_proposer = stage == "settled", contract["favoured"] == "proposer"
        for_counterparty = contract["favoured"] == "counterparty"
        self._add(proposer, [settled, 0 in fault, 0, 0, 0])
        self._add(counterparty, [settled and not for_proposer, 1 in fault, 0, 0, 0])
        self._add(arbitrator, [0, 0, for_proposer, for_counterparty, 2 in fault])

    def _add(self, seat: int, added: Sequence[int]) -> None:
        if not any(added):
            return
        known = {record[0]: record[1:] for record in self._state["reputations"]}
        before = known.get(seat, [0] * 5)
        known[seat] = [had + more for had, more in zip(before, added, strict=True)]
        self._state["reputations"] = [[agent, *known[agent]] for agent in sorted(known)]

    def _insure(
        self,
        contract: dict[str, Any],
        before: Sequence[int],
        postings: Sequence[Posting],
        last: int,
    ) -> None:
        first = FIRST + WIDTH * contract["seats"][1]
        own = range(first, first + WIDTH)
        wealth = sum(before[first : first + WIDTH])
        for posting in postings[:last]:
            wealth += posting.amount * ((posting.target in own) - (posting.source in own))
        contract["insured_value"] = wealth
        self._insured_from[contract["contract_id"]] = last

    def _fold_gains(self, postings: Sequence[Posting], repaid: Sequence[Repayment]) -> None:
        for contract in self._state["contracts"]:
            if contract["insured_value"] is None:
                continue
            first = FIRST + WIDTH * contract["seats"][1]
            own = range(first, first + WIDTH)
            for posting in postings[self._insured_from.get(contract["contract_id"], 0) :]:
                sign = _GAINS.get(str(posting.reason), 0)
                if sign and (posting.source in own or posting.target in own):
                    contract["insured_value"] += sign * posting.amount
            for part in repaid:
                counts = part.index >= self._insured_from.get(contract["contract_id"], 0)
                if counts and part.agent == contract["seats"][1]:
                    contract["insured_value"] += _GAINS.get(str(part.reason), 0) * part.tokens

    def _role(self, contract: dict[str, Any], agent_id: str | None) -> int | None:
        parties = contract["deal"]["parties"]
        return parties.index(agent_id) if agent_id in parties else None


def _escrow(contract: dict[str, Any]) -> list[int]:
    """Tokens of each party in escrow for a contract."""
    if contract["stage"] == "proposed":
        return [0, 0, 0]
    held = list(contract["deal"]["collaterals"])
    payer, _ = _WAITS.get(contract["deal"]["kind"], (0, ""))
    held[payer] += contract["payment"]
    return held


def _leaves_escrow(postings: Sequence[Posting]) -> int:
    """Tokens that postings take out of escrow accounts, less those they put in."""
    return sum(
        posting.amount * (_is_escrow(posting.source) - _is_escrow(posting.target))
        for posting in postings
    )


def _is_escrow(account: int) -> bool:
    return account >= FIRST and (account - ESCROW) % WIDTH == 0
