"""Totals of one run, added up turn by turn while it is played: exact, and without a ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from sim_economy.core.accounts import DESTROYED, PLATFORM, PostingReason
from sim_economy.core.actions import Input, action_name
from sim_economy.core.events import Turn
from sim_economy.core.state import State

WHOLE_METRICS: Final[Mapping[str, str]] = {
    "token_supply_final": "token supply at the end",
    "fees_total": "fees charged",
    "fees_covered": "fees that balances covered",
    "fees_waived": "fees that jobs waived",
    "dividends_total": "dividends",
    "interest_total": "interest",
    "job_credits_total": "job credits",
    "relief_total": "interest relief",
    "bonuses_total": "signing bonuses",
    "platform_final": "platform balance at the end",
    "platform_min": "lowest platform balance at the end of a turn",
    "platform_negative_turn": "first turn that ends with the platform below zero; 0 is never",
    "destroyed_final": "tokens destroyed",
    "blocks": "blocks",
    "negative_balance_agents": "agents below zero at the end",
    "negative_agent_turns": "agent-turns that end below zero",
    "debt_token_turns": "tokens of debt at the end of each turn, added up",
    "first_negative_turn": "first turn that ends with an agent below zero; 0 is never",
    "min_balance_final": "least balance at the end",
    "max_balance_final": "greatest balance at the end",
    "actions_mine": "agents that mined",
    "actions_stake": "agents that staked",
    "actions_unstake": "agents that unstaked",
    "actions_burn": "agents that burned",
    "actions_study": "agents that studied",
    "actions_job": "agents that worked a job",
    "actions_transfer": "agents that transferred",
    "rejections": "inputs that a rule refused",
}
"""Metrics of a row that are whole numbers, with their names in text."""

TURN_METRICS: Final = ("insolvent_agents", "debt_tokens", "platform", "token_supply")
"""Whole numbers at the end of each turn."""

_ACTIONS: Final = ("mine", "stake", "unstake", "burn", "study", "job", "transfer")
_FLOWS: Final = {
    "interest_total": PostingReason.INTEREST,
    "job_credits_total": PostingReason.JOB_CREDIT,
    "relief_total": PostingReason.INTEREST_RELIEF,
    "bonuses_total": PostingReason.SIGNING_BONUS,
}


class WorldTotals:
    """The whole metrics of a run whose turns it is given in order, from turn 1 on.

    Attributes:
        turns: The numbers of `TURN_METRICS` at the end of each turn.
    """

    def __init__(self) -> None:
        self.turns: list[tuple[int, int, int, int]] = []
        self._balances: Sequence[int] = ()
        self._destroyed = 0
        self._blocks = 0
        self._bills: Counter[str] = Counter()
        self._flows: Counter[PostingReason] = Counter()
        self._actions: Counter[str] = Counter()
        self._rejections = 0

    def add(self, turn: Turn, inputs: Sequence[Input], state: State) -> None:
        """Add one more turn.

        Args:
            inputs: All that were sent for it.
            state: As it closed.
        """
        self._balances = balances = state.balances
        debts = [-balance for balance in balances if balance < 0]
        self.turns.append((len(debts), sum(debts), state.accounts[PLATFORM], turn.token_supply))
        self._destroyed = state.accounts[DESTROYED]
        self._blocks += turn.block is not None
        bill = turn.bill
        self._bills["fees_total"] += bill.charged
        self._bills["fees_covered"] += bill.covered
        self._bills["fees_waived"] += bill.waived
        self._bills["dividends_total"] += bill.dividends
        for posting in turn.postings:
            self._flows[posting.reason] += posting.amount
        self._actions.update(action_name(sent.action) for sent in inputs)
        self._rejections += len(turn.outcomes) - turn.outcomes.count(None)

    def metrics(self) -> dict[str, int]:
        """The metrics of `WHOLE_METRICS` after the last turn that was added."""
        assert self.turns, "no turn was added"
        insolvent, debts, platform, supply = zip(*self.turns, strict=True)
        found = {
            "token_supply_final": supply[-1],
            **self._bills,
            **{name: self._flows[reason] for name, reason in _FLOWS.items()},
            "platform_final": platform[-1],
            "platform_min": min(platform),
            "platform_negative_turn": _first([balance < 0 for balance in platform]),
            "destroyed_final": self._destroyed,
            "blocks": self._blocks,
            "negative_balance_agents": insolvent[-1],
            "negative_agent_turns": sum(insolvent),
            "debt_token_turns": sum(debts),
            "first_negative_turn": _first([count > 0 for count in insolvent]),
            "min_balance_final": min(self._balances),
            "max_balance_final": max(self._balances),
            **{f"actions_{action}": self._actions[action] for action in _ACTIONS},
            "rejections": self._rejections,
        }
        return {name: found[name] for name in WHOLE_METRICS}


def _first(found: Sequence[bool]) -> int:
    """The first turn for which it holds; 0 for none."""
    return found.index(True) + 1 if any(found) else 0
