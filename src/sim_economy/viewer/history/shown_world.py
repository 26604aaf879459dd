"""One world as it is shown: its source, what was read of it, and how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Final

from msgspec import Struct

from sim_economy.core.accounts import BALANCE, FIRST, PLATFORM, WIDTH, Holding
from sim_economy.core.world_config import WorldConfig, agent_index
from sim_economy.ledger.readers.reading import (
    account_balances,
    config_of,
    genesis_record,
)
from sim_economy.ledger.records import Genesis, Head, digest
from sim_economy.ledger.stores.protocol import Store
from sim_economy.viewer.answers import VerificationProgressAnswer
from sim_economy.viewer.history.balance_history import Bucket
from sim_economy.viewer.history.out_of_tokens import OutOfTokens, refuses_usage
from sim_economy.viewer.history.world_history import TREND_TURNS, WorldHistory
from sim_economy.viewer.sources import WorldSource

READ_SECONDS: Final = 0.5
"""Seconds that one request reads on in a long ledger."""


class Standing(Struct, frozen=True, kw_only=True):
    """How a world stands after its last turn.

    Attributes:
        accounts: All of them.
        recent: Balances after the newest turns, oldest first; at least the last turn's, and none
            from before the newest grant of allowances.
        out_since: The turn since which an agent has been out of tokens, `[agent]`; None where it
            is not, and nowhere where the rules refuse no usage.
        next_grants: The turn in which an agent's next allowance is granted, `[agent]`.
    """

    head: Head
    accounts: Sequence[int]
    recent: Sequence[Sequence[int]]
    token_supply: int
    ended: bool
    out_since: Sequence[int | None]
    next_grants: Sequence[int | None]

    @property
    def balances(self) -> Sequence[int]:
        """Balances after the last turn, `[agent]`."""
        return self.recent[-1]

    @property
    def platform(self) -> int:
        """The platform's balance."""
        return self.accounts[PLATFORM]

    def holding(self, agent: int, kind: Holding) -> int:
        """What one of an agent's accounts holds."""
        return self.accounts[FIRST + WIDTH * agent + kind]

    @property
    def trend_turns(self) -> int:
        """Turns that a trend is taken over."""
        return len(self.recent) - 1

    def trend(self, agent: int) -> float:
        """Mean change of an agent's balance a turn, in tokens."""
        turns = self.trend_turns
        return (self.balances[agent] - self.recent[0][agent]) / turns if turns else 0.0

    def insolvent_turn(self, agent: int) -> int | None:
        """The turn in which a balance is below zero if its trend lasts.

        None where it does not fall, is below zero, is granted an allowance first, or where the
        agent is out of tokens.
        """
        balance = self.balances[agent]
        fallen = self.recent[0][agent] - balance
        if self.ended or balance < 0 or fallen <= 0 or self.out_since[agent] is not None:
            return None
        turns = balance * self.trend_turns // fallen + 1
        granted = self.next_grants[agent]
        until = self.head.turn + _TURNS_MOST if granted is None else granted
        return self.head.turn + turns if self.head.turn + turns < until else None


_TURNS_MOST: Final = 10**9
"""Turns ahead beyond which an agent is said to stay solvent."""


class ShownWorld:
    """One world, and what was read of its records so far.

    Attributes:
        first: Its genesis record.
        genesis: The genesis hash.
        refuses_usage: Whether usage is refused that a balance cannot pay; agents run out of tokens
            there.
        indices: Agents' indices by id.
        progress: How far a running check has come.
        samples: Single turns that stand for those which have not been read yet, by turn.
    """

    def __init__(self, source: WorldSource, store: Store) -> None:
        self.source = source
        self.first: Genesis = genesis_record(store)
        self.genesis = digest(store.genesis_line())
        self.config: WorldConfig = config_of(self.first)
        self.refuses_usage = refuses_usage(self.config)
        self.agent_ids = self.first.agent_ids
        self.history = WorldHistory(self.first)
        income = self.config.income
        self._income = income if income is not None and income.has_allowances else None
        none = [0] * len(self.agent_ids)
        self._allowances = none if income is None else income.granted(self.agent_ids)
        self.progress = VerificationProgressAnswer(running=False, turn=0, turns=0)
        self.checking = Lock()
        self.samples: dict[int, Bucket] = {}
        self.indices = {agent_id: index for index, agent_id in enumerate(self.agent_ids)}
        self._standing: Standing | None = None

    def agent(self, agent_id: str) -> int:
        """An agent's index; raises InputError where there is none of this id."""
        return agent_index(self.indices, agent_id)

    def standing(self, store: Store, seconds: float = READ_SECONDS) -> Standing:
        """How it stands, after reading on for so long."""
        self.history.advance(store, seconds)
        head = store.head()
        with self.history.lock:
            if self.history.turn >= head.turn:
                return self._as_read()
        if self._standing is None or self._standing.head != head:
            self._standing = self._standing_at(store, head)
        return self._standing

    def _as_read(self) -> Standing:
        history = self.history
        assert history.head is not None
        return Standing(
            head=history.head,
            accounts=tuple(history.accounts),
            recent=self._since_grant(tuple(history.recent), history.turn),
            token_supply=history.token_supply,
            ended=history.ended,
            out_since=tuple(history.out_of_tokens.since),
            next_grants=self._next_grants(history.turn),
        )

    def _standing_at(self, store: Store, head: Head) -> Standing:
        """How it stands, from the newest snapshot and the turns after it."""
        recent: list[Sequence[int]] = []
        token_supply, ended, accounts = 0, False, list[int]()
        out_of_tokens = OutOfTokens(self.config, len(self.agent_ids))
        for record, accounts in account_balances(store, max(0, head.turn - TREND_TURNS), head.turn):
            recent.append(accounts[BALANCE::WIDTH])
            out_of_tokens.add(record, recent[-1])
            token_supply, ended = record.token_supply, record.ends
        return Standing(
            head=head,
            accounts=accounts,
            recent=self._since_grant(recent, head.turn),
            token_supply=token_supply,
            ended=ended,
            out_since=out_of_tokens.since,
            next_grants=self._next_grants(head.turn),
        )

    def _since_grant(self, recent: Sequence[Sequence[int]], turn: int) -> Sequence[Sequence[int]]:
        """Those of the newest balances that no grant of allowances lies between."""
        if self._income is None:
            return recent
        periods = range(turn, turn - len(recent), -1)
        started = next((own for own in periods if self._income.period_in(own) is not None), None)
        return recent if started is None else recent[started - turn - 1 :]

    def _next_grants(self, turn: int) -> list[int | None]:
        granted = None if self._income is None else self._income.next_period(turn)
        return [granted if allowance else None for allowance in self._allowances]
