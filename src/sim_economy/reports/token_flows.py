"""Where tokens went: what agents paid and got, step by step, and what the platform kept."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence, Set
from itertools import accumulate
from typing import Any, Final

from msgspec import UNSET

from sim_economy.ledger.readers.plain_numbers import MINUS, number
from sim_economy.reports.drawings import figures
from sim_economy.reports.page.document import Figure, Section, sourced
from sim_economy.reports.sentences import SUMMARY_CSV
from sim_economy.reports.tables import Table, Value
from sim_economy.runs.extended_metrics import extended_metrics, supply_changes
from sim_economy.runs.run import Run
from sim_economy.scenarios.scenario import Scenario

STEPS: Final[Mapping[str, str]] = {
    "inference_fee": "fees",
    "forward_fee": "fees",
    "job_credit": "job credits",
    "interest_relief": "interest relief",
    "signing_bonus": "signing bonuses",
    "dividend": "dividends",
    "interest": "interest",
    "study_cost": "studies",
    "burn": "burns",
    "core_price": "core shares",
    "collateral_slashed": "slashed collateral",
    "allowance": "allowances",
    "top_up": "top-ups",
    "debt_lifted": "lifted debts",
    "allowance_expired": "expired allowances",
    "debt_restructured": "loans of debt rails",
    "debt_repayment": "repayments",
    "rebate": "rebates",
    "arbitration_subsidy": "arbitration subsidies",
    "shock_gain": "gains by shocks",
    "shock_loss": "losses by shocks",
}
"""Reasons that change what agents own, by what a reader calls them; fees are one thing."""


def where_tokens_went(scenario: Scenario, runs: Sequence[Run]) -> Section:
    """The section of a report on it."""
    steps = token_steps(scenario, runs)
    final = sum(steps.values())
    terms = "".join(
        f" {'+' if steps[name] >= 0 else MINUS} {number(abs(steps[name]), 1)} {name}"
        for name in list(steps)[1:]
        if steps[name]
    )
    identity = f"{number(steps['genesis'], 1)} at genesis{terms} = {number(final, 1)} at the end."
    return Section(
        title="Where the tokens went",
        blocks=(
            "What agents own changes only by these movements (means over the runs, in tokens):",
            f"> {identity}",
            _waterfall(steps),
            _reading_of_rent(runs),
            _rent(runs),
            _reading_of_fees(runs),
            _steps_table(scenario, runs, steps),
        ),
    )


def token_steps(scenario: Scenario, runs: Sequence[Run]) -> dict[str, float]:
    """Genesis, then what each step added to the token supply: means over the runs."""
    by_run = [_run_steps(scenario, run) for run in runs]
    return {name: statistics.mean(float(steps[name]) for steps in by_run) for name in by_run[0]}


def _run_steps(scenario: Scenario, run: Run) -> dict[str, int]:
    steps = {"genesis": scenario.config.num_agents * scenario.config.genesis_tokens_per_agent}
    for reason, change in supply_changes(run).items():
        steps[STEPS[reason]] = steps.get(STEPS[reason], 0) + change
    assert sum(steps.values()) == run.series.token_supply[-1], (run.run, steps)
    return steps


def _steps_table(scenario: Scenario, runs: Sequence[Run], steps: Mapping[str, float]) -> Table:
    by_run = [
        {**_run_steps(scenario, run), "final supply": run.series.token_supply[-1]} for run in runs
    ]
    rows: list[tuple[Value, ...]] = []
    for name, mean in {**steps, "final supply": sum(steps.values())}.items():
        every = [float(run[name]) for run in by_run]
        rows.append((name, mean, min(every), max(every)))
    return Table("tokens", "Tokens agents own, a run", ("", "mean", "min", "max"), tuple(rows))


def _waterfall(steps: Mapping[str, float]) -> Figure:
    moved = [(name, amount) for name, amount in steps.items() if amount]
    return Figure(
        name="tokens",
        caption="Tokens agents own, from genesis to the end: what each reason took or gave, a run",
        drawing=figures.tokens(moved, "genesis", "final supply"),
        rows=[{"step": name, "tokens": amount} for name, amount in moved],
    )


def _rent(runs: Sequence[Run]) -> Figure:
    series = {
        "fees": [_so_far(run, _FEES) for run in runs],
        "returned": [_so_far(run, _RETURNED) for run in runs],
        "kept": [[0, *run.series.platform] for run in runs],
    }
    means = {
        name: list(map(statistics.mean, zip(*own, strict=True))) for name, own in series.items()
    }
    rows: list[dict[str, Any]] = [
        {"turn": turn, **{name: own[turn] for name, own in means.items()}}
        for turn in range(len(means["fees"]))
    ]
    return Figure(
        name="rent",
        caption="Fees, tokens returned to agents, and what the platform kept, since genesis",
        drawing=figures.rent(*series.values()),
        rows=rows,
    )


_FEES: Final = frozenset({"inference_fee", "forward_fee"})
_RETURNED: Final = frozenset(
    {
        "job_credit",
        "interest_relief",
        "signing_bonus",
        "dividend",
        "rebate",
        "arbitration_subsidy",
        "debt_restructured",
    }
)


def _so_far(run: Run, reasons: Set[str]) -> list[int]:
    """Tokens moved for any of the reasons since genesis, from genesis on."""
    turns = (sum(flows.get(reason, 0) for reason in reasons) for flows in run.series.flows)
    return list(accumulate(turns, initial=0))


def _reading_of_rent(runs: Sequence[Run]) -> str:
    rent = statistics.mean(run.series.platform[-1] for run in runs)
    destroyed = statistics.mean(run.series.destroyed[-1] for run in runs)
    kept = sourced(number(abs(rent), 1), SUMMARY_CSV, "platform_rent", "mean")
    lost_for_good = sourced(number(destroyed, 1), SUMMARY_CSV, "destroyed", "mean")
    if rent < 0:
        return (
            f"The platform paid out {kept} tokens more than it took in, a run; "
            f"{lost_for_good} were destroyed."
        )
    text = f"The platform keeps {kept} tokens a run, {lost_for_good} are destroyed"
    if rent == 0:
        return f"{text}."
    lost = rent + destroyed
    # What expires is lost too, but nobody is paid with it.
    verb = "lose" if runs[0].income is UNSET else "pay"
    held = map(statistics.mean, zip(*[run.series.platform for run in runs], strict=True))
    early = next(turn for turn, balance in enumerate(held, 1) if balance >= 0.9 * rent)
    return (
        f"{text}: of the {number(lost, 1)} that agents {verb}, {number(100 * rent / lost, 1)} % is "
        f"the platform's rent. It first holds nine tenths of that after turn {early}."
    )


def _reading_of_fees(runs: Sequence[Run]) -> str:
    measured = [extended_metrics(run) for run in runs]
    fees, covered = (
        statistics.mean(float(row[column] or 0) for row in measured)
        for column in ("fees", "fees_covered")
    )
    if fees == 0:
        return "No agent was charged a fee."
    paid = sourced(number(fees, 1), SUMMARY_CSV, "fees", "mean")
    text = f"Agents pay {paid} tokens in fees a run, and their balances covered "
    if covered == fees:
        return f"{text}all of it."
    share = number(100 * covered / fees, 1)
    return f"{text}{share} % of that when it was charged; the rest made or deepened debts."
