"""Measures beyond the paper's: where tokens went, solvency, and inequality below zero.

Source: docs/spec/experiment.md.
"""

from __future__ import annotations

import io
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from msgspec import UNSET

from sim_economy.core.accounts import PostingReason
from sim_economy.core.actions import RECOGNISED
from sim_economy.core.income_config import EmptyRule, OverdraftRule
from sim_economy.core.world_config import WorldConfig
from sim_economy.ledger.readers.series import spread
from sim_economy.ledger.sidecars.run_folder import write_whole
from sim_economy.runs.agent_outcomes import OF_INCOME, OF_INTERVENTIONS
from sim_economy.runs.intervention_metrics import intervention_metrics
from sim_economy.runs.run import Run, fees, total
from sim_economy.runs.run_metrics import run_metrics
from sim_economy.scenarios.scenario import Scenario
from sim_economy.statistics.inequality import gini, gini_absolute, gini_normalised, hhi, shifted
from sim_economy.statistics.intervals import bootstrap_interval, normal_halfwidth, student_interval

ExtendedMetrics: TypeAlias = dict[str, int | float | None]
"""The extended metrics of one run by column; None where one is not defined."""

SUPPLY_SIGNS: Final[Mapping[PostingReason, int]] = {
    PostingReason.INFERENCE_FEE: -1,
    PostingReason.JOB_CREDIT: 1,
    PostingReason.INTEREST_RELIEF: 1,
    PostingReason.SIGNING_BONUS: 1,
    PostingReason.DIVIDEND: 1,
    PostingReason.INTEREST: -1,
    PostingReason.STUDY_COST: -1,
    PostingReason.BURN: -1,
    PostingReason.FORWARD_FEE: -1,
    PostingReason.CORE_PRICE: -1,
    PostingReason.COLLATERAL_SLASHED: -1,
    PostingReason.ALLOWANCE: 1,
    PostingReason.TOP_UP: 1,
    PostingReason.DEBT_LIFTED: 1,
    PostingReason.ALLOWANCE_EXPIRED: -1,
    PostingReason.DEBT_RESTRUCTURED: 1,
    PostingReason.DEBT_REPAYMENT: -1,
    PostingReason.REBATE: 1,
    PostingReason.ARBITRATION_SUBSIDY: 1,
    PostingReason.SHOCK_GAIN: 1,
    PostingReason.SHOCK_LOSS: -1,
}
"""The sign of a reason for the token supply; other movements stay among agents."""

EXTENDED_METRICS: Final[Mapping[str, str]] = {
    "fees": "fees",
    "fees_covered": "fees that balances covered",
    "fees_uncovered": "fees that made or deepened a debt",
    "fees_waived": "fees that jobs waived",
    "job_credits": "job credits",
    "interest_relief": "interest relief",
    "signing_bonuses": "signing bonuses",
    "dividends": "dividends",
    "tips": "tips to winners of blocks",
    "interest": "interest",
    "study_costs": "study costs",
    "burns": "burned tokens",
    "platform_rent": "platform's final balance (rent)",
    "destroyed": "destroyed tokens",
    "gini_normalised": "normalised Gini of final wealth",
    "gini_absolute": "absolute Gini of final wealth (tokens)",
    "winner_hhi": "concentration of block winners (HHI)",
    "insolvent_share": "share of agent-turns below zero",
    "first_negative_turn": "first turn with an agent below zero",
    "median_first_negative_turn": "median first turn below zero, of the agents that were",
    "rejections": "rejected inputs",
    "gini_balance_shifted": "shifted Gini of final balances",
    "core_prices": "prices paid for core shares",
    "contracts_proposed": "contracts proposed",
    "contracts_started": "contracts that all signed and could pay",
    "contracts_settled": "contracts settled",
    "contracts_defaulted": "contracts defaulted",
    "contracts_lapsed": "contracts lapsed or withdrawn",
    "contracts_void": "contracts void",
}
"""The extended metrics by column, with their names in text; counts of tokens unless they say."""

MATCHING_METRICS: Final[Mapping[str, str]] = {
    "contracts_matched": "pairs of agents matched for a contract, each turn anew",
    "matched_turns": "turns in which some were",
    "matched_proposed": "contracts proposed in the turn after their match",
    "matched_started": "of these, those that started",
}
"""Those of a world that matches needs (G4)."""

INCOME_METRICS: Final[Mapping[str, str]] = {
    "allowances": "allowances granted",
    "top_ups": "top-ups",
    "debts_lifted": "debts lifted",
    "allowances_expired": "allowances expired",
    "allowance_sheltered": "allowances that were out of the balance when they would have expired",
    "units_denied": "usage units refused for want of tokens",
    "turns_denied": "agent-turns in which some were refused",
    "first_denied_turn": "first turn in which some were refused",
}
"""The extended metrics of worlds with income; no other world has them."""

_BOOTSTRAP_SEED: Final = 1


def all_metrics(run: Run) -> ExtendedMetrics:
    """The published metrics of one run, and the extended ones."""
    return run_metrics(run) | extended_metrics(run)


ALIKE: Final = (
    "all runs came out alike: no measure of them depends on the seed, so intervals over them say "
    "nothing"
)
"""What is said of runs that are `all_alike`."""


def all_alike(runs: Sequence[Run]) -> bool:
    """Test whether several runs have the same metrics, so that their number proves nothing."""
    bare = [all_metrics(run) | {"run_id": 0} for run in runs]
    return len(bare) > 1 and all(own == bare[0] for own in bare)


def doubts(scenario: Scenario, runs: Sequence[Run]) -> list[str]:
    """Why the runs of a scenario say less than their number suggests; nothing if they do not."""
    alike = [ALIKE] if all_alike(runs) else []
    return [*run_warnings(scenario), *alike]


def run_warnings(scenario: Scenario) -> list[str]:
    """Why any run of a scenario says less than it seems to: of its usage, and of its income."""
    return [*scenario.usage_warnings, *_income_doubts(scenario.config)]


def _income_doubts(config: WorldConfig) -> list[str]:
    """What a world with income leaves out, in words."""
    if config.income is None:
        return []
    if config.when_empty is not EmptyRule.DEBT:
        return ["usage that was refused is lost: nobody waits, or takes another model"]
    if config.income.overdraft is OverdraftRule.FORGIVEN:
        return ["debts are made freely and lifted, so that no allowance binds"]
    return []


def supply_changes(run: Run) -> dict[str, int]:
    """Tokens that each reason added to the token supply over a run.

    With the genesis tokens they add up to the final supply. Reasons of income are there in worlds
    that have it, those of interventions where tokens moved for them.
    """
    changes = {
        reason.value: sign * total(run.series, reason.value)
        for reason, sign in SUPPLY_SIGNS.items()
        if (run.income is not UNSET or reason not in OF_INCOME)
        and (reason not in OF_INTERVENTIONS or total(run.series, reason.value))
    }
    if PostingReason.DEBT_REPAYMENT in changes:
        # What issuance repaid, out of an allowance, never was part of the supply.
        changes[PostingReason.DEBT_REPAYMENT.value] = -sum(
            flow.tokens
            for flow in run.counts.flows
            if flow.reason == PostingReason.DEBT_REPAYMENT and flow.payer >= 0
        )
    return changes


def wealth(run: Run, turn: int) -> list[int]:
    """Balance and stake of each agent when a turn closed, in tokens.

    Args:
        turn: From 1; -1 is the last.
    """
    index = turn - 1 if turn > 0 else turn
    owned = zip(run.series.balances[index], run.series.staked[index], strict=True)
    return [free + kept for free, kept in owned]


def extended_metrics(run: Run) -> ExtendedMetrics:
    """The extended metrics of one run."""
    series = run.series
    agents = len(run.agent_ids)
    collected, covered = fees(series), sum(series.fees_covered)
    first = first_negative_turns(run)
    final = wealth(run, -1)
    wins = Counter(series.winners)
    ends = Counter(own.end for own in run.counts.made)
    below = sum(held < 0 for balances in series.balances for held in balances)
    return {
        "run_id": run.run,
        "fees": collected,
        "fees_covered": covered,
        "fees_uncovered": collected - covered,
        "fees_waived": sum(series.fees_waived),
        "job_credits": total(series, "job_credit"),
        "interest_relief": total(series, "interest_relief"),
        "signing_bonuses": total(series, "signing_bonus"),
        "dividends": total(series, "dividend"),
        "tips": total(series, "tip"),
        "interest": total(series, "interest"),
        "study_costs": total(series, "study_cost"),
        "burns": total(series, "burn"),
        "platform_rent": series.platform[-1],
        "destroyed": series.destroyed[-1],
        "gini_normalised": gini_normalised(final),
        "gini_absolute": gini_absolute(final),
        "winner_hhi": hhi([wins[agent_id] for agent_id in run.agent_ids]),
        "insolvent_share": below / (agents * run.turns),
        "first_negative_turn": min((turn for turn in first if turn is not None), default=None),
        "median_first_negative_turn": _survival_median(first),
        "rejections": sum(series.rejections),
        "gini_balance_shifted": gini(shifted(series.balances[-1])),
        "core_prices": total(series, "core_price"),
        "contracts_proposed": len(run.counts.made),
        "contracts_started": sum(own.started is not None for own in run.counts.made),
        **{f"contracts_{end}": ends[end] for end in _ENDS},
        **_income_metrics(run),
        **intervention_metrics(run),
        **_matching_metrics(run),
    }


def _matching_metrics(run: Run) -> ExtendedMetrics:
    """The metrics of matches; nothing in a world that matches no needs."""
    if run.matching is UNSET:
        return {}
    return {
        "contracts_matched": run.matching.matches,
        "matched_proposed": run.matching.proposed,
        "matched_started": run.matching.started,
    }


def _income_metrics(run: Run) -> ExtendedMetrics:
    """The metrics of income; nothing in a world that has none."""
    if run.income is UNSET:
        return {}
    denied = [turn for turn in run.income.first_denied if turn is not None]
    return {
        "allowances": total(run.series, "allowance"),
        "top_ups": total(run.series, "top_up"),
        "debts_lifted": total(run.series, "debt_lifted"),
        "allowances_expired": total(run.series, "allowance_expired"),
        "allowance_sheltered": sum(run.income.sheltered),
        "units_denied": sum(run.income.units_denied),
        "turns_denied": sum(run.income.turns_denied),
        "first_denied_turn": min(denied, default=None),
    }


_ENDS: Final = ("settled", "defaulted", "lapsed", "void")


def first_negative_turns(run: Run) -> list[int | None]:
    """The turn after which each agent was first below zero, `[agent]`; None for never."""
    by_agent = zip(*run.series.balances, strict=True)
    return [next((turn for turn, held in enumerate(own, 1) if held < 0), None) for own in by_agent]


def _survival_median(first: Sequence[int | None]) -> float | None:
    """The median over all agents, those that stayed solvent counted as later than any turn."""
    median = statistics.median(float("inf") if turn is None else turn for turn in first)
    return None if median == float("inf") else float(median)


def extended_summary(rows: Sequence[Mapping[str, int | float | None]]) -> list[dict[str, Any]]:
    """Each metric over the runs that define it, with three 95 % intervals for its mean.

    Returns:
        One row for each column but `run_id`: `runs`, mean, standard deviation, the published
        half-width, Student's t and BCa bootstrap intervals, least and greatest. What a single run
        cannot tell is None.

    Raises:
        ModuleNotFoundError: scipy is not installed.
    """
    summary = []
    for column in rows[0]:
        values = [value for row in rows if (value := row[column]) is not None]
        if column != "run_id":
            summary.append({"measure": column, **_summary(values)})
    return summary


def _summary(values: Sequence[float]) -> dict[str, float | None]:
    if not values:
        return {"runs": 0, **dict.fromkeys(_ESTIMATES)}
    student = student_interval(values)
    bootstrap = bootstrap_interval(values, _BOOTSTRAP_SEED)
    estimates = (
        float(statistics.mean(values)),
        statistics.stdev(values) if len(values) > 1 else None,
        normal_halfwidth(values),
        *student,
        *bootstrap,
        min(values),
        max(values),
    )
    return {"runs": len(values), **dict(zip(_ESTIMATES, estimates, strict=True))}


_ESTIMATES: Final = (
    "mean",
    "std",
    "ci95",
    "student_low",
    "student_high",
    "bootstrap_low",
    "bootstrap_high",
    "min",
    "max",
)


def series_columns(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """Every turn of every run as one long table, by column.

    Returns:
        `run_id`, `turn`, a `flow_` column for each posting reason and an `actions_` column for
        each action, the block, the books, the balances, and inequality of balance plus stake.
    """
    reasons = _reasons(runs)
    unknown = {name for run in runs for turn in run.series.actions for name in turn}
    actions = [*RECOGNISED, *sorted(unknown - RECOGNISED.keys())]
    rows = [
        _series_row(run, turn, wins, reasons, actions)
        for run in runs
        for turn, wins in enumerate(_cumulative_wins(run), 1)
    ]
    return {column: [row[column] for row in rows] for column in rows[0]}


def _reasons(runs: Sequence[Run]) -> list[str]:
    """Posting reasons that have a column; those of income only where tokens moved for them."""
    moved = {reason for run in runs for flows in run.series.flows for reason in flows}
    left_out = {PostingReason.GENESIS, *((OF_INCOME | OF_INTERVENTIONS) - moved)}
    return [reason.value for reason in PostingReason if reason not in left_out]


def _series_row(
    run: Run, turn: int, wins: Sequence[int], reasons: Sequence[str], actions: Sequence[str]
) -> dict[str, Any]:
    series, index = run.series, turn - 1
    return {
        "run_id": run.run,
        "turn": turn,
        **{f"flow_{reason}": series.flows[index].get(reason, 0) for reason in reasons},
        **{f"actions_{action}": series.actions[index].get(action, 0) for action in actions},
        "winner": series.winners[index],
        "winner_hhi": hhi(wins),
        "fees_covered": series.fees_covered[index],
        "fees_waived": series.fees_waived[index],
        "rejections": series.rejections[index],
        "token_supply": series.token_supply[index],
        "platform": series.platform[index],
        "destroyed": series.destroyed[index],
        **spread(series.balances[index], series.staked[index]),
    }


def _cumulative_wins(run: Run) -> list[list[int]]:
    """Blocks won so far, `[turn, agent]`."""
    wins = dict.fromkeys(run.agent_ids, 0)
    table = []
    for winner in run.series.winners:
        if winner is not None:
            wins[winner] += 1
        table.append(list(wins.values()))
    return table


def write_series(runs: Sequence[Run], path: Path) -> None:
    """Write `series_columns` as Parquet.

    Raises:
        ModuleNotFoundError: polars is not installed.
    """
    import polars  # noqa: PLC0415

    # A run without a block has no winner to tell the type by.
    types = {"winner": polars.String}
    content = io.BytesIO()
    polars.DataFrame(series_columns(runs), schema_overrides=types).write_parquet(content)
    write_whole(path, content.getvalue())
