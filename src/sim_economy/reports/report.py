"""An experiment's report: Markdown with figures, and the same as one HTML file."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path
from typing import Final, TypeAlias

from msgspec.structs import replace

from sim_economy.agents.population import described
from sim_economy.core.errors import ExtraMissingError
from sim_economy.core.world_config import config_values, parameters
from sim_economy.ledger.readers.plain_text import markdown_code, markdown_text, visible
from sim_economy.ledger.sidecars.run_folder import write_whole, writing_into
from sim_economy.reports import figures, society
from sim_economy.reports.html import html_page
from sim_economy.reports.published.findings import Evidence, claims, disagreements
from sim_economy.reports.published.rows import Comparison, published_text
from sim_economy.reports.tables import (
    AGGREGATED,
    MINUS,
    Table,
    Value,
    changed_parameters,
    number,
    paper_tables,
    shown,
    table_markdown,
)
from sim_economy.runs.extended_metrics import (
    EXTENDED_METRICS,
    doubts,
    extended_metrics,
    extended_summary,
    supply_changes,
    wealth,
)
from sim_economy.runs.run import Run
from sim_economy.runs.run_metrics import Row, aggregate
from sim_economy.scenarios.scenario import Scenario
from sim_economy.statistics.inequality import lorenz, shifted

Others: TypeAlias = Sequence[tuple[Scenario, Sequence[Run], Sequence[Row]]]
"""Other scenarios to show with the one reported."""

_RUNS_SHOWN: Final = 100
_TO: Final = "\u00a0to\u00a0"
_STEPS: Final[Mapping[str, str]] = {
    "inference_fee": "fees",
    "job_credit": "job credits",
    "interest_relief": "interest relief",
    "signing_bonus": "signing bonuses",
    "dividend": "dividends",
    "interest": "interest",
    "study_cost": "studies",
    "burn": "burns",
    "forward_fee": "fees paid by forwards",
    "core_price": "core shares",
    "collateral_slashed": "slashed collateral",
}


def write_report(
    folder: Path,
    scenario: Scenario,
    runs: Sequence[Run],
    rows: Sequence[Row],
    *,
    comparison: Comparison | None,
    others: Others = (),
) -> list[Path]:
    """Write `report.md`, its figures under `figures/`, and `report.html`.

    Args:
        runs: Finished runs, at least one.
        rows: Their published metrics.
        comparison: With the published rows, if the scenario is the published experiment.
        others: Other scenarios for a table of aggregates.

    Returns:
        What was written, `report.html` last.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
    """
    try:
        drawn = _figures(scenario, runs)
        sections = [
            _what_was_run(scenario, runs),
            _verdict(comparison),
            _tokens(scenario, runs),
            _agents(scenario, runs, rows),
            _society(scenario, runs),
            _paper(scenario, rows, published=comparison is not None),
            _further(runs, rows),
            _text_and_data(scenario, runs, rows, comparison),
            _side_by_side(scenario, rows, comparison, others),
        ]
    except ModuleNotFoundError as error:
        raise ExtraMissingError("the report", str(error.name), "report") from None
    title = f"{scenario.name}: {_counted(len(runs), 'run')} of {_counted(scenario.turns, 'turn')}"
    text = f"# {markdown_text(title)}\n\n" + "\n".join(filter(None, sections))
    files = {f"figures/{name}.svg": drawing for name, drawing in drawn.items()}
    page = html_page(title, text, files)
    written = {"report.md": text, **files, "report.html": page}
    with writing_into(folder):
        for name, content in written.items():
            write_whole(folder / name, content.encode())
    return [folder / name for name in written]


def _what_was_run(scenario: Scenario, runs: Sequence[Run]) -> str:
    config = scenario.config
    seeds = [run.seed for run in runs]
    agents, tokens = _counted(config.num_agents, "agent"), config.genesis_tokens_per_agent
    usage = scenario.settings["usage"]["source"]
    played, turns = _counted(len(runs), "run"), _counted(scenario.turns, "turn")
    lines = [
        f"- World: {agents} with {tokens:,} tokens each.",
        f"- {_who(scenario)}. Usage: `{usage}`.",
        f"- {played}, each of {turns}, with {_seeds(seeds)}.",
        f"- sim-economy {version('sim-economy')}, rules version {config.rules_version}.",
    ]
    lines += [f"- **{markdown_text(doubt)}.**" for doubt in doubts(scenario, runs)]
    if len(runs) < scenario.runs:
        lines.append(f"- {scenario.runs - len(runs)} of {scenario.runs} runs are missing here.")
    world = config_values(config)
    further = tuple(
        (name, str(world[name]), parameter.meaning)
        for name, parameter in parameters().items()
        if not parameter.in_paper and name in world
    )
    columns = ("parameter", "value", "meaning")
    table = Table("further", "Parameters and variants the paper does not list", columns, further)
    return _section("What was run", "\n".join(lines), table_markdown(table))


def _who(scenario: Scenario) -> str:
    groups = [group for group in scenario.population if group.agents]
    if len(groups) == 1 and groups[0].policy == type(groups[0].policy)():
        return f"Policy of every agent: `{groups[0].policy_name}`"
    return f"Population, in genesis order: {'; '.join(map(described, groups))}"


def _seeds(seeds: Sequence[int]) -> str:
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    whole = list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"{'' if whole else 'some of '}seeds {seeds[0]} to {seeds[-1]}"


def _verdict(found: Comparison | None) -> str:
    if found is None:
        return ""
    if found.holds:
        text = "Every cell of the published rows came out again, to the last printed digit."
    else:
        text = "These runs are not the published ones."
    rows: list[tuple[Value, ...]] = [
        ("published cells compared", found.cells),
        ("equal, to the last digit", found.exact),
        ("cells that carry information", found.informative_cells),
        ("summary.json", "equal byte for byte" if found.summary_equal else "differs"),
    ]
    if (first := found.first_difference) is not None:
        difference = f"run {first.run_id}, {first.column}: {first.published}, here {first.ours}"
        rows.append(("first difference", difference))
    table = Table("verdict", "Compared with the published rows", ("", "found"), tuple(rows))
    note = (
        f"A cell carries information where its column varies over the runs and repeats no earlier "
        f"one; {len(found.informative_columns)} columns do."
    )
    return _section("The verdict", text, table_markdown(table), note)


def _tokens(scenario: Scenario, runs: Sequence[Run]) -> str:
    steps = _token_steps(scenario, runs)
    final = sum(steps.values())
    terms = "".join(
        f" {'+' if steps[name] >= 0 else MINUS} {number(abs(steps[name]), 1)} {name}"
        for name in list(steps)[1:]
        if steps[name]
    )
    identity = f"{number(steps['genesis'], 1)} at genesis{terms} = {number(final, 1)} at the end."
    by_run = [
        {**_run_steps(scenario, run), "final supply": run.series.token_supply[-1]} for run in runs
    ]
    rows: list[tuple[Value, ...]] = []
    for name, mean in {**steps, "final supply": final}.items():
        every = [float(run[name]) for run in by_run]
        rows.append((name, mean, min(every), max(every)))
    table = Table("tokens", "Tokens agents own, a run", ("", "mean", "min", "max"), tuple(rows))
    return _section(
        "Where the tokens went",
        "What agents own changes only by these movements (means over the runs, in tokens):",
        f"> {identity}",
        table_markdown(table),
        _image("tokens", "Waterfall from the genesis supply to the final supply"),
        _reading_of_rent(runs),
        _image("rent", "Cumulative fees, tokens returned and platform rent over turns"),
        _reading_of_fees(runs),
    )


def _reading_of_rent(runs: Sequence[Run]) -> str:
    rent = statistics.mean(run.series.platform[-1] for run in runs)
    destroyed = statistics.mean(run.series.destroyed[-1] for run in runs)
    if rent < 0:
        return (
            f"The platform paid out {number(-rent, 1)} tokens more than it took in, a run; "
            f"{number(destroyed, 1)} were destroyed."
        )
    text = (
        f"The platform keeps {number(rent, 1)} tokens a run, {number(destroyed, 1)} are destroyed"
    )
    if rent == 0:
        return f"{text}."
    lost = rent + destroyed
    share = 100 * rent / lost
    held = map(statistics.mean, zip(*[run.series.platform for run in runs], strict=True))
    early = next(turn for turn, balance in enumerate(held, 1) if balance >= 0.9 * rent)
    return (
        f"{text}: of the {number(lost, 1)} that agents lose, {number(share, 1)} % is the "
        f"platform's rent. It first holds nine tenths of that after turn {early}."
    )


def _reading_of_fees(runs: Sequence[Run]) -> str:
    measured = [extended_metrics(run) for run in runs]
    fees, covered = (
        statistics.mean(float(row[column] or 0) for row in measured)
        for column in ("fees", "fees_covered")
    )
    if fees == 0:
        return "No agent was charged a fee."
    text = f"Agents pay {number(fees, 1)} tokens in fees a run, and their balances covered "
    if covered == fees:
        return f"{text}all of it."
    share = number(100 * covered / fees, 1)
    return f"{text}{share} % of that when it was charged; the rest made or deepened debts."


def _agents(scenario: Scenario, runs: Sequence[Run], rows: Sequence[Row]) -> str:
    balance = statistics.mean(float(row["mean_balance_final"]) for row in rows)
    below = statistics.mean(float(row["negative_balance_agents"]) for row in rows)
    ginis = [float(row["gini_wealth_shifted"]) for row in rows]
    mean = statistics.mean(ginis)
    shares = _action_shares(scenario, runs)
    ranked = sorted(shares, key=lambda name: -statistics.mean(shares[name]))[:2]
    common = " and ".join(
        f"{markdown_code(name)} ({number(100 * statistics.mean(shares[name]), 1)} %)"
        for name in ranked
    )
    return _section(
        "What agents hold and do",
        _image("balances", "Balance of each agent over turns"),
        f"After the last turn the mean balance is {number(balance, 1)} tokens. Agents below zero "
        f"then: {shown(below)} of {scenario.config.num_agents}, on average.",
        _image("actions", "Share of agents that choose each action over turns"),
        f"Chosen most, of all agents and turns: {common}.",
        _image("lorenz", "Lorenz curves of final shifted wealth"),
        f"Wealth is balance plus stake; where an agent's is not positive, all are shifted until "
        f"the least is 1. The Gini coefficient of the result is {number(mean, 3)} on average, from "
        f"{number(min(ginis), 3)} to {number(max(ginis), 3)}. It depends on the shift: the "
        "further measures hold two that need none.",
    )


def _society(scenario: Scenario, runs: Sequence[Run]) -> str:
    if not society.is_mixed(scenario, runs):
        return ""
    return _section("Who earned what, from whom, and for what", *society.blocks(scenario, runs))


def _paper(scenario: Scenario, rows: Sequence[Row], *, published: bool) -> str:
    tables = []
    for table in paper_tables(scenario, rows, published=published):
        tables.append(table_markdown(replace(table, rows=table.rows[:_RUNS_SHOWN])))
        if len(table.rows) > _RUNS_SHOWN:
            tables.append(f"The first {_RUNS_SHOWN} of {len(table.rows)}.")
    intro = (
        "The tables the paper prints, for the runs at hand. Intervals are 1.96 standard errors "
        "either way. *Blocks* and *turns with a block* are the same number."
    )
    return _section("The paper's tables", intro, *tables)


def _further(runs: Sequence[Run], rows: Sequence[Row]) -> str:
    published = [{column: row[column] for column in AGGREGATED} for row in rows]
    return _section(
        "Further measures",
        "Three 95 % intervals for each mean: 1.96 standard errors, which are too narrow for few "
        "runs (of 12 they cover 92 %), Student's t, and a BCa bootstrap of six runs or more. The "
        "normalised Gini stays between 0 and 1 below zero too "
        "(Raffinetti, Siletti and Vernizzi 2015, "
        "[doi:10.1007/s10260-014-0293-4](https://doi.org/10.1007/s10260-014-0293-4)); the absolute "
        "one is half the mean difference between two agents, in tokens. The concentration of "
        "winners is 1 where one agent wins every block.",
        table_markdown(
            _summary_table("Beyond the paper", EXTENDED_METRICS, map(extended_metrics, runs))
        ),
        table_markdown(_summary_table("The paper's aggregates again", AGGREGATED, published)),
    )


def _summary_table(
    title: str, names: Mapping[str, str], rows: Iterable[Mapping[str, int | float | None]]
) -> Table:
    columns = ("measure", "mean", "1.96 SE", "Student's t", "bootstrap", "min", "max")
    cells: list[tuple[Value, ...]] = []
    for row in extended_summary(list(rows)):
        student, bootstrap = (
            None
            if row[f"{kind}_low"] is None
            else f"{shown(row[f'{kind}_low'])}{_TO}{shown(row[f'{kind}_high'])}"
            for kind in ("student", "bootstrap")
        )
        half = None if row["ci95"] is None else f"\u00b1\u00a0{shown(row['ci95'])}"
        name = names[row["measure"]]
        cells.append((name, row["mean"], half, student, bootstrap, row["min"], row["max"]))
    return Table("summary", title, columns, tuple(cells))


def _text_and_data(
    scenario: Scenario, runs: Sequence[Run], rows: Sequence[Row], found: Comparison | None
) -> str:
    if found is None:
        return ""
    title = "Where the paper's text and its data disagree"
    if not found.holds:
        return _section(title, "These runs are not the published ones, so they cannot tell.")
    evidence = Evidence(scenario, runs, rows, found)
    return _section(
        title,
        "Every number is taken from the runs at hand, which are the published ones.",
        table_markdown(disagreements(evidence)),
        table_markdown(claims(evidence)),
    )


def _side_by_side(
    scenario: Scenario, rows: Sequence[Row], found: Comparison | None, others: Others
) -> str:
    if not others:
        return ""
    columns = {scenario.name: aggregate(rows)}
    columns |= {other.name: aggregate(theirs) for other, _, theirs in others}
    if found is not None:
        published = json.loads(published_text("summary.json"))["aggregate"]
        columns = {"published": published, **columns}
    cells: tuple[tuple[Value, ...], ...] = tuple(
        (name, *(metrics[column]["mean"] for metrics in columns.values()))
        for column, name in AGGREGATED.items()
    )
    table = Table("beside", "Means over the runs", ("measure", *columns), cells)
    readings = [_reading_of_others(scenario, rows, *other) for other in others]
    return _section("Side by side", table_markdown(table), *readings)


def _reading_of_others(
    scenario: Scenario,
    rows: Sequence[Row],
    other: Scenario,
    _runs: Sequence[Run],
    theirs: Sequence[Row],
) -> str:
    differs = changed_parameters(scenario, other) or "the same parameters"
    text = (
        f"Beside {markdown_text(scenario.name)} stands {markdown_text(other.name)}, with {differs}."
    )
    here, there = aggregate(rows), aggregate(theirs)
    supply, blocks = (
        (here[column]["mean"], there[column]["mean"])
        for column in ("token_supply_final", "turns_with_block")
    )
    return (
        f"{text} There agents end with {number(supply[1], 1)} tokens together instead of "
        f"{number(supply[0], 1)}, and {number(blocks[1], 1)} turns have a block instead of "
        f"{number(blocks[0], 1)}."
    )


def _figures(scenario: Scenario, runs: Sequence[Run]) -> dict[str, str]:
    """The figures' SVG by name."""
    config = scenario.config
    start = [[config.genesis_tokens_per_agent] * config.num_agents]
    level = (-180, "below this the policy works") if scenario.policy_name == "published" else None
    steps = {name: amount for name, amount in _token_steps(scenario, runs).items() if amount}
    lines = [lorenz(shifted(wealth(run, -1))) for run in runs]
    curves = [curve for _, curve in lines]
    mean = [statistics.mean(points) for points in zip(*curves, strict=True)]
    return {
        **society.drawings(scenario, runs),
        "tokens": figures.tokens(list(steps.items()), "genesis", "final supply"),
        "rent": figures.rent(
            [_so_far(run, {"inference_fee", "forward_fee"}) for run in runs],
            [_so_far(run, _RETURNED) for run in runs],
            [[0, *run.series.platform] for run in runs],
        ),
        "balances": figures.balances(
            [start + run.series.balances for run in runs],
            list(map(visible, config.agent_ids)),
            level,
        ),
        "actions": figures.actions(_action_shares(scenario, runs)),
        "lorenz": figures.lorenz(lines[0][0], curves, mean),
    }


_RETURNED: Final = frozenset({"job_credit", "interest_relief", "signing_bonus", "dividend"})


def _so_far(run: Run, reasons: Set[str]) -> list[int]:
    """Tokens moved for any of the reasons since genesis, from genesis on."""
    turns = (sum(flows.get(reason, 0) for reason in reasons) for flows in run.series.flows)
    return list(accumulate(turns, initial=0))


def _action_shares(scenario: Scenario, runs: Sequence[Run]) -> dict[str, list[float]]:
    """Share of agents by action, `[turn]`, the commonest action first."""
    counts: Counter[str] = Counter()
    for run in runs:
        for actions in run.series.actions:
            counts.update(actions)
    whole = len(runs) * scenario.config.num_agents
    return {
        visible(name): [
            sum(run.series.actions[turn].get(name, 0) for run in runs) / whole
            for turn in range(scenario.turns)
        ]
        for name in sorted(counts, key=lambda name: (-counts[name], name))
    }


def _run_steps(scenario: Scenario, run: Run) -> dict[str, int]:
    """Genesis, then what each reason added to the token supply of one run."""
    steps = {"genesis": scenario.config.num_agents * scenario.config.genesis_tokens_per_agent}
    for reason, change in supply_changes(run).items():
        steps[_STEPS[reason]] = change
    assert sum(steps.values()) == run.series.token_supply[-1], (run.run, steps)
    return steps


def _token_steps(scenario: Scenario, runs: Sequence[Run]) -> dict[str, float]:
    """The mean of each step over the runs."""
    by_run = [_run_steps(scenario, run) for run in runs]
    return {name: statistics.mean(float(steps[name]) for steps in by_run) for name in by_run[0]}


def _section(title: str, *blocks: str) -> str:
    return "\n\n".join([f"## {title}", *(block.strip() for block in blocks)]) + "\n"


def _image(name: str, description: str) -> str:
    return f"![{description}](figures/{name}.svg)"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
