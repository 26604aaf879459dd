"""A run added up turn by turn, until it is read at a horizon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import UNSET

from sim_economy.batch.state_digest import state_digest
from sim_economy.core.accounts import FIRST, PLATFORM, SYSTEM_ACCOUNTS, WIDTH, PostingReason
from sim_economy.core.actions import Input, Job, action_name
from sim_economy.core.contracts import Happened
from sim_economy.core.events import GovernanceTurn, Turn
from sim_economy.core.rules.usage_fees import counted, fee
from sim_economy.core.state import State
from sim_economy.core.world_config import WorldConfig
from sim_economy.studies.study_rows import AGENTS, WAGES_LOWERED, StudyRow, flow_name

_GIVEN = {
    PostingReason.REBATE: "rebated",
    PostingReason.ARBITRATION_SUBSIDY: "subsidised",
    PostingReason.DEBT_RESTRUCTURED: "lent",
    PostingReason.LEVY: "levied",
    PostingReason.SHOCK_GAIN: "granted",
}
_OUT_OF_RENT = ("rebated", "subsidised")
_COUNTED = (Happened.STARTED, Happened.SETTLED, Happened.DEFAULTED)


class RunCounts:
    """Adds up a run whose turns it is given in order."""

    def __init__(
        self, config: WorldConfig, reference: WorldConfig | None, series_turns: int
    ) -> None:
        """Start with nothing.

        Args:
            reference: Under whose tariff usage would have cost more; what was spared is counted.
            series_turns: So many turns are kept one by one.
        """
        self._config = config
        self._reference = reference
        self._series_turns = series_turns
        agents = config.num_agents
        self._index = {agent_id: agent for agent, agent_id in enumerate(config.agent_ids)}
        self._insolvent = 0
        self._debt = 0
        self._squared = 0
        self._first = [0] * agents
        self._platform_negative = 0
        self._rent = 0
        self._fees = 0
        self._blocks = [0] * agents
        self._actions: Counter[str] = Counter()
        self._refused = 0
        self._displaced = 0
        self._granted: Counter[str] = Counter()
        self._fired: Counter[str] = Counter()
        self._contracts: Counter[str] = Counter()
        self._flows: Counter[str] = Counter()
        self._series: list[int] = []
        self._platform: list[int] = []

    def add(self, turn: Turn, inputs: Sequence[Input], state: State) -> None:
        """Add one more turn, with all inputs sent for it and the state as it closed."""
        self._add_debts(turn.turn, state)
        self._rent += turn.bill.covered - turn.bill.dividends
        self._fees += turn.bill.charged
        if turn.block is not None:
            self._blocks[self._index[turn.block.winner]] += 1
        self._actions.update(action_name(sent.action) for sent in inputs)
        self._refused += len(turn.outcomes) - turn.outcomes.count(None)
        self._add_given(turn)
        if self._series_turns:
            self._add_flows(turn)
        if turn.governance is not UNSET:
            self._add_governance(turn.governance)
            paid = {own.reason for own in turn.postings}
            paid |= {own.reason for own in turn.governance.repayments}
            self._fired["arbitration_subsidy"] += PostingReason.ARBITRATION_SUBSIDY in paid
        for event in turn.contracts:
            if event.happened in _COUNTED:
                self._contracts[event.happened] += 1
        if self._reference is not None:
            self._add_tariff(turn, inputs, state, self._reference)

    def add_displaced(self, inputs: Sequence[Input], here: Turn, there: Turn) -> None:
        """Add inputs that came to nothing here, though not in the world they were decided in."""
        paid_here, paid_there = _paid(here), _paid(there)
        for index, sent in enumerate(inputs):
            applied = there.outcomes[index] is None
            agent = self._index[sent.agent_id]
            unpaid = isinstance(sent.action, Job) and agent in paid_there - paid_here
            self._displaced += applied and (here.outcomes[index] is not None or unpaid)

    def _add_debts(self, turn: int, state: State) -> None:
        insolvent = 0
        for agent, balance in enumerate(state.balances):
            if balance < 0:
                insolvent += 1
                self._debt -= balance
                self._squared += balance * balance
                self._first[agent] = self._first[agent] or turn
        self._insolvent += insolvent
        platform = state.accounts[PLATFORM]
        if platform < 0:
            self._platform_negative = self._platform_negative or turn
        if turn <= self._series_turns:
            self._series.append(insolvent)
            self._platform.append(platform)

    def _add_given(self, turn: Turn) -> None:
        for posting in turn.postings:
            how = _GIVEN.get(posting.reason)
            if how is not None:
                self._granted[how] += posting.amount
                self._rent -= posting.amount if how in _OUT_OF_RENT else 0

    def _add_flows(self, turn: Turn) -> None:
        """Add what one owner gave another."""
        for posting in turn.postings:
            giver, taker = _owner(posting.source), _owner(posting.target)
            if giver != taker:
                name = flow_name(posting.reason, _group(giver), _group(taker))
                self._flows[name] += posting.amount

    def _add_governance(self, did: GovernanceTurn) -> None:
        """Add what rules spared, and which of them did something."""
        self._granted["waived"] += sum(own.tokens for own in did.fees_waived)
        self._granted["halved"] += sum(own.tokens for own in did.fees_halved)
        self._granted[WAGES_LOWERED] += sum(own.tokens for own in did.wages_lowered)
        withheld: Counter[PostingReason] = Counter()
        for taken in did.repayments:
            withheld[taken.reason] += taken.tokens
        for reason, how in _GIVEN.items():
            self._granted[how] += withheld[reason]
        for rule, acted in (
            ("fee_cap", did.fees_waived),
            ("reinvestment_rebate", did.points),
            ("contract_matching", did.matches),
            ("debt_rails", any(own.lent for own in did.debts)),
            ("concentration_monitor", did.concentrated is True),
            ("shocks", did.shocks),
        ):
            self._fired[rule] += bool(acted)

    def _add_tariff(
        self, turn: Turn, inputs: Sequence[Input], state: State, reference: WorldConfig
    ) -> None:
        """Add what usage would have cost more under the other tariff; on a job it costs nothing."""
        for sent, refused in zip(inputs, turn.outcomes, strict=True):
            if isinstance(sent.action, Job) and refused is None:
                continue
            agent = self._index[sent.agent_id]
            studies = state.studies[agent]
            units = counted(sent.thinking_units, sent.output_units, self._config)
            spared = fee(*units, studies, reference) - fee(*units, studies, self._config)
            self._granted["tariff"] += spared

    def row(self, state: State) -> StudyRow:
        """What is kept after the newest turn."""
        accounts = state.accounts
        owned = tuple(
            sum(accounts[FIRST + WIDTH * agent : FIRST + WIDTH * (agent + 1)])
            for agent in range(self._config.num_agents)
        )
        return StudyRow(
            seed=self._config.seed,
            turns=state.turn,
            digest=f"{state_digest(state, self._config):016x}",
            insolvent_agents=sum(balance < 0 for balance in state.balances),
            insolvent_agent_turns=self._insolvent,
            debt_turns=self._debt,
            squared_debt_turns=self._squared,
            first_negative=tuple(self._first),
            wealth=owned,
            receivables=_receivables(state),
            platform=accounts[PLATFORM],
            platform_negative_turn=self._platform_negative,
            rent=self._rent,
            fees_charged=self._fees,
            blocks_won=tuple(self._blocks),
            actions=_sorted(self._actions),
            refused=self._refused,
            displaced=self._displaced,
            granted=_sorted(self._granted),
            fired=_sorted(self._fired),
            contracts=_sorted(self._contracts),
            flows=_sorted(self._flows),
            insolvent_by_turn=tuple(self._series),
            platform_by_turn=tuple(self._platform),
        )


def _owner(account: int) -> int:
    """Whose account it is: a system account's number, or an agent's index after them."""
    return account if account < FIRST else FIRST + (account - FIRST) // WIDTH


def _group(owner: int) -> str:
    return SYSTEM_ACCOUNTS[owner] if owner < FIRST else AGENTS


def _paid(turn: Turn) -> set[int]:
    """Agents that a job earned something in a turn."""
    postings = (own for own in turn.postings if own.reason is PostingReason.JOB_CREDIT)
    return {(own.target - FIRST) // WIDTH for own in postings}


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts that are not zero, by name."""
    return {str(name): counts[name] for name in sorted(counts) if counts[name]}


def _receivables(state: State) -> tuple[int, ...]:
    memory = state.governance
    if memory is UNSET or memory.debts is UNSET:
        return ()
    return tuple(debt.receivable for debt in memory.debts)
