"""The report of a map: the window, its borders, why they are there, and every cell."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

from sim_economy.core.errors import needing
from sim_economy.ledger.readers.plain_text import markdown_code, markdown_text
from sim_economy.reports.drawings.drawing import exact
from sim_economy.reports.drawings.map_figures import DrawnMaps, MapPanel, class_maps
from sim_economy.reports.maps.border_causes import Axis, Border
from sim_economy.reports.maps.border_sentences import border_sentence, border_summary
from sim_economy.reports.maps.map_sentences import (
    CELLS_CSV,
    PlaneReading,
    SolvencyMap,
    answer,
    closing,
    label_of,
    percent,
    plane_ranges,
    window_sentence,
    word_of,
)
from sim_economy.reports.maps.solvency_cells import (
    INSOLVENT_MIN,
    INSOLVENT_OR_BROKE,
    Facet,
    Solvency,
    SolvencyCell,
)
from sim_economy.reports.page.document import Figure, KeyFigure, Report, Section, plain
from sim_economy.reports.page.files import write_files
from sim_economy.reports.tables import Table, Value

_CLASSES: Final = (*Solvency,)
REPORT_BEGINNING: Final = b"# Who is insolvent: "
"""What every `map.md` begins with."""


def write_map(folder: Path, found: SolvencyMap, provenance: Sequence[Section] = ()) -> list[Path]:
    """Write `map.md`, `map.html`, the picture and the tables into a folder, the page last.

    Raises:
        ExtraMissingError: A library of the extra `report` is not installed.
        FolderError: The folder cannot be written.
    """
    with needing("the map", "report"):
        return write_files(folder, "map", map_report(found, provenance))


def map_answer(found: SolvencyMap) -> str:
    """The answer as plain text."""
    return plain(answer(found))


def border_answers(found: SolvencyMap) -> list[tuple[int, str]]:
    """Each border at each horizon with the posting that changes most across it, plain text."""
    return [
        (plane.facet.turns, plain(border_summary(border, found.across, found.up)))
        for plane in found.planes
        for border in plane.borders
    ]


def map_report(found: SolvencyMap, provenance: Sequence[Section] = ()) -> Report:
    """A map as a report."""
    wide, narrow = (_drawn(found, narrow=each) for each in (False, True))
    figure = Figure(
        name="map",
        caption=_caption(found),
        drawing=wide.drawing,
        narrow=narrow.drawing,
        rows=[*cell_rows(found)],
    )
    return Report(
        title=f"Who is insolvent: agents or the platform, by {word_of(found.across)} and"
        f" {word_of(found.up)}",
        answer=answer(found),
        picture=figure,
        key_figures=_key_figures(found),
        evidence=[
            _window_section(found),
            *_border_section(found),
            Section(title="Who is insolvent where", blocks=[_class_table(found)]),
            Section(title="How to read the map", blocks=[_how_to_read(found)]),
            Section(title="Every cell", blocks=[_cell_table(found)]),
        ],
        provenance=[_played(found), *provenance],
        script=_script(found, wide, narrow),
        style=_resource("map_page.css"),
    )


def _drawn(found: SolvencyMap, *, narrow: bool) -> DrawnMaps:
    panels = [_panel(plane, found.mark.name) for plane in found.planes]
    labels = label_of(found.across), label_of(found.up)
    return class_maps(panels, [str(each) for each in _CLASSES], labels, narrow=narrow)


def _panel(plane: PlaneReading, mark: str) -> MapPanel:
    facet = plane.facet
    indexed = [
        (row, column, cell)
        for row, cells in enumerate(facet.cells)
        for column, cell in enumerate(cells)
    ]
    marked = [(row, column, mark) for row, column, cell in indexed if cell is plane.marked]
    return MapPanel(
        title=f"after {facet.turns:,} turns",
        across=facet.across,
        up=facet.up,
        classes=[[_CLASSES.index(cell.solvency) for cell in row] for row in facet.cells],
        uncertain=[(row, column) for row, column, cell in indexed if cell.is_noisy],
        mark=marked[0] if marked else None,
    )


def _caption(found: SolvencyMap) -> str:
    horizons = " and ".join(f"{plane.facet.turns:,}" for plane in found.planes)
    return (
        f"Who is insolvent after {horizons} turns, by {word_of(found.across)} and"
        f" {word_of(found.up)}; the outline is the window in which both are solvent."
    )


def _key_figures(found: SolvencyMap) -> list[KeyFigure]:
    planes = found.planes
    turns = " → ".join(f"{plane.facet.turns:,}" for plane in planes)
    shares = " → ".join(percent(plane.window.share) for plane in planes)
    last = planes[-1].window
    figures = [
        KeyFigure(
            value=shares,
            label=f"of the plane in the window, after {turns} turns",
            note=f"the plane: {plane_ranges(found)}",
        )
    ]
    if last.closes is not None:
        figures.append(_closing_figure(found, planes[-1]))
    if (marked := planes[-1].marked) is not None:
        figures.append(
            KeyFigure(
                value=f"{marked.insolvent_percent:.0f} %",
                label=f"of agent-turns below zero in {found.mark.name}",
                note=f"and the platform ends at {_tokens(marked.platform_final)} tokens",
            )
        )
    return figures


def _closing_figure(found: SolvencyMap, plane: PlaneReading) -> KeyFigure:
    """Where the window closes: a step of the grid, and what other seeds say."""
    window, word, turns = plane.window, word_of(found.across), f"{plane.facet.turns:,}"
    assert window.closes is not None
    if window.is_open:
        label = f"the greatest {word} played, and still in the window after {turns} turns"
        return KeyFigure(value=exact(window.closes), label=label)
    low, high = window.closes_interval
    note = "a step of the grid"
    if low is not None and high is not None:
        note += f"; other seeds: {exact(low)} to {exact(high)} (95 %)"
    label = f"the {word} between which the window closes, after {turns} turns"
    return KeyFigure(value=closing(window), label=label, note=note)


def _tokens(value: float) -> str:
    return f"{value:,.0f}".replace("-", "\u2212")


def _window_section(found: SolvencyMap) -> Section:
    horizons = Table(
        "horizons",
        "The window at each horizon",
        (
            "turns",
            "cells",
            "of",
            "share %",
            "95 % from",
            "to",
            f"closes above {word_of(found.across)}",
            "and below",
            "from",
            "up to",
            "cells within noise",
            "failed runs",
        ),
        tuple(_horizon_row(plane) for plane in found.planes),
    )
    spans: list[tuple[Value, ...]] = [tuple(row.values()) for row in window_rows(found)]
    window = Table(
        "window",
        f"The window by {word_of(found.across)}",
        ("turns", word_of(found.across), f"least {word_of(found.up)}", "greatest"),
        tuple(spans),
    )
    sentences = [window_sentence(found, plane) for plane in found.planes]
    return Section(title="The window in numbers", blocks=[*sentences, horizons, window])


def window_rows(found: SolvencyMap) -> Iterable[dict[str, Any]]:
    """Spans of the window by horizon and first axis."""
    for plane in found.planes:
        for value, spans in plane.window.spans:
            for span in spans:
                yield {
                    "turns": plane.facet.turns,
                    found.across: _whole(value),
                    "low": _whole(span.low),
                    "high": _whole(span.high),
                }


def _horizon_row(plane: PlaneReading) -> tuple[Value, ...]:
    window = plane.window
    low, high = window.share_interval
    return (
        plane.facet.turns,
        window.cells,
        window.plane,
        round(100 * window.share, 2),
        None if low is None else round(100 * low, 2),
        None if high is None else round(100 * high, 2),
        None if window.is_open else window.closes,
        window.next_value,
        *(None if window.is_open else each for each in window.closes_interval),
        window.noisy,
        plane.facet.failed,
    )


def _border_section(found: SolvencyMap) -> list[Section]:
    blocks: list[str | Table] = []
    for plane in found.planes:
        if plane.borders:
            blocks.append(f"### After {plane.facet.turns:,} turns")
            blocks += [border_sentence(border, found.across, found.up) for border in plane.borders]
    if not blocks:
        return []
    blocks.insert(0, _COMPARED)
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            plane.facet.turns,
            str(border.beyond),
            f"{'higher' if border.is_above else 'lower'} {word_of(_crossed(found, border))}",
            flow.posting,
            *(round(each, 3) for each in (flow.inside, flow.outside, flow.change)),
        )
        for plane in found.planes
        for border in plane.borders
        for flow in border.flows
    )
    columns = ("turns", "beyond", "towards", "posting", "inside", "beyond the border", "change")
    title = "What postings give and take, in tokens an agent-turn, on both sides of each border"
    table = Table("borders", title, columns, rows)
    return [Section(title="Why each border is where it is", blocks=[*blocks, table])]


def _crossed(found: SolvencyMap, border: Border) -> str:
    """The key of the axis that a border crosses."""
    return found.across if border.crossed is Axis.ACROSS else found.up


_COMPARED: Final = (
    "Means over neighbouring cells on both sides of a border are compared, a difference and no "
    "experiment: to see what a posting does, change its rule. Postings are given from the view of "
    "whoever is insolvent beyond."
)


def _class_table(found: SolvencyMap) -> Table:
    counts = [
        (plane, Counter(cell.solvency for cell in plane.facet.flat())) for plane in found.planes
    ]
    rows = tuple(
        (plane.facet.turns, str(kind), own[kind], round(100 * own[kind] / plane.window.plane, 1))
        for plane, own in counts
        for kind in _CLASSES
    )
    return Table("classes", "Cells by who is insolvent", ("turns", "who", "cells", "share %"), rows)


def _how_to_read(found: SolvencyMap) -> str:
    return (
        f"A cell is one {word_of(found.across)} and one {word_of(found.up)}, played with the same "
        "seeds as every other cell. **Agents are insolvent** where on average at least "
        f"{INSOLVENT_MIN:g} % of agent-turns end below zero; **the platform is insolvent** where it"
        f" ends below zero on average. {INSOLVENT_OR_BROKE} A dot marks a cell "
        "**within noise**: the 95 % interval of a mean covers the threshold that decides, so that "
        "other seeds could decide otherwise.\n\n"
        "Point at a cell to read it, or focus the map and use the arrow keys; a click, or Enter, "
        "shows the command that plays a run of the cell again, with its ledger: the first seed that"
        " agrees with the cell."
    )


def cell_rows(found: SolvencyMap) -> Iterable[dict[str, Any]]:
    """The rows of the cells' CSV."""
    for plane in found.planes:
        for cell in plane.facet.flat():
            yield {
                "turns": plane.facet.turns,
                found.across: _whole(cell.across),
                found.up: _whole(cell.up),
                "insolvent": str(cell.solvency),
                "insolvent_percent": round(cell.insolvent_percent, 4),
                "insolvent_half_width": round(cell.insolvent_half, 4),
                "platform_final": round(cell.platform_final, 2),
                "platform_half_width": round(cell.platform_half, 2),
                "agreement_percent": round(100 * cell.agreement, 2),
                "within_noise": cell.is_noisy,
                "runs": cell.runs,
                "row": cell.row,
                "folder": plane.facet.folder,
            }


def _cell_table(found: SolvencyMap) -> Table:
    rows = [*cell_rows(found)]
    shown = [name for name in rows[0] if name != "folder"]
    return Table(
        "cells",
        "Every cell",
        tuple(shown),
        tuple(tuple(row[name] for name in shown) for row in rows),
        CELLS_CSV,
    )


def _whole(value: float) -> int | float:
    """A number of an axis, without a point where it needs none."""
    return int(value) if value == int(value) else value


def _played(found: SolvencyMap) -> Section:
    lines = [
        f"- after {plane.facet.turns:,} turns: {_runs(plane.facet):,} runs in "
        f"{markdown_code(plane.facet.folder)}, {plane.facet.failed:,} failed"
        for plane in found.planes
    ]
    axes = f"Across {markdown_code(found.across)}, up {markdown_code(found.up)}."
    return Section(title="What was played", blocks=["\n".join(lines), f"{axes} {_marked(found)}"])


def _marked(found: SolvencyMap) -> str:
    """What is marked, and that nothing is."""
    name = markdown_text(found.mark.name)
    if any(plane.marked is not None for plane in found.planes):
        return f"Marked: {name}."
    return f"Nothing is marked: {name} is no cell of this plane."


def _runs(facet: Facet) -> int:
    return sum(cell.runs for cell in facet.flat())


def _script(found: SolvencyMap, wide: DrawnMaps, narrow: DrawnMaps) -> str:
    """The page's script, with what it reads."""
    last = _panel(found.planes[-1], found.mark.name).mark
    maps = {
        "names": [str(each) for each in _CLASSES],
        "words": [word_of(found.across), word_of(found.up)],
        "wide": [[box.left, box.top, box.right, box.bottom] for box in wide.boxes],
        "narrow": [[box.left, box.top, box.right, box.bottom] for box in narrow.boxes],
        "marked": None if last is None else [last[1], last[0]],
        "planes": [_plane_values(plane.facet) for plane in found.planes],
    }
    text = json.dumps(maps, separators=(",", ":")).replace("<", "\\u003c")
    return f"const maps = {text};\n{_resource('map_page.js')}"


def _plane_values(facet: Facet) -> dict[str, Any]:
    """A plane as the page's script reads it."""
    cells = facet.flat()

    def column(digits: int, name: str) -> list[float]:
        return [round(getattr(cell, name), digits) for cell in cells]

    return {
        "turns": facet.turns,
        "folder": shlex.quote(facet.folder),
        "across": facet.across,
        "up": facet.up,
        "classes": [_CLASSES.index(cell.solvency) for cell in cells],
        "insolvent": column(1, "insolvent_percent"),
        "insolventHalf": column(1, "insolvent_half"),
        "platform": column(0, "platform_final"),
        "platformHalf": column(0, "platform_half"),
        "agreement": [_agreement(cell) for cell in cells],
        "noisy": [int(cell.is_noisy) for cell in cells],
        "runs": [cell.runs for cell in cells],
        "rows": [cell.row for cell in cells],
    }


def _agreement(cell: SolvencyCell) -> int:
    return round(100 * cell.agreement)


def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
