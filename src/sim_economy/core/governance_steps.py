"""The steps of interventions in a turn: every change of what they remember is here.

`turn` calls it where section 2 says; the arithmetic of each rule is in `rules`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from sim_economy.core.accounts import (
    BALANCE,
    DESTROYED,
    FIRST,
    ISSUANCE,
    PLATFORM,
    WIDTH,
    Ledger,
    PostingReason,
    Repayment,
)
from sim_economy.core.contracts import Contract, Favoured, Happened, Role
from sim_economy.core.events import (
    AgentTokens,
    Block,
    ContractEvent,
    DebtTurn,
    GovernanceTurn,
    Transaction,
)
from sim_economy.core.governance_config import (
    ConcentrationMonitor,
    DebtRails,
    GovernanceConfig,
    MatchesRule,
    MonitorResponse,
    WagesRule,
)
from sim_economy.core.needs import ContractMatch, Need
from sim_economy.core.rules import (
    apportionment,
    arbitration_subsidy,
    concentration_monitor,
    contract_matching,
    debt_rails,
    fee_cap,
    reinvestment_rebate,
    reputation,
    shocks,
)
from sim_economy.core.rules.jobs import Pay
from sim_economy.core.shock_config import GAIN
from sim_economy.core.state import GovernanceState, PointRecord, State, WindowTurn
from sim_economy.core.units import Millionths
from sim_economy.core.world_config import WorldConfig

_OFF = GovernanceConfig()


def ledger_of(state: State, config: WorldConfig) -> Ledger:
    """The ledger of a turn; under debt rails, one that takes its share of inflows."""
    rails = None if config.governance is None else config.governance.debt_rails
    if rails is None:
        return Ledger(state.accounts)
    assert state.governance is not UNSET
    assert state.governance.debts is not UNSET
    owed = [debt.receivable for debt in state.governance.debts]
    return RepayingLedger(state.accounts, owed, rails.repayment_share)


class RepayingLedger(Ledger):
    """A ledger that turns a share of what debtors receive into repayments (G3).

    Attributes:
        receivables: Tokens lent and not repaid, `[agent]`.
    """

    __slots__ = ("_share", "receivables")

    def __init__(self, accounts: list[int], receivables: list[int], share: Millionths) -> None:
        super().__init__(accounts)
        self.receivables = receivables
        self._share = share

    def post(self, source: int, target: int, amount: int, reason: PostingReason) -> None:
        """Move tokens; what repays a receivable goes to the platform, or stays with it."""
        if reason in debt_rails.INFLOWS:
            agent = (target - FIRST) // WIDTH
            own = source >= FIRST and (source - FIRST) // WIDTH == agent
            repaid = debt_rails.repaid(amount, self.receivables[agent], self._share)
            if repaid and not own:
                self.receivables[agent] -= repaid
                self.repayments.append(Repayment(len(self.postings), agent, repaid, reason))
                if source != PLATFORM:
                    super().post(source, PLATFORM, repaid, PostingReason.DEBT_REPAYMENT)
                amount -= repaid
        super().post(source, target, amount, reason)


class GovernanceSteps:
    """Keeps the interventions of one turn; where none is on, nothing of it does anything."""

    __slots__ = (
        "_config",
        "_halved",
        "_job_pay",
        "_ledger",
        "_lent",
        "_lowered",
        "_relieved",
        "_report",
        "_rules",
        "_state",
        "_uncovered",
    )

    def __init__(self, state: State, ledger: Ledger, config: WorldConfig) -> None:
        self._state = state
        self._ledger = ledger
        self._config = config
        self._rules = config.governance or _OFF
        self._report = GovernanceTurn()
        self._job_pay = 0
        self._lowered: dict[int, int] = {}
        self._halved: dict[int, int] = {}
        self._uncovered: dict[int, int] = {}
        self._lent: dict[int, int] = {}
        memory = state.governance
        relieved = UNSET if memory is UNSET else memory.relieved
        self._relieved = frozenset(() if relieved is UNSET else relieved)

    def strike(self, agent_indices: Mapping[str, int]) -> None:
        """T2: one-off gains and losses, after income (G6)."""
        acting = [own for own in self._rules.shocks if own.acts_in(self._state.turn)]
        unmet: dict[int, int] = {}
        for shock in acting:
            for agent in [agent_indices[name] for name in shock.agents]:
                balance = BALANCE + WIDTH * agent
                if shock.target == GAIN:
                    reason = PostingReason.SHOCK_GAIN
                    self._ledger.post(ISSUANCE, balance, shock.tokens, reason)
                    continue
                taken, left = shocks.lost(self._ledger.accounts[balance], shock.tokens)
                self._ledger.post(balance, DESTROYED, taken, PostingReason.SHOCK_LOSS)
                if left:
                    unmet[agent] = left
        targets = tuple(own.target for own in acting)
        self._report = replace(self._report, shocks=targets, losses_unmet=_listed(unmet))

    @property
    def caps_fees(self) -> bool:
        """True if jobs are paid at T4, with the fees they are part of (G1)."""
        return self._rules.fee_cap is not None

    def wage(self, agent: int, fee: int) -> int:
        """What of its fee a worker is credited without a cap: half of it under relief (G5)."""
        follows = self._rules.wages is WagesRule.FOLLOW
        return fee // 2 if follows and agent in self._relieved else fee

    def relieve(self, fees: list[int]) -> None:
        """T4: halve the fees of agents that have relief (G5).

        Args:
            fees: Tokens owed, `[agent]`; lowered here.
        """
        for agent in sorted(self._relieved):
            if spared := fees[agent] - fees[agent] // 2:
                fees[agent] -= spared
                self._halved[agent] = spared

    def note_uncovered(self, agent: int, tokens: int) -> None:
        """Note what nothing covered of an agent's fee."""
        self._uncovered[agent] = tokens

    def note_pay(self, agent: int, pay: Pay, full_credit: int) -> None:
        """Note what a job earned.

        Args:
            full_credit: Tokens that it would have been credited if no rule lowered fees.
        """
        self._job_pay += pay.credit + pay.relief + pay.bonus
        if pay.credit < full_credit:
            self._lowered[agent] = full_credit - pay.credit

    def cap(self, fees: list[int], jobs: Mapping[int, int]) -> dict[int, int]:
        """T4: what of the fees passes the cap is waived, and wages follow (G1).

        Args:
            fees: Tokens owed, `[agent]`; lowered here.
            jobs: What the usage of workers costs, by agent index.

        Returns:
            The fee that each worker is credited, by agent index.
        """
        if (rule := self._rules.fee_cap) is None:
            return {}
        window = self._memory.fee_window
        assert window is not UNSET
        turn, bonus = self._state.turn, self._config.signing_bonus
        allowed = fee_cap.fees_allowed(rule, window, turn, bonus)
        total = sum(fees)
        wages = dict(jobs)
        if self._rules.wages is WagesRule.FOLLOW:
            borne = {agent: self.wage(agent, fee) for agent, fee in jobs.items()}
            wages = {agent: fee_cap.credited(fee, total, allowed) for agent, fee in borne.items()}
        self._report = replace(self._report, fees_allowed=allowed)
        if total > allowed:
            waived = apportionment.by_largest_remainder(total - allowed, fees)
            fees[:] = [fee - spared for fee, spared in zip(fees, waived, strict=True)]
            self._report = replace(self._report, fees_waived=_by_agent(waived))
        return wages

    def rebate(self, pool: int, studies_before: Sequence[int]) -> int:
        """T6: a part of the pool goes to those who reinvest (G2).

        Args:
            pool: The turn's covered fees.
            studies_before: Of each agent before the turn.

        Returns:
            Tokens that leave the pool.
        """
        rule = self._rules.reinvestment_rebate
        if rule is None:
            return 0
        turn, memory = self._state.turn, self._memory.rebate
        assert memory is not UNSET
        known = zip(studies_before, self._state.studies, strict=True)
        studied = [agent for agent, (had, has) in enumerate(known) if has > had]
        memory = replace(
            memory,
            studies=(*memory.studies, *(PointRecord(agent, turn) for agent in studied)),
            staked=tuple(reinvestment_rebate.staked_turns(memory.staked, self._state.staked, rule)),
        )
        memory = reinvestment_rebate.in_window(rule, memory, turn)
        self._remember(rebate=memory)
        points = reinvestment_rebate.points(rule, memory)
        self._report = replace(self._report, points=_by_agent(points))
        tokens = reinvestment_rebate.rebate(pool, rule.rebate_share) if any(points) else 0
        if tokens:
            shares = apportionment.by_largest_remainder(tokens, points)
            for agent, share in enumerate(shares):
                self._ledger.post(PLATFORM, BALANCE + WIDTH * agent, share, PostingReason.REBATE)
        return tokens

    def count_ends(self, events: Sequence[ContractEvent], ending: Mapping[int, Contract]) -> None:
        """T7: sides of contracts that settled earn points where their net reaches new ground (G2).

        Args:
            events: Of the turn's contracts.
            ending: Contracts as they were before T7, by id.
        """
        if self._rules.reinvestment_rebate is None:
            return
        memory = self._memory.rebate
        assert memory is not UNSET
        nets, settled = list(memory.nets), list(memory.settled)
        for event in events:
            if event.happened not in (Happened.SETTLED, Happened.DEFAULTED):
                continue
            contract = ending[event.contract_id]
            received = self._received(event)
            lost = Role.COUNTERPARTY if contract.favoured is Favoured.PROPOSER else None
            before = reinvestment_rebate.moved_before(contract)
            for role in (Role.PROPOSER, Role.COUNTERPARTY):
                agent = contract.seats[role]
                change = before[role] + received[agent]
                nets[agent], is_new = reinvestment_rebate.moved(nets[agent], change)
                earns = event.happened is Happened.SETTLED and event.counted and role is not lost
                if earns and is_new:
                    settled.append(PointRecord(agent, self._state.turn))
        self._remember(rebate=replace(memory, nets=tuple(nets), settled=tuple(settled)))

    def _received(self, event: ContractEvent) -> Counter[int]:
        """What a contract's end moved between owners, by agent index, before repayments."""
        first, last = event.postings or (0, 0)
        received = Counter[int]()
        for posting in self._ledger.postings[first:last]:
            payer = (posting.source - FIRST) // WIDTH
            payee = (posting.target - FIRST) // WIDTH if posting.target >= FIRST else None
            if payer != payee:
                received[payer] -= posting.amount
                if payee is not None:
                    received[payee] += posting.amount
        for own in self._ledger.repayments:
            if first <= own.index < last:
                received[own.agent] += own.tokens
        return received

    def subsidise(
        self, events: Sequence[ContractEvent], ending: Mapping[int, Contract], rent: int
    ) -> None:
        """T7: arbitrators of small contracts that counted share in the rent (G4).

        Args:
            events: Of the turn's contracts.
            ending: Contracts as they were before T7, by id.
            rent: What rebates and dividends left of the turn's pool.
        """
        rule = self._rules.arbitration_subsidy
        if rule is None:
            return
        for event in events:
            if not event.counted:
                continue
            contract = ending[event.contract_id]
            if contract.deal.parties[Role.ARBITRATOR] in event.fault:
                continue
            tokens = arbitration_subsidy.subsidy(
                contract.deal.arbitrator_fee,
                reputation.contract_value(contract, event.happened),
                rule.small_value,
                rent,
            )
            rent -= tokens
            balance = BALANCE + WIDTH * contract.seats[Role.ARBITRATOR]
            self._ledger.post(PLATFORM, balance, tokens, PostingReason.ARBITRATION_SUBSIDY)

    def intervene(self, *, ends: bool) -> None:
        """T8: debtors are lent to (G3), then the monitor looks at wealth (G5)."""
        if (rails := self._rules.debt_rails) is not None:
            self._lend(rails)
        monitor = self._rules.concentration_monitor
        if monitor is not None:
            self._watch(monitor, ends=ends)

    def match(self, needs: Mapping[int, Sequence[Need]], *, ends: bool) -> None:
        """T8: needs that fit are matched, and shown if the rule says so (G4).

        Args:
            needs: By agent index, of inputs that applied.
        """
        rule = self._rules.contract_matching
        if rule is None:
            return
        found: tuple[ContractMatch, ...] = ()
        if not ends:
            known = self._state.reputations
            found = tuple(contract_matching.matches(needs, known, rule.needs_max))
        self._report = replace(self._report, matches=found)
        if rule.matches is MatchesRule.SHOWN:
            self._remember(matches=found)

    def close(
        self, fees: int, block: Block | None, finalised: Sequence[Transaction]
    ) -> GovernanceTurn | UnsetType:
        """Remember the turn, once all its postings are made.

        Args:
            fees: Charged in it.
            finalised: Transactions of its block.

        Returns:
            What the interventions did in it.
        """
        if self._config.governance is None:
            return UNSET
        if (rule := self._rules.fee_cap) is not None:
            winner = None if block is None else block.winner
            tips = sum(sent.fee for sent in finalised if sent.agent_id != winner)
            closed = WindowTurn(self._state.turn, fees, tips, self._job_pay)
            window = self._memory.fee_window
            assert window is not UNSET
            self._remember(fee_window=(*window, closed)[-rule.window_turns :])
        self._remember_receivables()
        return replace(
            self._report,
            wages_lowered=_listed(self._lowered),
            fees_halved=_listed(self._halved),
            repayments=tuple(self._ledger.repayments),
        )

    def _lend(self, rule: DebtRails) -> None:
        """G3: the platform pays debts beyond the cap as far as uncovered fees made them."""
        accounts, turn = self._ledger.accounts, self._state.turn
        assert self._memory.debts is not UNSET
        lifted = Counter[int]()
        for posting in self._ledger.postings:
            if posting.reason is PostingReason.DEBT_LIFTED:
                lifted[(posting.target - FIRST) // WIDTH] += posting.amount
        debts = []
        for agent, known in enumerate(self._memory.debts):
            debt = replace(
                known,
                uncovered=known.uncovered + self._uncovered.get(agent, 0),
                given=known.given + lifted[agent],
            )
            balance, *locked = accounts[BALANCE + WIDTH * agent : BALANCE + WIDTH * (agent + 1)]
            tokens = debt_rails.loan(rule, debt, turn, balance, sum(locked))
            if tokens:
                target = BALANCE + WIDTH * agent
                self._ledger.post(PLATFORM, target, tokens, PostingReason.DEBT_RESTRUCTURED)
                debt = replace(debt, given=debt.given + tokens, last_loan=turn)
                self._lent[agent] = tokens
            debts.append(debt)
        self._remember(debts=tuple(debts))
        for agent, tokens in self._lent.items():
            self._receivables[agent] += tokens

    def _watch(self, rule: ConcentrationMonitor, *, ends: bool) -> None:
        """G5: where wealth is concentrated the lower half gets relief, or a levy."""
        state = self._state
        wealth = [free + kept for free, kept in zip(state.balances, state.staked, strict=True)]
        watched = state.turn >= rule.from_turn
        found = watched and concentration_monitor.is_concentrated(wealth, rule.gini_max)
        poorest = concentration_monitor.lower_half(wealth) if found else []
        relieves = rule.response is MonitorResponse.RELIEF and not ends
        self._remember(relieved=tuple(sorted(poorest)) if relieves else ())
        self._report = replace(self._report, concentrated=found)
        if poorest and rule.response is MonitorResponse.LEVY:
            payer, tokens = concentration_monitor.levy(wealth, state.balances, rule.levy_share)
            parts = concentration_monitor.equal_parts(tokens, len(poorest)) if tokens else ()
            source = BALANCE + WIDTH * payer
            for agent, part in zip(poorest, parts, strict=False):
                self._ledger.post(source, BALANCE + WIDTH * agent, part, PostingReason.LEVY)

    def _remember_receivables(self) -> None:
        """Keep what is owed when all postings are made, and report it."""
        if self._rules.debt_rails is None:
            return
        taken: list[Counter[int]] = [Counter(), Counter()]
        for own in self._ledger.repayments:
            posted = own.reason not in debt_rails.FROM_PLATFORM
            taken[posted][own.agent] += own.tokens
        withheld, repaid = taken
        assert self._memory.debts is not UNSET
        owed = self._receivables
        debts = [
            replace(debt, receivable=left)
            for debt, left in zip(self._memory.debts, owed, strict=True)
        ]
        rows = [
            DebtTurn(agent, self._lent.get(agent, 0), repaid[agent], withheld[agent], left)
            for agent, left in enumerate(owed)
        ]
        listed = tuple(
            row for row in rows if row.lent or row.repaid or row.withheld or row.receivable
        )
        self._remember(debts=tuple(debts))
        self._report = replace(self._report, debts=listed)

    @property
    def _receivables(self) -> list[int]:
        assert isinstance(self._ledger, RepayingLedger)
        return self._ledger.receivables

    def _remember(self, **parts: Any) -> None:
        self._state.governance = replace(self._memory, **parts)

    @property
    def _memory(self) -> GovernanceState:
        memory = self._state.governance
        assert memory is not UNSET
        return memory


def _listed(tokens: Mapping[int, int]) -> tuple[AgentTokens, ...]:
    return tuple(AgentTokens(*own) for own in sorted(tokens.items()))


def _by_agent(tokens: Sequence[int]) -> tuple[AgentTokens, ...]:
    """Those that have some, in genesis order."""
    return tuple(AgentTokens(agent, amount) for agent, amount in enumerate(tokens) if amount)
