"""The state once more, folded from the records alone, by code that knows no rule's arithmetic.

It is written apart from the turn on purpose: what it and the turn agree on has been said twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import json

from sim_economy.core.accounts import FIRST, WIDTH, Posting
from sim_economy.ledger.fold.account_fold import fold_postings
from sim_economy.ledger.fold.contract_fold import ContractFold
from sim_economy.ledger.fold.governance_fold import GovernanceFold
from sim_economy.ledger.fold.income_fold import IncomeFold
from sim_economy.ledger.fold.repayments import with_repayments, withheld
from sim_economy.ledger.records import Genesis, TurnRecord

_SUBMITTED = ("stake", "burn", "transfer")


class Fold:
    """A world's state as its records tell it, one turn after another."""

    def __init__(self, first: Genesis) -> None:
        agents = len(first.agent_ids)
        self._agents = {agent_id: agent for agent, agent_id in enumerate(first.agent_ids)}
        self._burning: tuple[int, int] | None = None
        self._hold(first.parameters)
        self._num_cores = first.parameters["num_cores"]
        owners = first.parameters.get("cores", {}).get("owners")
        self._auctions = owners is None
        self.state: dict[str, Any] = {
            "turn": -1,
            "accounts": [0] * (FIRST + WIDTH * agents),
            "studies": [0] * agents,
            "employed": [False] * agents,
            "burned": [0] * agents,
            "cores": [(owners or {}).get(agent_id, 0) for agent_id in first.agent_ids],
            "burns": [],
            "mempool": [],
            "releases": [],
            "contracts": [],
            "contracts_proposed": 0,
            "contracts_ended": [],
            "payloads": [],
            "reputations": [],
            "counted": [],
            "tip": [0, None, None],
            "speech": [None] * agents,
            "rejections": [None] * agents,
            "fees_collected": 0,
            "ended": False,
        }
        self._contracts = ContractFold(self.state, self._agents, first)
        self._income = IncomeFold(first, self._agents)
        self._governance = GovernanceFold(self.state, self._agents, first)
        self._shocks = self._governance.shocks

    def _hold(self, parameters: Mapping[str, Any]) -> None:
        """Go by parameters from now on."""
        self._delay = parameters["unstake_delay_turns"]
        decay = round(float(parameters["burn_decay_rate"]) * 10**6)
        burning = int(parameters["burn_maturity_turns"]), decay
        if burning != self._burning:
            self._burning, self._weights = burning, _burn_weights(*burning)
            self._lifetime = [next(self._weights)]

    def text(self) -> bytes:
        """The canonical text of the folded state."""
        state = self.state
        if "payloads_hash" in state and "governance" in state:
            state["payloads_hash"] = state.pop("payloads_hash")
        return json.encode(state)

    def problems(self, record: TurnRecord) -> Iterator[str]:
        """Fold one turn in, and name what in it contradicts the state or itself."""
        state = self.state
        turn = record.turn
        if turn != state["turn"] + 1:
            yield f"turn {turn} follows turn {state['turn']}"
        if state["ended"]:
            yield "a turn follows the run's declared end"
        agents = len(self._agents)
        state.update(
            turn=turn, speech=[None] * agents, rejections=[None] * agents, ended=record.ends
        )
        if self._shocks.is_on:
            in_force = self._shocks.parameters(turn)
            self._hold(in_force)
            self._contracts.hold(in_force)
            self._income.hold(in_force, self._shocks.usage_factor(turn))
            self._governance.hold(in_force)
        is_read = record.contracts or self._income.is_on or self._governance.is_on
        before = list(state["accounts"]) if is_read else []
        received = with_repayments(record)
        yield from self._fold_postings(record)
        self._fold_releases(turn)
        contracts = state["contracts"]
        yield from self._income.problems(record, before, self._released, contracts, received)
        self._applied: dict[str, dict[str, Any]] = {}
        self._needs: dict[int, list[dict[str, Any]]] = {}
        studied = list(state["studies"])
        yield from self._fold_inputs(record)
        studied = [own for own, had in enumerate(studied) if state["studies"][own] > had]
        yield from self._governance.problems(record, before, contracts, received, studied)
        yield from self._fold_block(record)
        yield from self._contracts.problems(record, self._applied, before)
        yield from self._governance.match_problems(record, self._needs)
        if record.ends:
            state["mempool"] = []
        yield from self._imbalances(record)

    def _fold_postings(self, record: TurnRecord) -> Iterator[str]:
        accounts = self.state["accounts"]
        count = len(accounts)
        postings = []
        for index, posting in enumerate(record.postings):
            source, target = posting.source, posting.target
            if not (0 <= source < count and 0 <= target < count):
                yield f"posting {index} names an account that is not there"
                continue
            if posting.amount <= 0 or source == target:
                yield f"posting {index} moves nothing"
            postings.append(posting)
        fold_postings(accounts, postings)
        yield from self._fold_core_sales(postings, record.turn)
        yield from self._fold_fees(postings, record)

    def _fold_core_sales(self, postings: Sequence[Posting], turn: int) -> Iterator[str]:
        sales = [posting for posting in postings if posting.reason == "core_price"]
        for sale in sales:
            self.state["cores"][(sale.source - FIRST) // WIDTH] += 1
        prices = {sale.amount for sale in sales}
        fair = turn == 1 and self._auctions and len(sales) <= self._num_cores and len(prices) <= 1
        if sales and not fair:
            yield "core shares were sold as no auction sells them"

    def _fold_fees(self, postings: Sequence[Posting], record: TurnRecord) -> Iterator[str]:
        bill = record.bill
        flows = {"inference_fee": 0, "forward_fee": 0, "dividend": withheld(record, "dividend")}
        for posting in postings:
            if posting.reason in flows:
                flows[posting.reason] += posting.amount
        self.state["fees_collected"] = flows["inference_fee"] + flows["forward_fee"]
        if bill.charged != self.state["fees_collected"]:
            yield "the bill is not the sum of the fees posted"
        if bill.dividends != flows["dividend"]:
            yield "the dividends are not the sum of those posted"
        if not 0 <= bill.dividends <= bill.covered <= bill.charged:
            yield "the dividends pass the covered fees"

    def _fold_releases(self, turn: int) -> None:
        self._released = [held for held in self.state["releases"] if held[3] <= turn]
        self.state["releases"] = [held for held in self.state["releases"] if held[3] > turn]

    def _fold_inputs(self, record: TurnRecord) -> Iterator[str]:
        if len(record.outcomes) != len(record.inputs):
            yield "inputs and outcomes are not equally many"
            return
        applied: list[tuple[int, dict[str, Any]]] = []
        yield from self._applied_inputs(record, applied)
        unstaked = {
            (posting.source - FIRST) // WIDTH: posting.amount
            for posting in record.postings
            if posting.reason == "unstake_started"
        }
        for agent, submitted in sorted(applied, key=lambda pair: pair[0]):
            self._fold_action(agent, submitted, record.turn, unstaked)

    def _applied_inputs(
        self, record: TurnRecord, applied: list[tuple[int, dict[str, Any]]]
    ) -> Iterator[str]:
        seen: set[int] = set()
        for index, (text, outcome) in enumerate(zip(record.inputs, record.outcomes, strict=True)):
            submitted = json.decode(text)
            agent = self._agents.get(submitted["agent_id"])
            if agent is None or agent in seen:
                if outcome != ("unknown_agent" if agent is None else "already_acted"):
                    yield f"input {index} was not refused"
                continue
            seen.add(agent)
            if outcome is not None:
                self.state["rejections"][agent] = outcome
                continue
            if _is_cut_short(submitted):
                yield f"input {index} applied without what was cut of it"
            self.state["speech"][agent] = submitted.get("speech") or None
            self._applied[submitted["agent_id"]] = submitted["action"]
            if "needs" in submitted:
                self._needs[agent] = submitted["needs"]
                if not self._governance.matches_contracts:
                    yield f"input {index} states needs, and genesis states no matching"
            applied.append((agent, submitted))

    def _fold_action(
        self, agent: int, submitted: dict[str, Any], turn: int, unstaked: dict[int, int]
    ) -> None:
        action = submitted["action"]
        name = action["action"]
        if name == "study":
            self.state["studies"][agent] += 1
        elif name == "job":
            self.state["employed"][agent] = True
        elif name == "unstake":
            due = turn + self._delay
            self.state["releases"].append([agent, unstaked.get(agent, 0), turn, due])
        elif name in _SUBMITTED:
            waiting = {
                "tx_type": name,
                "agent_id": submitted["agent_id"],
                "amount": action.get("amount"),
                "fee": action.get("fee", 0),
                "submitted": turn,
            }
            if name == "transfer":
                waiting["to"] = action.get("to")
            self.state["mempool"].append(waiting)

    def _fold_block(self, record: TurnRecord) -> Iterator[str]:
        state = self.state
        agent_ids = list(self._agents)
        expected = [
            {
                "tx_type": "unstake",
                "agent_id": agent_ids[agent],
                "amount": amount,
                "fee": 0,
                "submitted": started,
                "finalised": record.turn,
            }
            for agent, amount, started, _ in self._released
        ]
        self._drop_spent(record.turn)
        if record.block is not None:
            block = record.block
            state["tip"] = [record.turn, block.winner, block.validator_type]
            for waiting in state["mempool"]:
                expected.append({**waiting, "finalised": record.turn})
                if waiting["tx_type"] == "burn":
                    agent = self._agents[waiting["agent_id"]]
                    state["burned"][agent] += waiting["amount"]
                    state["burns"].append([agent, waiting["amount"], record.turn])
            if block.transactions != len(state["mempool"]):
                yield "the block counts other transactions than it finalised"
            state["mempool"] = []
        if json.decode(json.encode(record.transactions)) != expected:
            yield "the transactions are not those that were due"

    def _drop_spent(self, turn: int) -> None:
        burns = self.state["burns"]
        while burns and self._spent(turn - burns[0][2]):
            del burns[0]

    def _spent(self, turns: int) -> bool:
        while len(self._lifetime) <= turns:
            self._lifetime.append(next(self._weights))
        return self._lifetime[turns] == 0

    def _imbalances(self, record: TurnRecord) -> Iterator[str]:
        accounts = self.state["accounts"]
        if sum(accounts) != 0:
            yield "the accounts do not sum to zero"
        if sum(accounts[FIRST:]) != record.token_supply:
            yield "the token supply is not what agents own"
        escrowed = self._contracts.held()
        for agent_id, agent in self._agents.items():
            first = FIRST + WIDTH * agent
            _, staked, unstaking, pending, escrow = accounts[first : first + WIDTH]
            waiting = sum(
                sent["amount"] + sent["fee"]
                for sent in self.state["mempool"]
                if sent["agent_id"] == agent_id
            )
            releasing = sum(back[1] for back in self.state["releases"] if back[0] == agent)
            if min(staked, unstaking, pending, escrow) < 0:
                yield f"{agent_id} has less than nothing in an account that holds"
            if pending != waiting:
                yield f"{agent_id} has {pending} pending and {waiting} waiting"
            held = escrowed.get(agent, 0)
            if escrow != held:
                yield f"{agent_id} has {escrow} in escrow and its contracts hold {held}"
            if unstaking != releasing:
                yield f"{agent_id} has {unstaking} unstaking and {releasing} to be released"


def _is_cut_short(submitted: dict[str, Any]) -> bool:
    """Test whether an input lacks more than the end of its thinking; no rule applies it then."""
    return any(field != "thinking" for field, _ in submitted.get("cut", ()))


def _burn_weights(maturity: int, decay: int) -> Iterator[int]:
    """The weight of a burn by its age in turns; 1 stands for any weight before maturity."""
    for _ in range(maturity):
        yield 1
    weight = 10**12
    while True:
        yield weight
        weight = weight * (10**6 - decay) // 10**6
