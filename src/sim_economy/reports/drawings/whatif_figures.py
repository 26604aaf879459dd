"""Figures of a log under tariffs: plain arrays in, SVG and PNG out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from sim_economy.reports.drawings.colours import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PALETTE,
    PURPLE,
    RED,
    SKY,
)
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
_TICKS: Final = 4
_TINTS: Final = (BLUE, ORANGE, GREEN, PURPLE, SKY)
_STYLES: Final = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)), (0, (8, 2)))


class BurnDown(Struct, frozen=True):
    """What a panel holds over turns under one tariff.

    Attributes:
        balances: Before the first fees, then at the end of each turn.
        dry: The first dry turn, from 1; None for never.
    """

    balances: Sequence[float]
    dry: int | None


@styled()
def burn_down(
    panels: Mapping[str, Mapping[str, BurnDown]],
    dates: Sequence[str],
    unit: str,
    *,
    narrow: bool = False,
) -> Drawing:
    """What teams hold over dates, a panel for each, a line for each tariff.

    Args:
        panels: By the name of a team, then of a tariff.
        dates: Of each turn.
        unit: Of balances.
    """
    across = min(2 if narrow else 3, len(panels))
    down = math.ceil(len(panels) / across)
    figure = empty_figure(NARROW if narrow else WIDE, 1.35 + (1.5 if narrow else 1.8) * down)
    axes = figure.subplots(down, across, sharex=True, squeeze=False).flat
    for index, panel in enumerate(axes):
        if index >= len(panels):
            panel.set_visible(False)
            continue
        name, lines = list(panels.items())[index]
        _burn_panel(panel, lines, dates, labelled=index == 0)
        panel.set_title(short(name, 22 if narrow else 30), fontsize=9, pad=4)
        if index + across >= len(panels):
            panel.tick_params(labelbottom=True)
        _date_ticks(panel, dates, 2 if narrow else _TICKS)
    figure.suptitle(
        "What is left, and when it runs dry", x=0.015, ha="left", fontsize=12, fontweight="bold"
    )
    axes[0].plot([], [], "v", color=RED, markersize=7, label="runs dry")
    figure.legend(loc="outside lower center", ncols=2 if narrow else 5)
    figure.supylabel(f"balance ({unit})", fontsize=10)
    return finished(figure, "What each team holds over dates, and the moment it runs dry")


def _burn_panel(
    panel: Axes, lines: Mapping[str, BurnDown], dates: Sequence[str], *, labelled: bool
) -> None:
    for index, (name, line) in enumerate(lines.items()):
        turns = range(len(line.balances))
        panel.plot(
            turns,
            line.balances,
            color=_TINTS[index % len(_TINTS)],
            linestyle=_STYLES[index % len(_STYLES)],
            linewidth=1.6,
            label=short(name, 24) if labelled else None,
        )
        if line.dry is not None:
            at = line.dry, line.balances[line.dry]
            panel.plot(*at, "v", color=RED, markersize=7, zorder=3)
            late = line.dry > len(line.balances) / 2
            panel.annotate(
                dates[line.dry - 1],
                at,
                # One above the other where two tariffs run dry at about one time.
                (-3 if late else 3, 7 + 10 * index),
                textcoords="offset points",
                ha="right" if late else "left",
                fontsize=8,
                color=RED,
            )
    panel.axhline(0, color=INK, linewidth=0.8)
    panel.margins(y=0.2)
    panel.yaxis.set_major_formatter(grouped)
    panel.locator_params(axis="y", nbins=4)


def _date_ticks(panel: Axes, dates: Sequence[str], most: int) -> None:
    """Some dates below a panel, the first and the last among them."""
    last = len(dates) - 1
    count = max(1, min(most - 1, last))
    indices = sorted({round(index * last / count) for index in range(count + 1)})
    turns = [index + 1 for index in indices]
    panel.set_xticks(turns, [dates[index] for index in indices], fontsize=8)


class KindCosts(Struct, frozen=True):
    """What all pay for each kind of tokens under a tariff, in the order of the kinds."""

    name: str
    costs: Sequence[float]


@styled()
def stacked_costs(
    tariffs: Sequence[KindCosts], kinds: Sequence[str], unit: str, *, narrow: bool = False
) -> Drawing:
    """The fees of each tariff, stacked by kind of tokens."""
    figure = empty_figure(NARROW if narrow else WIDE, 1.7 + 0.55 * len(tariffs))
    axes = figure.subplots()
    axes.set_title("What the fees are for", fontweight="bold")
    heights = [*range(len(tariffs))][::-1]
    left = [0.0] * len(tariffs)
    for kind, (name, colour) in enumerate(zip(kinds, PALETTE, strict=False)):
        widths = [own.costs[kind] for own in tariffs]
        axes.barh(heights, widths, 0.62, left=left, color=colour, label=name.replace("_", " "))
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for height, end in zip(heights, left, strict=True):
        axes.annotate(
            grouped(end), (end, height), (4, 0), textcoords="offset points", va="center", fontsize=9
        )
    axes.set_yticks(heights, [short(own.name, 14 if narrow else 28) for own in tariffs])
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    axes.set_xlabel(f"fees ({unit})")
    axes.xaxis.set_major_formatter(grouped)
    axes.locator_params(axis="x", nbins=4 if narrow else 8)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    figure.legend(loc="outside lower center", ncols=2 if narrow else 5)
    return finished(figure, "The fees of each tariff by kind of tokens")


class FeeChange(Struct, frozen=True):
    """What a team pays under two tariffs."""

    name: str
    first: float
    other: float


@styled()
def fee_changes(
    rows: Sequence[FeeChange], tariffs: tuple[str, str], unit: str, *, narrow: bool = False
) -> Drawing:
    """Two tariffs side by side, a row for each team, from above."""
    figure = empty_figure(NARROW if narrow else WIDE, 1.7 + 0.32 * len(rows))
    axes = figure.subplots()
    axes.set_title(
        "What each pays" if narrow else "What each pays, sorted by change", fontweight="bold"
    )
    heights = [*range(len(rows))][::-1]
    for height, row in zip(heights, rows, strict=True):
        colour = RED if row.other > row.first else GREEN if row.other < row.first else GREY
        axes.plot([row.first, row.other], [height, height], color=colour, linewidth=2.4, zorder=1)
        axes.annotate(
            _percent(row),
            (max(row.first, row.other), height),
            (8, 0),
            textcoords="offset points",
            va="center",
            fontsize=8 if narrow else 9,
            color=colour,
        )
    first, other = ([getattr(row, key) for row in rows] for key in ("first", "other"))
    axes.plot(first, heights, "o", color=BLUE, markersize=6, label=short(tariffs[0], 24))
    axes.plot(
        other, heights, "D", color=ORANGE, markersize=6, linestyle="", label=short(tariffs[1], 24)
    )
    axes.set_yticks(heights, [short(row.name, 16 if narrow else 30) for row in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.margins(x=0.14)
    axes.set_xlim(left=0)
    axes.set_xlabel(f"fees ({unit})")
    axes.xaxis.set_major_formatter(grouped)
    axes.locator_params(axis="x", nbins=4 if narrow else 8)
    axes.tick_params(axis="y", length=0, labelcolor=INK, labelsize=8 if narrow else 9)
    axes.axvline(0, color=MUTED, linewidth=0.8, linestyle=DASHES)
    figure.legend(loc="outside lower center", ncols=2)
    return finished(figure, "What each pays under two tariffs")


def _percent(row: FeeChange) -> str:
    if not row.first:
        return "new" if row.other else ""
    percent = 100 * (row.other - row.first) / row.first
    return f"{percent:+,.0f} %".replace("-", "\u2212")
