"""Treatments side by side, run by run with the same seed, and the regimes beside a later report.

Source: docs/spec/experiment.md.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from sim_economy.agents.population import described
from sim_economy.core.errors import ExtraMissingError, ScenarioError
from sim_economy.ledger.readers.plain_text import markdown_text
from sim_economy.ledger.sidecars.run_folder import write_whole, writing_into
from sim_economy.reports import figures
from sim_economy.reports.html import html_page
from sim_economy.reports.insolvency import (
    Outcomes,
    insolvency_table,
    outcome_rows,
    reading_of_insolvency,
    shown_agents,
)
from sim_economy.reports.published.later_report import LATER
from sim_economy.reports.society import reading_of_contracts
from sim_economy.reports.tables import (
    Table,
    Value,
    changed_parameters,
    number,
    table_markdown,
)
from sim_economy.runs.agent_outcomes import agent_outcomes
from sim_economy.runs.extended_metrics import all_metrics, doubts
from sim_economy.runs.run import Run, chosen
from sim_economy.runs.run_metrics import table_csv
from sim_economy.scenarios.scenario import Scenario, load_scenario
from sim_economy.statistics.intervals import student_interval

COMPARED_METRICS: Final[Mapping[str, str]] = {
    "contracts_proposed": "contracts proposed",
    "contracts_started": "contracts started",
    "contracts_settled": "contracts settled",
    "contracts_defaulted": "contracts defaulted",
    "contracts_lapsed": "contracts lapsed",
    "contracts_void": "contracts void",
    "fees": "fees",
    "interest": "interest",
    "dividends": "dividends",
    "token_supply_final": "final token supply",
    "gini_balance_shifted": "shifted Gini of balances",
    "gini_wealth_shifted": "shifted Gini of wealth",
    "negative_balance_agents": "agents below zero",
    "winner_hhi": "concentration of winners (HHI)",
    "turns_with_block": "blocks",
    "rejections": "rejected inputs",
}
"""Metrics that treatments are compared by: published and extended columns, with names."""


_TITLE: Final = "Compared: "
REPORT_BEGINNING: Final = f"# {_TITLE}".encode()
"""What every `comparison.md` begins with."""
_CAVEAT: Final = (
    "The policies behind its figures are not available, nor do we know its draws of usage or which "
    "Gini it prints. So the figures show whether ours are of the same order, not whether they are "
    "right, and nothing here was fitted to them."
)


class TreatmentRuns(Struct, frozen=True):
    """A treatment and its finished runs."""

    treatment: Scenario
    runs: Sequence[Run]

    def doubts(self) -> list[str]:
        """Why its runs say less than their number suggests; nothing if they do not."""
        name = self.treatment.name
        return [f"{name}: {doubt}" for doubt in doubts(self.treatment, self.runs)]

    def values(self, column: str) -> dict[int, float]:
        """A metric by the seed of the run; runs that don't define it are left out."""
        measured = {run.seed: all_metrics(run)[column] for run in self.runs}
        return {seed: float(value) for seed, value in measured.items() if value is not None}

    def means(self) -> dict[str, float | None]:
        """The mean of each compared metric over the runs; None where no run defines it."""
        by_run = {column: self.values(column).values() for column in COMPARED_METRICS}
        return {column: statistics.mean(own) if own else None for column, own in by_run.items()}


class MetricDifference(Struct, frozen=True, kw_only=True):
    """The difference of a treatment from the first in one metric, over runs with the same seed.

    Attributes:
        pairs: Runs of both with the same seed; none where the treatments cannot be paired.
        low: Of the 95 % interval by Student's t for the mean difference; None below two pairs.
        high: Likewise.
    """

    column: str
    treatment: str
    pairs: int
    mean: float | None
    low: float | None
    high: float | None

    @property
    def plain(self) -> dict[str, Any]:
        """As plain values, for scripts and data frames."""
        return {
            "measure": self.column,
            "treatment": self.treatment,
            "pairs": self.pairs,
            "mean": self.mean,
            "low": self.low,
            "high": self.high,
        }

    @property
    def is_clear(self) -> bool:
        """True if the interval excludes zero; pairs that all differ alike are certain."""
        if self.low is None or self.high is None:
            return False
        return not self.low <= 0 <= self.high


def unpaired_by(first: TreatmentRuns, other: TreatmentRuns) -> list[str]:
    """What keeps the runs of two treatments from being paired, in words; nothing if they can be.

    Runs with the same seed draw the same usage only for the same agents, from the same source,
    under the same version of the rules; and they are compared after the same turn.
    """
    ours, its = first.treatment, other.treatment
    parts = (
        ("agents", ours.config.agent_ids, its.config.agent_ids),
        ("turns", ours.turns, its.turns),
        ("usage", _usage(ours), _usage(its)),
        ("rules_version", ours.config.rules_version, its.config.rules_version),
    )
    return [name for name, one, another in parts if one != another]


def _usage(scenario: Scenario) -> dict[str, Any]:
    """What decides the usage; of a trace its content, not where the file is."""
    stated = scenario.settings["usage"]
    return {key: stated[key] for key in stated if key != "path" or "digest" not in stated}


def unpaired_sides(sides: Sequence[TreatmentRuns]) -> dict[str, str]:
    """The treatments whose runs cannot be paired with the first's, and why not."""
    first, *others = sides
    found = {other.treatment.name: unpaired_by(first, other) for other in others}
    return {
        name: f"{name} differs from {first.treatment.name} in {' and '.join(parts)}, so their runs "
        "are not paired"
        for name, parts in found.items()
        if parts
    }


def reservations(sides: Sequence[TreatmentRuns]) -> list[str]:
    """Why a comparison says less than it seems to; nothing if it does not."""
    doubted = [doubt for side in sides for doubt in side.doubts()]
    return [*doubted, *unpaired_sides(sides).values()]


def differences(sides: Sequence[TreatmentRuns]) -> list[MetricDifference]:
    """Every metric of every treatment after the first against the first.

    Raises:
        ModuleNotFoundError: scipy is not installed.
    """
    first, *others = sides
    found = []
    for column in COMPARED_METRICS:
        base = first.values(column)
        for other in others:
            values = {} if unpaired_by(first, other) else other.values(column)
            pairs = [values[seed] - base[seed] for seed in base if seed in values]
            low, high = student_interval(pairs) if len(pairs) > 1 else (None, None)
            mean = statistics.mean(pairs) if pairs else None
            name = other.treatment.name
            found.append(
                MetricDifference(
                    column=column, treatment=name, pairs=len(pairs), mean=mean, low=low, high=high
                )
            )
    return found


def write_comparison(folder: Path, sides: Sequence[TreatmentRuns]) -> list[Path]:
    """Write `comparison.md`, its figure, `comparison.csv`, `agents.csv` and `comparison.html`.

    Args:
        sides: At least two, with at least one run each.

    Returns:
        What was written, the page last.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
    """
    outcomes = outcomes_of(sides)
    turns = max(side.treatment.turns for side in sides)
    try:
        found = differences(sides)
        drawn = _drawn(outcomes, turns)
    except ModuleNotFoundError as error:
        raise ExtraMissingError("the comparison", str(error.name), "report") from None
    title = f"{_TITLE}{', '.join(side.treatment.name for side in sides)}"
    sections = [
        f"# {markdown_text(title)}\n",
        _who_goes_broke(outcomes),
        _means(sides),
        _paired(sides, found),
        _contracts(sides),
        _later(sides),
        _what_was_run(sides),
    ]
    text = "\n".join(filter(None, sections))
    cells = [
        {
            "measure": row.column,
            "treatment": row.treatment,
            "against": sides[0].treatment.name,
            "pairs": row.pairs,
            "difference": row.mean,
            "student_low": row.low,
            "student_high": row.high,
        }
        for row in found
    ]
    files = {
        "comparison.md": text,
        "comparison.csv": table_csv(cells),
        "agents.csv": table_csv(outcome_rows(outcomes)),
        **drawn,
        "comparison.html": html_page(title, text, drawn),
    }
    with writing_into(folder):
        for name, content in files.items():
            write_whole(folder / name, content.encode())
    return [folder / name for name in files]


def check_names(treatments: Sequence[Scenario]) -> None:
    """Hold treatments to different names, each of which is a folder's.

    Raises:
        ScenarioError: There are fewer than two, or two of one name.
    """
    names = [treatment.name for treatment in treatments]
    if len(names) < 2 or len(set(names)) < len(names):
        raise ScenarioError([f"scenarios: {', '.join(names)} are not two or more different names"])


def outcomes_of(sides: Sequence[TreatmentRuns]) -> Outcomes:
    """What became of each agent, by treatment."""
    return {side.treatment.name: agent_outcomes(side.runs, side.treatment) for side in sides}


def _who_goes_broke(outcomes: Outcomes) -> str:
    """The answer: who goes broke under which treatment, and when."""
    readings = "\n".join(
        f"- {markdown_text(reading_of_insolvency(name, own))}" for name, own in outcomes.items()
    )
    table = insolvency_table(outcomes)
    agents = {each.agent_id for own in outcomes.values() for each in own}
    left = len(agents) - len(table.rows)
    more = f"\n\n{left} more agents are in [agents.csv](agents.csv)." if left else ""
    return (
        f"## Who goes broke, and when\n\n{readings}\n\n![{_DRAWING}]({_FIGURE})\n\n"
        f"{table_markdown(table).strip()}{more}\n\nBroke is an agent from the first turn after "
        "which its balance is below zero; of several runs, the median of these turns. By agent "
        "and treatment: [agents.csv](agents.csv).\n"
    )


_FIGURE: Final = "figures/insolvency.svg"
_DRAWING: Final = "The turn in which each agent goes broke, under each treatment"


def _drawn(outcomes: Outcomes, turns: int) -> dict[str, str]:
    """The figure, by its path."""
    shown = shown_agents(outcomes)
    firsts = {}
    for name, own in outcomes.items():
        first = {each.agent_id: each.first_turn for each in own}
        firsts[name] = [first.get(agent_id) for agent_id in shown]
    return {_FIGURE: figures.insolvency(firsts, shown, turns)}


def _what_was_run(sides: Sequence[TreatmentRuns]) -> str:
    lines = []
    for side in sides:
        treatment = side.treatment
        groups = "; ".join(described(group) for group in treatment.population if group.agents)
        seeds = [run.seed for run in side.runs]
        lines.append(
            f"- **{markdown_text(treatment.name)}**: {len(seeds)} runs of {treatment.turns} turns, "
            f"seeds {min(seeds)} to {max(seeds)}. Population: {groups}. {_world(sides[0], side)}"
        )
        lines += [f"  - {markdown_text(doubt)}" for doubt in side.doubts()]
    rules = sides[0].treatment.config.rules_version
    lines.append(f"- sim-economy {version('sim-economy')}, rules version {rules}.")
    return "## What was run\n\n" + "\n".join(lines) + "\n"


def _world(first: TreatmentRuns, side: TreatmentRuns) -> str:
    base, name = first.treatment, "that of the first"
    if side is first:
        base, name = load_scenario("as-run"), "as-run"
    changed = changed_parameters(base, side.treatment)
    return f"World: {name}{' with ' if changed else ''}{changed}."


def _means(sides: Sequence[TreatmentRuns]) -> str:
    rows: list[tuple[Value, ...]] = []
    means = [side.means() for side in sides]
    for column, name in COMPARED_METRICS.items():
        rows.append((name, *(own[column] for own in means)))
    columns = ("measure", *(side.treatment.name for side in sides))
    table = Table("means", "Means over the runs", columns, tuple(rows))
    return f"## Side by side\n\n{table_markdown(table)}"


def _paired(sides: Sequence[TreatmentRuns], found: Sequence[MetricDifference]) -> str:
    first = markdown_text(sides[0].treatment.name)
    unpaired = "".join(f"{markdown_text(reason)}.\n\n" for reason in unpaired_sides(sides).values())
    found = [row for row in found if row.pairs]
    if not found:
        none = f"No run of another has a pair among those of {first}, so nothing can be paired."
        return f"## Differences\n\n{unpaired}{none}\n"
    paired = {row.treatment: row.pairs for row in found}
    pairs = ", ".join(f"{count} pairs with {markdown_text(name)}" for name, count in paired.items())
    rows = tuple(
        (
            COMPARED_METRICS[row.column],
            row.treatment,
            row.mean,
            row.low,
            row.high,
            "yes" if row.is_clear else "no",
        )
        for row in found
    )
    columns = ("measure", "regime", "difference", "95 % CI, low", "95 % CI, high", "leaves 0 out")
    table = Table("paired", f"Against {sides[0].treatment.name}", columns, rows)
    clear = sum(row.is_clear for row in found)
    return (
        f"## Differences\n\n{unpaired}Runs with the same seed draw the same usage, so each is set "
        f"against the run of {first} with its seed: {pairs}; intervals by Student's t. {clear} of "
        f"{len(found)} leave zero out; about one in twenty would do so if nothing differed. An "
        f"interval that is a point is certain: all pairs differ by as much.\n\n"
        f"{table_markdown(table)}"
    )


def _contracts(sides: Sequence[TreatmentRuns]) -> str:
    lines = "\n".join(
        f"- **{markdown_text(side.treatment.name)}**: {reading_of_contracts(side.runs)}"
        for side in sides
    )
    return f"## Contracts\n\n{lines}\n"


def _later(sides: Sequence[TreatmentRuns]) -> str:
    """The regimes as they ship, beside what a later report says of them."""
    rows: list[tuple[Value, ...]] = []
    lines = []
    for side in sides:
        name = side.treatment.name
        known = name in LATER and side.treatment.settings == load_scenario(name).settings
        for column, theirs in (LATER[name] if known else {}).items():
            ours = statistics.mean(side.values(column).values())
            rows.append((name, COMPARED_METRICS[column], theirs, ours))
            lines.append((_apart(ours, theirs), name, column, ours, theirs))
    if not rows:
        return ""
    table = Table(
        "later", "Means of a run", ("regime", "measure", "the later report", "ours"), tuple(rows)
    )
    _, name, column, ours, theirs = max(lines)
    return (
        "## Beside a later report\n\nA later report of the original system ran regimes of these "
        f"names.\n\n{table_markdown(table)}\n"
        f"Furthest apart is the measure *{COMPARED_METRICS[column]}* of {markdown_text(name)}: "
        f"{number(ours, 1)} here, {number(theirs, 1)} there. {_CAVEAT}\n\n{_known(sides)}\n"
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
            f"- {markdown_text(side.treatment.name)}: {number(mined, 1)} agents mine in a turn, "
            f"two are enough for a block, and {number(blocks, 1)} turns have one. "
            f"Agents are below zero in {number(100 * below, 1)} % of agent-turns, "
            f"by {number(debt, 1)} tokens on average, because all of these policies "
            f"work when they run short; interest on that "
            f"comes to {number(interest, 1)}."
        )
    return "\n".join(["What our ledgers show of it:", "", *lines])
