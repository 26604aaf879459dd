"""Maps of classes over two axes: plain arrays in, SVG and PNG out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from sim_economy.reports.drawings.colours import BLUE, INK, MUTED, PAPER, RED, SLATE, YELLOW
from sim_economy.reports.drawings.drawing import (
    Drawing,
    empty_figure,
    exact,
    finished,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.path import Path

CLASS_COLOURS: Final = (YELLOW, RED, BLUE, SLATE)
"""Of the classes, in order; the first is outlined too. They differ in lightness alone as well."""
WIDE: Final = 9.0
NARROW: Final = 4.3
_TICKS: Final = 6


class MapPanel(Struct, frozen=True, kw_only=True):
    """One map.

    Attributes:
        across: Values of the first axis, ascending; as `up` those of the second.
        classes: `[up][across]`, indices of names.
        uncertain: Cells whose class is within noise, as (up, across) indices.
        mark: The cell to mark, likewise, and what it is; None for none.
    """

    title: str
    across: Sequence[float]
    up: Sequence[float]
    classes: Sequence[Sequence[int]]
    uncertain: Sequence[tuple[int, int]] = ()
    mark: tuple[int, int, str] | None = None


class PanelBox(Struct, frozen=True):
    """Where a panel's cells are in its drawing, as shares of its width and height from above."""

    left: float
    top: float
    right: float
    bottom: float


class DrawnMaps(Struct, frozen=True):
    """Maps as they were drawn, and where on the drawing each is."""

    drawing: Drawing
    boxes: Sequence[PanelBox]


@styled()
def class_maps(
    panels: Sequence[MapPanel],
    names: Sequence[str],
    labels: tuple[str, str],
    *,
    narrow: bool = False,
) -> DrawnMaps:
    """Maps side by side, or one below the other where it is narrow.

    Args:
        names: Of the classes, in the order of `CLASS_COLOURS`.
        labels: Of the two axes.
    """
    count = len(panels)
    down, wide = (count, 1) if narrow else (1, count)
    figure = empty_figure(NARROW if narrow else WIDE, 0.9 + (3.2 * count if narrow else 4.0))
    axes = [*figure.subplots(down, wide, sharey=not narrow, squeeze=False).flat]
    for index, (own, panel) in enumerate(zip(axes, panels, strict=True)):
        _panel(own, panel, names)
        own.set_xlabel(labels[0])
        if narrow or index == 0:
            own.set_ylabel(labels[1])
    figure.legend(
        handles=_legend(panels, names), loc="outside lower center", ncols=2 if narrow else 5
    )
    drawing = finished(figure, f"Maps of who is insolvent: {', '.join(p.title for p in panels)}")
    return DrawnMaps(drawing, [_box_of(own) for own in axes])


def _box_of(axes: Axes) -> PanelBox:
    """Where a panel ended up."""
    box = axes.bbox.transformed(axes.figure.transFigure.inverted())
    return PanelBox(*map(float, (box.x0, 1 - box.y1, box.x1, 1 - box.y0)))


def _panel(axes: Axes, panel: MapPanel, names: Sequence[str]) -> None:
    from matplotlib.patches import PathPatch  # noqa: PLC0415

    for index, colour in enumerate(CLASS_COLOURS):
        boxes = [*_boxes(panel.classes, index)]
        if boxes:
            patch = PathPatch(_box_path(boxes), facecolor=colour, linewidth=0, antialiased=False)
            axes.add_patch(patch)
    edges = [*_edges(panel.classes)]
    if edges:
        axes.add_patch(PathPatch(_line_path(edges), fill=False, edgecolor=INK, linewidth=1.6))
    dots = [
        (column + 0.38, column + 0.62, row + 0.38, row + 0.62) for row, column in panel.uncertain
    ]
    if dots:
        axes.add_patch(PathPatch(_box_path(dots), facecolor=INK, edgecolor=PAPER, linewidth=0.5))
    for index, name in enumerate(names):
        _region_name(axes, panel.classes, index, name)
    if panel.mark is not None:
        _mark(axes, panel, panel.mark)
    axes.set_title(panel.title, fontsize=11, fontweight="bold")
    axes.set_xlim(0, len(panel.across))
    axes.set_ylim(0, len(panel.up))
    axes.grid(visible=False)
    _ticks(axes, panel)


def _ticks(axes: Axes, panel: MapPanel) -> None:
    for values, ticks in ((panel.across, axes.set_xticks), (panel.up, axes.set_yticks)):
        indices = _round_values(values)
        ticks([index + 0.5 for index in indices], [exact(values[index]) for index in indices])


def _round_values(values: Sequence[float]) -> list[int]:
    """Indices of some values, round ones where the axis has them."""
    if len(values) <= _TICKS:
        return [*range(len(values))]
    ideal = (values[-1] - values[0]) / (_TICKS - 1)
    size = 10 ** math.floor(math.log10(ideal))
    steps = [size * factor for factor in (1, 2, 2.5, 3, 5, 6, 10)]
    for step in (step for step in steps if step >= 0.7 * ideal):
        found = [
            index
            for index, value in enumerate(values)
            if abs(value / step - round(value / step)) < 1e-6
        ]
        if 3 <= len(found) <= 2 * _TICKS:
            return found
    return [*range(0, len(values), -(-len(values) // _TICKS))]


def _boxes(
    classes: Sequence[Sequence[int]], sought: int
) -> Iterator[tuple[float, float, float, float]]:
    """Runs of cells of one class in a row: left, right, low, high."""
    for row, own in enumerate(classes):
        for found, run in groupby(enumerate(own), lambda cell: cell[1] == sought):
            columns = [column for column, _ in run]
            if found:
                yield columns[0], columns[-1] + 1, row, row + 1


def _edges(
    classes: Sequence[Sequence[int]],
) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Sides of cells of the first class whose neighbour is of another."""
    rows, columns = len(classes), len(classes[0])
    for row in range(rows):
        for column in range(columns):
            if classes[row][column]:
                continue
            if column + 1 < columns and classes[row][column + 1]:
                yield (column + 1, row), (column + 1, row + 1)
            if column and classes[row][column - 1]:
                yield (column, row), (column, row + 1)
            if row + 1 < rows and classes[row + 1][column]:
                yield (column, row + 1), (column + 1, row + 1)
            if row and classes[row - 1][column]:
                yield (column, row), (column + 1, row)


def _box_path(boxes: Sequence[tuple[float, float, float, float]]) -> Path:
    """One path of many rectangles, so that a page holds one element for all."""
    from matplotlib.path import Path  # noqa: PLC0415

    corners = [
        corner
        for left, right, low, high in boxes
        for corner in ((left, low), (right, low), (right, high), (left, high), (left, low))
    ]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(boxes)
    return Path(corners, codes)


def _line_path(lines: Sequence[tuple[tuple[float, float], tuple[float, float]]]) -> Path:
    from matplotlib.path import Path  # noqa: PLC0415

    return Path([end for line in lines for end in line], [Path.MOVETO, Path.LINETO] * len(lines))


def _region_name(axes: Axes, classes: Sequence[Sequence[int]], index: int, name: str) -> None:
    """The name of a class where its cells are farthest from others, if there is room.

    The first class, the outlined one, is named beside its cells where there is none.
    """
    depths = _depths(classes, index)
    row, column = max(depths, key=lambda cell: (depths[cell], -cell[0]), default=(0, 0))
    depth = depths.get((row, column), 0)
    if depth >= _ROOM:
        level = [cell for cell in depths if cell[0] == row and depths[cell] == depth]
        middle = sum(cell[1] for cell in level) / len(level)
        left = middle < _NEAR_EDGE * len(classes[0])
        at = (0.8 if left else middle + 0.5), row + 0.5
        axes.text(*at, name, ha="left" if left else "center", **_NAME)
    elif depth and index == 0:
        rows = sorted({cell[0] for cell in depths if depths[cell] == depth})
        row = rows[len(rows) // 2]
        right = column < len(classes[0]) / 2
        last = max(cell[1] for cell in depths if cell[0] == row)
        end = last + 1 if right else min(cell[1] for cell in depths if cell[0] == row)
        offset, side = (12, "left") if right else (-12, "right")
        line = {"arrowstyle": "-", "color": INK, "linewidth": 0.8}
        axes.annotate(
            name, (end, row + 0.5), (offset, 0), textcoords="offset points", ha=side,
            arrowprops=line, **_NAME,
        )  # fmt: skip


_NAME: Final[dict[str, Any]] = {
    "va": "center",
    "fontsize": 9,
    "bbox": {"facecolor": PAPER, "edgecolor": "none", "boxstyle": "square,pad=0.25"},
}
_NEAR_EDGE: Final = 0.17
"""Share of the width from the left in which a name does not fit around its middle."""
_ROOM: Final = 2
"""Cells around the middle of a name that must be of its class."""


def _depths(classes: Sequence[Sequence[int]], sought: int) -> dict[tuple[int, int], int]:
    """How many cells each cell of a class is from the nearest cell of another, or the edge."""
    left = {
        (row, column)
        for row, own in enumerate(classes)
        for column, found in enumerate(own)
        if found == sought
    }
    depths: dict[tuple[int, int], int] = {}
    depth = 1
    while left:
        rim = {
            (row, column)
            for row, column in left
            if any(
                (row + up, column + across) not in left
                for up in (-1, 0, 1)
                for across in (-1, 0, 1)
            )
        }
        depths |= dict.fromkeys(rim, depth)
        left -= rim
        depth += 1
    return depths


def _mark(axes: Axes, panel: MapPanel, mark: tuple[int, int, str]) -> None:
    row, column, text = mark
    at = column + 0.5, row + 0.5
    axes.plot(*at, "o", color=PAPER, markeredgecolor=INK, markeredgewidth=2, markersize=8)
    right = column < len(panel.across) / 2
    axes.annotate(
        text,
        at,
        (10 if right else -10, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center",
        fontsize=9,
        bbox={"facecolor": PAPER, "edgecolor": INK, "boxstyle": "square,pad=0.25"},
    )


def _legend(panels: Sequence[MapPanel], names: Sequence[str]) -> list[Artist]:
    """Entries of the legend: the classes that are in some panel, and dots if there are any."""
    from matplotlib.lines import Line2D  # noqa: PLC0415
    from matplotlib.patches import Patch  # noqa: PLC0415

    seen = {found for panel in panels for row in panel.classes for found in row}
    edges = (INK, *(MUTED for _ in names[1:]))
    entries: list[Artist] = [
        Patch(facecolor=colour, edgecolor=edge, label=name)
        for index, (colour, edge, name) in enumerate(zip(CLASS_COLOURS, edges, names, strict=True))
        if index in seen
    ]
    if any(panel.uncertain for panel in panels):
        entries.append(
            Line2D([], [], marker="s", color=INK, markersize=3, linestyle="", label="within noise")
        )
    return entries
