"""The list `[[governance.shocks]]`: what changes in which turns, checked as at genesis.

Source: docs/spec/economy.md, G6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias

from msgspec import Struct

from sim_economy.core.suggestions import suggestion
from sim_economy.core.table_reader import (
    Kind,
    Parameter,
    described_parameters,
    read_parameter,
    read_struct,
    written,
)
from sim_economy.core.units import Millionths

Known: TypeAlias = Mapping[str, tuple[Parameter, Any]]
"""The parameters that a shock may change, each with its default."""

USAGE: Final = "usage"
JOB_PAY: Final = "job_pay"
GAIN: Final = "gain"
LOSS: Final = "loss"
ONE_OFF: Final = frozenset({GAIN, LOSS})
FACTORS: Final = {USAGE: "usage_factor", JOB_PAY: "job_pay_factor"}
"""Targets that are multiplied, with the field of the configuration that holds the factor."""


class _Lasting(Struct, frozen=True, kw_only=True):
    """The keys of an entry that changes a parameter, beside its value."""

    turn: Annotated[int, Parameter(Kind.COUNT, "the first turn of it", 1)]
    until: Annotated[int | None, Parameter(Kind.COUNT, "the last turn of it", 1)] = None
    target: Annotated[str, Parameter(Kind.TEXT, "what changes")]


class _Multiplied(_Lasting, frozen=True, kw_only=True):
    """The keys of an entry that multiplies usage or job pay."""

    factor: Annotated[Millionths, Parameter(Kind.WEIGHT, "what it is multiplied by")]


class _OneOff(Struct, frozen=True, kw_only=True):
    """The keys of a gain or a loss."""

    turn: Annotated[int, Parameter(Kind.COUNT, "the turn of it", 1)]
    target: Annotated[str, Parameter(Kind.TEXT, "gain or loss")]
    agents: Annotated[tuple[str, ...], Parameter(Kind.TEXTS, "who gains or loses")]
    tokens: Annotated[int, Parameter(Kind.COUNT, "how many tokens, each", 1)]


class Shock(Struct, frozen=True, kw_only=True):
    """One entry.

    Attributes:
        until: The last turn of it; None where it lasts to the end of the run.
        target: `usage`, `job_pay`, `gain`, `loss`, or the name of a parameter.
        value: A factor in millionths, or a parameter as a configuration holds it; None of others.
        agents: In genesis order; of gains and losses only.
        tokens: For each of them.
    """

    turn: int
    until: int | None = None
    target: str
    value: Any = None
    agents: tuple[str, ...] = ()
    tokens: int = 0

    def acts_in(self, turn: int) -> bool:
        """Test whether a turn is one of its turns."""
        return self.turn <= turn and (self.until is None or turn <= self.until)

    @property
    def changed(self) -> str | None:
        """The field of a configuration that it changes; None of a gain or loss."""
        return None if self.target in ONE_OFF else FACTORS.get(self.target, self.target)


def shock_values(shocks: Sequence[Shock], known: Known) -> list[dict[str, Any]]:
    """The entries that `parse_shocks` reads back unchanged."""
    return [_written(shock, known) for shock in shocks]


def _written(shock: Shock, known: Known) -> dict[str, Any]:
    values: dict[str, Any] = {"turn": shock.turn}
    if shock.target in ONE_OFF:
        own = {"agents": list(shock.agents), "tokens": shock.tokens}
        return {**values, "target": shock.target, **own}
    if shock.until is not None:
        values["until"] = shock.until
    values["target"] = shock.target
    if shock.target in FACTORS:
        return {
            **values,
            "factor": written(described_parameters(_Multiplied)["factor"][0], shock.value),
        }
    return {**values, "value": written(known[shock.target][0], shock.value)}


def parse_shocks(
    given: Sequence[Any], agent_ids: Sequence[str], known: Known, problems: list[str]
) -> tuple[Shock, ...]:
    """The checked entries in their order; wrong ones are left out.

    Args:
        agent_ids: In genesis order; empty where they are not known, and no name is checked then.
        problems: Gets everything that is wrong.
    """
    shocks: list[Shock] = []
    for index, entry in enumerate(given):
        path = f"governance.shocks[{index}]"
        found: list[str] = []
        shock = _read(entry, path, agent_ids, known, found)
        if shock is not None and not found:
            found += [
                f"{path}.turn: {other.target} has an entry in turn {max(shock.turn, other.turn)} "
                "already; give each target one entry a turn"
                for other in shocks
                if _meet(shock, other)
            ]
            shocks.append(shock)
        problems += found
    return tuple(shocks)


def _read(
    entry: Any, path: str, agent_ids: Sequence[str], known: Known, problems: list[str]
) -> Shock | None:
    """An entry by its target; None where something is wrong."""
    if not isinstance(entry, Mapping):
        problems.append(f"{path}: must be a table")
        return None
    target = entry.get("target", "")
    if not isinstance(target, str):
        problems.append(f"{path}.target: must be a name")
        return None
    if target in ONE_OFF:
        return _read_one_off(entry, path, agent_ids, problems)
    if target in FACTORS:
        of_factor = read_struct(_Multiplied, entry, path, problems)
        return None if of_factor is None else _lasting(of_factor, of_factor.factor, path, problems)
    rest = {key: value for key, value in entry.items() if key != "value"}
    table = read_struct(_Lasting, rest, path, problems)
    if table is None:
        return None
    if target not in known:
        close = suggestion(str(target), [*known, *FACTORS, *ONE_OFF])
        problems.append(f"{path}.target: is nothing that a shock can change{close}")
        return None
    try:
        value = read_parameter(known[table.target][0], entry.get("value"), known[table.target][1])
    except ValueError as error:
        problems.append(f"{path}.value: {error}")
        return None
    return _lasting(table, value, path, problems)


def _read_one_off(
    entry: Mapping[str, Any], path: str, agent_ids: Sequence[str], problems: list[str]
) -> Shock | None:
    table = read_struct(_OneOff, entry, path, problems)
    if table is None:
        return None
    order = {agent_id: index for index, agent_id in enumerate(agent_ids)}
    unknown = [name for name in table.agents if order and name not in order]
    if unknown:
        problems.append(f"{path}.agents: {len(unknown)} of its names are no agents of this world")
    if len({*table.agents}) < len(table.agents):
        problems.append(f"{path}.agents: names an agent twice")
    return Shock(
        turn=table.turn,
        until=table.turn,
        target=table.target,
        agents=tuple(sorted(table.agents, key=lambda name: order.get(name, 0))),
        tokens=table.tokens,
    )


def _lasting(table: _Lasting, value: Any, path: str, problems: list[str]) -> Shock | None:
    if table.until is not None and table.until < table.turn:
        problems.append(f"{path}.until: must not be before turn {table.turn}")
        return None
    return Shock(turn=table.turn, until=table.until, target=table.target, value=value)


def _meet(one: Shock, other: Shock) -> bool:
    """Test whether two entries change one thing in one turn; a balance is one thing."""
    if one.target in ONE_OFF and other.target in ONE_OFF:
        return one.turn == other.turn and bool({*one.agents} & {*other.agents})
    return one.target == other.target and (one.acts_in(other.turn) or other.acts_in(one.turn))


def turns_past(shocks: Sequence[Shock], turns: int) -> list[str]:
    """A problem for each entry that names a turn after the last one of a run."""
    return [
        f"governance.shocks[{index}].{key}: is past turn {turns}, the last of the run"
        for index, shock in enumerate(shocks)
        for key, turn in (("turn", shock.turn), ("until", shock.until))
        if turn is not None and turn > turns and (key == "turn" or shock.turn <= turns)
    ]
