"""What the core makes of a world: a digest and all accounts of every turn, and the metrics.

The metrics are added up here from postings and states, apart from the code that sweeps use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import copy
from itertools import islice

from msgspec import Struct, field

from sim_economy.agents.policy import Policy, decided_input, views
from sim_economy.agents.usage_model import UsageSource
from sim_economy.batch.state_digest import state_digest
from sim_economy.core.accounts import DESTROYED, PLATFORM, PostingReason
from sim_economy.core.actions import Input, action_name
from sim_economy.core.errors import AmountOutOfRangeError
from sim_economy.core.events import TransactionType, Turn, ValidatorType
from sim_economy.core.state import State, genesis
from sim_economy.core.turn import play_turn
from sim_economy.core.world_config import WorldConfig, genesis_order

ACTIONS = ("mine", "stake", "unstake", "burn", "study", "job", "transfer")
METRICS_BY_REASON = {
    "interest_total": PostingReason.INTEREST,
    "job_credits_total": PostingReason.JOB_CREDIT,
    "relief_total": PostingReason.INTEREST_RELIEF,
    "bonuses_total": PostingReason.SIGNING_BONUS,
    "fees_total": PostingReason.INFERENCE_FEE,
}


class Reference(Struct, kw_only=True):
    """One world on the core.

    Attributes:
        accounts: Every account after each turn, `[turn][account]`; the last turn ends the run.
        digests: Of the same states, `[turn]`.
        shortened: Digest and metrics of the run that had ended with a turn, by turn; only the full
            horizon unless every one was asked for.
        refused: The turn in which an account would have passed 2^62; 0 is never.
    """

    accounts: list[list[int]] = field(default_factory=list)
    digests: list[int] = field(default_factory=list)
    shortened: dict[int, tuple[int, dict[str, int]]] = field(default_factory=dict)
    refused: int = 0


class Totals:
    """The sums over the turns of one run, from which its metrics follow."""

    def __init__(self) -> None:
        self.flows: Counter[PostingReason] = Counter()
        self.chosen: Counter[str] = Counter()
        self.finalised: Counter[TransactionType] = Counter()
        self.won: Counter[ValidatorType] = Counter()
        self.covered = self.waived = self.dividends = self.blocks = self.rejections = 0
        self.platform_lows: tuple[int, ...] = ()
        self.platform_negative = self.agent_negative = 0
        self.negative_agent_turns = self.debt = 0

    def __copy__(self) -> Totals:
        other = Totals()
        other.__dict__.update(self.__dict__)
        other.flows, other.chosen = self.flows.copy(), self.chosen.copy()
        other.finalised, other.won = self.finalised.copy(), self.won.copy()
        return other

    def add(self, inputs: Sequence[Input], turn: Turn, state: State) -> None:
        """Take in one closed turn."""
        for posting in turn.postings:
            self.flows[posting.reason] += posting.amount
        self.chosen.update(action_name(own.action) for own in inputs)
        self.rejections += sum(reason is not None for reason in turn.outcomes)
        self.covered += turn.bill.covered
        self.waived += turn.bill.waived
        self.dividends += turn.bill.dividends
        self.finalised.update(done.tx_type for done in turn.transactions)
        if turn.block is not None:
            self.blocks += 1
            self.won[turn.block.validator_type] += 1
        platform = state.accounts[PLATFORM]
        self.platform_lows = (min(*self.platform_lows, platform),) if turn.turn > 1 else (platform,)
        if platform < 0 and not self.platform_negative:
            self.platform_negative = turn.turn
        debts = [-held for held in state.balances if held < 0]
        if debts:
            self.agent_negative = self.agent_negative or turn.turn
            self.negative_agent_turns += len(debts)
            self.debt += sum(debts)

    def metrics(self, state: State) -> dict[str, int]:
        """Every metric of a run that ended with this state."""
        balances = state.balances
        return {
            "token_supply_final": state.token_supply,
            "fees_covered": self.covered,
            "fees_waived": self.waived,
            "dividends_total": self.dividends,
            **{name: self.flows[reason] for name, reason in METRICS_BY_REASON.items()},
            "platform_final": state.accounts[PLATFORM],
            "platform_min": self.platform_lows[0],
            "platform_negative_turn": self.platform_negative,
            "destroyed_final": state.accounts[DESTROYED],
            "blocks": self.blocks,
            "negative_balance_agents": sum(held < 0 for held in balances),
            "negative_agent_turns": self.negative_agent_turns,
            "debt_token_turns": self.debt,
            "first_negative_turn": self.agent_negative,
            "min_balance_final": min(balances),
            "max_balance_final": max(balances),
            **{f"actions_{name}": self.chosen[name] for name in ACTIONS},
            "rejections": self.rejections,
            **{f"tx_{kind}": self.finalised[kind] for kind in TransactionType},
            **{f"validator_{kind}": self.won[kind] for kind in ValidatorType},
        }


def reference(
    config: WorldConfig,
    policies: Sequence[Policy],
    usage: UsageSource,
    turns: int,
    *,
    every_horizon: bool = False,
) -> Reference:
    """Play a world on the core.

    Args:
        every_horizon: Whether to end the run after each turn too, as a shorter run does.
    """
    played = Reference()
    totals = Totals()
    try:
        for state, inputs, ended, turn in _turns(config, policies, usage, turns, every_horizon):
            if ended:
                final = copy(totals)
                final.add(inputs, turn, state)
                played.shortened[state.turn] = (state_digest(state, config), final.metrics(state))
            if not ended or state.turn == turns:
                totals.add(inputs, turn, state)
                played.accounts.append(state.accounts)
                played.digests.append(state_digest(state, config))
    except AmountOutOfRangeError:
        played.refused = len(played.accounts) + 1
    return played


def _turns(
    config: WorldConfig,
    policies: Sequence[Policy],
    usage: UsageSource,
    turns: int,
    every_horizon: bool,
) -> Iterator[tuple[State, list[Input], bool, Turn]]:
    """Each turn as it goes on and, where asked for, as the end of the run."""
    state, _ = genesis(config)
    order = genesis_order(config)
    for number, used in enumerate(islice(usage.turns(config), turns), 1):
        seen = views(state, config)
        inputs = [decided_input(*own) for own in zip(policies, seen, used, strict=True)]
        if every_horizon or number == turns:
            ended, turn = play_turn(state, inputs, config, order, ends=True)
            yield ended, inputs, True, turn
        if number < turns:
            state, turn = play_turn(state, inputs, config, order)
            yield state, inputs, False, turn
