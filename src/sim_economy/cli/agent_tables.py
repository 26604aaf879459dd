"""Answers by agent, for people and for scripts."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec.structs import asdict
from rich.cells import cell_len

from sim_economy.cli.output import print_table, say_wrapped
from sim_economy.ledger.readers.plain_text import visible
from sim_economy.reports.interventions import (
    incidence_table,
    interventions_json,
    what_interventions_did,
)
from sim_economy.reports.page.document import plain
from sim_economy.reports.sentences import answer, what_contracts_did
from sim_economy.runs.agent_outcomes import (
    AgentOutcome,
    Collector,
    GroupOutcome,
    agent_outcomes,
    by_first_turn,
    by_policy,
    collector_rows,
    collectors,
)
from sim_economy.runs.run import Run
from sim_economy.scenarios.scenario import Scenario

_AGENTS_SHOWN: Final = 24
_WIDTH: Final = 10_000
_COLUMNS: Final[Mapping[str, str]] = {
    "first_turn": "broke in turn",
    "first_out": "out in turn",
    "lowest": "lowest",
    "broke": "runs broke",
    "staked": "staked",
    "fees": "fees",
    "jobs": "jobs",
    "core_shares": "core shares",
    "contracts": "contracts",
    "tips": "tips",
    "interest": "interest",
    "income": "income",
    "other": "other",
}
"""Columns by field, what matters most first; narrow terminals leave the last ones out."""


def agents_json(scenario: Scenario, runs: Sequence[Run]) -> dict[str, Any]:
    """The answers of runs as `--json` has them; nothing of no runs."""
    if not runs:
        return {"answer": None, "agents": [], "collectors": []}
    outcomes = agent_outcomes(runs, scenario)
    contracts = what_contracts_did(runs)
    return {
        "answer": plain(answer(scenario, runs)),
        "contracts": contracts and plain(contracts),
        "agents": [asdict(own) for own in outcomes],
        "policies": [asdict(own) for own in by_policy(outcomes)],
        "collectors": collector_rows(collectors(runs, scenario.config), outcomes),
        **interventions_json(runs),
    }


def show_agents(
    outcomes: Sequence[AgentOutcome], title: str, staked: Mapping[str, int] | None = None
) -> None:
    """A table by agent, as many columns of it as the terminal has room for; many, by policy too.

    Args:
        staked: By agent id, of a single run.
    """
    groups = by_policy(outcomes)
    shown = outcomes
    if len(outcomes) > _AGENTS_SHOWN:
        _print(_group_rows(groups), f"{title}, by policy")
        broke = by_first_turn(outcomes)
        shown = [*broke, *(own for own in outcomes if own not in broke)][:_AGENTS_SHOWN]
        title = f"{_AGENTS_SHOWN} of {len(outcomes):,} agents, those that go broke first"
    _print(_agent_rows(shown, staked, policies=len(groups) > 1), title)


def show_collectors(collected: Sequence[Collector]) -> None:
    """A table of who collected what, where anybody but the platform did."""
    rows = [
        (
            own.role,
            round(own.tokens),
            len(own.by_agent) or "",
            "" if not own.by_agent else "{}: {}".format(*_most(own)),
        )
        for own in collected
    ]
    if len(rows) > 1:
        columns = ("who collected", "tokens a run", "agents", "the most")
        print_table("", columns, rows)


def show_interventions(runs: Sequence[Run]) -> None:
    """What each intervention did in a sentence, then a table by agent; nothing without any."""
    if not (sentences := what_interventions_did(runs)):
        return
    table = incidence_table(runs, _AGENTS_SHOWN)
    rows = [
        {head: _mean(cell) for head, cell in zip(table.columns, row, strict=True)}
        for row in table.rows
    ]
    for text in sentences:
        say_wrapped(plain(text))
    _print(rows, table.title)


def _mean(cell: Any) -> Any:
    """A mean as it is shown; a name as it is."""
    return _whole(cell) if isinstance(cell, float) or cell is None else cell


def _most(collector: Collector) -> tuple[str, int]:
    """The agent that collected most, and how much."""
    agent_id, tokens = next(iter(collector.by_agent.items()))
    return agent_id, round(tokens)


def _agent_rows(
    outcomes: Sequence[AgentOutcome], staked: Mapping[str, int] | None, *, policies: bool
) -> list[dict[str, Any]]:
    return [
        {
            "agent": own.agent_id,
            **({"policy": own.policy} if policies else {}),
            "balance": _whole(own.final),
            **_shown(own, None if staked is None else staked[own.agent_id]),
        }
        for own in outcomes
    ]


def _group_rows(groups: Sequence[GroupOutcome]) -> list[dict[str, Any]]:
    return [
        {
            "policy": own.label,
            "agents": own.agents,
            "go broke": own.broke,
            "run out": _whole(own.out),
            "balance": _whole(own.final),
            **_shown(own),
        }
        for own in groups
    ]


def _shown(own: AgentOutcome | GroupOutcome, staked: int | None = None) -> dict[str, Any]:
    """The cells of `_COLUMNS` that there are."""
    values = {**asdict(own), "staked": staked}
    if isinstance(own, GroupOutcome) or own.runs == 1:
        del values["broke"]
    return {
        column: _turn(values[field]) if field in _TURNS else _whole(values[field])
        for field, column in _COLUMNS.items()
        if field in values
    }


_TURNS: Final = frozenset({"first_turn", "first_out"})


def _turn(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _whole(value: float | None) -> int | str:
    return "" if value is None else round(value)


def _print(rows: Sequence[dict[str, Any]], title: str) -> None:
    """Print rows without columns that say nothing, and without the last that do not fit."""
    columns = [
        name for name in rows[0] if any(row[name] not in {0, ""} for row in rows) or name in _ALWAYS
    ]
    fitting = _fitting(columns, rows)
    print_table(title, fitting, [[row[name] for name in fitting] for row in rows])
    if left := columns[len(fitting) :]:
        say_wrapped(f"not shown for want of room: {', '.join(left)}; --json has all")


_ALWAYS: Final = frozenset({"agent", "policy", "balance"})


def _fitting(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The first columns that fit the terminal side by side, the first three at least."""
    width = shutil.get_terminal_size(fallback=(_WIDTH, 0)).columns
    used, fitting = 2, list[str]()
    for name in columns:
        cells = [visible(str(row[name])) for row in rows]
        used += 3 + max(map(cell_len, [*name.split(), *cells]))
        if used > width + 3 and len(fitting) >= 3:
            break
        fitting.append(name)
    return fitting
