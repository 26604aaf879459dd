"""The outcomes of a run, each a number that follows from its row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from sim_economy.statistics.diversity import hill_number
from sim_economy.statistics.inequality import (
    gini_absolute,
    gini_normalised,
    hhi,
    kolm_pollak_equivalent,
)
from sim_economy.studies.study_rows import StudyRow


class StudyOutcome(Struct, frozen=True):
    """An outcome: what it is called, in which unit, whose it is, and how it follows from a row.

    Attributes:
        better: 1 where more of it is better for whoever it is about, -1 where less is, 0 neither.
    """

    text: str
    unit: str
    about: str
    better: int
    of: Callable[[StudyRow], float]


def net_wealth(row: StudyRow) -> list[int]:
    """Tokens of each agent less what it still owes the platform, `[agent]`."""
    owed = row.receivables or (0,) * row.agents
    return [own - debt for own, debt in zip(row.wealth, owed, strict=True)]


def _platform_net(row: StudyRow) -> float:
    """The platform's balance as if it had paid what was issued, with what it lent and is owed."""
    return float(row.platform - row.granted.get("granted", 0) + sum(row.receivables))


def _agent_turns(row: StudyRow) -> int:
    return row.agents * row.turns


def _solvent_turns(row: StudyRow) -> float:
    """Turns before an agent is first below zero, the horizon at most, on average."""
    before = [first - 1 if first else row.turns for first in row.first_negative]
    return sum(before) / row.agents


AVERSION: Final = 0.005
"""To inequality, in one over tokens: 200 tokens less count e times as much."""

OUTCOMES: Final[Mapping[str, StudyOutcome]] = {
    "insolvent_percent": StudyOutcome(
        "agent-turns below zero", "%", "agents", -1,
        lambda row: 100 * row.insolvent_agent_turns / _agent_turns(row),
    ),
    "insolvent_at_end": StudyOutcome(
        "agents below zero at the end", "%", "agents", -1,
        lambda row: 100 * row.insolvent_agents / row.agents,
    ),
    "mean_depth": StudyOutcome(
        "mean depth of debt", "tokens", "agents", -1,
        lambda row: row.debt_turns / _agent_turns(row),
    ),
    "squared_depth": StudyOutcome(
        "mean squared depth of debt", "tokens²", "agents", -1,
        lambda row: row.squared_debt_turns / _agent_turns(row),
    ),
    "solvent_turns": StudyOutcome(
        "turns before an agent is first below zero", "turns", "agents", 1, _solvent_turns,
    ),
    "mean_wealth": StudyOutcome(
        "mean final wealth, net of loans", "tokens", "agents", 1,
        lambda row: sum(net_wealth(row)) / row.agents,
    ),
    "worst_wealth": StudyOutcome(
        "final wealth of the poorest agent, net of loans", "tokens", "agents", 1,
        lambda row: float(min(net_wealth(row))),
    ),
    "platform": StudyOutcome(
        "platform's balance", "tokens", "platform", 1, lambda row: float(row.platform),
    ),
    "platform_net": StudyOutcome(
        "platform's balance, grants paid and loans owed to it counted", "tokens", "platform", 1,
        _platform_net,
    ),
    "rent": StudyOutcome("platform's rent", "tokens", "platform", 1, lambda row: float(row.rent)),
    "platform_insolvent": StudyOutcome(
        "runs in which the platform falls below zero", "%", "platform", -1,
        lambda row: 100.0 if row.platform_negative_turn else 0.0,
    ),
    "gini_normalised": StudyOutcome(
        "normalised Gini coefficient", "", "spread", -1,
        lambda row: gini_normalised(net_wealth(row)),
    ),
    "gini_absolute": StudyOutcome(
        "absolute Gini index", "tokens", "spread", -1, lambda row: gini_absolute(net_wealth(row)),
    ),
    "kolm_pollak": StudyOutcome(
        "equally distributed equivalent of wealth (Kolm-Pollak)", "tokens", "spread", 1,
        lambda row: kolm_pollak_equivalent(net_wealth(row), AVERSION),
    ),
    "winner_concentration": StudyOutcome(
        "concentration of block wins (HHI)", "", "spread", -1, lambda row: hhi(row.blocks_won),
    ),
    "blocks_percent": StudyOutcome(
        "turns with a block", "%", "spread", 0,
        lambda row: 100 * sum(row.blocks_won) / row.turns,
    ),
    "action_diversity": StudyOutcome(
        "effective number of actions", "", "spread", 0,
        lambda row: hill_number([*row.actions.values()], 1),
    ),
    "granted": StudyOutcome(
        "tokens spared or given", "tokens", "platform", 0, lambda row: float(row.granted_total),
    ),
    "refused_percent": StudyOutcome(
        "inputs refused", "%", "agents", 0,
        lambda row: 100 * row.refused / _agent_turns(row),
    ),
    "contracts_started": StudyOutcome(
        "contracts started", "", "agents", 0,
        lambda row: float(row.contracts.get("started", 0)),
    ),
}  # fmt: skip
"""Every outcome by its name."""
