"""An experiment's report: who goes broke, who collects, where the tokens went."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeAlias

from msgspec import Struct

from sim_economy.agents.population import described
from sim_economy.core.errors import ExtraMissingError
from sim_economy.core.world_config import RULE_TABLES, config_values, parameters
from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.ledger.readers.plain_text import markdown_code, markdown_text, visible
from sim_economy.reports import by_agent, sentences, society
from sim_economy.reports.drawings import figures
from sim_economy.reports.interventions import interventions_section
from sim_economy.reports.page.document import Block, Figure, Report, Section
from sim_economy.reports.page.files import write_files
from sim_economy.reports.published import verdict
from sim_economy.reports.published.findings import Evidence, claims, disagreements
from sim_economy.reports.published.rows import Comparison, published_text
from sim_economy.reports.sentences import SUMMARY_CSV
from sim_economy.reports.tables import (
    AGGREGATED,
    Code,
    Table,
    Value,
    changed_parameters,
    paper_tables,
    shown,
)
from sim_economy.reports.token_flows import where_tokens_went
from sim_economy.runs.agent_outcomes import AgentOutcome, Collector, agent_outcomes, collectors
from sim_economy.runs.extended_metrics import (
    EXTENDED_METRICS,
    INCOME_METRICS,
    MATCHING_METRICS,
    doubts,
    extended_metrics,
    extended_summary,
    wealth,
)
from sim_economy.runs.intervention_metrics import INTERVENTION_METRICS
from sim_economy.runs.replay_command import replay_command
from sim_economy.runs.run import Run
from sim_economy.runs.run_metrics import Row, aggregate
from sim_economy.scenarios.scenario import Scenario
from sim_economy.statistics.inequality import lorenz, shifted

Others: TypeAlias = Sequence[tuple[Scenario, Sequence[Run], Sequence[Row]]]
"""Other scenarios to show with the one reported."""

_TO: Final = "\u00a0to\u00a0"


class RunOrigin(Struct, frozen=True, kw_only=True):
    """Where a run that is reported alone comes from, such as a row of a sweep.

    Attributes:
        title: Of the report; plain text.
        heading: Of what is said of it.
        blocks: What is said of it.
        command: What plays it again, typed in the folder of the report.
    """

    title: str
    heading: str
    blocks: Sequence[Block]
    command: str


def write_report(
    folder: Path,
    scenario: Scenario,
    runs: Sequence[Run],
    rows: Sequence[Row],
    *,
    comparison: Comparison | None,
    others: Others = (),
    origin: RunOrigin | None = None,
) -> list[Path]:
    """Write `report.md`, `report.html`, and the files of their figures and tables.

    Args:
        runs: Finished runs, at least one.
        rows: Their published metrics.
        comparison: With the published rows, if the scenario is the published experiment.
        others: Other scenarios for a table of aggregates.
        origin: Where the one run comes from, if it is no experiment's.

    Returns:
        What was written, `report.html` last.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
    """
    try:
        report = experiment_report(
            scenario, runs, rows, comparison=comparison, others=others, origin=origin
        )
    except ModuleNotFoundError as error:
        raise ExtraMissingError("the report", str(error.name), "report") from None
    return write_files(folder, "report", report)


def experiment_report(
    scenario: Scenario,
    runs: Sequence[Run],
    rows: Sequence[Row],
    *,
    comparison: Comparison | None,
    others: Others = (),
    origin: RunOrigin | None = None,
) -> Report:
    """The content of a report; arguments as in `write_report`.

    Raises:
        ModuleNotFoundError: A library of the extra `report` is not installed.
    """
    outcomes = agent_outcomes(runs, scenario)
    collected = collectors(runs, scenario.config)
    solvency = by_agent.solvency_figure(runs, outcomes) if _anybody_below_zero(runs) else None
    balances = by_agent.balances_figure(scenario, runs)
    if comparison is not None:
        name, answer = "the published experiment", verdict.answer(comparison, rows)
        picture, key_figures = verdict.picture(rows), verdict.key_figures(comparison)
        first = [verdict.section(comparison), _text_and_data(scenario, runs, rows, comparison)]
    else:
        name, answer = scenario.name, sentences.answer_of(collected, outcomes, runs)
        picture = solvency or balances
        key_figures, first = by_agent.key_figures(collected, outcomes, runs), []
    evidence = [
        *first,
        _by_agent(outcomes, [] if solvency is None or picture is solvency else [solvency]),
        _who_collected(scenario, collected, outcomes, runs),
        interventions_section(runs),
        where_tokens_went(scenario, runs),
        _contracts(runs),
        _agents(scenario, runs, rows, [] if picture is balances else [balances]),
        _side_by_side(scenario, rows, comparison, others),
        _paper(scenario, rows, published=comparison is not None),
        _further(runs, rows),
    ]
    return Report(
        title=_title(name, scenario, runs) if origin is None else origin.title,
        answer=answer,
        picture=picture,
        key_figures=key_figures,
        evidence=[section for section in evidence if section.blocks],
        provenance=[
            *([] if origin is None else [Section(title=origin.heading, blocks=origin.blocks)]),
            _what_was_run(scenario, runs),
            _runs(scenario, runs, origin),
        ],
    )


def _anybody_below_zero(runs: Sequence[Run]) -> bool:
    return any(held < 0 for run in runs for turn in run.series.balances for held in turn)


def _title(name: str, scenario: Scenario, runs: Sequence[Run]) -> str:
    return f"{name}: {_counted(len(runs), 'run')} of {_counted(scenario.turns, 'turn')}"


def _what_was_run(scenario: Scenario, runs: Sequence[Run]) -> Section:
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
    lines += [f"- {markdown_text(fact)}." for fact in scenario.usage_facts]
    lines += [f"- **{markdown_text(doubt)}.**" for doubt in doubts(scenario, runs)]
    if len(runs) < scenario.runs:
        lines.append(f"- {scenario.runs - len(runs)} of {scenario.runs} runs are missing here.")
    world = config_values(config)
    further = tuple(
        (name, str(world[name]), parameter.meaning)
        for name, parameter in parameters().items()
        if not parameter.in_paper and name in world
    )
    further += tuple(
        row for table in RULE_TABLES for row in _rule_rows(table, world.get(table, {}))
    )
    columns = ("parameter", "value", "meaning")
    table = Table("further", "Parameters and variants the paper does not list", columns, further)
    blocks: list[Block] = ["\n".join(lines), table, *_names_in_the_log(scenario)]
    return Section(title="What was run", blocks=blocks)


def _rule_rows(path: str, table: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The keys of a table of rules with their values, those of tables in it by dotted names."""
    rows = []
    for key, value in table.items():
        within = isinstance(value, Mapping) and path == "governance"
        own = f"{path}.{key}"
        rows += _rule_rows(own, value) if within else [(own, str(value), "")]
    return rows


def _names_in_the_log(scenario: Scenario) -> list[Table]:
    """What the log calls agents whose id is another; nothing where all are alike."""
    teams = scenario.agent_teams
    rows: list[tuple[Value, ...]] = [
        (agent_id, name, teams.get(agent_id))
        for agent_id, name in scenario.agent_names.items()
        if name != agent_id
    ]
    columns = ("agent", "name in the log", "team")
    return (
        [Table("names", "Agents by their names in the log", columns, tuple(rows))] if rows else []
    )


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


def _runs(scenario: Scenario, runs: Sequence[Run], origin: RunOrigin | None) -> Section:
    """Each run with the command that plays it again."""
    rows: list[tuple[Value, ...]] = []
    for run in runs:
        command = replay_command(scenario, run) if origin is None else origin.command
        shown_command = None if command is None else Code(command)
        rows.append((str(run.run), str(run.seed), run.head, shown_command))
    columns = ("run", "seed", "head of its chain", "play it again, with its ledger")
    note = (
        "Type a command in the folder of this report: it plays the run again into a ledger of its "
        "own, and then checks every turn of that. A head that is the one here says that all of "
        "the run is. Runs under policies that Python handed over have no command: play them there."
    )
    if origin is not None:
        note = (
            "Type the command in the folder of this report: it plays every turn of the ledger that "
            "lies there again, and checks it."
        )
    table = Table("runs", "The runs", columns, tuple(rows))
    return Section(title="The runs, and how to play each again", blocks=(note, table))


def _by_agent(outcomes: Sequence[AgentOutcome], drawn: Sequence[Figure]) -> Section:
    blocks: list[Block] = [sentences.who_goes_broke(outcomes), *drawn]
    blocks.append(by_agent.outcomes_table(outcomes))
    blocks.append(
        f"{_OUT if outcomes[0].out is not None else ''}"
        "An agent is broke from the first turn after which its balance is below zero; of several "
        "runs, the median of these turns is given. Fees are those it paid itself or carried for "
        "others; core shares, tips and contracts are what they brought, less what they cost."
    )
    title = "Who goes broke, and when" if outcomes[0].out is None else "Who runs out, and when"
    return Section(title=title, blocks=blocks)


_OUT: Final = (
    "An agent runs out of tokens in the first turn in which usage of it is refused, or its balance "
    "ends below zero. Income is what it was granted and lifted of its debts, less what expired. "
)


def _who_collected(
    scenario: Scenario,
    collected: Sequence[Collector],
    outcomes: Sequence[AgentOutcome],
    runs: Sequence[Run],
) -> Section:
    blocks: list[Block] = [
        sentences.who_collected(collected, outcomes, runs),
        by_agent.collectors_table(collected),
        *society.blocks(scenario, runs),
    ]
    return Section(title="Who collected what", blocks=blocks)


def _contracts(runs: Sequence[Run]) -> Section:
    solvent = sentences.what_contracts_did(runs)
    kept = [solvent] if solvent is not None else []
    return Section(title="What contracts did", blocks=[*kept, *society.contract_blocks(runs)])


def _agents(
    scenario: Scenario, runs: Sequence[Run], rows: Sequence[Row], drawn: Sequence[Figure]
) -> Section:
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
    held = (
        f"After the last turn the mean balance is {number(balance, 1)} tokens. Agents below zero "
        f"then: {shown(below)} of {scenario.config.num_agents}, on average."
    )
    inequality = (
        "Wealth is balance plus stake; where an agent's is not positive, all are shifted until "
        f"the least is 1. The Gini coefficient of the result is {number(mean, 3)} on average, from "
        f"{number(min(ginis), 3)} to {number(max(ginis), 3)}. It depends on the shift: the further "
        "metrics hold two that need none."
    )
    chosen = f"Chosen most, of all agents and turns: {common}."
    blocks: list[Block] = [*drawn, held, _actions_figure(shares), chosen]
    blocks += [_lorenz_figure(runs), inequality]
    return Section(title="What agents hold and do", blocks=blocks)


def _actions_figure(shares: Mapping[str, Sequence[float]]) -> Figure:
    turns = range(len(next(iter(shares.values()))))
    rows: list[dict[str, Any]] = [
        {"turn": turn + 1, **{name: own[turn] for name, own in shares.items()}} for turn in turns
    ]
    return Figure(
        name="actions",
        caption="Share of agents that choose each action, over turns",
        drawing=figures.actions(shares),
        rows=rows,
    )


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


def _lorenz_figure(runs: Sequence[Run]) -> Figure:
    lines = [lorenz(shifted(wealth(run, -1))) for run in runs]
    shares = lines[0][0]
    curves = [curve for _, curve in lines]
    mean = [statistics.mean(points) for points in zip(*curves, strict=True)]
    rows: list[dict[str, Any]] = [
        {"share_of_agents": share, "share_of_wealth": held}
        for share, held in zip(shares, mean, strict=True)
    ]
    return Figure(
        name="lorenz",
        caption="Lorenz curves of final shifted wealth",
        drawing=figures.lorenz(shares, curves, mean),
        rows=rows,
    )


def _paper(scenario: Scenario, rows: Sequence[Row], *, published: bool) -> Section:
    intro = (
        "The tables the paper prints, for the runs at hand. Intervals are 1.96 standard errors "
        "either way. *Blocks* and *turns with a block* are the same number."
    )
    tables = paper_tables(scenario, rows, published=published)
    return Section(title="The paper's tables", blocks=(intro, *tables))


ALL_METRICS: Final = {
    **EXTENDED_METRICS,
    **INCOME_METRICS,
    **INTERVENTION_METRICS,
    **MATCHING_METRICS,
}


def _further(runs: Sequence[Run], rows: Sequence[Row]) -> Section:
    published = [{column: row[column] for column in AGGREGATED} for row in rows]
    extended = list(map(extended_metrics, runs))
    beyond = _summary_table("summary", "Beyond the paper", ALL_METRICS, extended)
    again = _summary_table("again", "The paper's aggregates again", AGGREGATED, published)
    return Section(title="Further metrics", blocks=(_INTERVALS, beyond, again))


_INTERVALS: Final = (
    "Three 95 % intervals for each mean: 1.96 standard errors, which are too narrow for few runs "
    "(of 12 they cover 92 %), Student's t, and a BCa bootstrap of six runs or more. The normalised "
    "Gini stays between 0 and 1 below zero too (Raffinetti, Siletti and Vernizzi 2015, "
    "[doi:10.1007/s10260-014-0293-4](https://doi.org/10.1007/s10260-014-0293-4)); the absolute one "
    "is half the mean difference between two agents, in tokens. The concentration of winners is 1 "
    "where one agent wins every block."
)


def _summary_table(
    name: str,
    title: str,
    names: Mapping[str, str],
    rows: Iterable[Mapping[str, int | float | None]],
) -> Table:
    columns = ("metric", "mean", "1.96 SE", "Student's t", "bootstrap", "min", "max")
    cells: list[tuple[Value, ...]] = []
    for row in extended_summary(list(rows)):
        student, bootstrap = (
            None
            if row[f"{kind}_low"] is None
            else f"{shown(row[f'{kind}_low'])}{_TO}{shown(row[f'{kind}_high'])}"
            for kind in ("student", "bootstrap")
        )
        half = None if row["ci95"] is None else f"\u00b1\u00a0{shown(row['ci95'])}"
        metric = names[row["measure"]]
        cells.append((metric, row["mean"], half, student, bootstrap, row["min"], row["max"]))
    return Table(name, title, columns, tuple(cells), csv=SUMMARY_CSV if name == "summary" else "")


def _text_and_data(
    scenario: Scenario, runs: Sequence[Run], rows: Sequence[Row], found: Comparison
) -> Section:
    title = "Where the paper's text and its data disagree"
    if not found.holds:
        withheld = "These runs are not the published ones, so they cannot tell."
        return Section(title=title, blocks=(withheld,))
    evidence = Evidence(scenario, runs, rows, found)
    taken = "Every number is taken from the runs at hand, which are the published ones."
    return Section(title=title, blocks=(taken, disagreements(evidence), claims(evidence)))


def _side_by_side(
    scenario: Scenario, rows: Sequence[Row], found: Comparison | None, others: Others
) -> Section:
    title = "Side by side"
    if not others:
        return Section(title=title, blocks=())
    columns = {scenario.name: aggregate(rows)}
    columns |= {other.name: aggregate(theirs) for other, _, theirs in others}
    if found is not None:
        published = json.loads(published_text("summary.json"))["aggregate"]
        columns = {"published": published, **columns}
    cells: tuple[tuple[Value, ...], ...] = tuple(
        (name, *(metrics[column]["mean"] for metrics in columns.values()))
        for column, name in AGGREGATED.items()
    )
    table = Table("beside", "Means over the runs", ("metric", *columns), cells)
    readings = [_reading_of_others(scenario, rows, *other) for other in others]
    return Section(title=title, blocks=(*readings, table))


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


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
