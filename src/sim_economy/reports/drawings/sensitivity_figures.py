"""Figures of sensitivity: plain arrays in, SVG and PNG out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from sim_economy.reports.drawings.colours import BLUE, INK, MUTED, ORANGE, PALETTE
from sim_economy.reports.drawings.drawing import (
    DASHES,
    Drawing,
    empty_figure,
    finished,
    grouped,
    short,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE: Final = 9.0
NARROW: Final = 4.3


class IndexPanel(Struct, frozen=True, kw_only=True):
    """Indices of one outcome, `[input]` each, in percent of its variance.

    Attributes:
        noise: The share that is between seeds, in percent; None where it is unknown.
    """

    title: str
    first: Sequence[float]
    first_half: Sequence[float]
    total: Sequence[float]
    total_half: Sequence[float]
    noise: float | None


@styled()
def index_bars(
    panels: Sequence[IndexPanel], names: Sequence[str], *, narrow: bool = False
) -> Drawing:
    """First and total order of each input, a panel for each outcome, bars with intervals."""
    across = 1 if narrow else min(3, len(panels))
    down = math.ceil(len(panels) / across)
    height = 0.9 + down * (0.75 + (0.23 if narrow else 0.22) * len(names))
    figure = empty_figure(NARROW if narrow else WIDE, height)
    axes = [*figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).flat]
    for own in axes[len(panels) :]:
        own.set_visible(False)
    for index, panel in enumerate(panels):
        _index_panel(axes[index], panel, names, labelled=index == 0)
        if index + across >= len(panels):
            axes[index].set_xlabel("% of variance")
            axes[index].tick_params(labelbottom=True)
    figure.legend(loc="outside lower center", ncols=3)
    return finished(figure, "First-order and total Sobol indices of each input, by outcome")


def _index_panel(axes: Axes, panel: IndexPanel, names: Sequence[str], *, labelled: bool) -> None:
    heights = [*range(len(names))][::-1]
    bars = (
        (panel.first, panel.first_half, 0.19, BLUE, "alone (first order)"),
        (panel.total, panel.total_half, -0.19, ORANGE, "with interactions (total)"),
    )
    for values, halves, off, colour, label in bars:
        axes.barh(
            [height + off for height in heights],
            [max(0, value) for value in values],
            0.36,
            xerr=_clipped(values, halves),
            color=colour,
            error_kw={"ecolor": INK, "elinewidth": 1.1, "capsize": 1.5},
            label=label if labelled else None,
        )
    axes.set_title(f"{panel.title}{_noise(panel.noise)}", fontsize=8.8, fontweight="bold", pad=5)
    axes.set_yticks(heights, [short(name, 27) for name in names], fontsize=8.5)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_xlim(0, 105)
    axes.grid(visible=False, axis="y")


def _noise(share: float | None) -> str:
    if share is None:
        return ""
    return f" (noise {share:.0f} %)" if share >= 0.5 else " (noise < 1 %)"


def _clipped(values: Sequence[float], halves: Sequence[float]) -> list[list[float]]:
    """Intervals below and above bars that begin at zero."""
    starts = [max(0, value) for value in values]
    low = [
        min(start, max(0, start - (value - half)))
        for start, value, half in zip(starts, values, halves, strict=True)
    ]
    high = [
        max(0, value + half - start)
        for start, value, half in zip(starts, values, halves, strict=True)
    ]
    return [low, high]


class EffectPanel(Struct, frozen=True, kw_only=True):
    """Elementary effects on one outcome, `[input]` each."""

    title: str
    size: Sequence[float]
    size_half: Sequence[float]
    spread: Sequence[float]


@styled()
def effect_planes(
    panels: Sequence[EffectPanel], names: Sequence[str], *, narrow: bool = False
) -> Drawing:
    """The mean size of each input's effects against their spread, a panel for each outcome."""
    across = 1 if narrow else min(3, len(panels))
    down = math.ceil(len(panels) / across)
    legend = 0.2 * math.ceil(len(names) / (1 if narrow else 3))
    figure = empty_figure(NARROW if narrow else WIDE, 0.4 + 2.4 * down + legend)
    axes = [*figure.subplots(down, across, squeeze=False).flat]
    for own in axes[len(panels) :]:
        own.set_visible(False)
    for index, panel in enumerate(panels):
        _effect_panel(axes[index], panel)
        if index % across == 0:
            axes[index].set_ylabel("spread (sigma)", fontsize=9)
    for index, name in enumerate(names):
        axes[0].plot([], [], label=short(name), linestyle="", **_marker(index))
    figure.legend(loc="outside lower left", ncols=1 if narrow else 3)
    return finished(figure, "Morris effects: mean size against spread, by outcome")


def _effect_panel(axes: Axes, panel: EffectPanel) -> None:
    greatest = max(*panel.size, *panel.spread, 0)
    axes.plot([0, greatest], [0, greatest], color=MUTED, linewidth=0.8, linestyle=DASHES)
    for index, (size, half, spread) in enumerate(
        zip(panel.size, panel.size_half, panel.spread, strict=True)
    ):
        axes.errorbar(
            [size], [spread], xerr=[half], ecolor=MUTED, elinewidth=1.1, capsize=1.5,
            linestyle="", **_marker(index),
        )  # fmt: skip
    axes.set_title(panel.title, fontsize=10, fontweight="bold", pad=5)
    axes.set_xlabel("mean size (mu*)", fontsize=9)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(grouped)
    axes.tick_params(labelsize=8)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.locator_params(nbins=4)


def _marker(index: int) -> dict[str, Any]:
    """How an input is marked in every panel: a colour and a shape."""
    return {
        "color": PALETTE[index % len(PALETTE)],
        "marker": _SHAPES[index % len(_SHAPES)],
        "markersize": 6,
        "markeredgecolor": MUTED,
        "markeredgewidth": 0.5,
    }


_SHAPES: Final = ("o", "s", "D", "^", "v", "P", "X", "<", ">")
