"""Why a border of the window is where it is: which posting differs between its two sides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Final, TypeAlias

from msgspec import Struct

from sim_economy.reports.maps.solvency_cells import Facet, Solvency, SolvencyCell

_PLATFORM: Final[Mapping[str, int]] = {
    "fees": 1,
    "dividends": -1,
    "job credits": -1,
    "relief": -1,
    "signing bonuses": -1,
}
"""Postings of the platform, with the sign that they have for it."""
_AGENTS: Final[Mapping[str, int]] = {
    **{name: -sign for name, sign in _PLATFORM.items()},
    "interest": -1,
    "studies and burns": -1,
}
"""Postings of agents, likewise."""


class FlowChange(Struct, frozen=True):
    """What a posting gives or takes, in tokens an agent and turn, on both sides of a border.

    Attributes:
        inside: Mean over the border's cells that are in the window; below zero where it takes.
        outside: Mean over their neighbours beyond the border.
    """

    posting: str
    inside: float
    outside: float

    @property
    def change(self) -> float:
        """What it gives more beyond the border."""
        return self.outside - self.inside


class Axis(StrEnum):
    """An axis of the plane."""

    ACROSS = "across"
    UP = "up"


class Border(Struct, frozen=True, kw_only=True):
    """Where the window meets cells in which somebody is insolvent, on one side of it.

    What is compared is neighbours that differ in one axis alone: the one that most pairs of
    neighbours across the border differ in.

    Attributes:
        beyond: Who is insolvent beyond it.
        crossed: The axis that the compared neighbours differ in.
        compared: Pairs of neighbouring cells, one inside and one beyond, that the rest is the mean
            of.
        others: Pairs that differ in the other axis.
        is_above: Whether the greater values of the crossed axis lie beyond.
        values: Of the crossed axis, inside and beyond.
        insolvent: Percent of agent-turns below zero, inside and beyond.
        paid_turn: What a turn without a job costs in fees, inside and beyond.
        jobs: The share of agent-turns with a job, inside and beyond.
        flows: Postings of whoever is insolvent beyond, the one that changes most to its harm first.
        net: Their sum, inside and beyond.
    """

    beyond: Solvency
    crossed: Axis
    compared: int
    others: int
    is_above: bool
    values: tuple[float, float]
    insolvent: tuple[float, float]
    paid_turn: tuple[float, float]
    jobs: tuple[float, float]
    flows: tuple[FlowChange, ...]
    net: tuple[float, float]


def borders_of(facet: Facet) -> list[Border]:
    """The borders of a plane's window, the longest first; none where no flows were kept."""
    found: dict[Solvency, list[_Pair]] = {}
    for inside, beyond in _pairs(facet):
        found.setdefault(beyond.solvency, []).append((inside, beyond))
    borders = [
        border
        for beyond, pairs in found.items()
        if pairs[0][0].flows
        for border in _borders(beyond, pairs)
    ]
    return sorted(borders, key=lambda border: -border.compared)


_Pair: TypeAlias = tuple[SolvencyCell, SolvencyCell]


def _pairs(facet: Facet) -> Iterator[_Pair]:
    """Neighbours, one of which is in the window; the one in the window first."""
    rows = facet.cells
    across = [pair for row in rows for pair in pairwise(row)]
    up = [pair for low, high in pairwise(rows) for pair in zip(low, high, strict=True)]
    for one, other in (*up, *across):
        if (one.solvency is Solvency.WINDOW) != (other.solvency is Solvency.WINDOW):
            yield (one, other) if one.solvency is Solvency.WINDOW else (other, one)


def _borders(beyond: Solvency, pairs: Sequence[_Pair]) -> Iterator[Border]:
    """The border on each side of the axis that most pairs differ in."""
    upwards = [pair for pair in pairs if pair[0].across == pair[1].across]
    sideways = [pair for pair in pairs if pair[0].across != pair[1].across]
    crossed = Axis.UP if len(upwards) >= len(sideways) else Axis.ACROSS
    own, others = (upwards, sideways) if crossed is Axis.UP else (sideways, upwards)
    for is_above in (False, True):
        side = [
            (inside, outside)
            for inside, outside in own
            if (getattr(outside, crossed) > getattr(inside, crossed)) == is_above
        ]
        if side:
            yield _border(beyond, crossed, side, len(others), is_above=is_above)


def _border(
    beyond: Solvency, crossed: Axis, pairs: Sequence[_Pair], others: int, *, is_above: bool
) -> Border:
    signs = _AGENTS if beyond is Solvency.AGENTS else _PLATFORM
    inside, outside = ([pair[side] for pair in pairs] for side in (0, 1))
    flows = [
        FlowChange(
            name,
            *(sign * _mean(_postings(cell)[name] for cell in side) for side in (inside, outside)),
        )
        for name, sign in signs.items()
    ]
    flows.sort(key=lambda flow: flow.change)

    def both(value: Callable[[SolvencyCell], float]) -> tuple[float, float]:
        return _mean(map(value, inside)), _mean(map(value, outside))

    return Border(
        beyond=beyond,
        crossed=crossed,
        compared=len(pairs),
        others=others,
        is_above=is_above,
        values=both(lambda cell: float(getattr(cell, crossed))),
        insolvent=both(lambda cell: cell.insolvent_percent),
        paid_turn=both(_paid_turn),
        jobs=both(lambda cell: cell.flows["actions_job"]),
        flows=tuple(flows),
        net=(sum(flow.inside for flow in flows), sum(flow.outside for flow in flows)),
    )


def _paid_turn(cell: SolvencyCell) -> float:
    """Fees of a turn without a job."""
    paid = 1 - cell.flows["actions_job"]
    return cell.flows["fees_total"] / paid if paid > 0 else 0.0


def _postings(cell: SolvencyCell) -> dict[str, float]:
    """Flows of a cell by posting, none below zero."""
    own = cell.flows
    destroyed = own.get("destroyed_final", own["interest_total"])
    return {
        "fees": own["fees_total"],
        "dividends": own["dividends_total"],
        "job credits": own["job_credits_total"],
        "relief": own["relief_total"],
        "signing bonuses": own["bonuses_total"],
        "interest": own["interest_total"],
        "studies and burns": destroyed - own["interest_total"],
    }


def _mean(values: Iterable[float]) -> float:
    listed = [*values]
    return sum(listed) / len(listed)
