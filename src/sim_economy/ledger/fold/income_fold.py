"""Income, once more from genesis and the records alone: grants, expiry, and who could not pay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import UNSET, json

from sim_economy.core.accounts import (
    BALANCE,
    ISSUANCE,
    UNSTAKING,
    WIDTH,
    Posting,
    PostingReason,
)
from sim_economy.ledger.fold.account_fold import fold_postings
from sim_economy.ledger.fold.repayments import Received, those_expected
from sim_economy.ledger.fold.shock_fold import ONE_OFF
from sim_economy.ledger.records import Genesis, TurnRecord

_REASONS: Final = frozenset(
    {
        PostingReason.ALLOWANCE_EXPIRED,
        PostingReason.DEBT_LIFTED,
        PostingReason.ALLOWANCE,
        PostingReason.TOP_UP,
    }
)


class IncomeFold:
    """What income must have done in each turn of a world.

    Attributes:
        is_on: Whether the world has income.
    """

    def __init__(self, first: Genesis, agents: Mapping[str, int]) -> None:
        rules = first.parameters.get("income", {})
        named = rules.get("allowances", {})
        self.is_on = "income" in first.parameters
        self._agents = agents
        self._allowances = [named.get(name, rules.get("allowance", 0)) for name in agents]
        self._period_turns: int = rules.get("period_turns", 0)
        starts: Sequence[int] = rules.get("period_starts", ())
        self._starts = {turn: number for number, turn in enumerate(starts)}
        self._carryover = rules.get("carryover_max", 0)
        self._forgives = rules.get("overdraft") == "forgiven"
        self._top_ups: dict[int, list[dict[str, Any]]] = {}
        for given in rules.get("top_ups", ()):
            self._top_ups.setdefault(given["turn"], []).append(given)
        self._stops = rules.get("when_empty") == "stop"
        self._clips = rules.get("when_empty") == "clip"
        self._metered = first.parameters["usage_source"] != "fixed"
        self.hold(first.parameters, 10**6)

    def hold(self, parameters: Mapping[str, Any], usage_factor: int) -> None:
        """Go by parameters from now on."""
        self._discount = round(float(parameters["thinking_layer_discount"]) * 10**6)
        self._factor = usage_factor

    def problems(
        self,
        record: TurnRecord,
        before: Sequence[int],
        releases: Sequence[Sequence[int]],
        contracts: Sequence[Mapping[str, Any]],
        received: Sequence[Received],
    ) -> Iterator[str]:
        """Name what in a turn is not what the income of its world does.

        Args:
            before: The accounts before the turn.
            releases: Stake that returns in it: agent, amount and so on.
            contracts: Those open before it.
            received: Its postings, inflows with what was repaid of them.
        """
        postings = [own.posting for own in received]
        if not self.is_on:
            yield from _strangers(record, postings)
            return
        accounts = list(before)
        expected = self._expected(record.turn, accounts, releases)
        count = those_expected(received, expected)
        if count is None:
            yield "the turn did not begin with the income that genesis states"
            count = len(expected)
        elif _of_income(postings[count:]):
            yield "tokens were granted, expired or lifted that no rule of genesis moves"
        begun = received[:count]
        struck = [own for own in received[count:] if own.posting.reason in ONE_OFF]
        first = max((own.end for own in (*begun, *struck)), default=0)
        accounts = list(before)
        fold_postings(accounts, record.postings[:first])
        empty = self._empty(record.turn, accounts, contracts)
        asked = self._admitted(record)
        yield from self._stopped(asked, empty)
        yield from self._fees(record.postings[first:], accounts, empty)
        yield from self._denied(record, asked)

    def _expected(
        self, turn: int, accounts: list[int], releases: Sequence[Sequence[int]]
    ) -> list[Posting]:
        """The first postings of a turn; the accounts become those after them."""
        number = self._period(turn)
        expected = list(self._returning(releases))
        fold_postings(accounts, expected)
        income = list(self._closing(accounts)) if number else []
        income += self._grants() if number is not None else ()
        income += self._given(turn)
        fold_postings(accounts, income)
        return expected + income

    def _returning(self, releases: Sequence[Sequence[int]]) -> Iterator[Posting]:
        for agent, amount, *_ in releases:
            source, target = UNSTAKING + WIDTH * agent, BALANCE + WIDTH * agent
            yield Posting(source, target, amount, PostingReason.STAKE_RELEASED)

    def _grants(self) -> Iterator[Posting]:
        for agent, tokens in enumerate(self._allowances):
            if tokens:
                yield Posting(ISSUANCE, BALANCE + WIDTH * agent, tokens, PostingReason.ALLOWANCE)

    def _given(self, turn: int) -> Iterator[Posting]:
        for given in self._top_ups.get(turn, ()):
            balance = BALANCE + WIDTH * self._agents[given["agent"]]
            yield Posting(ISSUANCE, balance, given["tokens"], PostingReason.TOP_UP)

    def _period(self, turn: int) -> int | None:
        """The number of the period that begins in a turn, from 0; None where none does."""
        if not self._period_turns or turn < 1:
            return self._starts.get(turn)
        number, rest = divmod(turn - 1, self._period_turns)
        return None if rest else number

    def _closing(self, accounts: Sequence[int]) -> Iterator[Posting]:
        for agent, tokens in enumerate(self._allowances):
            balance = BALANCE + WIDTH * agent
            over = accounts[balance] - self._carryover
            if tokens and over > 0:
                yield Posting(balance, ISSUANCE, over, PostingReason.ALLOWANCE_EXPIRED)
            elif tokens and accounts[balance] < 0 and self._forgives:
                yield Posting(ISSUANCE, balance, -accounts[balance], PostingReason.DEBT_LIFTED)

    def _empty(
        self, turn: int, accounts: Sequence[int], contracts: Sequence[Mapping[str, Any]]
    ) -> frozenset[int]:
        """Agents that may use nothing in a turn."""
        if not self._stops:
            return frozenset()
        funds = list(accounts[BALANCE::WIDTH])
        for contract in contracts:
            deal = contract["deal"]
            if deal["kind"] == "forward" and contract["stage"] == "active":
                in_force = deal["start_turn"] <= turn
                funds[contract["seats"][1]] += contract["payment"] if in_force else 0
        return frozenset(agent for agent, held in enumerate(funds) if held <= 0)

    def _admitted(self, record: TurnRecord) -> dict[int, tuple[dict[str, Any], str | None]]:
        """The first input of each agent, with its outcome."""
        asked: dict[int, tuple[dict[str, Any], str | None]] = {}
        for text, outcome in zip(record.inputs, record.outcomes, strict=False):
            submitted = json.decode(text)
            agent = self._agents.get(submitted["agent_id"])
            if agent is not None:
                asked.setdefault(agent, (submitted, outcome))
        return asked

    def _stopped(
        self, asked: Mapping[int, tuple[dict[str, Any], str | None]], empty: frozenset[int]
    ) -> Iterator[str]:
        for agent, (submitted, outcome) in asked.items():
            if (outcome == "balance_empty") != (agent in empty):
                stood = "nothing" if agent in empty else "something"
                yield f"{submitted['agent_id']} had {stood} to pay with; its outcome says otherwise"

    def _fees(
        self, posted: Sequence[Posting], accounts: list[int], empty: frozenset[int]
    ) -> Iterator[str]:
        """Fees that `stop` or `clip` rule out; the accounts are those after T2."""
        if not (self._stops or self._clips):
            return
        for posting in posted:
            if posting.reason is PostingReason.INFERENCE_FEE:
                agent = (posting.source - BALANCE) // WIDTH
                if agent in empty:
                    yield f"agent {agent} was billed and had nothing"
                if self._clips and posting.amount > accounts[posting.source]:
                    yield f"agent {agent} was billed more than it had"
            fold_postings(accounts, (posting,))

    def _denied(
        self, record: TurnRecord, asked: Mapping[int, tuple[dict[str, Any], str | None]]
    ) -> Iterator[str]:
        """Units that were not asked for, or not refused."""
        denied = () if record.units_denied is UNSET else record.units_denied
        agents = [refused.agent for refused in denied]
        if agents != sorted(set(agents)) or (denied and not (self._stops or self._clips)):
            yield "units were refused that no rule of genesis refuses"
            return
        found = {refused.agent: (refused.thinking, refused.output) for refused in denied}
        for agent, (submitted, outcome) in asked.items():
            yield from self._refused(submitted, outcome, found.pop(agent, (0, 0)))
        if found:
            yield "units were refused to agents that asked for none"

    def _refused(
        self, submitted: Mapping[str, Any], outcome: str | None, units: tuple[int, int]
    ) -> Iterator[str]:
        """What is wrong with the units that one agent was refused."""
        thinking, output = (
            submitted.get(name, 0) * self._factor // 10**6
            for name in ("thinking_units", "output_units")
        )
        counted = thinking * self._discount // 10**6, output
        if outcome == "balance_empty" and self._metered and units != counted:
            yield f"{submitted['agent_id']} was refused other units than it asked for"
        if min(units) < 0 or (self._metered and any(map(int.__gt__, units, counted))):
            yield f"{submitted['agent_id']} was refused more units than it asked for"


def _of_income(postings: Sequence[Posting]) -> int:
    return sum(posting.reason in _REASONS for posting in postings)


def _strangers(record: TurnRecord, postings: Sequence[Posting]) -> Iterator[str]:
    """What only income brings, in a world that has none."""
    moved = _of_income(postings)
    if moved or record.units_denied is not UNSET or "balance_empty" in record.outcomes:
        yield "the turn has income, and genesis states none"
