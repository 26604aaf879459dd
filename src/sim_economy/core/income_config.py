"""The `[income]` table: what agents are granted, when, and what happens where a balance is empty.

Source: docs/spec/economy.md, section 12.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from operator import attrgetter
from typing import Annotated, Any, Final

from msgspec import Struct
from msgspec.structs import replace

from sim_economy.core.table_reader import (
    Kind,
    Parameter,
    described_parameters,
    read_struct,
    read_table,
    written,
)


class OverdraftRule(StrEnum):
    """What becomes of a debt as a period begins (I4)."""

    CARRIED = "carried"
    FORGIVEN = "forgiven"


class EmptyRule(StrEnum):
    """What an agent without tokens may use (I7, I8)."""

    DEBT = "debt"
    STOP = "stop"
    CLIP = "clip"


class TopUp(Struct, frozen=True, kw_only=True):
    """Tokens that one agent is given in one turn."""

    turn: Annotated[int, Parameter(Kind.COUNT, "the turn", 1)]
    agent: Annotated[str, Parameter(Kind.TEXT, "who is given them")]
    tokens: Annotated[int, Parameter(Kind.COUNT, "how many", 1)]


class IncomeConfig(Struct, frozen=True, kw_only=True):
    """The rules of income and their schedule.

    Attributes:
        allowances: By agent id, sorted; they go over `allowance`.
        period_starts: The turns in which periods begin, ascending; `period_turns` says them too.
        top_ups: By turn, then in genesis order.
    """

    allowance: Annotated[
        int, Parameter(Kind.COUNT, "tokens each agent is granted as a period begins")
    ] = 0
    allowances: Annotated[
        tuple[tuple[str, int], ...], Parameter(Kind.BY_NAME, "the same for agents by name")
    ] = ()
    period_turns: Annotated[
        int | None, Parameter(Kind.COUNT, "turns of a period; the first begins in turn 1", 1)
    ] = None
    period_starts: Annotated[
        tuple[int, ...], Parameter(Kind.COUNTS, "turns in which periods begin, instead", 1)
    ] = ()
    carryover_max: Annotated[
        int, Parameter(Kind.COUNT, "tokens of a balance that outlast a period")
    ] = 0
    overdraft: Annotated[
        OverdraftRule, Parameter(Kind.VARIANT, "what becomes of a debt as a period begins")
    ] = OverdraftRule.CARRIED
    top_ups: Annotated[
        tuple[TopUp, ...], Parameter(Kind.TABLES, "tokens given once: turn, agent, tokens")
    ] = ()
    when_empty: Annotated[
        EmptyRule, Parameter(Kind.VARIANT, "what an agent without tokens may use")
    ] = EmptyRule.DEBT

    def period_in(self, turn: int) -> int | None:
        """The number of the period that begins in a turn, from 1; None where none does."""
        if self.period_turns is not None:
            before, rest = divmod(turn - 1, self.period_turns)
            return before + 1 if rest == 0 and turn > 0 else None
        index = bisect_left(self.period_starts, turn)
        begins = index < len(self.period_starts) and self.period_starts[index] == turn
        return index + 1 if begins else None

    def next_period(self, turn: int) -> int | None:
        """The first turn after a turn in which a period begins; None where none is left."""
        if self.period_turns is not None:
            return turn - (turn - 1) % self.period_turns + self.period_turns
        index = bisect_right(self.period_starts, turn)
        return self.period_starts[index] if index < len(self.period_starts) else None

    def granted(self, agent_ids: Sequence[str]) -> list[int]:
        """The allowance of each agent, `[agent]`."""
        named = dict(self.allowances)
        return [named.get(agent_id, self.allowance) for agent_id in agent_ids]

    def top_ups_in(self, turn: int) -> tuple[TopUp, ...]:
        """Those of a turn, in genesis order."""
        first, end = (cut(self.top_ups, turn, key=_TURN) for cut in (bisect_left, bisect_right))
        return self.top_ups[first:end]

    @property
    def has_allowances(self) -> bool:
        """True if some agent may be granted tokens."""
        return bool(self.allowance or any(tokens for _, tokens in self.allowances))


_TURN: Final = attrgetter("turn")
_LISTS: Final = ("allowances", "period_turns", "period_starts", "top_ups")
"""Keys that genesis states only where they say something."""


def income_values(income: IncomeConfig) -> dict[str, Any]:
    """The values of a table that `parse_income` reads back unchanged."""
    described = described_parameters(IncomeConfig).items()
    return {
        name: _written(parameter, getattr(income, name))
        for name, (parameter, _) in described
        if name not in _LISTS or getattr(income, name)
    }


def _written(parameter: Parameter, value: Any) -> Any:
    if parameter.kind is not Kind.TABLES:
        return written(parameter, value)
    return [
        {"turn": top_up.turn, "agent": top_up.agent, "tokens": top_up.tokens} for top_up in value
    ]


def parse_income(given: Any, agent_ids: Sequence[str], problems: list[str]) -> IncomeConfig | None:
    """The checked table; None where something is wrong.

    Args:
        agent_ids: In genesis order; empty where they are not known, and no name is checked then.
        problems: Gets everything that is wrong.
    """
    found: list[str] = []
    values = read_table(IncomeConfig, given, "income", found)
    top_ups = _read_top_ups(values["top_ups"], found)
    income = IncomeConfig(**{**values, "top_ups": ()})
    if not found:
        found += _schedule_problems(income)
    if agent_ids:
        named = [name for name, _ in income.allowances]
        found += _unknown("income.allowances", named, agent_ids)
        found += _unknown("income.top_ups", [given.agent for given in top_ups], agent_ids)
    problems += found
    order = {agent_id: index for index, agent_id in enumerate(agent_ids)}
    ranked = sorted(top_ups, key=lambda given: (given.turn, order.get(given.agent, 0)))
    return None if found else replace(income, top_ups=tuple(ranked))


def _read_top_ups(given: Sequence[Any], problems: list[str]) -> list[TopUp]:
    read = [
        read_struct(TopUp, table, f"income.top_ups[{index}]", problems)
        for index, table in enumerate(given)
    ]
    return [top_up for top_up in read if top_up is not None]


def _schedule_problems(income: IncomeConfig) -> list[str]:
    """What the keys of a table say against each other."""
    problems = []
    both = income.period_turns is not None and income.period_starts
    if both:
        problems.append("income.period_turns: set it or period_starts, not both")
    periodic = income.period_turns is not None or bool(income.period_starts)
    if income.has_allowances and not periodic:
        problems.append("income.period_turns: is missing; allowances are granted period by period")
    if income.when_empty is EmptyRule.STOP and periodic and _shortest_period(income) == 1:
        problems.append("income.when_empty: stop needs periods of at least two turns")
    return problems


def _shortest_period(income: IncomeConfig) -> int | None:
    lengths = [after - before for before, after in pairwise(income.period_starts)]
    return income.period_turns or min(lengths, default=None)


def _unknown(key: str, names: Collection[str], agent_ids: Sequence[str]) -> list[str]:
    known = frozenset(agent_ids)
    unknown = sum(name not in known for name in names)
    return [f"{key}: {unknown} of its names are no agents of this world"] if unknown else []


def core_owners_problems(
    owners: Mapping[str, int], agent_ids: Sequence[str], num_cores: int
) -> list[str]:
    """What is wrong with core shares stated at genesis."""
    problems = _unknown("cores.owners", owners, agent_ids) if agent_ids else []
    shares = sum(owners.values())
    if shares > num_cores:
        problems.append(f"cores.owners: {shares} shares for num_cores = {num_cores}")
    return problems
