"""The agents of an experiment: who is below zero and when, what each paid, got and ends with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import fmean
from typing import Any, Final

from sim_economy.agents.policies.published_policy import Published
from sim_economy.ledger.readers.plain_numbers import number
from sim_economy.ledger.readers.plain_text import markdown_text, visible
from sim_economy.reports.drawings import agent_figures
from sim_economy.reports.page.document import Figure, KeyFigure, sourced
from sim_economy.reports.sentences import AGENTS_CSV, COLLECTORS_CSV, SUMMARY_CSV
from sim_economy.reports.tables import Table, Value
from sim_economy.runs.agent_outcomes import (
    PLATFORM,
    AgentOutcome,
    Collector,
    by_first_out,
    by_first_turn,
    moved_by_contracts,
)
from sim_economy.runs.extended_metrics import extended_metrics
from sim_economy.runs.run import Run
from sim_economy.scenarios.scenario import Scenario

DRAWN_MAX: Final = 14
"""Agents in a figure that has a row for each."""


def key_figures(
    collected: Sequence[Collector], outcomes: Sequence[AgentOutcome], runs: Sequence[Run]
) -> list[KeyFigure]:
    """Three numbers: who is without tokens, who collected, contracts or else fees."""
    contracts = any(made.started is not None for run in runs for made in run.counts.made)
    return [
        _without_tokens(outcomes),
        _collected(collected, len(runs)),
        _kept_solvent(runs) if contracts else _fees(runs),
    ]


def _without_tokens(outcomes: Sequence[AgentOutcome]) -> KeyFigure:
    """How many agents go broke, or run out of tokens where the rules refuse usage."""
    runs = outcomes[0].runs
    refuses = outcomes[0].out is not None
    those = by_first_out(outcomes) if refuses else by_first_turn(outcomes)
    often = "" if runs == 1 else f" in at least half of the {runs:,} runs"
    first = "first_out" if refuses else "first_turn"
    listed = [f"{markdown_text(own.agent_id)} (turn {getattr(own, first):g})" for own in those[:3]]
    left = len(those) - len(listed)
    more = f", and {left:,} more" if left else ""
    column = "out" if refuses else "broke"
    return KeyFigure(
        value=f"{sourced(f'{len(those):,}', AGENTS_CSV, column)} of {len(outcomes):,}",
        label=f"agents {'run out of tokens' if refuses else 'go broke'}{often}",
        note=f"first {', '.join(listed)}{more}" if those else "",
    )


def _collected(collected: Sequence[Collector], runs: int) -> KeyFigure:
    most = collected[0]
    platform = next(own for own in collected if own.role == PLATFORM)
    a_run = "" if runs == 1 else " a run"
    tokens = sourced(number(most.tokens, 0), COLLECTORS_CSV, most.role, "tokens")
    if most is platform:
        others = [own for own in collected if own is not platform and own.tokens > 0]
        said = [f"{own.role} {number(own.tokens, 0)}" for own in others[:2]]
        note = f"next: {', '.join(said)}" if said else "agents collected nothing from one another"
        return KeyFigure(value=tokens, label=f"tokens that the platform keeps{a_run}", note=note)
    leader, share = next(iter(most.by_agent.items()))
    agents = len(most.by_agent)
    whose = f"{agents:,} agents, {markdown_text(leader)} the most with {number(share, 0)}"
    kept = number(abs(platform.tokens), 0)
    rent = f"keeps {kept}" if platform.tokens >= 0 else f"pays out {kept} more than it takes"
    return KeyFigure(
        value=tokens,
        label=f"tokens that {most.role} collect{a_run}, less what they paid for it",
        note=f"{whose if agents > 1 else markdown_text(leader)}; the platform {rent}",
    )


def _kept_solvent(runs: Sequence[Run]) -> KeyFigure:
    """Agents on the other side of zero but for contracts, by the books."""
    kept, pushed = moved_by_contracts(runs)
    agents = len(runs) * len(runs[0].agent_ids)
    often = "" if len(runs) == 1 else f" of {len(runs):,} runs"
    return KeyFigure(
        value=f"{kept:,} of {agents:,}",
        label=f"agents{often} that contracts kept from ending below zero, by the books",
        note=f"and {pushed:,} that they brought below zero",
    )


def _fees(runs: Sequence[Run]) -> KeyFigure:
    measured = [extended_metrics(run) for run in runs]
    fees, covered = (
        fmean(float(row[column] or 0) for row in measured) for column in ("fees", "fees_covered")
    )
    share = f"balances covered {number(100 * covered / fees, 1)} % of them" if fees else ""
    return KeyFigure(
        value=sourced(number(fees, 0), SUMMARY_CSV, "fees", "mean"),
        label="tokens in fees" + ("" if len(runs) == 1 else " a run"),
        note=share,
    )


def solvency_figure(runs: Sequence[Run], outcomes: Sequence[AgentOutcome]) -> Figure:
    """Who is below zero, and when: those that are so earliest."""
    order = sorted(range(len(outcomes)), key=lambda agent: _first(outcomes[agent], agent))
    some = [outcomes[agent] for agent in order[:DRAWN_MAX]]
    shares = [_shares_below_zero(runs, agent) for agent in order[:DRAWN_MAX]]
    left = len(order) - len(some)
    more = f" {left:,} agents that are so later or never are in the table." if left else ""
    height = "" if len(runs) == 1 else ", as high as the share of runs"
    names = [visible(own.agent_id) for own in some]
    drawn = partial(
        agent_figures.solvency,
        shares,
        ends=list(map(_when, some)),
        end="turn" if len(runs) == 1 else "median first turn, runs",
        parted=sum(own.goes_broke for own in outcomes),
    )
    rows: list[dict[str, Any]] = [
        {"agent_id": own.agent_id, "turn": turn, "share_below_zero": share}
        for own, row in zip(some, shares, strict=True)
        for turn, share in enumerate(row, 1)
    ]
    return Figure(
        name="solvency",
        caption=f"Turns after which each agent is below zero{height}.{more}",
        drawing=drawn(_with_policies(names, some)),
        narrow=drawn(names, narrow=True),
        rows=rows,
    )


def _shares_below_zero(runs: Sequence[Run], agent: int) -> list[float]:
    """The share of runs in which an agent is below zero, `[turn]`."""
    turns = range(runs[0].turns)
    return [fmean(run.series.balances[turn][agent] < 0 for run in runs) for turn in turns]


def _with_policies(names: Sequence[str], outcomes: Sequence[AgentOutcome]) -> list[str]:
    """Names of agents behind those of their policies, where these differ."""
    if len({own.policy for own in outcomes}) < 2:
        return list(names)
    policies = [visible(own.policy or "") for own in outcomes]
    return [f"{policy}  {name}" for policy, name in zip(policies, names, strict=True)]


def _first(own: AgentOutcome, index: int) -> tuple[bool, float, int]:
    never = own.first_turn is None
    return not own.goes_broke, float("inf") if never else float(own.first_turn or 0), index


def _when(own: AgentOutcome) -> str:
    if own.first_turn is None:
        return "never"
    often = "" if own.runs == 1 else f", {own.broke} of {own.runs}"
    return f"{own.first_turn:g}{often}"


def balances_figure(scenario: Scenario, runs: Sequence[Run]) -> Figure:
    """What agents hold over turns: each for itself, or by policy where there are many."""
    config = scenario.config
    start = [[config.genesis_tokens_per_agent] * config.num_agents]
    values = [start + run.series.balances for run in runs]
    level = _level_of_work(scenario)
    names = list(map(visible, config.agent_ids))
    groups: dict[str, list[int]] = {}
    for group in scenario.population:
        if group.agents:
            groups.setdefault(visible(group.policy_name), []).extend(group.agents)
    rows: list[dict[str, Any]] = [
        {
            "agent_id": agent_id,
            "turn": turn,
            "least": min(held),
            "mean": fmean(held),
            "greatest": max(held),
        }
        for agent, agent_id in enumerate(config.agent_ids)
        for turn in range(len(values[0]))
        if (held := [run[turn][agent] for run in values])
    ]
    drawings = [
        agent_figures.balances(values, names, level, groups=groups, narrow=narrow)
        for narrow in (False, True)
    ]
    return Figure(
        name="balances",
        caption="Balances over turns, each panel on its own scale",
        drawing=drawings[0],
        narrow=drawings[1],
        rows=rows,
    )


def _level_of_work(scenario: Scenario) -> tuple[int, str] | None:
    """The balance below which all agents work, where they follow one published policy."""
    first, *others = scenario.policies
    if not isinstance(first, Published) or any(policy != first for policy in others):
        return None
    return first.job_below, "below this the policy works"


def outcomes_table(outcomes: Sequence[AgentOutcome]) -> Table:
    """What became of each agent, those broke earliest first; columns of nothing are left out."""
    order = sorted(range(len(outcomes)), key=lambda agent: _first(outcomes[agent], agent))
    columns = {name: [cell(outcomes[agent]) for agent in order] for name, cell in _COLUMNS.items()}
    kept = {name: cells for name, cells in columns.items() if any(cells)}
    title = "What became of each agent; tokens are means over the runs"
    rows = tuple(zip(*kept.values(), strict=True))
    return Table("agents", title, tuple(kept), rows, csv=AGENTS_CSV)


_COLUMNS: Final[Mapping[str, Callable[[AgentOutcome], Value]]] = {
    "agent": lambda own: own.agent_id,
    "policy": lambda own: own.policy,
    "runs broke": lambda own: f"{own.broke}\u00a0of\u00a0{own.runs}",
    "first turn below zero": lambda own: own.first_turn,
    "turns below zero": lambda own: own.turns_below,
    "lowest balance": lambda own: own.lowest,
    "final balance": lambda own: own.final,
    "fees": lambda own: own.fees,
    "interest": lambda own: own.interest,
    "jobs": lambda own: own.jobs,
    "core shares": lambda own: own.core_shares,
    "tips": lambda own: own.tips,
    "contracts": lambda own: own.contracts,
    "income": lambda own: own.income,
    "other": lambda own: own.other,
    "runs out of tokens": lambda own: own.out,
    "first turn out of tokens": lambda own: own.first_out,
}


def collectors_table(collected: Sequence[Collector]) -> Table:
    """Who collected what, by the part it plays."""
    rows: list[tuple[Value, ...]] = []
    for own in collected:
        most = next(iter(own.by_agent), None)
        rows.append((own.role, own.tokens, most, None if most is None else own.by_agent[most]))
    columns = ("who", "tokens a run", "most of it", "its tokens a run")
    title = "Who collected what, less what they paid for it"
    return Table("collectors", title, columns, tuple(rows), csv=COLLECTORS_CSV)
