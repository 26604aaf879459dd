"""Usage rows summed to what units are made from: counts by turn, agent and model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct, field

from sim_economy.core.errors import ScenarioError
from sim_economy.usage.civil_time import TurnCalendar
from sim_economy.usage.usage_form import KINDS

INPUT_KINDS: Final = KINDS[:3]

Counts: TypeAlias = tuple[int, int, int, int, int]
"""Tokens by kind, in the order of `KINDS`."""


class LoggedAgent(NamedTuple):
    """Who used something, as the log names it; one name in two teams is two agents.

    Attributes:
        team: Empty where the log names none.
    """

    name: str
    team: str


class CountedUsage(Struct, frozen=True, kw_only=True):
    """A log of usage by turn.

    Attributes:
        counts: By turn, agent and model; the model is empty where the log names none.
        rows_by_turn: How many rows each turn has.
        rows_before: How many lie before turn 1.
        calendar: The dates of turns; None where the rows give turns themselves.
    """

    path: str
    counts: dict[int, dict[LoggedAgent, dict[str, Counts]]] = field(default_factory=dict)
    rows_by_turn: dict[int, int] = field(default_factory=dict)
    rows_before: int = 0
    calendar: TurnCalendar | None = None

    @property
    def last(self) -> int:
        """The last turn with a row.

        Raises:
            ScenarioError: There is none.
        """
        if not self.rows_by_turn:
            start = "; all lie before usage.start" if self.rows_before else ""
            raise ScenarioError([f"usage.path: {self.path} has no rows{start}"])
        return max(self.rows_by_turn)

    @property
    def agents(self) -> list[LoggedAgent]:
        """Everybody that it names, sorted."""
        return sorted({agent for agents in self.counts.values() for agent in agents})

    def by_model(self) -> Iterator[tuple[str, Counts]]:
        """All counts with their model, again and again."""
        for agents in self.counts.values():
            for models in agents.values():
                yield from models.items()

    def totals(self) -> dict[str, Counts]:
        """The tokens of each model over the whole log."""
        found: dict[str, Counts] = {}
        for model, counts in self.by_model():
            found[model] = added(found.get(model), counts)
        return dict(sorted(found.items()))


def added(held: Counts | None, counts: Counts) -> Counts:
    """Two counts together; nothing is held at first."""
    if held is None:
        return counts
    one, two, three, four, five = counts
    return held[0] + one, held[1] + two, held[2] + three, held[3] + four, held[4] + five


def counts_of(row: Mapping[str, int]) -> Counts:
    """The tokens of a row, by the names of their kinds."""
    return row["input"], row["cache_read"], row["cache_write"], row["thinking"], row["output"]
