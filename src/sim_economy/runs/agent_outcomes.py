"""What became of each agent over the runs of a scenario, and who collected what.

An agent is broke from the first turn after which its balance is below zero. Where the rules
refuse usage, it runs out of tokens in the first turn in which some of it is refused, or after which
its balance is below zero.
Source: docs/spec/experiment.md.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from msgspec import UNSET, Struct
from msgspec.structs import asdict

from sim_economy.core.accounts import PostingReason
from sim_economy.core.contracts import ContractKind, Role
from sim_economy.core.income_config import EmptyRule
from sim_economy.core.world_config import DividendRule, SigningBonusRule, WorldConfig
from sim_economy.ledger.readers.counts import Flow, Made
from sim_economy.runs.run import Run
from sim_economy.scenarios.scenario import Scenario

PLATFORM: Final = "platform"
CORE_OWNERS: Final = "core owners"
STAKERS: Final = "holders of stake and burns"
WINNERS: Final = "winners of blocks"
_MOST_RUNS: Final = 0.5


class AgentOutcome(Struct, frozen=True, kw_only=True):
    """What became of one agent under a scenario; means are over all runs, in tokens.

    What it gained in a run is -fees - interest + jobs + core_shares + tips + contracts + other
    + income.

    Attributes:
        policy: What decides for it; None where that is not known.
        runs: Runs played.
        broke: Runs in which its balance was below zero after some turn.
        first_turn: The median of the first such turns, over those runs; None where there is none.
        turns_below: The mean of its turns below zero, over all runs.
        lowest: Its lowest balance in any run.
        final: The mean of its balances after the last turn.
        fees: Charged for its thinking, out of its balance or out of a forward for it.
        interest: Paid on its debt.
        jobs: Credits, relief and bonuses.
        core_shares: Dividends, for stake and burns too, less the prices of core shares.
        lending: What its loans brought, less what it lent; a part of `contracts`.
        tips: Collected with the blocks it won, bonuses for blocks included.
        contracts: Gained or lost by all contracts, what forwards paid of its fees included.
        other: Transfers received, less transfers, studies and burns.
        income: Allowances, top-ups and lifted debts, less what expired.
        out: Runs in which it ran out of tokens; None where the rules refuse no usage.
        first_out: The median of the first such turns, over those runs; None where there is none.
    """

    agent_id: str
    policy: str | None
    runs: int
    broke: int
    first_turn: float | None
    turns_below: float
    lowest: int
    final: float
    fees: float
    interest: float
    jobs: float
    core_shares: float
    lending: float
    tips: float
    contracts: float
    other: float
    income: float
    out: int | None
    first_out: float | None

    @property
    def goes_broke(self) -> bool:
        """True if it is broke in at least half of the runs."""
        return self.broke > 0 and self.broke >= _MOST_RUNS * self.runs

    @property
    def runs_out(self) -> bool:
        """True if it runs out of tokens in at least half of the runs."""
        return bool(self.out) and (self.out or 0) >= _MOST_RUNS * self.runs


def agent_outcomes(
    runs: Sequence[Run], scenario: Scenario | None = None, config: WorldConfig | None = None
) -> list[AgentOutcome]:
    """What became of each agent, in genesis order.

    Args:
        runs: At least one, all of the same agents.
        scenario: Names the policies.
        config: The rules of the world; the scenario's, or the default ones, when None.
    """
    policies = {} if scenario is None else policy_names(scenario)
    rules = config or (scenario.config if scenario is not None else WorldConfig())
    gained = _gains_by_column(runs, rules)
    refuses = rules.when_empty is not EmptyRule.DEBT
    return [
        _outcome(agent, runs, policies.get(agent), gained, refuses=refuses)
        for agent in range(len(runs[0].agent_ids))
    ]


def policy_names(scenario: Scenario) -> dict[int, str]:
    """The name of each agent's policy, by its index."""
    names = {agent: group.policy_name for group in scenario.population for agent in group.agents}
    return dict(sorted(names.items()))


def by_first_turn(outcomes: Iterable[AgentOutcome]) -> list[AgentOutcome]:
    """Those that go broke, the earliest first."""
    broke = [own for own in outcomes if own.goes_broke]
    return sorted(broke, key=lambda own: (own.first_turn, own.agent_id))


def by_first_out(outcomes: Iterable[AgentOutcome]) -> list[AgentOutcome]:
    """Those that run out of tokens, the earliest first."""
    out = [own for own in outcomes if own.runs_out]
    return sorted(out, key=lambda own: (own.first_out, own.agent_id))


class GroupOutcome(Struct, frozen=True, kw_only=True):
    """What became of the agents that have a label in common; tokens are means of one agent.

    Attributes:
        label: What they have in common, such as their policy; None where that is not known.
        agents: How many they are.
        broke: How many of them go broke.
        first_turn: The earliest of the turns in which those go broke; None where there is none.
        turns_below: The mean of an agent's turns below zero.
        lowest: The lowest balance of any of them in any run.
        out: How many of them run out of tokens; None where the rules refuse no usage.
    """

    label: str | None
    agents: int
    broke: int
    first_turn: float | None
    turns_below: float
    lowest: int
    final: float
    fees: float
    interest: float
    jobs: float
    core_shares: float
    lending: float
    tips: float
    contracts: float
    other: float
    income: float
    out: int | None


def outcomes_by(
    outcomes: Iterable[AgentOutcome], label: Callable[[AgentOutcome], str | None]
) -> list[GroupOutcome]:
    """What became of the agents of each label, in the order in which the labels first occur."""
    groups: dict[str | None, list[AgentOutcome]] = {}
    for own in outcomes:
        groups.setdefault(label(own), []).append(own)
    return [_group(name, members) for name, members in groups.items()]


def by_policy(outcomes: Iterable[AgentOutcome]) -> list[GroupOutcome]:
    """What became of the agents of each policy."""
    return outcomes_by(outcomes, lambda own: own.policy)


def group_rows(groups: Iterable[GroupOutcome], name: str) -> list[dict[str, Any]]:
    """Groups as rows, their label in a column of the name of what it is."""
    return [
        {name if key == "label" else key: value for key, value in asdict(own).items()}
        for own in groups
    ]


def _group(label: str | None, members: Sequence[AgentOutcome]) -> GroupOutcome:
    broke = by_first_turn(members)
    means = {name: statistics.fmean(getattr(own, name) for own in members) for name in _MEANS}
    return GroupOutcome(
        label=label,
        agents=len(members),
        broke=len(broke),
        first_turn=broke[0].first_turn if broke else None,
        lowest=min(own.lowest for own in members),
        out=None if members[0].out is None else len(by_first_out(members)),
        **means,
    )


_GAINED: Final = ("jobs", "core_shares", "lending", "tips", "contracts", "other", "income")
_MEANS: Final = ("turns_below", "final", "fees", "interest", *_GAINED)


def outcomes_by_run(runs: Sequence[Run], scenario: Scenario | None = None) -> list[dict[str, Any]]:
    """What became of each agent in each run, one row each."""
    policies = {} if scenario is None else policy_names(scenario)
    rows = []
    for run in runs:
        gained = contract_gains(run)
        for agent, held in enumerate(zip(*run.series.balances, strict=True)):
            below = [turn for turn, balance in enumerate(held, 1) if balance < 0]
            rows.append(
                {
                    "run_id": run.run,
                    "agent_id": run.agent_ids[agent],
                    "policy": policies.get(agent),
                    "first_turn": below[0] if below else None,
                    "turns_below": len(below),
                    "lowest": min(held),
                    "final": held[-1],
                    "contracts": gained[agent],
                    "first_denied": first_denied(run, agent),
                }
            )
    return rows


class Collector(Struct, frozen=True, kw_only=True):
    """A part that somebody plays in the economy, and what it brought.

    Attributes:
        role: Such as `core owners`; the platform is one.
        tokens: The mean of what those in it gained by it in a run, less what they paid for it.
        by_agent: The same by agent id, the greatest first; empty for the platform.
    """

    role: str
    tokens: float
    by_agent: dict[str, float]


def collectors(runs: Sequence[Run], config: WorldConfig | None = None) -> list[Collector]:
    """Who collected what, the most first; a role in which nothing moved is left out.

    What the platform keeps is its rent: fees and prices of core shares, less what it paid out.

    Args:
        config: The rules of the world; the default ones when None.
    """
    gained = _gains_by_role(runs, config or WorldConfig())
    kept = statistics.fmean(run.series.platform[-1] for run in runs)
    found = [Collector(role=PLATFORM, tokens=kept, by_agent={})]
    for role, by_agent in gained.items():
        ranked = sorted(by_agent, key=lambda agent: (-by_agent[agent], agent))
        found.append(
            Collector(
                role=role,
                tokens=sum(by_agent.values()) / len(runs),
                by_agent={runs[0].agent_ids[own]: by_agent[own] / len(runs) for own in ranked},
            )
        )
    return sorted(found, key=lambda own: -own.tokens)


def collector_rows(
    collected: Iterable[Collector], outcomes: Iterable[AgentOutcome]
) -> list[dict[str, Any]]:
    """Who collected what: a row for each role as a whole, then one for each agent in it.

    Args:
        outcomes: Of the same runs; they know the policies.

    Returns:
        `role`, `agent_id` and `policy` (None in the row of the whole), `tokens` a run, and
        `share`: the agent's part of all that agents gained in the role; None without a gain.
    """
    policies = {own.agent_id: own.policy for own in outcomes}
    rows: list[dict[str, Any]] = []
    for own in collected:
        gained = sum(tokens for tokens in own.by_agent.values() if tokens > 0)
        whole = {"role": own.role, "agent_id": None, "policy": None}
        rows.append({**whole, "tokens": own.tokens, "share": None})
        rows += [
            {
                "role": own.role,
                "agent_id": agent_id,
                "policy": policies[agent_id],
                "tokens": tokens,
                "share": tokens / gained if tokens > 0 else None,
            }
            for agent_id, tokens in own.by_agent.items()
        ]
    return rows


_PROPOSERS: Final[Mapping[str, str]] = {
    ContractKind.LOAN: "lenders",
    ContractKind.INSURANCE: "insurers",
    ContractKind.FORWARD: "carriers of forwards",
    ContractKind.SERVICE: "sellers",
    ContractKind.INFORMATION_SALE: "sellers",
}
"""What proposers of contracts of each kind are (K3, K4)."""

_Gains: TypeAlias = dict[str, Counter[int]]
"""Tokens gained over all runs, losses below zero, by a name and an agent's index."""


def _gains_by_role(runs: Sequence[Run], config: WorldConfig) -> _Gains:
    """What agents gained in each role; only roles in which something moved."""
    gained: _Gains = {}

    def add(role: str, agent: int, tokens: int) -> None:
        gained.setdefault(role, Counter())[agent] += tokens

    roles = _roles_of_reasons(config)
    for run in runs:
        for flow in run.counts.flows:
            if (role := roles.get(flow.reason)) is not None:
                for agent, tokens in _sides(flow):
                    add(role, agent, tokens)
        for made in _started(run):
            add(_PROPOSERS[made.kind], made.parties[Role.PROPOSER], made.gains[Role.PROPOSER])
            if earned := made.gains[Role.ARBITRATOR]:
                add("arbitrators", made.parties[Role.ARBITRATOR], earned)
    return gained


def _roles_of_reasons(config: WorldConfig) -> dict[str, str]:
    """The roles that gain and pay by postings of a reason, without contracts (L5, C1, C3)."""
    on_stake = config.dividend_rule is DividendRule.STAKE_AND_BURN
    roles: dict[str, str] = {
        PostingReason.CORE_PRICE: CORE_OWNERS,
        PostingReason.DIVIDEND: STAKERS if on_stake else CORE_OWNERS,
        PostingReason.TIP: WINNERS,
    }
    if config.signing_bonus_rule is SigningBonusRule.PER_BLOCK:
        roles[PostingReason.SIGNING_BONUS] = WINNERS
    return roles


def _columns_of_reasons(config: WorldConfig) -> dict[str, str]:
    """The column of `AgentOutcome` that counts postings of a reason; contracts are counted apart.

    A reason that is not here is one of `other`.
    """
    per_block = config.signing_bonus_rule is SigningBonusRule.PER_BLOCK
    return {
        PostingReason.INFERENCE_FEE: "fees",
        PostingReason.INTEREST: "interest",
        PostingReason.JOB_CREDIT: "jobs",
        PostingReason.INTEREST_RELIEF: "jobs",
        PostingReason.SIGNING_BONUS: "tips" if per_block else "jobs",
        PostingReason.DIVIDEND: "core_shares",
        PostingReason.CORE_PRICE: "core_shares",
        PostingReason.TIP: "tips",
        **dict.fromkeys(OF_INCOME, "income"),
        **dict.fromkeys(_OF_CONTRACTS, ""),
    }


OF_INCOME: Final = frozenset(
    {
        PostingReason.ALLOWANCE,
        PostingReason.TOP_UP,
        PostingReason.DEBT_LIFTED,
        PostingReason.ALLOWANCE_EXPIRED,
    }
)
"""Reasons that only worlds with income know."""

OF_INTERVENTIONS: Final = frozenset(
    {
        PostingReason.DEBT_RESTRUCTURED,
        PostingReason.DEBT_REPAYMENT,
        PostingReason.LEVY,
        PostingReason.REBATE,
        PostingReason.ARBITRATION_SUBSIDY,
        PostingReason.SHOCK_GAIN,
        PostingReason.SHOCK_LOSS,
    }
)
"""Reasons that only worlds with interventions know."""

_OF_CONTRACTS: Final = frozenset(
    {
        PostingReason.LOAN_PRINCIPAL,
        PostingReason.LOAN_REPAYMENT,
        PostingReason.LOAN_PREMIUM,
        PostingReason.LOAN_RECOVERY,
        PostingReason.CONTRACT_PRICE,
        PostingReason.ARBITRATOR_FEE,
        PostingReason.INSURANCE_PREMIUM,
        PostingReason.INSURANCE_PAYOUT,
        PostingReason.FORWARD_PRICE,
        PostingReason.FORWARD_FEE,
        PostingReason.COLLATERAL_FORFEITED,
        PostingReason.COLLATERAL_SLASHED,
    }
)
"""Reasons by which contracts move tokens between owners."""


def _gains_by_column(runs: Sequence[Run], config: WorldConfig) -> _Gains:
    """What agents gained, by the columns of `AgentOutcome`."""
    columns = _columns_of_reasons(config)
    gained: _Gains = {name: Counter() for name in _MEANS}
    for run in runs:
        for flow in run.counts.flows:
            if column := columns.get(flow.reason, "other"):
                for agent, tokens in _sides(flow):
                    gained[column][agent] += tokens
        for agent, tokens in contract_gains(run).items():
            gained["contracts"][agent] += tokens
        for made in _started(run):
            if made.kind == ContractKind.LOAN:
                gained["lending"][made.parties[Role.PROPOSER]] += made.gains[Role.PROPOSER]
            gained["fees"][made.parties[Role.COUNTERPARTY]] -= made.drawn
    return gained


def contract_gains(run: Run) -> Counter[int]:
    """What each agent gained by all contracts of a run, by its index; losses below zero.

    What a forward paid of an agent's fees is a gain of that agent.
    """
    gained: Counter[int] = Counter()
    for made in _started(run):
        for agent, tokens in zip(made.parties, made.gains, strict=True):
            gained[agent] += tokens
    return gained


def moved_by_contracts(runs: Sequence[Run]) -> tuple[int, int]:
    """Final balances that contracts kept from being below zero, and those they brought there.

    By the books: a final balance beside the same less what the agent gained by contracts, and no
    forecast of how agents would act without them.
    """
    kept = pushed = 0
    for run in runs:
        gained = contract_gains(run)
        for agent, final in enumerate(run.series.balances[-1]):
            kept += final >= 0 > final - gained[agent]
            pushed += final < 0 <= final - gained[agent]
    return kept, pushed


def _started(run: Run) -> list[Made]:
    return [made for made in run.counts.made if made.started is not None]


def _sides(flow: Flow) -> list[tuple[int, int]]:
    """The agents on both sides of a flow, each with what it gained."""
    sides = ((flow.payee, flow.tokens), (flow.payer, -flow.tokens))
    return [(owner, tokens) for owner, tokens in sides if owner >= 0]


def _outcome(
    agent: int, runs: Sequence[Run], policy: str | None, gained: _Gains, *, refuses: bool
) -> AgentOutcome:
    balances = [[held[agent] for held in run.series.balances] for run in runs]
    below = [[turn for turn, held in enumerate(own, 1) if held < 0] for own in balances]
    firsts = _known(turns[0] if turns else None for turns in below)
    outs = _known(first_out(run, agent) for run in runs) if refuses else []
    means = {name: gained[name][agent] / len(runs) for name in _GAINED}
    return AgentOutcome(
        agent_id=runs[0].agent_ids[agent],
        policy=policy,
        runs=len(runs),
        broke=len(firsts),
        first_turn=_median(firsts),
        turns_below=statistics.fmean(map(len, below)),
        lowest=min(map(min, balances)),
        final=statistics.fmean(own[-1] for own in balances),
        fees=-gained["fees"][agent] / len(runs),
        interest=-gained["interest"][agent] / len(runs),
        out=len(outs) if refuses else None,
        first_out=_median(outs),
        **means,
    )


def _known(turns: Iterable[int | None]) -> list[int]:
    return [turn for turn in turns if turn is not None]


def _median(turns: Sequence[int]) -> float | None:
    return statistics.median(turns) if turns else None


def first_out(run: Run, agent: int) -> int | None:
    """The first turn of a run in which an agent was refused usage, or after which it was broke."""
    below = (turn for turn, held in enumerate(run.series.balances, 1) if held[agent] < 0)
    return min(_known((next(below, None), first_denied(run, agent))), default=None)


def first_denied(run: Run, agent: int) -> int | None:
    """The first turn of a run in which usage of an agent was refused; None where none was."""
    return None if run.income is UNSET else run.income.first_denied[agent]
