"""The regimes as they ship, set next to what a later report says of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Final

from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.ledger.readers.plain_text import markdown_text
from sim_economy.reports.comparisons.comparison import TreatmentRuns
from sim_economy.reports.comparisons.metric_names import COMPARED_METRICS
from sim_economy.reports.page.document import Section
from sim_economy.reports.published.later_report import LATER
from sim_economy.reports.tables import Table, Value
from sim_economy.runs.run import chosen
from sim_economy.scenarios.scenario import load_scenario

_CAVEAT: Final = (
    "The policies behind its figures are not available, nor do we know its draws of usage or which "
    "Gini it prints. So the figures show whether ours are of the same order, not whether they are "
    "right, and nothing here was fitted to them."
)


def later_section(sides: Sequence[TreatmentRuns]) -> Section | None:
    """The regimes next to a later report; None where no side is one of them, unchanged."""
    rows: list[tuple[Value, ...]] = []
    lines = []
    for side in sides:
        name = side.name
        known = name in LATER and side.treatment.settings == load_scenario(name).settings
        for column, theirs in (LATER[name] if known else {}).items():
            ours = statistics.mean(side.values(column).values())
            rows.append((name, COMPARED_METRICS[column], theirs, ours))
            lines.append((_apart(ours, theirs), name, column, ours, theirs))
    if not rows:
        return None
    columns = ("regime", "metric", "the later report", "ours")
    _, name, column, ours, theirs = max(lines)
    furthest = (
        f"Furthest apart is the metric *{COMPARED_METRICS[column]}* of {markdown_text(name)}: "
        f"{number(ours, 1)} here, {number(theirs, 1)} there. {_CAVEAT}"
    )
    return Section(
        title="Beside a later report",
        blocks=[
            "A later report of the original system ran regimes of these names.",
            Table("later", "Means of a run", columns, tuple(rows)),
            furthest,
            _known(sides),
        ],
    )


def _apart(ours: float, theirs: float) -> float:
    """The ratio of the greater to the lesser."""
    least, most = sorted((abs(ours), abs(theirs)))
    return most / least if least else math.inf


def _known(sides: Sequence[TreatmentRuns]) -> str:
    """Differences whose reason our own ledgers show."""
    lines = []
    for side in sides:
        blocks, interest, below = (
            statistics.mean(side.values(column).values())
            for column in ("turns_with_block", "interest", "insolvent_share")
        )
        runs = side.runs
        mined = statistics.mean(chosen(run.series, "mine") / run.turns for run in runs)
        debts = [-held for run in runs for turn in run.series.balances for held in turn if held < 0]
        debt = statistics.mean(debts or [0])
        lines.append(
            f"- {markdown_text(side.name)}: {number(mined, 1)} agents mine in a turn, "
            f"two are enough for a block, and {number(blocks, 1)} turns have one. "
            f"Agents are below zero in {number(100 * below, 1)} % of agent-turns, "
            f"by {number(debt, 1)} tokens on average, because all of these policies "
            f"work when they run short; interest on that "
            f"comes to {number(interest, 1)}."
        )
    return "\n".join(["What our ledgers show of it:", "", *lines])
