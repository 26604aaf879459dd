"""Findings on the paper's text and claims, from the published experiment's numbers.

Every number is taken from the runs at hand. Source: docs/spec/experiment.md.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from sim_economy.agents.policies.published_policy import Published
from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.reports.published.rows import Comparison
from sim_economy.reports.tables import PRINTED, Table, text_figures
from sim_economy.runs.extended_metrics import extended_metrics, supply_changes
from sim_economy.runs.run import Run, chosen
from sim_economy.runs.run_metrics import Row
from sim_economy.scenarios.scenario import Scenario

_POLICY: Final = Published()


class Evidence(Struct, frozen=True):
    """The published experiment as played here."""

    scenario: Scenario
    runs: Sequence[Run]
    rows: Sequence[Row]
    comparison: Comparison

    def mean(self, metric: Callable[[Run], float]) -> float:
        """The mean of a metric over the runs."""
        return statistics.mean(float(metric(run)) for run in self.runs)

    def moved(self, reason: str) -> float:
        """Mean tokens a run moved for a reason between agents and the rest."""
        return abs(self.mean(lambda run: supply_changes(run)[reason]))

    def column(self, name: str) -> float:
        """The mean of a published metric."""
        return statistics.mean(float(row[name]) for row in self.rows)


def disagreements(evidence: Evidence) -> Table:
    """Disagreements of the paper's text with its data, one row each."""
    rows = tuple((text, data(evidence)) for text, data in _DISAGREEMENTS)
    return Table("disagreements", "Text and data", ("the text", "the data"), rows)


def claims(evidence: Evidence) -> Table:
    """The paper's five claims, and what the numbers say of each."""
    rows = tuple((claim, verdict(evidence)) for claim, verdict in _CLAIMS)
    return Table("claims", "The paper's five claims", ("the claim", "what the numbers say"), rows)


def _seeds(evidence: Evidence) -> str:
    found = evidence.comparison
    return (
        f"Seeded with {evidence.scenario.seed} plus the run's number, the draws give "
        f"{found.exact} of {found.cells} published cells exactly; a clock's could not be repeated."
    )


def _winners(evidence: Evidence) -> str:
    config = evidence.scenario.config
    blocks = evidence.column("turns_with_block")
    paid = evidence.moved("signing_bonus")
    promised = blocks * config.signing_bonus
    return (
        f"No block paid anything. A bonus of {config.signing_bonus} for each of "
        f"{number(blocks, 2)} blocks a run would come to {number(promised, 1)}; the rows hold "
        f"{number(paid, 1)}, one bonus for each of {config.num_agents} agents, at its first job."
    )


def _jobs(evidence: Evidence) -> str:
    waived = evidence.mean(lambda run: sum(run.series.fees_waived))
    return (
        f"An agent on a job is spared its fee ({number(waived, 1)} tokens a run) and is credited "
        f"the same amount again ({number(evidence.moved('job_credit'), 1)}), besides a refund of "
        f"interest ({number(evidence.moved('interest_relief'), 1)})."
    )


def _owners(evidence: Evidence) -> str:
    return (
        f"No agent ever owned a share. Of {number(evidence.column('fees_total'), 1)} tokens in "
        f"fees a run, {number(evidence.moved('dividend'), 1)} came back as dividends."
    )


def _unstaking(evidence: Evidence) -> str:
    runs = evidence.runs
    tokens = _POLICY.stake_tokens
    kept = sum(sum(run.series.staked[-1]) == tokens * chosen(run.series, "stake") for run in runs)
    asked = evidence.mean(lambda run: chosen(run.series, "unstake"))
    refused = evidence.mean(lambda run: sum(run.series.rejections))
    return (
        f"An unstake came without an amount and did nothing: {number(asked, 1)} a run were chosen, "
        f"{number(refused, 1)} inputs refused. Final stake is {tokens} times the number of "
        f"stakes in {kept} of {len(runs)} runs."
    )


def _liveness(evidence: Evidence) -> str:
    runs, turns = evidence.runs, range(evidence.scenario.turns)
    always = [turn for turn in turns if all(run.series.winners[turn] is None for run in runs)]
    listed = ", ".join(str(turn + 1) for turn in always)
    unstaking, mining = (
        statistics.mean(run.series.actions[turn].get(action, 0) for run in runs for turn in always)
        if always
        else 0.0
        for action in ("unstake", "mine")
    )
    fewest = min(
        run.series.actions[turn].get("mine", 0)
        for run in runs
        for turn in turns
        if run.series.winners[turn] is not None
    )
    blockless = evidence.scenario.turns - evidence.column("turns_with_block")
    return (
        f"A run has {number(blockless, 2)} turns without a block, and {len(always)} of them are "
        f"the same in every run ({listed}): there the policy makes all stakers off the job unstake "
        f"at once ({number(unstaking, 1)} agents), which leaves {number(mining, 1)} miners. No "
        f"block was made by fewer than {fewest}."
    )


def _lottery(evidence: Evidence) -> str:
    rows = evidence.rows
    blocks = sum(row["turns_with_block"] for row in rows)
    other = sum(row["validator_stake"] + row["validator_burn"] for row in rows)
    return (
        f"Only agents that mined held tickets: {number(other, 0)} of {number(blocks, 0)} blocks "
        "went to stake or burn, which were never in the draw."
    )


def _correlation(evidence: Evidence) -> str:
    figures = text_figures(evidence.scenario, evidence.rows)
    found = figures["correlation of shifted Gini and fees"]
    return (
        f"They correlate at {'-' if found is None else number(found, 3)}. "
        "The text drops minus signs elsewhere too."
    )


def _interest(evidence: Evidence) -> str:
    half = evidence.scenario.turns // 2
    share = 100 * evidence.moved("interest") / evidence.column("fees_total")
    late = evidence.mean(
        lambda run: statistics.mean(map(statistics.mean, run.series.balances[half:]))
    )
    return (
        f"Interest is {number(share, 1)} % of fees. Agents sink to "
        f"{number(_POLICY.job_below, 0)}, where the policy sends them to a job, and hover "
        f"there: after turn {half} the mean balance is {number(late, 1)}."
    )


_PRINTED_CORRELATION = PRINTED["correlation of shifted Gini and fees"]
_DISAGREEMENTS = (
    ("The clock seeds each run's usage.", _seeds),
    ("The winner of a block earns the signing bonus.", _winners),
    ("A job subsidises labour.", _jobs),
    ("Fees flow back to the owners of core shares.", _owners),
    ("Unstaking takes five turns, so none was completed.", _unstaking),
    (f"Blocks in {PRINTED['turns with a block (%)']} % of turns show a robust chain.", _liveness),
    ("Stake and burn cannot compete with mining in the lottery.", _lottery),
    (f"Fees and the shifted Gini correlate at {_PRINTED_CORRELATION}.", _correlation),
    ("Inequality comes from interest that compounds.", _interest),
)


DISAGREEMENTS: Final = len(_DISAGREEMENTS)
"""Statements of the paper's text that its data contradict."""


def _pricing(evidence: Evidence) -> str:
    config = evidence.scenario.config
    fees = evidence.column("fees_total")
    chosen_spending = evidence.moved("study_cost") + evidence.moved("burn")
    ratio = fees / (config.num_agents * config.genesis_tokens_per_agent)
    return (
        f"Fees are {number(ratio, 2)} times the endowment and {number(fees / chosen_spending, 0)} "
        "times what agents spent on studies and burns, so usage does decide what they own. It "
        "does not show a choice of strategy: all agents follow one fixed policy, which never looks "
        "at a price."
    )


def _survival(evidence: Evidence) -> str:
    agent_turns = evidence.scenario.turns * evidence.scenario.config.num_agents
    share = 100 * (evidence.column("actions_mine") + evidence.column("actions_job")) / agent_turns
    return (
        f"Mining and jobs are {number(share, 1)} % of all choices. That is the policy's doing: it "
        f"mines where nothing else applies and works below {number(_POLICY.job_below, 0)}. No "
        "agent weighed one action against another, so the rows show no equilibrium."
    )


def _health(evidence: Evidence) -> str:
    below = 100 * evidence.mean(lambda run: extended_metrics(run)["insolvent_share"] or 0)
    blocks = 100 * evidence.column("turns_with_block") / evidence.scenario.turns
    supply = evidence.column("token_supply_final")
    return (
        f"They agree: {number(blocks, 1)} % of turns have a block while agents are below zero in "
        f"{number(below, 1)} % of agent-turns and end with {number(supply, 1)} tokens together."
    )


def _rents(evidence: Evidence) -> str:
    rent = evidence.mean(lambda run: run.series.platform[-1])
    lost = rent + evidence.mean(lambda run: run.series.destroyed[-1])
    return (
        f"They agree, and more than the text says: of {number(lost, 1)} tokens that agents lose, "
        f"the platform keeps {number(rent, 1)} ({number(100 * rent / lost, 1)} %). What reads as "
        "wealth destroyed is mostly rent."
    )


def _contracts(evidence: Evidence) -> str:
    made = sum(row["settled_contracts"] + row["defaulted_contracts"] for row in evidence.rows)
    return (
        f"The rows hold {number(made, 0)} contracts, but cannot tell: the policy has no rule that "
        "would propose or sign one."
    )


_CLAIMS = (
    ("The price of computing dominates strategy.", _pricing),
    ("Equilibria of survival are narrow.", _survival),
    ("A chain that works is not an economy that is well.", _health),
    ("Rents of the platform need guardrails.", _rents),
    ("Contracts do not emerge by themselves.", _contracts),
)
