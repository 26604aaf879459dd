"""Who goes broke under each treatment, and when: by agent, over the runs.

An agent is broke from the first turn after which its balance is below zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from msgspec.structs import asdict

from sim_economy.reports.tables import Table, Value
from sim_economy.runs.agent_outcomes import AgentOutcome, by_first_turn

ROWS_MAX: Final = 40
"""Agents in a table or a figure; `agents.csv` has all."""

_NAMED: Final = 8


def reading_of_insolvency(name: str, outcomes: Sequence[AgentOutcome]) -> str:
    """Who goes broke under a treatment, and when, in one sentence; names as they were given."""
    broke = by_first_turn(outcomes)
    runs = outcomes[0].runs
    how_often = "" if runs == 1 else f" in at least half of the {runs} runs"
    if not broke:
        return f"Under {name} nobody goes broke{how_often}."
    listed = [f"{own.agent_id} in turn {own.first_turn:g}" for own in broke[:_NAMED]]
    if left := len(broke) - len(listed):
        listed.append(f"{left} more by turn {broke[-1].first_turn:g}")
    all_of = f"all {len(outcomes)} agents" if len(broke) == len(outcomes) else None
    verb = "goes" if len(broke) == 1 and not all_of else "go"
    count = all_of or f"{len(broke)} of {len(outcomes)} agents"
    return f"Under {name} {count} {verb} broke{how_often}: {', '.join(listed)}."


Outcomes: TypeAlias = Mapping[str, Sequence[AgentOutcome]]
"""What became of the agents, by treatment."""


def outcome_rows(outcomes: Outcomes) -> list[dict[str, Any]]:
    """What became of each agent under each treatment, one row each."""
    return [{"treatment": name, **asdict(each)} for name, own in outcomes.items() for each in own]


def insolvency_table(outcomes: Outcomes) -> Table:
    """Each agent beside its outcomes under each treatment; those broke earliest first."""
    by_agent = [{each.agent_id: each for each in own} for own in outcomes.values()]
    columns = ("agent", *(f"{name}: {what}" for name in outcomes for what in _COLUMNS))
    rows: list[tuple[Value, ...]] = []
    for agent_id in shown_agents(outcomes):
        cells: list[Value] = [agent_id]
        for own in (known.get(agent_id) for known in by_agent):
            cells += [None] * len(_COLUMNS) if own is None else [own.first_turn, own.final]
        rows.append(tuple(cells))
    return Table(
        "agents", "First turn below zero, and final balance, by agent", columns, tuple(rows)
    )


_COLUMNS: Final = ("broke in turn", "final balance")


def shown_agents(outcomes: Outcomes) -> list[str]:
    """The agents of all treatments, those broke earliest under any of them first."""
    first: dict[str, tuple[float, int]] = {}
    for under in outcomes.values():
        for index, own in enumerate(under):
            turn = float("inf") if own.first_turn is None else own.first_turn
            first[own.agent_id] = min(first.get(own.agent_id, (turn, index)), (turn, index))
    return sorted(first, key=first.__getitem__)[:ROWS_MAX]
