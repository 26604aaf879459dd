"""The answer of a map, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from sim_economy.core.errors import ScenarioError
from sim_economy.ledger.readers.plain_text import markdown_text
from sim_economy.reports.drawings.drawing import exact
from sim_economy.reports.maps.border_causes import Border, borders_of
from sim_economy.reports.maps.marked_world import MarkedWorld, is_near, is_of_paper
from sim_economy.reports.maps.solvency_cells import (
    NEEDS_GRID,
    Facet,
    Solvency,
    SolvencyCell,
    facets_of,
)
from sim_economy.reports.maps.solvency_window import SolvencyWindow, WindowSpan, window_of
from sim_economy.reports.page.document import sourced
from sim_economy.reports.sweep_files import KeptSweep
from sim_economy.scenarios.scenario import load_scenario

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
    facets: Sequence[Facet], across: str, up: str, mark: MarkedWorld | None = PAPER_WORLD
) -> SolvencyMap:
    """Windows, borders and the marked world of some planes.

    Args:
        mark: None where no cell is of that world.
    """
    at = None if mark is None else mark.on(across, up)
    planes = [
        PlaneReading(
            facet=facet,
            window=window_of(facet),
            borders=borders_of(facet),
            marked=None if at is None else _at(facet, at),
        )
        for facet in sorted(facets, key=lambda facet: facet.turns)
    ]
    return SolvencyMap(planes=planes, across=across, up=up, mark=mark or PAPER_WORLD)


def _at(facet: Facet, at: tuple[float, float]) -> SolvencyCell | None:
    return next((cell for cell in facet.flat() if is_near((cell.across, cell.up), at)), None)


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
            f"After {turns:,} turns agents and platform are both solvent in {share} of the plane "
            f"({plane_ranges(found)}), {_window_ranges(found, last)}"
        )
    else:
        clause = (
            f"After {turns:,} turns agents and platform are nowhere both solvent in the plane "
            f"({plane_ranges(found)})"
        )
    if last.marked is None:
        return f"{clause}."
    return f"{clause}; in {markdown_text(found.mark.name)} {BROUGHT[last.marked.solvency]}."


def plane_ranges(found: SolvencyMap) -> str:
    """What the plane reaches over, in words."""
    facet = found.planes[-1].facet
    axes = (found.across, facet.across), (found.up, facet.up)
    return ", ".join(f"{word_of(key)} {_range(values[0], values[-1])}" for key, values in axes)


def _window_ranges(found: SolvencyMap, plane: PlaneReading) -> str:
    """For which values of the first axis the window is there, and of the second at one of them."""
    word, up = word_of(found.across), word_of(found.up)
    inside = [own for own in plane.window.spans if own[1]]
    values = [value for value, _ in inside]
    text = f"for {word} {_range(values[0], values[-1])}"
    if plane.window.is_open:
        text += ", the greatest one played"
    mark = None if plane.marked is None else plane.marked.across
    shown = next((own for own in inside if own[0] == mark), inside[len(inside) // 2])
    return f"{text} (at {exact(shown[0])}, {up} {_spans(shown[1])})"


def _range(low: float, high: float) -> str:
    return f"{exact(low)} to {exact(high)}" if low < high else exact(low)


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
        text += (
            f" It closes between {word_of(found.across)} {closing(window)}, a step of the "
            f"grid{_interval(window)}."
        )
    spans = [own for own in window.spans if own[1]]
    shown = dict([spans[0], spans[len(spans) // 2], spans[-1]])
    text += f" By {word_of(found.across)}, {word_of(found.up)} may be: " + "; ".join(
        f"{_spans(own)} at {exact(value)}" for value, own in shown.items()
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


def closing(window: SolvencyWindow) -> str:
    """The two neighbouring values of the first axis between which the window closes."""
    assert window.closes is not None
    assert window.next_value is not None
    return f"{exact(window.closes)} and {exact(window.next_value)}"


def _interval(window: SolvencyWindow) -> str:
    low, high = window.closes_interval
    if low is None or high is None:
        return ""
    return f" (other seeds: from {exact(low)} up to {exact(high)}, 95 %)"


def _spans(spans: Sequence[WindowSpan]) -> str:
    return " and ".join(_range(span.low, span.high) for span in spans)


def percent(share: float) -> str:
    """A share as it is read."""
    return f"{100 * share:.1f} %"


def _percents(low: float, high: float | None) -> str:
    assert high is not None
    return f"{percent(low).removesuffix(' %')} to {percent(high)}"


def _no_plane(sweep: KeptSweep, across: str, up: str) -> list[str]:
    """Why a sweep is no plane of two axes, and what to do."""
    if sweep.design not in _GRIDS:
        problem = f"{sweep.folder}: its design is {sweep.design}; {NEEDS_GRID}"
        return [f"{problem}{_ELSE.get(sweep.design, '')}"]
    inputs = [name for name in sweep.inputs if name != "turns"]
    missing = [
        f"{sweep.folder}: the rows have no column {name}; varied are {', '.join(inputs)}: name "
        f"one with {option}"
        for option, name in (("--across", across), ("--up", up))
        if name not in sweep.frame.columns
    ]
    return missing or [
        f"{sweep.folder}: varies {name} too; a map has two axes, --across and --up: play a sweep "
        f"that fixes it with --set {name}=VALUE"
        for name in inputs
        if name not in {across, up}
    ]


_GRIDS: Final = ("grid", "list")
"""Designs whose points can be a full grid."""
_ELSE: Final = dict.fromkeys(
    ("sobol", "morris"), "; `sim-economy sensitivity` says which key decides"
)
"""What else a sweep of a design can be read by."""


def map_of_sweeps(sweeps: Sequence[KeptSweep], across: str, up: str) -> SolvencyMap:
    """The map of finished sweeps, each of which holds one horizon or several.

    Raises:
        ScenarioError: They are not full grids over two numeric axes, or hold a horizon twice.
        ExtraMissingError: A library of the extra `report` is not installed.
    """
    if not sweeps:
        raise ScenarioError(["folders: name at least one finished sweep"])
    problems = [problem for sweep in sweeps for problem in _no_plane(sweep, across, up)]
    if problems:
        raise ScenarioError(problems)
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
    if problems:
        raise ScenarioError(problems)
    paper = load_scenario("as-run").settings
    of_paper = all(is_of_paper(sweep.scenario, paper) for sweep in sweeps)
    return read_map(facets, across, up, PAPER_WORLD if of_paper else None)
