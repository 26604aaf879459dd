"""Figures of a study of treatments: plain arrays in, SVG and PNG out."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from sim_economy.reports.drawings.colours import BLUE, INK, MUTED, ORANGE, PALETTE, RED, unlike
from sim_economy.reports.drawings.drawing import (
    DASHES,
    Drawing,
    empty_figure,
    finished,
    grouped,
    short,
    styled,
    titled_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE: Final = 9.0
NARROW: Final = 4.3
_BAND: Final = 0.18
"""How opaque a band is."""


class BandedCurve(Struct, frozen=True, kw_only=True):
    """A line with its band.

    Attributes:
        low: Of the band; None where it is unknown; as `high`.
    """

    name: str
    across: Sequence[float]
    values: Sequence[float]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    dashed: bool = False
    stepped: bool = False


class CurvePanel(Struct, frozen=True, kw_only=True):
    """A panel of curves.

    Attributes:
        level: Where nothing is changed, drawn as a line; None for none.
        ticks: Texts of places across, such as doses.
    """

    title: str
    curves: Sequence[BandedCurve]
    level: float | None = None
    ticks: Sequence[str] = ()


@styled()
def curve_panels(
    panels: Sequence[CurvePanel],
    across: str,
    up: str,
    description: str,
    *,
    narrow: bool = False,
) -> Drawing:
    """Panels of curves with bands that share their axes; one legend for all."""
    columns = 1 if narrow else min(3, len(panels))
    down = math.ceil(len(panels) / columns)
    figure = empty_figure(NARROW if narrow else WIDE, 0.8 + 2.4 * down)
    grid = [*figure.subplots(down, columns, sharey=True, squeeze=False).flat]
    for own in grid[len(panels) :]:
        own.set_visible(False)
    colours: dict[str, str] = {}
    for panel in panels:
        for curve in panel.curves:
            colours.setdefault(curve.name, PALETTE[len(colours) % len(PALETTE)])
    for index, panel in enumerate(panels):
        _curve_panel(grid[index], panel, colours)
        if index % columns == 0:
            grid[index].set_ylabel(up)
        if index + columns >= len(panels):
            grid[index].set_xlabel(across)
    handles: dict[str, Any] = {}
    for own in grid[: len(panels)]:
        for handle, label in zip(*own.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if len(handles) > 1:
        figure.legend(
            handles.values(), handles.keys(), loc="outside lower center",
            ncols=2 if narrow else min(4, len(handles)),
        )  # fmt: skip
    return finished(figure, description)


def _curve_panel(axes: Axes, panel: CurvePanel, colours: Mapping[str, str]) -> None:
    axes.set_title(panel.title, fontsize=10)
    axes.yaxis.set_major_formatter(grouped)
    if panel.level is not None:
        axes.axhline(panel.level, color=MUTED, linewidth=1, linestyle=DASHES)
    for curve in panel.curves:
        colour = colours[curve.name]
        axes.plot(
            curve.across, curve.values, color=colour, label=curve.name,
            linestyle=DASHES if curve.dashed else "-",
            drawstyle="steps-post" if curve.stepped else "default",
            marker="o" if len(curve.across) <= 12 else None, markersize=3.5,
        )  # fmt: skip
        _band(axes, curve, colour)
    if panel.ticks:
        axes.set_xticks(range(len(panel.ticks)), panel.ticks)


class EffectMark(Struct, frozen=True, kw_only=True):
    """A difference with its interval; where its mode is another one, a second mark."""

    name: str
    mean: float
    low: float | None
    high: float | None
    is_fixed: bool = False


class ForestPanel(Struct, frozen=True, kw_only=True):
    """Differences in one outcome, beside the smallest that is worth acting on."""

    title: str
    rows: Sequence[EffectMark]
    smallest: float


_TITLE_WIDTH: Final = 20
"""Letters of a line of a panel's title."""


@styled()
def forest(panels: Sequence[ForestPanel], description: str, *, narrow: bool = False) -> Drawing:
    """Differences from the world without a treatment, a panel for each outcome."""
    columns = 1 if narrow else len(panels)
    down = math.ceil(len(panels) / columns)
    rows = max(len(panel.rows) for panel in panels)
    figure = empty_figure(NARROW if narrow else WIDE, 1.1 + down * (0.8 + 0.28 * rows))
    grid = [*figure.subplots(down, columns, sharey=True, squeeze=False).flat]
    for index, panel in enumerate(panels):
        _forest_panel(grid[index], panel)
    return finished(figure, description)


def _forest_panel(axes: Axes, panel: ForestPanel) -> None:
    axes.set_title(textwrap.fill(panel.title, _TITLE_WIDTH), fontsize=8.5, loc="left")
    axes.axvspan(-panel.smallest, panel.smallest, color=MUTED, alpha=0.12, linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=1)
    heights = [*range(len(panel.rows))][::-1]
    for height, row in zip(heights, panel.rows, strict=True):
        colour = ORANGE if row.is_fixed else BLUE
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [height, height], color=colour, linewidth=2)
        axes.plot(
            [row.mean], [height], "o" if not row.is_fixed else "s", color=colour, markersize=5
        )
    axes.set_yticks(heights, [short(row.name) for row in panel.rows], fontsize=8)
    axes.xaxis.set_major_formatter(grouped)
    axes.locator_params(axis="x", nbins=3)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(visible=False, axis="y")


class ThresholdSeries(Struct, frozen=True, kw_only=True):
    """Insolvency and the platform's balance after so many turns, by the value that is moved.

    Attributes:
        low: Of the balance's band; None where it is unknown; as `high`.
    """

    name: str
    values: Sequence[float]
    shares: Sequence[float]
    balances: Sequence[float]
    low: Sequence[float | None]
    high: Sequence[float | None]


@styled()
def threshold_panels(
    series: Sequence[ThresholdSeries],
    inside: Sequence[float],
    published: float,
    key: str,
    description: str,
    *,
    narrow: bool = False,
) -> Drawing:
    """Insolvency over one key of behaviour, and below it the platform's balance.

    Args:
        inside: Values at which agents and the platform are solvent; they are shaded.
        published: The value of the published policy; it is marked.
    """
    figure = empty_figure(NARROW if narrow else WIDE, 5.4)
    above, below = figure.subplots(2, 1, sharex=True)
    for index, own in enumerate(series):
        colour = PALETTE[index % len(PALETTE)]
        style = {"color": colour, "label": own.name, "marker": "o", "markersize": 3.5}
        above.plot(own.values, own.shares, **style)
        curve = BandedCurve(
            name=own.name, across=own.values, values=own.balances, low=own.low, high=own.high
        )
        below.plot(own.values, own.balances, **style)
        _band(below, curve, colour)
    for axes in (above, below):
        for low, high in _runs(series[-1].values if series else (), inside):
            axes.axvspan(low, high, color=MUTED, alpha=_BAND, linewidth=0)
        axes.axvline(published, color=RED, linewidth=1, linestyle=DASHES)
    above.set_ylim(0, 100)
    above.set_ylabel("agent-turns below zero (%)")
    above.annotate(
        "the published policy", (published, 20), xytext=(6, 0), textcoords="offset points",
        color=INK, fontsize=9,
    )  # fmt: skip
    below.axhline(0, color=MUTED, linewidth=1, linestyle=DASHES)
    below.set_ylabel("platform's balance (tokens)")
    below.set_xlabel(key)
    below.yaxis.set_major_formatter(grouped)
    handles, labels = above.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return finished(figure, description)


def _runs(values: Sequence[float], inside: Sequence[float]) -> list[tuple[float, float]]:
    """From the first to the last of neighbouring values that lie inside."""
    found: list[tuple[float, float]] = []
    was_inside = False
    for value in values:
        if value in inside:
            found[-1:] = [(found[-1][0], value)] if was_inside else [*found[-1:], (value, value)]
        was_inside = value in inside
    return found


def _band(axes: Axes, curve: BandedCurve, colour: str) -> None:
    """The band of a curve, where it is known."""
    known = [
        (at, low, high)
        for at, low, high in zip(curve.across, curve.low, curve.high, strict=False)
        if low is not None and high is not None
    ]
    if known:
        across, lows, highs = zip(*known, strict=True)
        axes.fill_between(across, lows, highs, color=colour, alpha=_BAND, linewidth=0)


class FlowBar(Struct, frozen=True, kw_only=True):
    """Where tokens went under an arm, a part for each flow."""

    name: str
    parts: Mapping[str, float]


@styled()
def flow_bars(
    bars: Sequence[FlowBar], across: str, description: str, *, narrow: bool = False
) -> Drawing:
    """Token flows side by side, a bar for each arm; what is lost goes to the left of zero."""
    names = [*dict.fromkeys(name for bar in bars for name in bar.parts)]
    colours = dict(zip(names, unlike(PALETTE), strict=False))
    figure, axes = titled_axes("", across, "", NARROW if narrow else WIDE, 1.5 + 0.36 * len(bars))
    heights = [*range(len(bars))][::-1]
    gains, losses = [0.0] * len(bars), [0.0] * len(bars)
    for name in names:
        widths = [bar.parts.get(name, 0.0) for bar in bars]
        starts = [
            gain if width >= 0 else loss
            for gain, loss, width in zip(gains, losses, widths, strict=True)
        ]
        axes.barh(heights, widths, 0.7, left=starts, color=colours[name], label=name)
        gains = [gain + max(0.0, width) for gain, width in zip(gains, widths, strict=True)]
        losses = [loss + min(0.0, width) for loss, width in zip(losses, widths, strict=True)]
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.set_yticks(heights, [short(bar.name) for bar in bars])
    axes.xaxis.set_major_formatter(grouped)
    axes.grid(visible=False, axis="y")
    figure.legend(loc="outside lower center", ncols=2 if narrow else 4)
    return finished(figure, description)
