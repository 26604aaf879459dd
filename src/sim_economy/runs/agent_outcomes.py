"""What became of each agent over the runs of a scenario, and who collected what.

An agent is broke from the first turn after which its balance is below zero.
Source: docs/spec/experiment.md.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from sim_economy.core.accounts import PostingReason
from sim_economy.runs.run import Run
from sim_economy.scenarios.scenario import Scenario

PLATFORM: Final = "platform"
_MOST_RUNS: Final = 0.5


class AgentOutcome(Struct, frozen=True, kw_only=True):
    """What became of one agent under a scenario; means are over all runs, in tokens.

    Attributes:
        policy: What decides for it; None where that is not known.
        runs: Runs played.
        broke: Runs in which its balance was below zero after some turn.
        first_turn: The median of the first such turns, over those runs; None where there is none.
        turns_below: The mean of its turns below zero, over all runs.
        lowest: Its lowest balance in any run.
        final: The mean of its balances after the last turn.
        fees: Paid for its thinking, out of its balance or out of a forward that it carries.
        interest: Paid on its debt.
        jobs: Credits, relief and bonuses.
        core_shares: Dividends, less the prices of its shares.
        lending: What its loans brought, less what it lent.
        tips: Collected with the blocks it won.
        contracts: Gained or lost by all contracts, loans on either side among them.
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

    @property
    def goes_broke(self) -> bool:
        """True if it is broke in at least half of the runs."""
        return self.broke > 0 and self.broke >= _MOST_RUNS * self.runs


def agent_outcomes(runs: Sequence[Run], scenario: Scenario | None = None) -> list[AgentOutcome]:
    """What became of each agent, in genesis order.

    Args:
        runs: At least one, all of the same agents.
        scenario: Names the policies.
    """
    policies = {} if scenario is None else policy_names(scenario)
    moved = _moved(runs)
    return [
        _outcome(agent, runs, policies.get(agent), moved) for agent in range(len(runs[0].agent_ids))
    ]


def policy_names(scenario: Scenario) -> dict[int, str]:
    """The name of each agent's policy, by its index."""
    names = {agent: group.policy_name for group in scenario.population for agent in group.agents}
    return dict(sorted(names.items()))


def by_first_turn(outcomes: Iterable[AgentOutcome]) -> list[AgentOutcome]:
    """Those that go broke, the earliest first."""
    broke = [own for own in outcomes if own.goes_broke]
    return sorted(broke, key=lambda own: (own.first_turn, own.agent_id))


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


def collectors(runs: Sequence[Run]) -> list[Collector]:
    """Who collected what, the most first; a role in which nothing moved is left out.

    What the platform keeps is its rent: fees and prices of core shares, less what it paid out.
    """
    names = runs[0].agent_ids
    found = [
        Collector(
            role=PLATFORM,
            tokens=statistics.fmean(run.series.platform[-1] for run in runs),
            by_agent={},
        )
    ]
    moved = _moved(runs)
    for role, (gained, paid) in ROLES.items():
        own = {
            agent_id: _gain(moved, agent, gained, paid) / len(runs)
            for agent, agent_id in enumerate(names)
            if any(
                moved[agent, reason, sign]
                for reasons, sign in ((gained, 1), (paid, -1))
                for reason in reasons
            )
        }
        if own:
            ranked = sorted(own, key=lambda agent_id: -own[agent_id])
            found.append(
                Collector(
                    role=role,
                    tokens=sum(own.values()),
                    by_agent={agent_id: own[agent_id] for agent_id in ranked},
                )
            )
    return sorted(found, key=lambda own: -own.tokens)


_LENT: Final = frozenset({PostingReason.LOAN_PRINCIPAL})
_REPAID: Final = frozenset(
    {PostingReason.LOAN_REPAYMENT, PostingReason.LOAN_PREMIUM, PostingReason.LOAN_RECOVERY}
)
ROLES: Final[Mapping[str, tuple[frozenset[PostingReason], frozenset[PostingReason]]]] = {
    "core owners": (frozenset({PostingReason.DIVIDEND}), frozenset({PostingReason.CORE_PRICE})),
    "lenders": (_REPAID, _LENT),
    "winners of blocks": (frozenset({PostingReason.TIP}), frozenset()),
    "insurers": (
        frozenset({PostingReason.INSURANCE_PREMIUM}),
        frozenset({PostingReason.INSURANCE_PAYOUT}),
    ),
    "carriers of forwards": (
        frozenset({PostingReason.FORWARD_PRICE}),
        frozenset({PostingReason.FORWARD_FEE}),
    ),
    "arbitrators": (frozenset({PostingReason.ARBITRATOR_FEE}), frozenset()),
    "sellers": (frozenset({PostingReason.CONTRACT_PRICE}), frozenset()),
}
"""Reasons by which those in a role gain, and by which they pay for it."""

FEES: Final = frozenset({PostingReason.INFERENCE_FEE, PostingReason.FORWARD_FEE})
_INTEREST: Final = frozenset({PostingReason.INTEREST})
_JOBS: Final = frozenset(
    {PostingReason.JOB_CREDIT, PostingReason.INTEREST_RELIEF, PostingReason.SIGNING_BONUS}
)
CONTRACTS: Final = frozenset(
    {
        *_REPAID,
        *_LENT,
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


def _moved(runs: Sequence[Run]) -> Counter[tuple[int, str, int]]:
    """Tokens over all runs by agent, reason, and 1 for gained or -1 for paid."""
    moved: Counter[tuple[int, str, int]] = Counter()
    for run in runs:
        for flow in run.counts.flows:
            moved[flow.payee, flow.reason, 1] += flow.tokens
            moved[flow.payer, flow.reason, -1] += flow.tokens
    return moved


def _gain(
    moved: Mapping[tuple[int, str, int], int],
    agent: int,
    gained: Iterable[str],
    paid: Iterable[str],
) -> int:
    """Tokens that an agent gained for some reasons, less those it paid for others."""
    return sum(moved[agent, reason, 1] for reason in gained) - sum(
        moved[agent, reason, -1] for reason in paid
    )


def _outcome(
    agent: int, runs: Sequence[Run], policy: str | None, moved: Counter[tuple[int, str, int]]
) -> AgentOutcome:
    balances = [[held[agent] for held in run.series.balances] for run in runs]
    below = [[turn for turn, held in enumerate(own, 1) if held < 0] for own in balances]
    firsts = [turns[0] for turns in below if turns]

    def gain(gained: Iterable[str], lost: Iterable[str] = ()) -> float:
        return _gain(moved, agent, gained, lost) / len(runs)

    def paid(reasons: Iterable[str]) -> float:
        return sum(moved[agent, reason, -1] for reason in reasons) / len(runs)

    return AgentOutcome(
        agent_id=runs[0].agent_ids[agent],
        policy=policy,
        runs=len(runs),
        broke=len(firsts),
        first_turn=statistics.median(firsts) if firsts else None,
        turns_below=statistics.fmean(map(len, below)),
        lowest=min(map(min, balances)),
        final=statistics.fmean(own[-1] for own in balances),
        fees=paid(FEES),
        interest=paid(_INTEREST),
        jobs=gain(_JOBS),
        core_shares=gain(*ROLES["core owners"]),
        lending=gain(*ROLES["lenders"]),
        tips=gain(*ROLES["winners of blocks"]),
        contracts=gain(CONTRACTS, CONTRACTS),
    )
