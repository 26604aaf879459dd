"""A finished run: its series by turn, its counts, its head."""

from __future__ import annotations

from typing import Self

from msgspec import UNSET, Struct, UnsetType, json
from msgspec.structs import asdict

from sim_economy.core.accounts import BALANCE, STAKED, WIDTH
from sim_economy.ledger.readers.counts import LedgerCounts, TurnCounter
from sim_economy.ledger.readers.incidence import Incidence, IncidenceCounter
from sim_economy.ledger.readers.income_counts import IncomeCounter, IncomeCounts
from sim_economy.ledger.readers.match_counts import MatchCounter, MatchCounts
from sim_economy.ledger.readers.reading import account_balances, config_of, genesis_record
from sim_economy.ledger.readers.series import figures
from sim_economy.ledger.stores.protocol import Store


class Series(Struct, kw_only=True):
    """Numbers of each turn of a run, `[turn]`; of each agent too, `[turn, agent]`.

    Attributes:
        flows: Tokens moved, by posting reason.
        actions: Agents that chose each action.
        winners: The block's winner, or None.
        platform: The platform's balance; what it keeps is rent.
        destroyed: Tokens destroyed so far.
        balances: Tokens, `[turn, agent]`.
        staked: Tokens, `[turn, agent]`.
    """

    flows: list[dict[str, int]]
    actions: list[dict[str, int]]
    winners: list[str | None]
    fees_covered: list[int]
    fees_waived: list[int]
    rejections: list[int]
    token_supply: list[int]
    platform: list[int]
    destroyed: list[int]
    balances: list[list[int]]
    staked: list[list[int]]

    @classmethod
    def empty(cls) -> Self:
        """The series of a run before its first turn."""
        return cls(**{name: [] for name in cls.__struct_fields__})


class Run(Struct, kw_only=True):
    """One finished run.

    Attributes:
        run: The replicate, from 1.
        head: The chain head after the last turn; empty for an unrecorded run.
        state_digest: Of the last state.
        income: Counts of it, in a world that has income.
        incidence: What interventions did, in a world that has some.
        matching: Counts of matches, in a world that matches needs.
    """

    run: int
    seed: int
    agent_ids: list[str]
    series: Series
    counts: LedgerCounts
    head: str
    state_digest: str
    income: IncomeCounts | UnsetType = UNSET
    incidence: Incidence | UnsetType = UNSET
    matching: MatchCounts | UnsetType = UNSET

    def __repr__(self) -> str:
        """Which run it is, and how it ended; its series are too long to be shown."""
        return (
            f"<Run {self.run}: seed {self.seed}, {self.turns} turns, {len(self.agent_ids)} agents, "
            f"head {self.head[:12]}>"
        )

    @property
    def turns(self) -> int:
        """Turns played."""
        return len(self.series.winners)


def run_of(store: Store, run: int = 0) -> Run:
    """The run that a ledger holds, as if it had been watched while it was played."""
    first = genesis_record(store)
    series = Series.empty()
    counter = TurnCounter(first.agent_ids)
    config = config_of(first)
    rules, governance = config.income, config.governance
    income = None if rules is None else IncomeCounter(rules, first.agent_ids)
    incidence = matches = None
    if governance is not None:
        incidence = IncidenceCounter(governance, len(first.agent_ids))
        if governance.contract_matching is not None:
            matches = MatchCounter(first.agent_ids)
    for record, accounts in account_balances(store, 1):
        counter.add(record)
        if income is not None:
            income.add(record, accounts)
        if incidence is not None:
            incidence.add(record)
        if matches is not None:
            matches.add(record)
        of_turn = figures(record, accounts)
        of_turn |= {
            "winners": of_turn["winner"],
            "balances": accounts[BALANCE::WIDTH],
            "staked": accounts[STAKED::WIDTH],
        }
        for name, numbers in asdict(series).items():
            numbers.append(of_turn[name])
    head = store.head()
    return Run(
        run=run,
        seed=first.seed,
        agent_ids=list(first.agent_ids),
        series=series,
        counts=counter.counts(),
        head=head.hash,
        state_digest=head.state_digest,
        income=UNSET if income is None else income.counts(),
        incidence=UNSET if incidence is None else incidence.incidence(),
        matching=UNSET if matches is None else matches.counts,
    )


def encode_run(run: Run) -> bytes:
    """A finished run as JSON, to be read back by `decode_run`."""
    return json.encode(run)


def decode_run(text: bytes) -> Run:
    """A finished run from its JSON.

    Raises:
        msgspec.ValidationError: It is none.
    """
    return json.decode(text, type=Run)


def total(series: Series, reason: str) -> int:
    """Tokens moved for a reason over the whole run."""
    return sum(flows.get(reason, 0) for flows in series.flows)


def fees(series: Series) -> int:
    """Tokens collected as fees over the whole run, out of balances and out of forwards."""
    return total(series, "inference_fee") + total(series, "forward_fee")


def chosen(series: Series, action: str) -> int:
    """Times that agents chose an action over the whole run."""
    return sum(actions.get(action, 0) for actions in series.actions)
