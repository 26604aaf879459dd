"""Interventions, once more from genesis and the records alone: what they remember and did."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET, json

from sim_economy.core.accounts import BALANCE, FIRST, STAKED, WIDTH, Posting, PostingReason
from sim_economy.ledger.fold.account_fold import fold_postings
from sim_economy.ledger.fold.debt_fold import DebtFold
from sim_economy.ledger.fold.match_fold import MatchFold
from sim_economy.ledger.fold.rebate_fold import RebateFold
from sim_economy.ledger.fold.repayments import Received
from sim_economy.ledger.fold.shock_fold import ShockFold
from sim_economy.ledger.fold.subsidy_fold import SubsidyFold
from sim_economy.ledger.records import Genesis, TurnRecord


class GovernanceFold:
    """What the interventions of a world must have done in each turn.

    Attributes:
        is_on: Whether the world has any.
        shocks: The shocks among them.
    """

    def __init__(self, state: dict[str, Any], agents: Mapping[str, int], first: Genesis) -> None:
        self._state = state
        self._agents = agents
        rules = first.parameters.get("governance", {})
        self.is_on = bool(rules)
        self._cap: Mapping[str, Any] | None = rules.get("fee_cap")
        self._parameters: Mapping[str, Any] = first.parameters
        self._monitor: Mapping[str, Any] | None = rules.get("concentration_monitor")
        rails = rules.get("debt_rails")
        rebate = rules.get("reinvestment_rebate")
        self._rebate = None if rebate is None else RebateFold(rebate, len(agents))
        subsidy = rules.get("arbitration_subsidy")
        self._subsidy = None if subsidy is None else SubsidyFold(subsidy)
        matching = rules.get("contract_matching")
        self._matches = None if matching is None else MatchFold(matching)
        self._debts = None if rails is None else DebtFold(rails, len(agents))
        self.shocks = ShockFold(first, agents)
        memory: dict[str, Any] = {}
        if self._cap is not None:
            memory["fee_window"] = []
        if self._rebate is not None:
            memory["rebate"] = self._rebate.memory
        if self._debts is not None:
            memory["debts"] = self._debts.memory
        if self._matches is not None and self._matches.is_shown:
            memory["matches"] = []
        if self._monitor is not None:
            memory["relieved"] = []
        if self.is_on:
            state["governance"] = memory

    @property
    def matches_contracts(self) -> bool:
        """True if agents may state needs."""
        return self._matches is not None

    def hold(self, parameters: Mapping[str, Any]) -> None:
        """Go by parameters from now on."""
        self._parameters = parameters

    def problems(
        self,
        record: TurnRecord,
        before: Sequence[int],
        contracts: Sequence[Mapping[str, Any]],
        received: Sequence[Received],
        studied: Sequence[int],
    ) -> Iterator[str]:
        """Fold a turn in, and name what in it is not what the interventions of its world do.

        Args:
            before: The accounts before it.
            contracts: Those open before it.
            received: Its postings, inflows with what was repaid of them.
            studied: Indices of the agents whose study applied.
        """
        if record.turn == 0:
            return
        if self.is_on == (record.governance is UNSET):
            yield "what interventions did is there without them, or not there with them"
        if not self.is_on:
            yield from _strangers(received)
            return
        did = {} if record.governance is UNSET else json.decode(json.encode(record.governance))
        yield from self.shocks.problems(record, before, received, did)
        yield from self._halved(did)
        fees = self._fees(record, contracts)
        yield from self._capped(record, did, fees, [own.posting for own in received])
        if self._debts is not None:
            lending = _index_of(record, received, ("debt_restructured", "levy"))
            yield from self._debts.problems(record, before, received, did, lending)
        elif did.get("debts") or did.get("repayments"):
            yield "debts were repaid, and genesis states no debt rails"
        yield from self._watched(record, before, did, received)
        if self._rebate is not None:
            yield from self._rebate.problems(record, before, received, did, studied)
            self._rebate.fold_ends(record, contracts)
        elif any(own.posting.reason is PostingReason.REBATE for own in received) or "points" in did:
            yield "fees were rebated, and genesis states no rebate"
        if self._subsidy is not None:
            yield from self._subsidy.problems(record, contracts, received)
        elif any(own.posting.reason is PostingReason.ARBITRATION_SUBSIDY for own in received):
            yield "arbitration was subsidised, and genesis states no subsidy"

    def match_problems(
        self, record: TurnRecord, needs: Mapping[int, Sequence[Mapping[str, Any]]]
    ) -> Iterator[str]:
        """Name what in a turn no needs call for, once its reputations are folded.

        Args:
            needs: By agent index, of inputs that applied.
        """
        if record.turn == 0 or record.governance is UNSET:
            return
        if self._matches is not None:
            yield from self._matches.problems(record, needs, self._state)
        elif record.governance.matches:
            yield "contracts were matched, and genesis states no matching"

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
        self,
        record: TurnRecord,
        did: Mapping[str, Any],
        fees: Sequence[int],
        postings: Sequence[Posting],
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
        window.append([record.turn, sum(fees), _tips(postings), self._job_pay(postings)])
        del window[: -self._cap["window_turns"]]

    def _halved(self, did: Mapping[str, Any]) -> Iterator[str]:
        """G5: who is spared fees had relief."""
        relieved = self._state["governance"].get("relieved", ())
        if not {agent for agent, _ in did.get("fees_halved", ())} <= {*relieved}:
            yield "fees were halved of agents that had no relief"

    def _watched(
        self,
        record: TurnRecord,
        before: Sequence[int],
        did: Mapping[str, Any],
        received: Sequence[Received],
    ) -> Iterator[str]:
        """G5: the monitor looks at balance and stake after the loans of the turn."""
        levied = [own.posting for own in received if own.posting.reason is PostingReason.LEVY]
        if self._monitor is None:
            if levied or "concentrated" in did:
                yield "a monitor watched, and genesis states none"
            return
        index = _index_of(record, received, ("levy",))
        memory = self._state["governance"]
        memory["relieved"] = []
        if index is None:
            return
        accounts = list(before)
        fold_postings(accounts, record.postings[:index])
        balances = accounts[BALANCE::WIDTH]
        wealth = [free + kept for free, kept in zip(balances, accounts[STAKED::WIDTH], strict=True)]
        found = record.turn >= self._monitor["from_turn"] and _is_concentrated(
            wealth, round(self._monitor["gini_max"] * 10**6)
        )
        if did.get("concentrated") != found:
            yield "the monitor did not find what balances and stakes show"
        poorest = sorted(range(len(wealth)), key=wealth.__getitem__)[: len(wealth) // 2]
        response = self._monitor["response"] if found else "none"
        expected = []
        if response == "levy":
            share = round(self._monitor["levy_share"] * 10**6)
            expected = list(_levy(wealth, balances, poorest, share))
        if levied != expected:
            yield "the levy is not the one that wealth calls for"
        if response == "relief" and not record.ends:
            memory["relieved"] = sorted(poorest)

    def _job_pay(self, postings: Sequence[Posting]) -> int:
        paid = {"job_credit", "interest_relief"}
        if self._parameters["signing_bonus_rule"] == "first_job":
            paid.add("signing_bonus")
        return sum(posting.amount for posting in postings if posting.reason in paid)


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


def _tips(postings: Sequence[Posting]) -> int:
    """Tokens that others than its winner paid for a place in the block."""
    return sum(
        posting.amount
        for posting in postings
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


def _index_of(
    record: TurnRecord, received: Sequence[Received], reasons: Collection[str]
) -> int | None:
    """The index of the first posting for a reason, or of the end; None where T9 hides it."""
    start = 0
    for own in received:
        if own.posting.reason in reasons:
            return start
        start = own.end
    return None if record.ends else len(record.postings)


def _is_concentrated(wealth: Sequence[int], gini_max: int) -> bool:
    """Test whether the mean difference of all pairs is above a share of twice the mean."""
    lift = 1 - min(wealth) if min(wealth) < 1 else 0
    held = sorted(own + lift for own in wealth)
    n = len(held)
    differences = sum((2 * rank - n + 1) * own for rank, own in enumerate(held))
    return differences * 10**6 > gini_max * n * sum(held)


def _levy(
    wealth: Sequence[int], balances: Sequence[int], poorest: Sequence[int], share: int
) -> Iterator[Posting]:
    ranked = sorted(wealth)
    middle = ranked[len(ranked) // 2] + ranked[~(len(ranked) // 2)]
    payer = wealth.index(ranked[-1])
    tokens = min((2 * ranked[-1] - middle) * share // (2 * 10**6), max(0, balances[payer]))
    for rank, agent in enumerate(poorest):
        part = tokens // len(poorest) + (rank < tokens % len(poorest))
        if part:
            source, target = BALANCE + WIDTH * payer, BALANCE + WIDTH * agent
            yield Posting(source, target, part, PostingReason.LEVY)


_REASONS: Final = frozenset(
    {
        "arbitration_subsidy",
        "debt_restructured",
        "debt_repayment",
        "levy",
        "rebate",
        "shock_gain",
        "shock_loss",
    }
)


def _strangers(received: Sequence[Received]) -> Iterator[str]:
    """What only interventions bring, in a world that has none."""
    if any(own.posting.reason in _REASONS for own in received):
        yield "the turn has interventions, and genesis states none"
