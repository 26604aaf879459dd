"""The answer of a map, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from sim_economy.core.errors import ScenarioError
from sim_economy.ledger.readers.plain_text import markdown_text
from sim_economy.reports.drawings.drawing import grouped
from sim_economy.reports.maps.border_causes import Border, borders_of
from sim_economy.reports.maps.solvency_cells import (
    INSOLVENT_MIN,
    Facet,
    Solvency,
    SolvencyCell,
    facets_of,
)
from sim_economy.reports.maps.solvency_window import SolvencyWindow, WindowSpan, window_of
from sim_economy.reports.page.document import sourced
from sim_economy.reports.sweep_files import KeptSweep
from sim_economy.statistics.intervals import Interval

CELLS_CSV: Final = "figures/map.csv"
WINDOW_CSV: Final = "tables/window.csv"
SUMMARY_CSV: Final = "tables/horizons.csv"
_AXES: Final[Mapping[str, tuple[str, str]]] = {
    "base_inference_rate": ("tariff", "tariff (tokens a unit)"),
    "policy.job_below": ("caution", "caution: a job below this balance"),
}
"""Axes by key: a word for sentences, a label for figures."""
BROUGHT: Final[Mapping[Solvency, str]] = {
    Solvency.WINDOW: "both are solvent",
    Solvency.AGENTS: "agents are insolvent",
    Solvency.PLATFORM: "the platform is insolvent",
    Solvency.BOTH: "both are insolvent",
}


class MarkedWorld(Struct, frozen=True):
    """A world to mark on the plane, and what it is called."""

    across: float
    up: float
    name: str


PAPER_WORLD: Final = MarkedWorld(1.0, -180.0, "the paper's world")


class PlaneReading(Struct, frozen=True, kw_only=True):
    """A plane with what was found of it."""

    facet: Facet
    window: SolvencyWindow
    borders: Sequence[Border]
    marked: SolvencyCell | None


class SolvencyMap(Struct, frozen=True, kw_only=True):
    """A map, read.

    Attributes:
        planes: One for each horizon, the shortest first.
        across: The key of the first axis; as `up` that of the second.
    """

    planes: Sequence[PlaneReading]
    across: str
    up: str
    mark: MarkedWorld


def read_map(
    facets: Sequence[Facet], across: str, up: str, mark: MarkedWorld = PAPER_WORLD
) -> SolvencyMap:
    """Windows, borders and the marked world of some planes."""
    planes = [
        PlaneReading(
            facet=facet, window=window_of(facet), borders=borders_of(facet), marked=_at(facet, mark)
        )
        for facet in sorted(facets, key=lambda facet: facet.turns)
    ]
    return SolvencyMap(planes=planes, across=across, up=up, mark=mark)


def _at(facet: Facet, mark: MarkedWorld) -> SolvencyCell | None:
    found = (
        cell
        for cell in facet.flat()
        if abs(cell.across - mark.across) < _NEAR and abs(cell.up - mark.up) < _NEAR
    )
    return next(found, None)


_NEAR: Final = 1e-9


def word_of(key: str) -> str:
    """An axis in a sentence."""
    return _AXES.get(key, (key, key))[0]


def label_of(key: str) -> str:
    """An axis of a figure."""
    return _AXES.get(key, (key, key))[1]


def answer(found: SolvencyMap) -> str:
    """The window at the longest horizon, and what becomes of the marked world, in one sentence."""
    last = found.planes[-1]
    window, turns = last.window, last.facet.turns
    if window.cells:
        share = sourced(percent(window.share), SUMMARY_CSV, str(turns), "share %")
        clause = (
            f"After {turns:,} turns agents and platform are both solvent in {share} of the plane"
            f"{_closing(found, window)}"
        )
    else:
        clause = f"After {turns:,} turns agents and platform are nowhere both solvent"
    if last.marked is None:
        return f"{clause}."
    return f"{clause}; in {markdown_text(found.mark.name)} {BROUGHT[last.marked.solvency]}."


def _closing(found: SolvencyMap, window: SolvencyWindow) -> str:
    assert window.closes is not None
    if window.is_open:
        return f", up to the greatest {word_of(found.across)} played, {window.closes:g}"
    return f", none of it above a {word_of(found.across)} of {window.closes:g}"


def window_sentence(found: SolvencyMap, plane: PlaneReading) -> str:
    """The window at one horizon with its intervals."""
    window, turns = plane.window, f"{plane.facet.turns:,}"
    if not window.cells:
        return f"**After {turns} turns** no cell of {window.plane:,} is in the window."
    runs = min(cell.runs for cell in plane.facet.flat())
    low, high = window.share_interval
    sure = "" if low is None else f", 95 % {_percents(low, high)} over the seeds"
    text = (
        f"**After {turns} turns** the window holds {window.cells:,} of {window.plane:,} cells "
        f"({percent(window.share)}{sure}; at least {runs:,} seeds a cell)."
    )
    if window.is_open:
        text += f" It is still open at the greatest {word_of(found.across)} played."
    else:
        assert window.closes is not None
        text += (
            f" It closes above a {word_of(found.across)} of {window.closes:g}"
            f"{_interval(window.closes_interval)}."
        )
    spans = [own for own in window.spans if own[1]]
    shown = dict([spans[0], spans[len(spans) // 2], spans[-1]])
    text += f" By {word_of(found.across)}, {word_of(found.up)} may be: " + "; ".join(
        f"{_spans(own)} at {value:g}" for value, own in shown.items()
    )
    assert window.agreement_least is not None
    near = "too near a threshold to tell them apart"
    noisy = (
        f"one cell of the plane is within noise, its means {near}"
        if window.noisy == 1
        else f"{window.noisy:,} cells of the plane are within noise, their means {near}"
    )
    return (
        f"{text}. In its least certain cell {100 * window.agreement_least:.0f} % of the seeds "
        f"agree; {noisy}."
    )


def _interval(interval: Interval) -> str:
    low, high = interval
    return "" if low is None or high is None else f" (95 % {low:g} to {high:g})"


def _spans(spans: Sequence[WindowSpan]) -> str:
    each = [
        f"{grouped(span.low)} to {grouped(span.high)}"
        if span.low < span.high
        else grouped(span.low)
        for span in spans
    ]
    return " and ".join(each)


def border_sentence(found: SolvencyMap, border: Border) -> str:
    """Why a border is where it is, with the numbers of both sides."""
    word = word_of(found.up)
    side = "upper" if border.is_above else "lower"
    near, far = map(grouped, border.up)
    where = (
        f"**The {side} border, beyond which {BROUGHT[border.beyond]}** ({border.length} pairs of "
        f"neighbouring cells; {border.compared} with the same {word_of(found.across)} are compared,"
        f" {word} {near} inside and {far} beyond on average). "
    )
    if border.beyond is Solvency.AGENTS:
        return where + _agents_cause(border, word)
    return where + _platform_cause(border)


def _agents_cause(border: Border, word: str) -> str:
    inside, outside = border.insolvent
    near, far = border.paid_turn
    flows = {flow.posting: flow for flow in border.flows}
    fees, earned, interest = flows["fees"], flows["job credits"], flows["interest"]
    return (
        f"{_made_by(border)}. A turn without a job costs "
        f"{_tokens(far)} in fees ({_tokens(near)} inside); under the lower {word} less is left to "
        f"pay it from, and agent-turns below zero go from {inside:.1f} % to {outside:.1f} %, where "
        f"{INSOLVENT_MIN:g} % decides. Fees take {_tokens(-fees.outside)} an agent-turn beyond "
        f"({_tokens(-fees.inside)} inside), job credits give {_tokens(earned.outside)} "
        f"({_tokens(earned.inside)}), interest takes {_tokens(-interest.outside)}."
    )


def _platform_cause(border: Border) -> str:
    flows = {flow.posting: flow for flow in border.flows}
    fees = flows.pop("fees")
    paid = min(flows.values(), key=lambda flow: flow.outside)
    near, far = border.net
    turn = "changes sign" if near >= 0 > far else "falls"
    return (
        f"{_made_by(border)}. Inside, the platform takes "
        f"{_tokens(fees.inside)} an agent-turn in fees and pays {_tokens(-paid.inside)} in "
        f"{paid.posting}; beyond, it takes {_tokens(fees.outside)} and pays "
        f"{_tokens(-paid.outside)}. Its net {turn}, from {_signed(near)} to {_signed(far)} tokens "
        f"an agent-turn: fees change by {_signed(fees.change)}, {paid.posting} by "
        f"{_signed(-paid.change)}."
    )


def _made_by(border: Border) -> str:
    """The posting that changes most to the harm of whoever is insolvent beyond."""
    return f"The posting that makes it is `{_REASONS[border.flows[0].posting]}`"


_REASONS: Final[Mapping[str, str]] = {
    "fees": "inference_fee",
    "dividends": "dividend",
    "job credits": "job_credit",
    "relief": "interest_relief",
    "signing bonuses": "signing_bonus",
    "interest": "interest",
    "studies and burns": "burn",
}
"""Reasons of postings in a ledger, by the words used here."""


def _tokens(value: float) -> str:
    return f"{value + 0.0:,.1f}".replace("-", "\u2212")


def _signed(value: float) -> str:
    return f"{value:+,.2f}".replace("-", "\u2212")


def percent(share: float) -> str:
    """A share as it is read."""
    return f"{100 * share:.1f} %"


def _percents(low: float, high: float | None) -> str:
    assert high is not None
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"


def map_of_sweeps(sweeps: Sequence[KeptSweep], across: str, up: str) -> SolvencyMap:
    """The map of finished sweeps, each of which holds one horizon or several.

    Raises:
        ScenarioError: They are not full grids over two numeric axes, or hold a horizon twice.
        ExtraMissingError: A library of the extra `report` is not installed.
    """
    if not sweeps:
        raise ScenarioError(["folders: name at least one finished sweep"])
    facets = [
        facet
        for sweep in sweeps
        for facet in facets_of(
            sweep.frame,
            across,
            up,
            folder=sweep.folder.as_posix(),
            turns=sweep.turns,
            agents=sweep.agents,
        )
    ]
    horizons = [facet.turns for facet in facets]
    problems = [
        f"turns: {horizon:,} are in more than one sweep; name one of them"
        for horizon in sorted({each for each in horizons if horizons.count(each) > 1})
    ]
    for sweep in sweeps:
        others = [name for name in sweep.inputs if name not in {across, up, "turns"}]
        problems += [
            f"{sweep.folder}: varies {name} too; a map has two axes, --across and --up"
            for name in others
        ]
    if problems:
        raise ScenarioError(problems)
    return read_map(facets, across, up)
