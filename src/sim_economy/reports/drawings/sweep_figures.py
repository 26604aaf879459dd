"""Figures of a sweep: plain arrays in, SVG and PNG out, the same bytes for the same arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from sim_economy.reports.drawings.colours import BLUE, INK, PALETTE
from sim_economy.reports.drawings.comparison_figures import NARROW, WIDE
from sim_economy.reports.drawings.drawing import (
    Drawing,
    empty_figure,
    finished,
    grouped,
    short,
    styled,
    thinned,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CELLS_ACROSS: Final = 60
_DOTS_MAX: Final = 1500
_LABELS_MAX: Final = 9


class Plane(Struct, frozen=True, kw_only=True):
    """Values over two axes.

    Attributes:
        title: What tells it apart from other panels; empty for the only one.
        values: `[up][across]`; None where nothing was played.
    """

    title: str
    across: Sequence[str]
    up: Sequence[str]
    values: Sequence[Sequence[float | None]]


@styled()
def heat_maps(
    planes: Sequence[Plane], title: str, across: str, up: str, *, narrow: bool = False
) -> Drawing:
    """One panel for each plane, on one scale of colours."""
    columns = 1 if narrow else min(2, len(planes))
    rows = math.ceil(len(planes) / columns)
    figure = empty_figure(NARROW if narrow else WIDE, 0.9 + 3.4 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).flat
    known = [
        value for plane in planes for row in plane.values for value in row if value is not None
    ]
    scale = min(known, default=0.0), max(known, default=1.0)
    for panel, plane in zip(panels, planes, strict=False):
        mesh = _plane_panel(panel, plane, scale)
        panel.set_xlabel(across)
        panel.set_ylabel(up)
    for panel in list(panels)[len(planes) :]:
        panel.set_visible(False)
    bar = figure.colorbar(mesh, ax=figure.axes, shrink=0.8)
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_formatter(grouped)
    _title(figure, title)
    return finished(figure, title)


def _title(figure: Figure, title: str) -> None:
    figure.suptitle(title, x=0.015, ha="left", fontsize=12, fontweight="bold")


def _plane_panel(panel: Axes, plane: Plane, scale: tuple[float, float]) -> Any:
    across = thinned(len(plane.across), _CELLS_ACROSS)
    up = thinned(len(plane.up), _CELLS_ACROSS)
    values = [
        [math.nan if (held := plane.values[row][column]) is None else held for column in across]
        for row in up
    ]
    low, high = scale
    high = high if high > low else low + 1
    mesh = panel.pcolormesh(values, cmap=_few_colours(), vmin=low, vmax=high)
    _name_cells(panel.set_xticks, [plane.across[index] for index in across])
    _name_cells(panel.set_yticks, [plane.up[index] for index in up])
    panel.grid(visible=False)
    if plane.title:
        panel.set_title(short(plane.title, 40), fontsize=9, pad=4)
    return mesh


def _few_colours() -> Any:
    """A scale that the colour-blind read; of more colours its key would be pixels, not shapes."""
    from matplotlib import colormaps  # noqa: PLC0415

    return colormaps["cividis"].resampled(40)


def scale_colours() -> tuple[str, ...]:
    """The colours of a heat map, from the least value to the greatest."""
    from matplotlib.colors import to_hex  # noqa: PLC0415

    colours = _few_colours()
    return tuple(to_hex(colours(index)) for index in range(colours.N))


def _name_cells(set_ticks: Any, names: Sequence[str]) -> None:
    shown = thinned(len(names), _LABELS_MAX)
    labels = [short(names[index], 14) for index in shown]
    set_ticks([index + 0.5 for index in shown], labels)


class Curve(Struct, frozen=True, kw_only=True):
    """Means along one axis, with their standard deviations."""

    name: str
    across: Sequence[float]
    means: Sequence[float]
    deviations: Sequence[float]


@styled()
def curves(
    lines: Sequence[Curve], title: str, across: str, up: str, *, narrow: bool = False
) -> Drawing:
    """A line for each curve, a standard deviation either way around it."""
    figure = empty_figure(NARROW if narrow else WIDE, 4.2)
    axes = figure.subplots()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.yaxis.set_major_formatter(grouped)
    for line, colour in zip(lines, PALETTE, strict=False):
        low = [mean - spread for mean, spread in zip(line.means, line.deviations, strict=True)]
        high = [mean + spread for mean, spread in zip(line.means, line.deviations, strict=True)]
        axes.fill_between(line.across, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(line.across, line.means, color=colour, label=line.name, marker="o", markersize=3)
    if len(lines) > 1:
        figure.legend(loc="outside lower center", ncols=1 if narrow else 3)
    _title(figure, title)
    return finished(figure, title)


@styled()
def lying_points(
    names: Sequence[str], means: Sequence[float], title: str, across: str, *, narrow: bool = False
) -> Drawing:
    """A dot for each point that has no axis of its own, from above."""
    figure = empty_figure(NARROW if narrow else WIDE, 1.3 + 0.3 * len(names))
    axes = figure.subplots()
    heights = [*range(len(names))][::-1]
    axes.plot(means, heights, "o", color=BLUE)
    axes.set_yticks(heights, [short(name, 18 if narrow else 40) for name in names])
    axes.set_xlabel(across)
    axes.xaxis.set_major_formatter(grouped)
    _title(figure, title)
    return finished(figure, title)


class Scatter(Struct, frozen=True, kw_only=True):
    """Points along one key."""

    name: str
    across: Sequence[float]
    up: Sequence[float]


@styled()
def scatters(panels: Sequence[Scatter], title: str, up: str, *, narrow: bool = False) -> Drawing:
    """A panel for each key, a dot for each point."""
    columns = 1 if narrow else min(3, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = empty_figure(NARROW if narrow else WIDE, 0.8 + 2.3 * rows)
    axes = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
    for own, panel in zip(axes, panels, strict=False):
        shown = thinned(len(panel.across), _DOTS_MAX)
        own.plot(
            [panel.across[index] for index in shown],
            [panel.up[index] for index in shown],
            "o",
            color=BLUE,
            markersize=2.5,
            alpha=0.5,
            markeredgewidth=0,
        )
        own.set_xlabel(panel.name)
        own.yaxis.set_major_formatter(grouped)
    for own in axes[len(panels) :]:
        own.set_visible(False)
    figure.supylabel(up, fontsize=10, color=INK)
    _title(figure, title)
    return finished(figure, title)
