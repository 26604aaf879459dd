"""The turns of a world, read once: balances over time, sums, contracts, each agent's record."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from threading import RLock
from time import monotonic
from typing import Final

from msgspec import Struct, json

from sim_economy.core.accounts import BALANCE, FIRST, PLATFORM, WIDTH, PostingReason
from sim_economy.core.actions import RECOGNISED
from sim_economy.ledger.fold.account_fold import fold_postings
from sim_economy.ledger.readers.reading import config_of
from sim_economy.ledger.records import Genesis, Head, StoredTurn, TurnRecord
from sim_economy.ledger.stores.protocol import Store
from sim_economy.viewer.history.balance_history import BalanceHistory
from sim_economy.viewer.history.contract_index import ContractIndex
from sim_economy.viewer.history.out_of_tokens import OutOfTokens

TREND_TURNS: Final = 20
"""Turns that a trend is taken over."""
_SPEECH_KEPT: Final = 20
"""Turns kept of each agent in which it said something."""


class _SentAction(Struct):
    action: str


class _SentInput(Struct):
    agent_id: str
    action: _SentAction
    speech: str | None = None


sent_input = json.Decoder(_SentInput).decode
"""Who sent a recorded input, the action's name, and what was said."""


class AgentHistory:
    """What is kept of one agent.

    Attributes:
        lowest: Balance after any turn.
        since: The turn after which its balance has stayed below zero; None where it is not.
        actions: How often it did what; names that no rule knows are one.
        spoke: The newest turns in which it said something.
    """

    __slots__ = ("actions", "lowest", "rejections", "since", "spoke")

    def __init__(self) -> None:
        self.lowest = 0
        self.since: int | None = None
        self.actions: dict[str, int] = {}
        self.rejections = 0
        self.spoke: deque[int] = deque(maxlen=_SPEECH_KEPT)


class MovedTokens:
    """Net tokens for one reason, and how many postings, of each agent `[agent]`.

    The element after the last agent's is that of the system's accounts together.
    """

    __slots__ = ("postings", "tokens")

    def __init__(self, agents: int) -> None:
        self.tokens = [0] * (agents + 1)
        self.postings = [0] * (agents + 1)


class Sums(Struct):
    """What is added up over all turns, in tokens and counts; blocks after genesis."""

    fees_charged: int = 0
    fees_covered: int = 0
    fees_waived: int = 0
    dividends: int = 0
    blocks: int = 0
    transactions: int = 0
    rejections: int = 0


class WorldHistory:
    """The turns of one world that have been read so far; safe in several threads.

    Attributes:
        turn: The last one that was read; -1 before genesis.
        head: The end of the chain up to it; None before genesis.
        accounts: All of them, after it.
        recent: Balances after the newest turns, as many as a trend is taken over and one.
        moved: By reason.
        out_of_tokens: Agents that are.
        lock: Held by whoever reads it.
    """

    def __init__(self, first: Genesis) -> None:
        self.lock = RLock()
        self.agent_ids = first.agent_ids
        self._indices = {agent_id: index for index, agent_id in enumerate(first.agent_ids)}
        self.turn = -1
        self.head: Head | None = None
        self.token_supply = 0
        self.ended = False
        self.accounts = [0] * (FIRST + WIDTH * len(first.agent_ids))
        self.balances = BalanceHistory()
        self.recent: deque[Sequence[int]] = deque(maxlen=TREND_TURNS + 1)
        self.sums = Sums()
        self.contracts = ContractIndex(first.agent_ids)
        self.agents = [AgentHistory() for _ in first.agent_ids]
        self.moved: dict[PostingReason, MovedTokens] = {}
        self.out_of_tokens = OutOfTokens(config_of(first), len(first.agent_ids))

    def advance(self, store: Store, seconds: float) -> None:
        """Read on to the end of a store, or for so long; at least one turn."""
        until = monotonic() + seconds
        with self.lock:
            if self.head is None:
                self.head = Head.of_genesis(store.genesis_line())
            for stored in store.read(self.turn + 1):
                self._add(stored)
                if monotonic() > until:
                    break

    def held(self, first: int, last: int) -> list[Sequence[int]]:
        """Balances after each turn from one to another; nothing where not all are recent."""
        with self.lock:
            start = first - (self.turn + 1 - len(self.recent))
            if start < 0 or last > self.turn:
                return []
            return [*self.recent][start : start + last - first + 1]

    def _add(self, stored: StoredTurn) -> None:
        record = stored.record
        fold_postings(self.accounts, record.postings)
        balances = self.accounts[BALANCE::WIDTH]
        self.balances.add(record.turn, balances, self.accounts[PLATFORM], record.token_supply)
        self.recent.append(balances)
        self._add_sums(record)
        self.contracts.add(record)
        self._add_moved(record)
        self._add_inputs(record)
        self._add_balances(record.turn, balances)
        self.out_of_tokens.add(record, balances)
        self.turn, self.ended, self.token_supply = record.turn, record.ends, record.token_supply
        assert self.head is not None
        self.head = self.head.after(record, stored.head_hash)

    def _add_sums(self, record: TurnRecord) -> None:
        sums, bill = self.sums, record.bill
        sums.fees_charged += bill.charged
        sums.fees_covered += bill.covered
        sums.fees_waived += bill.waived
        sums.dividends += bill.dividends
        sums.blocks += record.block is not None and record.turn > 0
        sums.transactions += len(record.transactions)
        sums.rejections += len(record.outcomes) - record.outcomes.count(None)

    def _add_moved(self, record: TurnRecord) -> None:
        """Add the postings; the owners' indices are computed here, for there are very many."""
        for posting in record.postings:
            moved = self.moved.get(posting.reason)
            if moved is None:
                moved = self.moved[posting.reason] = MovedTokens(len(self.agents))
            payer = (posting.source - FIRST) // WIDTH
            payee = (posting.target - FIRST) // WIDTH
            moved.tokens[payer] -= posting.amount
            moved.tokens[payee] += posting.amount
            moved.postings[payer] += 1
            if payee != payer:
                moved.postings[payee] += 1

    def _add_inputs(self, record: TurnRecord) -> None:
        for text, outcome in zip(record.inputs, record.outcomes, strict=True):
            sent = sent_input(text)
            index = self._indices.get(sent.agent_id)
            if index is None:
                continue
            own = self.agents[index]
            action = sent.action.action
            if action not in RECOGNISED:
                action = "unrecognised"
            own.actions[action] = own.actions.get(action, 0) + 1
            own.rejections += outcome is not None
            if sent.speech and (not own.spoke or own.spoke[-1] != record.turn):
                own.spoke.append(record.turn)

    def _add_balances(self, turn: int, balances: Sequence[int]) -> None:
        for own, balance in zip(self.agents, balances, strict=True):
            if balance < own.lowest or turn == 0:
                own.lowest = balance
            if balance >= 0:
                own.since = None
            elif own.since is None:
                own.since = turn
